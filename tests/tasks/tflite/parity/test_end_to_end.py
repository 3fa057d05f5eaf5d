import numpy as np
import pytest
import tensorflow as tf

from tasks.graph import io_spec
from tasks.tflite import model_file
from tasks.tflite.parity import end_to_end, operators
from tests.tasks.tflite import graphs
from tests.tasks.tflite.graphs import constant, ranged, weights

IMAGE = ((8, 8, 4), -1.0, 3.0)


def _network(x):
    x = tf.nn.relu(tf.nn.conv2d(x, weights((3, 3, 4, 8), width=0.2), [1, 1, 1, 1], "SAME"), name="good")
    x = ranged(x, 0.0, 5.0)
    x = tf.nn.relu(tf.nn.conv2d(x, weights((3, 3, 8, 8), width=0.2), [1, 1, 1, 1], "SAME"), name="clipped")
    x = ranged(x, 0.0, 0.3)
    x = ranged(x + constant(0.1, 0.0, 0.1), 0.0, 0.5)
    return tf.split(x, 2, 3)[0]


@pytest.fixture(scope="module")
def rows():
    frozen, network = graphs.frozen(_network, IMAGE)
    content = graphs.converted(_network, IMAGE)
    found = model_file.read(content)
    codes = np.random.RandomState(0).randint(0, 256, (4, 8, 8, 4)).astype(np.uint8)
    measured = operators.measure(content, found, network, frozen, frozen, [codes], lambda done: None, [])
    assert measured["samples"] == 4 and not measured["wrong"]
    return measured["end_to_end"]


def test_layer_whose_range_clips_is_the_first_line(rows):
    assert rows[0]["name"] == "clipped"
    assert rows[0]["lost_db"] > 20 > max(row["lost_db"] for row in rows[1:])


def test_every_computed_tensor_is_found_in_the_graph(rows):
    assert sorted(row["name"] for row in rows) == ["add", "clipped", "good", "split", "split:1"]
    assert all(row["lsb"] is not None and row["sqnr_db"] is not None for row in rows)
    assert next(row for row in rows if row["name"] == "good")["lsb"] <= 1


def test_noise_is_that_of_the_codes_against_the_graph_without_fake_quants():
    codes = np.arange(256, dtype=np.uint8).reshape(1, 1, 8, 8, 4)
    frozen, network = graphs.frozen(lambda x: ranged(x + constant(0.5, 0.0, 0.5), -1.0, 3.0), IMAGE)
    content = graphs.converted(lambda x: ranged(x + constant(0.5, 0.0, 0.5), -1.0, 3.0), IMAGE)
    found = model_file.read(content)
    inside = operators.inside(content, found, [codes[0]])
    row, = end_to_end.rows(found, inside, network, frozen, frozen)

    exact = io_spec.real(network["inputs"][0], codes) + 0.5
    out = found.tensors[found.outputs[0]]
    noise = exact - (inside[out.index].astype(np.float64) - out.zero_point) * out.scale
    assert row.sqnr_db == pytest.approx(10 * np.log10(np.mean(exact ** 2) / np.mean(noise ** 2)), abs=0.02)

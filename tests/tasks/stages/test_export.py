"""The stage Export for outputs of every kind, with a small untrained network."""

import json
import re

import numpy as np
import pytest
import tensorflow as tf

from octet.data import prepared
from octet.data.dataset import Dataset, Input, Part, Target
from octet.job import Job
from tasks.evaluation.comparison import Comparison
from tasks.evaluation.int8_side import Int8Side
from tasks.graph import io_spec
from tasks.stages import export
from tasks.tflite import int8_run, int8_twin, model_file, same_computation
from tasks.tflite.interpreter import processes
from tests.tasks.tflite import graphs
from tests.tasks.tflite.graphs import ranged, weights

SAMPLES = 12
TARGETS = {"animal": Target("class", ["cat", "dog\""]), "tags": Target("labels", ["a", "b", "c"]),
           "map": Target("class_map", ["sky", "sea"], (4, 4), ignore=255),
           "size": Target("value", (), (2,), columns=[(0.0, 10.0), (5.0, 6.0)])}


def _network(picture, other):
    flat = ranged(tf.concat([tf.reshape(picture, [1, 48]), other], 1), -1.0, 2.0)  # scales that differ
    return (tf.sigmoid(ranged(tf.matmul(flat, weights((50, 1))), -4.0, 4.0)),
            tf.sigmoid(ranged(tf.matmul(flat, weights((50, 3), 1)), -4.0, 4.0)),
            ranged(tf.nn.conv2d(picture, weights((3, 3, 3, 2)), [1, 1, 1, 1], "SAME"), -5.0, 5.0),
            ranged(tf.matmul(flat, weights((50, 2), 2)), -4.0, 4.0))


def _job(folder, int8_samples=SAMPLES):
    """int8_samples: the number of samples that the int8 file is measured on."""
    random = np.random.RandomState(0)
    inputs = {"picture": Input((4, 4, 3), -1.0, 1.0), "other": Input((2,), 0.0, 2.0)}
    content = graphs.converted(_network, ((4, 4, 3), -1.0, 1.0), ((2,), 0.0, 2.0))
    contents = model_file.read(content)
    part = Part({name: random.randint(0, 256, (SAMPLES,) + spec.shape).astype(np.uint8)
                 for name, spec in inputs.items()},
                {"animal": np.arange(SAMPLES, dtype=np.int32) % 2, "tags": random.randint(0, 2, (SAMPLES, 3)),
                 "map": np.where(random.rand(SAMPLES, 4, 4) > 0.5, 255, 1).astype(np.int32),
                 "size": random.rand(SAMPLES, 2).astype(np.float32)})
    dataset = Dataset(inputs, TARGETS, {"test": part})
    network = {"inputs": [io_spec.described_input(dataset, name, name) for name in inputs], "outputs": []}
    for name, index in zip(TARGETS, contents.outputs):
        end = io_spec.described_output(dataset, name, name, 1.0, {}, 0.5 if name in ("animal", "tags") else None)
        network["outputs"].append({**end, "scale": contents.tensors[index].scale,
                                   "zero_point": contents.tensors[index].zero_point})
    codes = processes.over(content, contents, list(part.inputs.values()), lambda done: None)
    twin, measured = int8_twin.of(content), {}
    rows = np.arange(int8_samples)
    int8_codes = int8_run.over(twin, model_file.read(twin), list(part.inputs.values()), rows, lambda done: None)
    for end, made, int8 in zip(network["outputs"], codes, int8_codes):
        comparison, side = Comparison(end), Int8Side(end)
        comparison.add(io_spec.real(end, made), io_spec.real(end, made), made, part.targets[end["name"]])
        side.add(made[rows], int8, part.targets[end["name"]][rows])
        measured[end["name"]] = side.put_beside(comparison.figures(), SAMPLES)
    for name in ("PrepareData.test", "ConvertUint8", "Measure", "Export"):
        (folder / name).mkdir()
    prepared.write(folder / "PrepareData.test", dataset, "test")
    (folder / "ConvertUint8" / "model.tflite").write_bytes(content)
    io_spec.write(folder / "ConvertUint8", network)
    (folder / "Measure" / "measurement.json").write_text(json.dumps({
        "samples": SAMPLES, "outputs": measured,
        "metrics": {"hits": {side: 0.25 for side in ("float", "fake_quantized", "uint8")}},
        "int8": {"made": True, "measured": True, "runtime": int8_run.runtime(), "samples": int8_samples, "why": "",
                 **({"metrics": {"hits": {"uint8": 0.75, "int8": 0.5}}} if int8_samples < SAMPLES else {})}}))
    (folder / "Measure" / "model_int8.tflite").write_bytes(twin)
    inputs_of = {name: str(folder / name) for name in ("PrepareData.test", "ConvertUint8", "Measure")}
    return codes, Job("stages.export", {"export": {"targets": ["edgetpu", "micro"]}}, inputs_of,
                      str(folder / "Export"), str(folder))


def test_every_kind_of_output_is_on_the_card_with_its_labels_and_samples(tmp_path):
    codes, job = _job(tmp_path)
    metrics = export.run(job, lambda fraction, message: None)
    card = json.loads((job.out / "card.json").read_text())
    page = (job.out / "card.md").read_text()
    assert set(card["targets"]) == {"edgetpu", "micro"} and "## Where it runs" in page
    assert {end["name"]: end["labels"] for end in card["outputs"]} == {
        "animal": "labels.txt", "tags": "labels_1.txt", "map": "labels_2.txt", "size": None}
    assert (job.out / "labels_2.txt").read_text() == "sky\nsea\n"
    assert "the second class if real is greater than 0.5, otherwise the first" in page
    assert "each class whose real is greater than 0.5" in page and "low + real * (high - low)" in page
    rows = np.unique(np.linspace(0, SAMPLES - 1, 8).round().astype(int))
    for index, made in enumerate(codes):
        np.testing.assert_array_equal(np.load(str(job.out / "samples" / "output_{}.npy".format(index))), made[rows])
    # The networks of both files are those that were measured; the int8 one has a QUANTIZE before the concatenation.
    for stage, name in (("ConvertUint8", "model.tflite"), ("Measure", "model_int8.tflite")):
        measured, made = ((folder / name).read_bytes() for folder in (job.input(stage), job.out))
        same_computation.expect(measured, made)
        assert metrics["size_bytes"][name] == len(made)
    assert "QUANTIZE" in {operator.kind for operator in model_file.read(made).operators}
    assert set(card["int8"]["outputs"]) == set(TARGETS) and "| int8 file |" in page
    assert "int8" in (job.out / "examples" / "main_micro.cc").read_text()


def test_int8_measured_on_fewer_samples_stands_beside_uint8_on_the_same_samples_only(tmp_path):
    codes, job = _job(tmp_path, int8_samples=5)
    export.run(job, lambda fraction, message: None)
    card, page = json.loads((job.out / "card.json").read_text()), (job.out / "card.md").read_text()
    labels = prepared.read({"test": job.input("PrepareData.test")}).parts["test"].targets["map"][:5]
    known = labels != 255
    share = np.mean((codes[2][:5].argmax(-1) == labels)[known])  # the uint8 file, counted once more on these samples
    pair = card["int8"]["outputs"]["map"]["accuracy"]
    assert pair["uint8"] == pytest.approx(share) and set(pair) == {"uint8", "int8"}
    assert not any("int8" in sides for figures in card["measured"].values() for sides in figures.values()
                   if isinstance(sides, dict))
    assert "| accuracy of map | {:.4g} | {:.4g} |".format(pair["uint8"], pair["int8"]) in page
    beside = [line for line in page.splitlines() if re.search(r"\d \(int8 file\)", line)]
    assert len(beside) == 1 + len(card["outputs"]) and all(" on 5 of the samples: " in line for line in beside)
    assert "| hits | 0.75 | 0.5 |" in page and "- hits on 5 of the samples: 0.75 (uint8 file), 0.5 (int8 file)" in page
    assert "float model | uint8 file | int8 file" not in page


def test_where_there_is_no_int8_file_the_card_says_why(tmp_path):
    _, job = _job(tmp_path)
    (tmp_path / "Measure" / "model_int8.tflite").unlink()
    path = tmp_path / "Measure" / "measurement.json"
    measurement = json.loads(path.read_text())
    measurement["int8"] = {"made": False, "measured": False, "runtime": None, "samples": 0,
                           "why": "SQUARE has no int8 form"}
    for figures in measurement["outputs"].values():
        del figures["int8"]
    path.write_text(json.dumps(measurement))
    export.run(job, lambda fraction, message: None)
    page = (job.out / "card.md").read_text()
    assert "There is none: SQUARE has no int8 form." in page and "| int8 file |" not in page
    assert not any("int8" in path.name for path in job.out.rglob("*"))


@pytest.mark.slow
def test_the_same_model_always_gives_the_same_bytes(tmp_path):
    found = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        _, job = _job(tmp_path / name)
        export.run(job, lambda fraction, message: None)
        found.append({str(path.relative_to(job.out)): path.read_bytes() for path in job.out.rglob("*")
                      if path.is_file()})
    assert found[0] == found[1]
    assert {"model.tflite", "model_int8.tflite", "card.md", "c/model_data.cc", "c/model_int8_data.h",
            "examples/run.py"} <= set(found[0])

"""The Android fragment, compiled against declarations of what it uses."""

import pytest
import tensorflow as tf

from tasks.export import examples
from tasks.tflite import model_file
from tests.export import kotlin
from tests.tasks.tflite import graphs
from tests.tasks.tflite.graphs import ranged, weights


def end(kind, classes=(), labels=None):
    return {"kind": kind, "classes": list(classes), "labels": labels, "scale": 1 / 256, "zero_point": 0}


def dense(*tensors):
    return [ranged(tf.matmul(tf.reshape(each, [1, -1]), weights((each.shape.num_elements(), 3))), -9.0, 9.0)
            for each in tensors]


FRAGMENTS = {
    "a picture in colour, classes": ([((4, 4, 3), -1.0, 1.0)], [end("class", "abc", "labels.txt")]),
    "a grey picture, numbers": ([((4, 4), -1.0, 1.0)], [end("value")]),
    "a larger prepared picture": ([((4, 4, 3), -1.0, 1.0)], [end("value")], {"prepared_size": [6, 9]}),
    "two inputs, two outputs": ([((5,), 0.0, 1.0), ((4, 4, 1), 0.0, 1.0)], [end("value"), end("labels", "abc", "x")]),
}


def fragment(name):
    inputs, outputs, *of_input = FRAGMENTS[name]
    card = {"inputs": of_input or [{}] * len(inputs), "outputs": outputs}
    return examples.kotlin(card, model_file.read(graphs.converted(dense, *inputs)))


def test_a_fragment_knows_the_sizes_of_the_file_and_how_a_picture_becomes_codes():
    colour, grey, cropped, several = map(fragment, FRAGMENTS)
    assert "INPUT_BYTES = intArrayOf(48)" in colour and "labels[codes[0]" in colour and "3 * index + 2" in colour
    assert "INPUT_BYTES = intArrayOf(16)" in grey and "codes[index] =" in grey and "val labels" not in grey
    assert "INPUT_BYTES = intArrayOf(48)" in cropped and "9, 6" in cropped and "2, 1, 4, 4" in cropped, cropped
    assert "INPUT_BYTES = intArrayOf(5, 16)" in several and "OUTPUT_BYTES = intArrayOf(3, 3)" in several
    assert "Bitmap" not in several


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_kotlin_compiler_accepts_it(tmp_path):
    kotlinc = kotlin.compiler(tmp_path / "compiler")
    wrong = fragment("a grey picture, numbers").replace("interpreter.close()", "interpreter.shut()")
    assert kotlin.complaints(kotlinc, [fragment(name) for name in FRAGMENTS], tmp_path / "right") == ""
    assert "shut" in kotlin.complaints(kotlinc, [wrong], tmp_path / "wrong")

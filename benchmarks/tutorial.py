"""From a dataset to a uint8 file as in TensorFlow's own tutorial, in one process, for comparison with Octet.

    python -m benchmarks.tutorial RECIPE EPOCHS DELAY       prints {accuracy, samples_per_s, bytes, cpu_s: {phase: s}}

The network has live batch norm. `create_training_graph` inserts fake-quants, which start after DELAY steps, and Keras
trains the network with Adam and batches of 50 samples. A second graph, from `create_eval_graph`, loads the checkpoint,
and is frozen and converted. The file is run on the test samples one by one. Network and data are those of the recipe.
The stages are not used: nothing is checked, and there is no float model to compare with.
"""

import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy as np
import tensorflow as tf

from octet.data.dataset import Dataset
from octet.job import Job
from octet.lookup import MODELS, load_attribute
from octet.recipe import loading
from tasks import data_source

BATCH = 50
PARTS = ("train", "validation", "test")


def train(build: Any, images: np.ndarray, labels: np.ndarray, epochs: int, delay: int, checkpoint: str) -> None:
    """Trains the network and writes its checkpoint."""
    graph = tf.Graph()
    session = tf.Session(graph=graph)
    tf.keras.backend.set_session(session)
    with graph.as_default():
        tf.set_random_seed(0)
        tf.keras.backend.set_learning_phase(1)
        model = build()
        tf.contrib.quantize.create_training_graph(graph, quant_delay=delay)
        session.run(tf.global_variables_initializer())
        model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
        model.fit(images, labels, epochs=epochs, batch_size=BATCH, verbose=0)
        tf.train.Saver().save(session, checkpoint)


def converted(build: Any, checkpoint: str, low: float, high: float) -> bytes:
    """The .tflite file of the checkpoint. low, high: the range of the input in reals."""
    graph = tf.Graph()
    session = tf.Session(graph=graph)
    tf.keras.backend.set_session(session)
    with graph.as_default():
        tf.keras.backend.set_learning_phase(0)
        model = build()
        tf.contrib.quantize.create_eval_graph(graph)
        tf.train.Saver().restore(session, checkpoint)
        frozen = tf.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), [model.output.op.name])
        with tempfile.NamedTemporaryFile(suffix=".pb") as file:
            file.write(frozen.SerializeToString())
            file.flush()
            converter = tf.lite.TFLiteConverter.from_frozen_graph(
                file.name, [model.input.op.name], [model.output.op.name])
        deviation = 255.0 / (high - low)
        converter.inference_type = tf.lite.constants.QUANTIZED_UINT8
        converter.quantized_input_stats = {model.input.op.name: (-low * deviation, deviation)}
        return converter.convert()


def accuracy(content: bytes, codes: np.ndarray, labels: np.ndarray) -> float:
    """The accuracy of the file, a fraction, on samples that are run one by one."""
    interpreter = tf.lite.Interpreter(model_content=content)
    interpreter.allocate_tensors()
    entry, end = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    right = 0
    for sample, label in zip(codes, labels):
        interpreter.set_tensor(entry, sample[np.newaxis])
        interpreter.invoke()
        right += int(interpreter.get_tensor(end)[0].argmax() == label)
    return right / len(codes)


def whole(recipe: Path, epochs: int, delay: int) -> Dict[str, Any]:
    """Trains, converts and measures. Returns what `main` prints."""
    os.environ["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ.get("PATH", "")  # the folder of toco
    marks: List[Tuple[str, float]] = [("begin", _cpu_s())]
    sections = loading.load(recipe).sections()
    dataset: Dataset = data_source.load(Job("tutorial", sections, {}, "", str(recipe.parent), PARTS))
    (name, spec), = dataset.inputs.items()
    (target, told), = dataset.targets.items()
    images, labels = ({part: values for part, values in (
        (part, getattr(dataset.parts[part], kind)[key]) for part in PARTS)} for kind, key in (
            ("inputs", name), ("targets", target)))
    build = load_attribute(sections["model"]["build"], MODELS, "build", recipe.parent)

    def network() -> tf.keras.Model:
        return build(input_shape=tuple(spec.shape), classes=len(told.classes), **sections["model"]["args"])

    reals = images["train"].astype(np.float32) * np.float32((spec.high - spec.low) / 255) + np.float32(spec.low)
    marks.append(("imports and data", _cpu_s()))
    with tempfile.TemporaryDirectory(prefix="octet-bench-") as folder:
        train(network, reals, labels["train"], epochs, delay, folder + "/variables")
        marks.append(("training", _cpu_s()))
        content = converted(network, folder + "/variables", spec.low, spec.high)
    marks.append(("conversion", _cpu_s()))
    started = time.perf_counter()
    right = accuracy(content, images["test"], labels["test"])
    marks.append(("interpreter", _cpu_s()))
    return {"accuracy": right, "samples_per_s": round(len(labels["test"]) / (time.perf_counter() - started)),
            "bytes": len(content), "cpu_s": {phase: round(now - before, 2) for (_, before), (phase, now) in zip(
                [("", 0.0)] + marks[1:-1], marks[1:])}}


def _cpu_s() -> float:
    """The CPU seconds of this process, and of its children that have ended."""
    return sum(used.ru_utime + used.ru_stime for used in (
        resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)))


def main(recipe: str, epochs: str, delay: str) -> None:
    print(json.dumps(whole(Path(recipe).resolve(), int(epochs), int(delay))))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""What tf.contrib.quantize makes of a network without Octet.

    python -m tests.compat.contrib_alone FOLDER [RECIPE ...]

Takes recipes of `recipes.py`, or by default the whole catalogue, and writes FOLDER/NAME.alone.json for each. The Keras
model is built in the training phase, rewritten with create_training_graph and run for a few steps. Then it is built
again in the inference phase, in a new graph and session, rewritten with create_eval_graph, restored, frozen, converted
without default ranges and run. A network of the catalogue with a linear output gets a ReLU behind it."""

import json
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Callable

import numpy as np
import tensorflow as tf
from tensorflow.lite.python.convert import ConverterError

from octet.data.dataset import quantization
from octet.errors import OctetError
from octet.lookup import load_attribute
from octet.recipe import loading as recipe_files
from tasks.tflite import model_file
from tasks.tflite.interpreter import processes
from tests.compat import recipes
from tests.tasks import catalogue

NETWORKS = {**catalogue.CONVERTED, **catalogue.FARTHER, **catalogue.REFUSED}
STEPS, BATCH = 2, 4
RUNS = "converts and runs"
SHAPES = {"digits_unet": ((8, 8, 1), 11), "digits_autoencoder": ((8, 8, 1), (8, 8, 1))}


def outcome(build: Callable[[], tf.keras.Model]) -> str:
    """RUNS, or the error that stopped it, in one line."""
    try:
        return _run(build)
    except Exception as error:  # any error of TensorFlow is a result
        return "{}: {}".format(type(error).__name__, (str(error).strip() or traceback.format_exc()).splitlines()[0])


def _run(build: Callable[[], tf.keras.Model]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        with tf.Graph().as_default() as graph, tf.Session(graph=graph).as_default() as session:
            model = _model(build, session, training=True)
            tf.contrib.quantize.create_training_graph(graph, quant_delay=0)
            loss = tf.add_n([tf.reduce_mean(tf.square(_last(tensor))) for tensor in model.outputs])
            variables = tf.trainable_variables()
            step = tf.train.GradientDescentOptimizer(1e-4).minimize(loss, var_list=variables)
            updates = model.get_updates_for(None) + model.get_updates_for(model.inputs)
            session.run(tf.global_variables_initializer())
            shape = [BATCH] + model.inputs[0].shape.as_list()[1:]
            for number in range(STEPS):
                session.run([step] + updates, {model.inputs[0]: np.random.RandomState(number).rand(*shape)})
            path = tf.train.Saver(tf.global_variables()).save(session, folder + "/model")
        tf.keras.backend.clear_session()
        with tf.Graph().as_default() as graph, tf.Session(graph=graph).as_default() as session:
            model = _model(build, session, training=False)
            tf.contrib.quantize.create_eval_graph(graph)
            session.run(tf.global_variables_initializer())
            _restore(path, session)
            entering = model.inputs[0]
            outputs = [_last(tensor) for tensor in model.outputs]
            frozen = tf.graph_util.convert_variables_to_constants(
                session, graph.as_graph_def(), [tensor.op.name for tensor in outputs])
        content = _converted(folder, frozen, entering, outputs)
    if content.startswith(b"!"):
        return content[1:].decode("utf-8")
    contents = model_file.read(content)
    codes = np.random.RandomState(0).randint(0, 256, [2] + shape[1:]).astype(np.uint8)
    try:
        processes.over(content, contents, [codes], lambda done: None)
    except OctetError as error:
        return "converts; the interpreter: " + (error.why or str(error)).splitlines()[0]
    return RUNS


def _model(build: Callable[[], tf.keras.Model], session: tf.Session, training: bool) -> tf.keras.Model:
    tf.keras.backend.set_session(session)
    tf.keras.backend.set_learning_phase(int(training))
    tf.set_random_seed(1)
    return build()


def _last(tensor: tf.Tensor) -> tf.Tensor:
    """The tensor behind the output's fake-quant, if the rewrite has added one: a loss on the original tensor would
    bypass it."""
    return next((operation.outputs[0] for operation in tensor.consumers()
                 if operation.type == "FakeQuantWithMinMaxVars" and operation.inputs[0] is tensor), tensor)


def _restore(path: str, session: tf.Session) -> None:
    """The variables that the checkpoint has. The training graph may have more, and the evaluation graph other names."""
    saved = {name for name, _ in tf.train.list_variables(path)}
    tf.train.Saver([variable for variable in tf.global_variables() if variable.op.name in saved]).restore(session, path)


def _converted(folder: str, frozen: tf.GraphDef, entering: tf.Tensor, outputs) -> bytes:
    """The file, or '!' and toco's error."""
    graph = Path(folder) / "frozen.pb"
    graph.write_bytes(frozen.SerializeToString())
    converter = tf.lite.TFLiteConverter.from_frozen_graph(
        str(graph), [entering.op.name], [tensor.op.name for tensor in outputs],
        input_shapes={entering.op.name: [1] + entering.shape.as_list()[1:]})
    converter.inference_type = tf.uint8
    scale, zero_point = quantization(0.0, 1.0)
    converter.quantized_input_stats = {entering.op.name: (float(zero_point), 1 / scale)}
    try:
        return converter.convert()
    except ConverterError as error:
        said = [line for line in str(error).splitlines()
                if ": F " in line or "Unimplemented" in line or "lacking min/max" in line or "not supported" in line]
        words = said[0] if said else str(error).strip().splitlines()[-1]
        return ("!toco: " + words.split("] ", 1)[-1].split(", which is necessary")[0].strip()).encode("utf-8")


def _recipe(path: Path) -> Callable[[], tf.keras.Model]:
    """The model of a recipe of `recipes.py`."""
    model = recipe_files.load(path).sections()["model"]
    name = path.stem
    shape, classes = SHAPES.get(name, ((8, 8, 1), 10))
    if name in recipes.APPLICATIONS:
        shape, classes = (recipes.side(name), recipes.side(name), 3), 10
    function = load_attribute(model["build"], "models", "build", path.parent)
    return lambda: function(input_shape=shape, classes=classes, **model["args"])


def _catalogue(name: str) -> Callable[[], tf.keras.Model]:
    function = NETWORKS[name]

    def build() -> tf.keras.Model:
        inputs = tf.keras.layers.Input((8, 8, 3))
        output = function(inputs)
        if output.op.type == "BiasAdd":  # toco would already fail because of the linear output
            output = tf.keras.layers.ReLU()(output)
        return tf.keras.Model(inputs, output)
    return build


def main(folder: str, *paths: str) -> int:
    builds = {Path(path).stem: _recipe(Path(path)) for path in paths} or {
        name: _catalogue(name) for name in sorted(NETWORKS)}
    for name, build in builds.items():
        written = Path(folder) / (name + ".alone.json")
        if not written.exists():
            tf.keras.backend.clear_session()
            written.write_text(json.dumps({"alone": outcome(build)}))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

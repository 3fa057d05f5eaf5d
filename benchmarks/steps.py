"""CPU milliseconds of a training step of ResNet8 on MNIST, for three graphs that take turns.

    python -m benchmarks.steps      prints {graph: ms}, the minimum over all turns

float: the Keras model, with batch norm. folded: the folded graph, without batch norm and fake-quants. quantized: the
folded graph with fake-quants whose ranges are updated. All have the same loss, optimizer and batch.
"""

import json
import resource
import sys
import tempfile
from pathlib import Path
from typing import Callable, Dict, List, Tuple

import numpy as np
import tensorflow as tf

from octet.job import Job
from octet.recipe import loading
from tasks import data_source
from tasks.graph import io_spec
from tasks.keras_model import build
from tasks.keras_model.inference_graph import Inference
from tasks.quantize import quantized_graph
from tasks.quantize.ir import trainable_weights
from tasks.quantize.ranges import fake_quant_gradient

RECIPE = "data: {dataset: mnist}\nmodel: {build: resnet_v1}\n"
BATCH, STEPS, TURNS = 32, 5, 6
PARTS = ("train", "validation", "test")


def graphs(folder: Path) -> Dict[str, Callable[[], None]]:
    """{graph: a function that runs STEPS training steps of it}."""
    (folder / "recipe.yaml").write_text(RECIPE)
    job = Job("steps", loading.load(folder / "recipe.yaml").sections(), {}, str(folder), str(folder), PARTS)
    dataset = data_source.load(job, samples=BATCH)
    part = dataset.parts["train"]
    inference = Inference(job, dataset)
    network, folded = inference.network, quantized_graph.apply_rewrites(inference.frozen(), inference.network)
    reals, labels = io_spec.real(network["inputs"][0], part.inputs["image"][:BATCH]), part.targets["label"][:BATCH]
    found = {}
    with tf.Graph().as_default() as graph:
        tf.keras.backend.set_learning_phase(1)
        built = build.build(job, dataset)
        found["float"] = _steps(graph, built.model.inputs[0], built.outputs[0], reals, labels, built.updates)
    with tf.Graph().as_default() as graph:
        trainable_weights.make_trainable(folded)
        ends = [io_spec.tensors(graph, network, side)[0] for side in ("inputs", "outputs")]
        found["folded"] = _steps(graph, ends[0], ends[1], reals, labels)
    quantized = quantized_graph.insert_fake_quants(folded, network, training=True)
    fake_quant_gradient.use_fast_gradients(quantized.graph)
    with quantized.graph.as_default() as graph:
        found["quantized"] = _steps(graph, quantized.inputs[0], quantized.outputs[0], reals, labels,
                                    fed={quantized.momentum: 0.01})
    return found


def _steps(graph: tf.Graph, entry: tf.Tensor, end: tf.Tensor, reals: np.ndarray, labels: np.ndarray,
           updates: Tuple = (), fed: Dict = {}) -> Callable[[], None]:  # noqa: B006 (it is read only)
    of_labels = tf.reduce_sum(end * tf.one_hot(labels, end.shape[-1].value), -1)
    step = tf.group(tf.train.MomentumOptimizer(1e-4, 0.9).minimize(-tf.reduce_mean(tf.log(of_labels + 1e-7))), *updates)
    session = tf.Session(graph=graph)
    session.run(tf.global_variables_initializer())

    def run() -> None:
        for _ in range(STEPS):
            session.run(step, {entry: reals, **fed})
    return run


def measured() -> Dict[str, float]:
    """{graph: CPU milliseconds of a step}."""
    with tempfile.TemporaryDirectory(prefix="octet-bench-") as folder:
        runs = graphs(Path(folder))
        found: Dict[str, List[float]] = {name: [] for name in runs}
        for turn in range(TURNS + 1):
            for name, run in runs.items():
                before = _cpu_s()
                run()
                if turn:  # in the first turn, TensorFlow also optimizes the graph
                    found[name].append((_cpu_s() - before) * 1000 / STEPS)
    return {name: round(min(each), 2) for name, each in found.items()}


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    print(json.dumps(measured()))
    sys.exit(0)

"""Quantization-aware training with `batch_norm: live`, as in TensorFlow's own tutorial.

`tf.contrib.quantize` rewrites the training graph that Keras built, with its batch norms, and folds each batch norm in
every step, at twice the arithmetic. It knows few patterns and skips the others silently, so `covered` first looks for
what it skips.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, Dict, List, Optional, Sequence, Set, Tuple

import numpy as np
import tensorflow as tf

from octet.data.dataset import Dataset
from octet.errors import QuantizeError, RecipeError
from octet.job import Job, Progress
from tasks.evaluation import evaluate_graph
from tasks.graph import constants, contrib, freezing, io_spec
from tasks.keras_model import own_loss, training_graph
from tasks.keras_model.sessions import put
from tasks.quantize.ir import kernel_groups, trainable_weights
from tasks.quantize.kernels import uint8_kernels
from tasks.training.augmentation.augmentation import Augmentation
from tasks.training.best_epoch import Best
from tasks.training.history import History
from tasks.training.loop import Trainer

UNTRAINED = (uint8_kernels.FOLLOWS, uint8_kernels.FIXED)  # kinds of kernels whose output range is not trained


def covered(graph_def: tf.GraphDef, network: io_spec.Network, settings: SimpleNamespace,
            samples: Optional[int]) -> Set[str]:
    """The names of the inference graph's operations whose ranges are trained. samples: the number of training samples;
    None where it is not known.

    Raises QuantizeError naming each tensor that needs a trained range and would get none, unless the recipe sets
    `default_ranges`; RecipeError where `delay` leaves no step of training with fake-quants.
    """
    steps = None if samples is None else settings.epochs * max(1, samples // settings.batch_size)
    if settings.delay and steps is not None and settings.delay >= steps:
        raise RecipeError(
            "quantization would begin after {} steps, and the phase has only {}".format(settings.delay, steps),
            where="quantize.delay", why="no step would be trained with fake-quants: {} epochs of {} samples in batches "
                                        "of {}".format(settings.epochs, samples, settings.batch_size),
            next_step="set a smaller delay, or more epochs")
    outputs = io_spec.nodes(network, "outputs")
    with tf.Graph().as_default() as graph:
        trainable_weights.make_trainable(constants.fold(graph_def, outputs))
        _expect_no_mistaken_names(graph)
        contrib.quantize_graph.create_eval_graph(graph)
        path = kernel_groups.KernelGroups(graph, io_spec.nodes(network, "inputs"), outputs)
        ranged = {operation.name for operation in path.operations if path.fake_quants(operation.outputs[0])}
        missing = [operation for operation in path.operations
                   if _needs_range(path, operation) and operation.name not in ranged]
    if missing and settings.default_ranges is None:
        raise QuantizeError(
            "tf.contrib.quantize leaves {} tensor{} without a range".format(
                len(missing), "s" if len(missing) > 1 else ""),
            where="quantize.batch_norm",
            why="\n".join("{} ({})".format(operation.name, operation.type) for operation in missing),
            next_step="leave out `batch_norm: live`: with folded batch norms they have trained ranges. Or set "
                      "`default_ranges: measured`, which gives them ranges that are not trained")
    return ranged


def _expect_no_mistaken_names(graph: tf.Graph) -> None:
    """Raises QuantizeError for layers that tf.contrib.quantize, going by their names, mistakes for tf.contrib's batch
    norms."""
    names = {operation.name for operation in graph.get_operations()}
    mistaken = [prefix + "BatchNorm" for prefix in contrib.common.BatchNormGroups(graph)
                if prefix + "BatchNorm/batchnorm_1/Rsqrt" not in names]
    if mistaken:
        raise QuantizeError(
            "tf.contrib.quantize mistakes layers for batch norms because of their names", where="quantize.batch_norm",
            why="it looks for `BatchNorm/batchnorm` in names, and finds " + ", ".join(mistaken),
            next_step="give them names that do not end in BatchNorm, or leave out `batch_norm: live`")


def expect_no_functions(graph: tf.Graph, network: io_spec.Network) -> None:
    """Raises QuantizeError where an output of the graph that Keras built depends on a TensorFlow function."""
    called = freezing.calls(graph, io_spec.tensors(graph, network, "outputs"))
    if called:
        raise QuantizeError(
            "tf.contrib.quantize does not look into functions", where="quantize.batch_norm",
            why="these functions would be trained in float: " + ", ".join(called),
            next_step="leave out `batch_norm: live`, or write these layers without tf.function and tf.nn.swish")


def _needs_range(path: kernel_groups.KernelGroups, operation: tf.Operation) -> bool:
    if operation in path.inputs or path.fused(operation) or _before_folded_bias(path, operation):
        return False
    kernel = kernel_groups.kernel(operation)
    return kernel is None or kernel.kind not in UNTRAINED


def _before_folded_bias(path: kernel_groups.KernelGroups, operation: tf.Operation) -> bool:
    """Whether the only reader of a layer is the Add of the bias that `tf.contrib.quantize` folded from a batch norm."""
    readers, kernel = path.readers(operation.outputs[0]), kernel_groups.kernel(operation)
    return (kernel is not None and kernel.kind == uint8_kernels.LAYER
            and [reader.type for reader in readers] == ["Add"]
            and not any(tensor.op in path.operations for tensor in readers[0].inputs
                        if kernel_groups.source(tensor).op is not operation))


def train(job: Job, dataset: Dataset, source: Path, network: io_spec.Network, progress: Progress,
          settings: SimpleNamespace, augmentation: Optional[Augmentation], best: Best,
          own: own_loss.OwnLosses) -> Tuple[tf.GraphDef, List[Dict[str, Any]]]:
    """Trains with live batch norm. Returns (the float inference graph with the kept weights, the history of epochs).

    source: the folder of TrainFloat's products. The float graph is validated, not the fake-quantized one.
    """
    seed = job.seed
    graph_def = io_spec.read_graph(source / "float.pb")
    values = {node.name: tf.make_ndarray(node.attr["value"].tensor)
              for node in graph_def.node if node.op == "Const"}
    with tf.Graph().as_default() as graph, tf.Session(graph=graph) as session:
        tf.set_random_seed(seed)
        ends = training_graph.read(source)
        variables = [variable for variable in tf.global_variables() if variable.op.name in values]
        names = [variable.op.name for variable in variables]
        contrib.quantize_graph.create_training_graph(graph, quant_delay=settings.delay)
        trainer = Trainer(network, ends.inputs, [_ranged(output) for output in ends.outputs], settings,
                          ends.losses, ends.updates, augmentation, checkpoints=job.checkpoints_folder, own=own)
        session.run(tf.global_variables_initializer())
        put(session, variables, [values[variable.op.name] for variable in variables])

        def with_weights(weights: Sequence[np.ndarray]) -> tf.GraphDef:
            return _with(graph_def, dict(zip(names, weights)))

        def measured(trained: tf.GraphDef) -> Dict[str, Any]:
            return evaluate_graph.figures_of(trained, network, dataset.parts["validation"],
                                       lambda outputs: own_loss.raw_losses(network, outputs, own))

        def end_epoch() -> Dict[str, Any]:
            with trainer.average.in_place(session):
                weights = session.run(variables)
            figures = measured(with_weights(weights))
            best.offer(figures, lambda: weights)
            return figures

        best.expect_known(measured(graph_def))
        history = History(job.out, end_epoch)
        trainer.fit(session, dataset.parts["train"], seed, history, progress, best)
        kept = best.values if best.values is not None else session.run(variables)
        return with_weights(kept), history.close()


def _ranged(tensor: tf.Tensor) -> tf.Tensor:
    """The fake-quantized tensor: the Merge behind its fake-quant where a delay switches it, else the fake-quant's
    output; the tensor itself where it has no fake-quant."""
    for fake_quant in tensor.consumers():
        if fake_quant.type == kernel_groups.FAKE_QUANT:
            return next((merge.outputs[0] for switch in fake_quant.outputs[0].consumers()
                         for branch in switch.outputs for merge in branch.consumers()
                         if merge.type == "Merge"), fake_quant.outputs[0])
    return tensor


def _with(graph_def: tf.GraphDef, values: Dict[str, np.ndarray]) -> tf.GraphDef:
    """A copy of the graph with the constants named in `values` replaced."""
    copy = tf.GraphDef()
    copy.CopyFrom(graph_def)
    for node in copy.node:
        if node.name in values:
            node.CopyFrom(constants.constant(node.name, values[node.name]))
    return copy

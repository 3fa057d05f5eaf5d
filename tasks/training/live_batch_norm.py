"""Quantization-aware training with batch norm live, the way of TensorFlow's own tutorial.

`tf.contrib.quantize` rewrites the training graph as Keras made it, batch norm and all, and folds each batch
norm anew in every step, for twice the arithmetic. It knows few patterns, and leaves out the rest without a
word: so what it leaves out is looked for first.
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

WITHOUT = (uint8_kernels.FOLLOWS, uint8_kernels.FIXED)  # kinds of kernels whose range is not trained


def covered(graph_def: tf.GraphDef, network: io_spec.Network, settings: SimpleNamespace,
            samples: Optional[int]) -> Set[str]:
    """The names of the inference graph's operations whose ranges are trained. samples: how many training samples there
    are; None where it is not known.

    Raises QuantizeError naming each tensor that needs a trained range and would be left without one, unless
    the recipe has default ranges for them; RecipeError for a delay after which no step of training comes.
    """
    steps = None if samples is None else settings.epochs * max(1, samples // settings.batch_size)
    if settings.delay and steps is not None and settings.delay >= steps:
        raise RecipeError(
            "quantization would come after {} steps, and there are {}".format(settings.delay, steps),
            where="quantize.delay", why="it would be in sight of none: {} epochs of {} samples, {} at a time".format(
                settings.epochs, samples, settings.batch_size),
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
            next_step="leave out `batch_norm: live`: folded, they have one. Or give them one that is not trained: "
                      "`default_ranges: measured`")
    return ranged


def _expect_no_mistaken_names(graph: tf.Graph) -> None:
    """Raises QuantizeError for what tf.contrib.quantize takes for a batch norm of its own, by the name, and is none."""
    names = {operation.name for operation in graph.get_operations()}
    mistaken = [prefix + "BatchNorm" for prefix in contrib.common.BatchNormGroups(graph)
                if prefix + "BatchNorm/batchnorm_1/Rsqrt" not in names]
    if mistaken:
        raise QuantizeError(
            "tf.contrib.quantize takes layers by their names for batch norms of its own", where="quantize.batch_norm",
            why="it looks for `BatchNorm/batchnorm` in names, and finds " + ", ".join(mistaken),
            next_step="call them something that does not end in BatchNorm, or leave out `batch_norm: live`")


def expect_no_functions(graph: tf.Graph, network: io_spec.Network) -> None:
    """Raises QuantizeError where an output of the graph, as Keras made it, depends on a function."""
    called = freezing.calls(graph, io_spec.tensors(graph, network, "outputs"))
    if called:
        raise QuantizeError(
            "tf.contrib.quantize does not look into functions", where="quantize.batch_norm",
            why="what they compute would be trained in float: " + ", ".join(called),
            next_step="leave out `batch_norm: live`, or write these layers without tf.function and tf.nn.swish")


def _needs_range(path: kernel_groups.KernelGroups, operation: tf.Operation) -> bool:
    if operation in path.inputs or path.fused(operation) or _before_folded_bias(path, operation):
        return False
    found = kernel_groups.kernel(operation)
    return found is None or found.kind not in WITHOUT


def _before_folded_bias(path: kernel_groups.KernelGroups, operation: tf.Operation) -> bool:
    """Whether all that reads a layer is the Add of what `tf.contrib.quantize` has folded of a batch norm."""
    readers, kernel = path.readers(operation.outputs[0]), kernel_groups.kernel(operation)
    return (kernel is not None and kernel.kind == uint8_kernels.LAYER
            and [reader.type for reader in readers] == ["Add"]
            and not any(tensor.op in path.operations for tensor in readers[0].inputs
                        if kernel_groups.source(tensor).op is not operation))


def train(job: Job, dataset: Dataset, source: Path, network: io_spec.Network, progress: Progress,
          settings: SimpleNamespace, augmentation: Optional[Augmentation], best: Best,
          own: own_loss.OwnLosses) -> Tuple[tf.GraphDef, List[Dict[str, Any]]]:
    """(the float inference graph with the weights that are kept of this training, what each epoch came to).

    In the folder `source` are TrainFloat's products. Validation is that of the float graph.
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
    """What readers of an output would see: its fake-quant, behind the switch that delays it where there is
    one; the tensor itself where it has none."""
    for fake_quant in tensor.consumers():
        if fake_quant.type == kernel_groups.FAKE_QUANT:
            return next((merge.outputs[0] for switch in fake_quant.outputs[0].consumers()
                         for branch in switch.outputs for merge in branch.consumers()
                         if merge.type == "Merge"), fake_quant.outputs[0])
    return tensor


def _with(graph_def: tf.GraphDef, values: Dict[str, np.ndarray]) -> tf.GraphDef:
    """A copy of the graph with other values for some of its constants."""
    copy = tf.GraphDef()
    copy.CopyFrom(graph_def)
    for node in copy.node:
        if node.name in values:
            node.CopyFrom(constants.constant(node.name, values[node.name]))
    return copy

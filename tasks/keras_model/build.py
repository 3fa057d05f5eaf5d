"""Builds the recipe's Keras model for its dataset, in the current graph."""

import random
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Set, Tuple

import numpy as np
import tensorflow as tf

from octet import file_stamps
from octet.data.dataset import Dataset, Target
from octet.errors import ModelError
from octet.job import Job
from octet.lookup import MODELS, load_attribute, source_file
from octet.recipe.signatures import expect
from octet.user_code import translated_errors
from tasks.graph import io_spec
from tasks.keras_model import approximate_activations, heads, loss_settings, name_matching, preprocess
from tasks.source_guard import file_guard, graph_files


class Built:
    """A model in the current graph.

    inputs, targets: the dataset's names of the model's inputs and outputs, in the model's order.
    outputs: the model's output tensors, after `model.approximate` of the recipe was applied.
    compiled: {target: the loss that the model was compiled with}. thresholds: {target: `heads.threshold`}.
    updates, losses: batch-norm updates and regularization losses that belong to the network's inputs.
    """

    def __init__(self, model: tf.keras.Model, dataset: Dataset, approximated: Sequence[str],
                 given: Optional[tf.keras.Model] = None) -> None:
        """given: the model that the recipe's function returned, if `model` was made from it. It has the compiled loss,
        which `model` has not."""
        self.model = model
        self.outputs = approximate_activations.replace(approximated, model.outputs)
        _collect(model, self.outputs)
        self.inputs = name_matching.matched(list(dataset.inputs), model.input_names, "input")
        self.targets = name_matching.matched(list(dataset.targets), model.output_names, "target")
        self.compiled = loss_settings.compiled(model if given is None else given, model.output_names, self.targets)
        self.thresholds: Dict[str, Optional[float]] = {}
        # Building a nested model adds updates and losses that depend on the nested model's own placeholder.
        unfed = _unfed(model.inputs)
        self.updates, self.losses = (
            [member for member in members if getattr(member, "op", member) not in unfed] for members in (
                model.get_updates_for(None) + model.get_updates_for(model.inputs),
                model.get_losses_for(None) + model.get_losses_for(model.inputs)))


def build(job: Job, dataset: Dataset) -> Built:
    """Builds the recipe's model for this dataset in the current graph. Raises ModelError.

    The recipe's function gets `input_shape` (the shape of a single input, or {name: shape} of several) and `classes`
    (the `extent` of a single target, or {name: extent} of several). It may read only files that are in the stage's key.
    """
    with file_guard.building(job) as see:
        built = _build(job, dataset)
        graph_files.check(built.outputs, see)
    changed = file_stamps.changed(job.stamps, "model.")
    if changed:
        raise ModelError("a file that the recipe names changed while it was read", where=", ".join(changed),
                         why="the model may have read the old content or the new one, so nothing is recorded",
                         next_step="run it again when nothing writes to the file")
    return built


def _build(job: Job, dataset: Dataset) -> Built:
    section = job.section("model")
    folder = Path(job.recipe_folder)
    function = load_attribute(section.build, MODELS, "build", folder)
    shapes = {name: tuple(spec.shape) for name, spec in dataset.inputs.items()}
    extents = {name: target.extent for name, target in dataset.targets.items()}
    expect(function, section.args, "model.args", ModelError, passed=("input_shape", "classes"))
    what = "{} could not be built for inputs {} and classes {}".format(
        section.build, _alone(shapes), _alone(extents))
    with translated_errors(what, source_file(section.build, MODELS, folder), ModelError, where="model.build",
                           next_step="correct the function or model.args, or choose a model that takes this shape"):
        _seed(job)
        model = _expect_no_reset(function, input_shape=_alone(shapes), classes=_alone(extents), **section.args)
        given = model
        if isinstance(model, tf.keras.Model) and not model.inputs:
            model = _called(model, shapes)
    if not isinstance(model, tf.keras.Model):
        raise ModelError("{} returns {!r}, which is not a tf.keras.Model".format(section.build, model),
                         where="model.build", why="model.build names a function that returns a model",
                         next_step="return tf.keras.Model(inputs, outputs) or tf.keras.Sequential(layers)")
    if any(tensor.graph is not tf.get_default_graph() for tensor in model.inputs + model.outputs):
        raise ModelError("{} returns a model in a graph of its own".format(section.build), where="model.build",
                         why="the network must be built in the graph that is the default graph when Octet calls it",
                         next_step="build the model anew in each call, without tf.Graph().as_default()")
    built = Built(model, dataset, section.approximate, given)
    _check(section.build, "takes", built.inputs, model.inputs, {name: [shape] for name, shape in shapes.items()})
    _check(section.build, "gives", built.targets, built.outputs,
           {name: scores(target) for name, target in dataset.targets.items()})
    if section.preprocess is not None:
        preprocess.insert(section.preprocess, built.inputs, model.inputs, dataset)
    built.thresholds = {name: heads.threshold(tensor, dataset.targets[name], name)
                        for name, tensor in zip(built.targets, built.outputs)}
    return built


def _seed(job: Job) -> None:
    """Seeds `random` and numpy, so that equal seeds give equal models. Keras draws the seeds of its noise layers from
    numpy; a user's function may use either."""
    seed = job.settings.get("seed", 0)
    random.seed(seed)
    np.random.seed(seed)


def _expect_no_reset(function: Callable[..., Any], **args: Any) -> Any:
    """Calls the function and returns its result. Raises ModelError if the function resets the default graph."""
    try:
        return function(**args)
    except AssertionError as error:
        if "reset_default_graph" not in str(error):
            raise
        raise ModelError("the function clears Keras' session, or the default graph", where="model.build",
                         why="Octet calls the function in a new graph each time, which the function must not remove",
                         next_step="remove K.clear_session() and tf.reset_default_graph() from it: they are not "
                                   "needed") from error


def _collect(model: tf.keras.Model, outputs: Sequence[tf.Tensor]) -> None:
    """Adds the model's variables to the graph's collections. The collection of trainable variables then holds exactly
    those that Keras would train: none of layers with trainable=False, and also those created in a tf.function.

    Raises ModelError for a trainable variable that the outputs depend on but that Keras does not track: it would be
    trained and then not saved.
    """
    own = set(model.weights)
    frozen = own - set(model.trainable_weights)
    variables, trainable = (tf.get_collection_ref(key) for key in (
        tf.GraphKeys.GLOBAL_VARIABLES, tf.GraphKeys.TRAINABLE_VARIABLES))
    read = {operation.name for operation in io_spec.before(outputs)}
    strange = [variable.op.name for variable in trainable if variable not in own and variable.op.name in read]
    if strange:
        raise ModelError(
            "Keras does not track {} of the network's variables".format(len(strange)), where="model.build",
            why="it would neither save nor load these: " + ", ".join(strange),
            next_step="hold layers in attributes, lists or dicts of a model or layer, not in tuples, functions or "
                      "lambdas; make a layer's variables with add_weight")
    variables.extend(variable for variable in model.weights if variable not in variables)
    trainable[:] = [variable for variable in trainable if variable not in frozen] + [
        variable for variable in model.trainable_weights if variable not in trainable]


def _called(model: tf.keras.Model, shapes: Dict[str, Any]) -> tf.keras.Model:
    """Calls a model that has no inputs yet (a subclass, or a Sequential without input shape) on the dataset's inputs.
    If it returns a dict, the keys become the names of the outputs."""
    inputs = {name: tf.keras.layers.Input(shape, name=name) for name, shape in shapes.items()}
    outputs = _given(model, inputs)
    if not isinstance(outputs, dict):
        return tf.keras.Model(list(inputs.values()), outputs)
    called = tf.keras.Model(list(inputs.values()), list(outputs.values()))
    called.output_names = [str(name) for name in outputs]
    return called


def _given(model: tf.keras.Model, inputs: Dict[str, tf.Tensor]) -> Any:
    """The result of the model called on its input, or on the list of its inputs. If that fails before it adds anything
    to the graph, the model is called on the dict {name: input} instead."""
    graph, tensors = tf.get_default_graph(), list(inputs.values())
    version, names = graph.version, dict(graph._names_in_use)
    try:
        return model(tensors if len(tensors) > 1 else tensors[0])
    except Exception as error:
        if graph.version != version:
            raise
        graph._names_in_use = names  # otherwise the variables would be named like those of a second model
        try:
            return model(inputs)
        except Exception as another:
            if str(another) == str(error):  # the form of the inputs is not the cause
                raise error from None
            raise TypeError("{}\ncalled on {{{}}}: {}: {}".format(
                error, ", ".join(inputs), type(another).__name__, another)) from error


def _unfed(inputs: Sequence[tf.Tensor]) -> Set[tf.Operation]:
    """The operations of the current graph that depend on a placeholder that is none of `inputs`."""
    found, fed = set(), {tensor.op for tensor in inputs}  # type: Set[tf.Operation], Set[tf.Operation]
    todo = [operation for operation in tf.get_default_graph().get_operations()
            if operation.type == "Placeholder" and operation not in fed]
    while todo:
        operation = todo.pop()
        if operation not in found:
            found.add(operation)
            todo.extend(operation._control_outputs)
            todo.extend(reader for tensor in operation.outputs for reader in tensor.consumers())
    return found


def _alone(by_name: Dict[str, Any]) -> Any:
    """The only value of a dict with one entry; any other dict as it is."""
    return next(iter(by_name.values())) if len(by_name) == 1 else by_name


def scores(target: Target) -> List[Tuple[int, ...]]:
    """The shapes that an output may have for one sample. For classes: one score each, or a single score for two."""
    if target.kind in ("value", "raw"):
        return [tuple(target.shape)]
    counts = [len(target.classes)] + [1] * (target.kind != "labels" and len(target.classes) == 2)
    return [tuple(target.shape) + (count,) for count in counts]


def _check(spec: str, verb: str, names: Sequence[str], tensors: Sequence[tf.Tensor],
           shapes: Dict[str, List[Tuple[int, ...]]]) -> None:
    for name, tensor in zip(names, tensors):
        expected = " or ".join(str((None,) + shape) for shape in shapes[name])
        # Height and width may be unknown; the batch size must be.
        if tensor.shape.ndims is None or tensor.shape.as_list()[0] is not None or not any(
                tensor.shape.is_compatible_with((None,) + shape) for shape in shapes[name]):
            raise ModelError(
                "{} {} {} of shape {}, the dataset has {}".format(
                    spec, verb, name, "unknown" if tensor.shape.ndims is None else tuple(tensor.shape.as_list()),
                    expected),
                where="model.build", why="the data is fed without reshaping, in batches of any size",
                next_step="build the network for the shapes that the function gets")
        if tensor.dtype != tf.float32:
            raise ModelError(
                "{} {} {} as {}".format(spec, verb, name, tensor.dtype.name), where="model.build",
                why="a network computes in float32 throughout; its inputs are the dequantized codes of the dataset",
                next_step="use dtype='float32', and remove casts from the network")

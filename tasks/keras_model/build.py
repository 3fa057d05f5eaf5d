"""The recipe's Keras model, built for its dataset in the current graph."""

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
from tasks.keras_model import approximate_activations, heads, loss_settings, preprocess
from tasks.source_guard import file_guard, graph_files


class Built:
    """A model in the current graph, with the dataset's name for each of its ends, in its order.

    `outputs` are the model's, behind the approximations of activations that the recipe asks for. `compiled` is the
    loss that the model was compiled with, by target. `thresholds` are those of `heads.threshold`, by target.
    """

    def __init__(self, model: tf.keras.Model, dataset: Dataset, approximated: Sequence[str],
                 given: Optional[tf.keras.Model] = None) -> None:
        """given: what the recipe's function gave, where `model` was made of it: it knows what it was compiled with."""
        self.model = model
        self.outputs = approximate_activations.replace(approximated, model.outputs)
        _collect(model, self.outputs)
        self.inputs = io_spec.matched(list(dataset.inputs), model.input_names, "input")
        self.targets = io_spec.matched(list(dataset.targets), model.output_names, "target")
        self.compiled = loss_settings.compiled(model if given is None else given, model.output_names, self.targets)
        self.thresholds: Dict[str, Optional[float]] = {}
        # A model inside the model has updates and losses of the call that made it, too: on a placeholder of its own.
        unfed = _unfed(model.inputs)
        self.updates, self.losses = (
            [member for member in members if getattr(member, "op", member) not in unfed] for members in (
                model.get_updates_for(None) + model.get_updates_for(model.inputs),
                model.get_losses_for(None) + model.get_losses_for(model.inputs)))


def build(job: Job, dataset: Dataset) -> Built:
    """The recipe's model for this dataset, in the current graph. Raises ModelError.

    Its function is given `input_shape` and `classes` as the dataset has them: of one input the shape,
    of several {name: shape}; of one target its extent, of several {name: extent}. Files that it reads are in the key.
    """
    with file_guard.building(job) as see:
        built = _build(job, dataset)
        graph_files.check(built.outputs, see)
    changed = file_stamps.changed(job.stamps, "model.")
    if changed:
        raise ModelError("a file that the recipe names changed while it was read", where=", ".join(changed),
                         why="both contents may be in what was read, so nothing is recorded",
                         next_step="run it again when the file is at rest")
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
                           next_step="mend the function or model.args, or choose a model that takes this shape"):
        _seed(job)
        model = _expect_no_reset(function, input_shape=_alone(shapes), classes=_alone(extents), **section.args)
        given = model
        if isinstance(model, tf.keras.Model) and not model.inputs:
            model = _called(model, shapes)
    if not isinstance(model, tf.keras.Model):
        raise ModelError("{} gives {!r}, which is no tf.keras.Model".format(section.build, model),
                         where="model.build", why="a model is a function that returns one",
                         next_step="return tf.keras.Model(inputs, outputs), or a Sequential of its own")
    if any(tensor.graph is not tf.get_default_graph() for tensor in model.inputs + model.outputs):
        raise ModelError("{} gives a model in a graph of its own".format(section.build), where="model.build",
                         why="the network is built, trained and frozen in one graph, the default one at the call",
                         next_step="build it without tf.Graph().as_default(), at each call anew")
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
    """The same seed gives the same model. Keras draws the seeds of its noise layers from numpy's random numbers, and a
    user's function may draw its own."""
    seed = job.settings.get("seed", 0)
    random.seed(seed)
    np.random.seed(seed)


def _expect_no_reset(function: Callable[..., Any], **args: Any) -> Any:
    """The result of the function. Raises ModelError where the function clears the graph that it is called in."""
    try:
        return function(**args)
    except AssertionError as error:
        if "reset_default_graph" not in str(error):
            raise
        raise ModelError("the function clears Keras' session, or the default graph", where="model.build",
                         why="the network is built, trained and frozen in a graph of its own, made anew for each call",
                         next_step="leave K.clear_session() and tf.reset_default_graph() out of it: there is nothing "
                                   "to clear") from error


def _collect(model: tf.keras.Model, outputs: Sequence[tf.Tensor]) -> None:
    """The current graph's collections hold the model's variables, and as trainable those that Keras would train: not
    those of layers with trainable=False, and those that were made in a tf.function, too.

    Raises ModelError for a variable that the outputs hang on and Keras does not know: it would be trained, and lost.
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
            why="it would neither save nor load: " + ", ".join(strange),
            next_step="hold layers in attributes, lists or dicts of a model or layer, not in tuples, functions or "
                      "lambdas; make a layer's variables with add_weight")
    variables.extend(variable for variable in model.weights if variable not in variables)
    trainable[:] = [variable for variable in trainable if variable not in frozen] + [
        variable for variable in model.trainable_weights if variable not in trainable]


def _called(model: tf.keras.Model, shapes: Dict) -> tf.keras.Model:
    """A model that has not been called yet, a subclass or a Sequential without an input, on the dataset's inputs.
    What it gives as a dict has the names that it has there."""
    inputs = {name: tf.keras.layers.Input(shape, name=name) for name, shape in shapes.items()}
    outputs = _given(model, inputs)
    if not isinstance(outputs, dict):
        return tf.keras.Model(list(inputs.values()), outputs)
    called = tf.keras.Model(list(inputs.values()), list(outputs.values()))
    called.output_names = [str(name) for name in outputs]
    return called


def _given(model: tf.keras.Model, inputs: Dict[str, tf.Tensor]) -> Any:
    """What the model gives for its input, or the list of several; where it fails before it makes anything, for their
    dict: it may take them by name."""
    graph, tensors = tf.get_default_graph(), list(inputs.values())
    version, names = graph.version, dict(graph._names_in_use)
    try:
        return model(tensors if len(tensors) > 1 else tensors[0])
    except Exception as error:
        if graph.version != version:
            raise
        graph._names_in_use = names  # else the variables are called as those of a second model are
        try:
            return model(inputs)
        except Exception as another:
            if str(another) == str(error):  # of something else than how it reads its inputs
                raise error from None
            raise TypeError("{}\ncalled on {{{}}}: {}: {}".format(
                error, ", ".join(inputs), type(another).__name__, another)) from error


def _unfed(inputs: Sequence[tf.Tensor]) -> Set[tf.Operation]:
    """The operations of the current graph that depend on a placeholder other than the inputs."""
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
    """The value where the dict holds one, else the dict."""
    return next(iter(by_name.values())) if len(by_name) == 1 else by_name


def scores(target: Target) -> List[Tuple[int, ...]]:
    """The shapes that an output may have for one sample: a score for each class, or one score for two classes."""
    if target.kind in ("value", "raw"):
        return [tuple(target.shape)]
    counts = [len(target.classes)] + [1] * (target.kind != "labels" and len(target.classes) == 2)
    return [tuple(target.shape) + (count,) for count in counts]


def _check(spec: str, verb: str, names: Sequence[str], tensors: Sequence[tf.Tensor],
           shapes: Dict[str, List[Tuple[int, ...]]]) -> None:
    for name, tensor in zip(names, tensors):
        expected = " or ".join(str((None,) + shape) for shape in shapes[name])
        # Height and width may be left open; the batch has to be.
        if tensor.shape.ndims is None or tensor.shape.as_list()[0] is not None or not any(
                tensor.shape.is_compatible_with((None,) + shape) for shape in shapes[name]):
            raise ModelError(
                "{} {} {} of shape {}, the dataset has {}".format(
                    spec, verb, name, "unknown" if tensor.shape.ndims is None else tuple(tensor.shape.as_list()),
                    expected),
                where="model.build", why="the data is fed as it is, in batches of any size",
                next_step="build the network for the shapes that it is given")
        if tensor.dtype != tf.float32:
            raise ModelError(
                "{} {} {} as {}".format(spec, verb, name, tensor.dtype.name), where="model.build",
                why="a network computes with float32 from end to end, and its inputs are the reals that the dataset's "
                    "codes stand for", next_step="use dtype='float32', and leave casts out of the network")

"""Loads the user's trained weights into the recipe's model, from a Keras .h5 file or a TensorFlow checkpoint.

Variables are matched by name. In a .h5 file, automatic names may have other numbers (`conv2d_7` for `conv2d`). If some
names are missing from a .h5 file, variables are matched in order instead, as Keras does, provided that all shapes
agree. A warning then names each layer that gets the weights of a layer with another name. """

import re
from pathlib import Path
from typing import Collection, Dict, List, NamedTuple, Optional, Sequence, Set

import h5py
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import trackable_object_graph_pb2
from tensorflow.python.keras.saving.hdf5_format import _legacy_weights, load_attributes_from_hdf5_group
from tensorflow.python.keras.utils.generic_utils import to_snake_case

from octet.errors import ModelError
from octet.job import Job
from tasks.keras_model import layer_patterns

BROKEN = (OSError, KeyError, RuntimeError, TypeError, ValueError, AttributeError, MemoryError, tf.errors.OpError)
"""The exceptions that h5py, Keras and TensorFlow raise for a file that is damaged or of another format."""
KERAS = (".h5", ".hdf5")
INDEX = ".index"  # of a checkpoint; given this file, TensorFlow reads an empty checkpoint and reports no error
OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"  # its key in a checkpoint of TensorFlow 1.14


class Weights(NamedTuple):
    """values: one for each of `model.weights`, in order; None for those of new layers. warnings: layers that get
    weights of a layer with another name. notes: weights in the file that are not used."""

    values: List[Optional[np.ndarray]]
    warnings: List[str]
    notes: List[str]


def weights(job: Job, model: tf.keras.Model) -> Optional[Weights]:
    """The weights for the model from the file that the recipe names; None if it names none.

    Variables of the recipe's `new_layers` are not read. Raises ModelError for a file that cannot be read; for variables
    that are missing or have another shape, all of them in one error; and for values that are not finite numbers.
    """
    name = job.section("model").weights
    if name is None:
        return None
    path = Path(job.recipe_folder) / Path(name).expanduser()
    if path.suffix == INDEX and path.is_file():
        raise ModelError("{} is the index of a checkpoint".format(path), where="model.weights",
                         why="a checkpoint consists of several files, and is named by the prefix of their names",
                         next_step="give the prefix: {}".format(name[:-len(INDEX)]))
    layers = {variable.op.name: layer for variable, layer in layer_patterns.of_variables(model).items()}
    patterns = job.section("model").new_layers
    new = _new(patterns, layers)
    wanted = {variable.op.name: tuple(variable.shape.as_list()) for variable in model.weights
              if variable.op.name not in new}
    found, sources = _read(path), {}
    saved = set(found)
    if path.suffix in KERAS:
        sources = _in_order(found, model, wanted, bool(new))
        found = {**found, **{name: found[source] for name, source in sources.items()}}
    _expect_all(wanted, found, path, layers)
    _expect_reals({name: found[name] for name in wanted}, path)
    left = sorted({_layer(name) for name in saved - (set(sources.values()) or set(wanted))}) if new else []
    return Weights([found[variable.op.name] if variable.op.name in wanted else None for variable in model.weights],
                   _renamed(sources, model, path),
                   ["the file of weights {} has layers that are not used: {}".format(path, ", ".join(left))]
                   if left else [])


def _new(patterns: Sequence[str], layers: Dict[str, str]) -> Set[str]:
    """The variables of the layers that the patterns select. layers: {variable: its layer}.

    Raises ModelError for a pattern that selects no layer, and for patterns that select all layers.
    """
    wrong = layer_patterns.unmatched(patterns, set(layers.values()))
    if wrong:
        raise ModelError("\n".join(wrong), where="model.new_layers", why="",
                         next_step="name the layers that `model.weights` has no weights for")
    new = {name for name, layer in layers.items() if any(layer_patterns.matches(each, layer) for each in patterns)}
    if patterns and new == set(layers):
        raise ModelError("all layers are new", where="model.new_layers", why="model.weights would not be used",
                         next_step="name fewer layers, or remove model.weights and model.new_layers")
    return new


def _renamed(sources: Dict[str, str], model: tf.keras.Model, path: Path) -> List[str]:
    """A warning for layers that get the weights of a layer with another name, apart from Keras' automatic numbers."""
    automatic = {to_snake_case(type(layer).__name__) for layer in model.submodules}
    pairs = dict.fromkeys((_layer(source), _layer(name)) for name, source in sources.items()
                          if _uncounted(source, automatic) != _uncounted(name, automatic))
    return [] if not pairs else [
        "the weights {} are of layers with other names, and were matched in order: {}. If that is wrong, give the "
        "model's layers the names in the file".format(path, ", ".join(
            "{} has those of {}".format(layer, source) for source, layer in pairs))]


def _layer(variable: str) -> str:
    return variable.rpartition("/")[0]


def _uncounted(name: str, automatic: Collection[str]) -> str:
    """The name without the numbers of automatic layer names. automatic: Keras' automatic names, without numbers."""
    plain = [re.sub(r"_\d+$", "", part) for part in name.split("/")]
    return "/".join(short if short in automatic else part for short, part in zip(plain, name.split("/")))


def _read(path: Path) -> Dict[str, np.ndarray]:
    """{variable: value} of a file. Raises ModelError if the file cannot be read."""
    try:
        return _keras(path) if path.suffix in KERAS else _checkpoint(path)
    except BROKEN as error:
        raise ModelError("cannot read the weights {}: {}".format(path, error), where="model.weights",
                         why="the float training starts from them",
                         next_step="model.weights is a Keras .h5 file, or the prefix of a TensorFlow checkpoint "
                                   "(its path without .index or .data-...)") from error


def _keras(path: Path) -> Dict[str, np.ndarray]:
    """{variable: value} of a Keras file with weights or with a whole model, in the order of its layers."""
    found = {}
    with h5py.File(str(path), "r") as file:
        group = file["model_weights"] if "model_weights" in file else file
        for layer in load_attributes_from_hdf5_group(group, "layer_names"):
            for name in load_attributes_from_hdf5_group(group[layer], "weight_names"):
                found[name.split(":")[0]] = np.asarray(group[layer][name])
    return found


def _checkpoint(prefix: Path) -> Dict[str, np.ndarray]:
    """{variable: value} of a checkpoint, name-based or object-based."""
    reader = tf.train.load_checkpoint(str(prefix))
    keys = {name: name for name in reader.get_variable_to_shape_map()}
    if OBJECT_GRAPH in keys:
        objects = trackable_object_graph_pb2.TrackableObjectGraph.FromString(reader.get_tensor(OBJECT_GRAPH))
        keys = {attribute.full_name: attribute.checkpoint_key
                for node in objects.nodes for attribute in node.attributes}
    return {name: reader.get_tensor(key) for name, key in keys.items() if name}


def _in_order(found: Dict[str, np.ndarray], model: tf.keras.Model, wanted: Dict[str, tuple],
              longer: bool) -> Dict[str, str]:
    """{name of a wanted variable in the model: its name in the file}, matched in order. Empty if the file has all
    wanted names, or if kinds and shapes do not match in order.

    If the model only wraps a nested model, the file may hold the nested model alone. longer: the recipe has new layers.
    The file may then end with further variables, those of the layers that the new ones replace; and the layers of
    nested models in the model may correspond to layers of the file that are not nested.
    """
    if set(wanted) <= set(found):
        return {}
    saved = [(name.split("/")[-1], value.shape) for name, value in found.items()]
    layers = model.layers
    orders = [layers]
    while layers:
        inside = [layer for layer in layers if not isinstance(layer, tf.keras.layers.InputLayer)]
        layers = inside[0].layers if len(inside) == 1 and isinstance(inside[0], tf.keras.Model) else []
        orders.append(layers)
    if longer:
        orders.append([layer for _, layer in layer_patterns.named(model) if not isinstance(layer, tf.keras.Model)])
    for layers in orders:
        names = [variable.op.name for layer in layers for variable in _legacy_weights(layer)
                 if variable.op.name in wanted]
        if names and (saved[:len(names)] if longer else saved) == [
                (name.split("/")[-1], wanted[name]) for name in names]:
            return dict(zip(names, found))
    return {}


def _expect_all(wanted: Dict[str, tuple], found: Dict[str, np.ndarray], path: Path, layers: Dict[str, str]) -> None:
    problems, unfit = [], []
    for name, shape in wanted.items():
        if name not in found:
            problems.append("{} {} is not in the file".format(name, shape))
        elif found[name].shape != shape:
            problems.append("{} {} is {} in the file".format(name, shape, found[name].shape))
        else:
            continue
        unfit.append(layers[name])
    if problems:
        spare = ["{} {}".format(name, value.shape) for name, value in found.items() if name not in wanted]
        fewer = len(set(unfit)) < len({layers[name] for name in wanted})
        raise ModelError(
            "{} of the model's {} variables do not fit the weights {}".format(len(problems), len(wanted), path),
            where="model.weights", why="\n".join(problems),
            next_step="give weights of exactly this network{}{}".format(
                "; the file also has " + ", ".join(spare) if spare else "",
                ". To train these layers from scratch, such as a head for other classes: model: {{new_layers: "
                "[{}]}}".format(", ".join(dict.fromkeys(unfit))) if fewer else ""))


def _expect_reals(values: Dict[str, np.ndarray], path: Path) -> None:
    others = ["{} is {}".format(name, value.dtype) for name, value in values.items() if value.dtype.kind not in "fiu"]
    if others:
        raise ModelError("the weights {} hold values that are not real numbers".format(path), where="model.weights",
                         why="\n".join(others), next_step="give weights as Keras or TensorFlow saved them")
    with np.errstate(over="ignore"):
        broken = [name for name, value in values.items() if not np.isfinite(value.astype(np.float32)).all()]
    if broken:
        raise ModelError("the weights {} hold NaN or infinity".format(path), where="model.weights",
                         why="in " + ", ".join(broken), next_step="give weights of a training that did not diverge")

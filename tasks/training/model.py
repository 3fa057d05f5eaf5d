"""The recipe's Keras model, built for its dataset, and its inference graph of constants."""

from pathlib import Path
from typing import Dict, List, Sequence, Tuple

import tensorflow as tf

from octet.datasets.dataset import Dataset
from octet.errors import ModelError
from octet.job import Job
from octet.resolve import load_attribute
from tasks import network as net


class Built:
    """A model in the current graph, with the dataset's name for each of its ends, in its order."""

    def __init__(self, model: tf.keras.Model, dataset: Dataset) -> None:
        self.model = model
        self.inputs = net.matched(list(dataset.inputs), model.input_names, "input")
        self.targets = net.matched(list(dataset.targets), model.output_names, "target")


def build(job: Job, dataset: Dataset) -> Built:
    """The recipe's model for this dataset, in the current graph. Raises ModelError.

    Its function is given `input_shape` and `classes` as the dataset has them: of one input the shape,
    of several {name: shape}; of one target the number of classes, of several {name: classes}.
    """
    section = job.section("model")
    function = load_attribute(section.build, "models", "build", Path(job.recipe_folder))
    shapes = {name: tuple(spec.shape) for name, spec in dataset.inputs.items()}
    classes = {name: len(target.classes) for name, target in dataset.targets.items()}
    try:
        model = function(input_shape=_alone(shapes), classes=_alone(classes), **section.args)
    except (TypeError, ValueError) as error:
        raise ModelError(
            "{} could not be built for inputs {} and {} classes: {}".format(
                section.build, _alone(shapes), _alone(classes), error),
            where="model.build",
            next_step="mend model.args, or choose a model that takes this shape") from error
    built = Built(model, dataset)
    _check(section.build, "takes", built.inputs, model.inputs, shapes)
    _check(section.build, "gives", built.targets, model.outputs,
           {name: (count,) for name, count in classes.items()})
    return built


def _alone(by_name: Dict):
    """The one value, or the dict where there are several."""
    return next(iter(by_name.values())) if len(by_name) == 1 else by_name


def _check(spec: str, verb: str, names: Sequence[str], tensors: Sequence[tf.Tensor], shapes: Dict) -> None:
    for name, tensor in zip(names, tensors):
        found, expected = tuple(tensor.shape.as_list()), (None,) + shapes[name]
        if found != expected:
            raise ModelError(
                "{} {} {} of shape {}, the dataset has {}".format(spec, verb, name, found, expected),
                where="model.build", next_step="build the network for the shapes that it is given")


def frozen(job: Job, dataset: Dataset, weights=None) -> Tuple[tf.GraphDef, Dict]:
    """(inference graph of constants, what its ends mean); fresh weights where none are given.

    Raises ModelError when the model cannot be built on this data."""
    tf.keras.backend.clear_session()
    with tf.Graph().as_default() as graph, tf.Session(graph=graph).as_default() as session:
        tf.keras.backend.set_session(session)
        tf.keras.backend.set_learning_phase(0)
        tf.set_random_seed(job.settings["seed"])
        built = build(job, dataset)
        model = built.model
        session.run(tf.global_variables_initializer())
        if weights is not None:
            model.set_weights(weights)
        network = {
            "inputs": [net.described_input(dataset, name, tensor.op.name)
                       for name, tensor in zip(built.inputs, model.inputs)],
            "outputs": [net.described_output(dataset, name, tensor.op.name)
                        for name, tensor in zip(built.targets, _named(built.targets, model.outputs))],
            "layers": list(_layers(model))}
        graph_def = tf.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), net.nodes(network, "outputs"))
    unused = sorted(set(net.nodes(network, "inputs")) - {node.name for node in graph_def.node})
    if unused:
        raise ModelError("no output depends on the input {}".format(", ".join(unused)),
                         where="model.build", next_step="use it, or leave it out of the dataset")
    return graph_def, network


def _named(names: Sequence[str], tensors: Sequence[tf.Tensor]) -> List[tf.Tensor]:
    """The outputs, each at a node of its own: a node's name alone says its first tensor only."""
    nodes = [tensor.op for tensor in tensors]
    return [tensor if tensor.value_index == 0 and nodes.count(tensor.op) == 1
            and tensor.op.type != "Placeholder"
            else tf.identity(tensor, name="octet/output/" + name)
            for name, tensor in zip(names, tensors)]


def _layers(model: tf.keras.Model, around: str = ""):
    for layer in model.layers:
        yield around + layer.name
        if isinstance(layer, tf.keras.Model):
            yield from _layers(layer, around + layer.name + "/")

"""The recipe's model in a graph of its own, with batch norm and dropout in inference mode."""

from typing import Any, Callable, Dict, List, Optional, Sequence

import numpy as np
import tensorflow as tf

from octet.data.dataset import Dataset, Part
from octet.errors import ModelError, RecipeError
from octet.job import Job
from tasks.evaluation import evaluate_graph
from tasks.graph import freezing, io_spec, scopes
from tasks.keras_model import (
    applications,
    layer_patterns,
    loss_settings,
    model_regularization,
    own_loss,
    sessions,
    warm_start,
)
from tasks.keras_model.build import Built, build, scores


class Inference:
    """A session with the model's inference graph.

    network: the meaning of its inputs and outputs. variables: `model.weights` of Keras. weights: their initial values,
    in that order; from the file in the recipe's `model.weights`, if any. layers: {variable: name of its layer}.
    regularization: the layers and penalties that act only in training. warnings: about the weights.
    notes: a sentence for each compiled loss that is not used, and for unused content of the file of weights.
    Raises ModelError when the model cannot be built on this data, or the weights do not fit it.
    """

    def __init__(self, job: Job, dataset: Dataset,
                 refuse: Callable[[tf.Graph, List[str]], None] = lambda graph, layers: None,
                 config: tf.ConfigProto = sessions.ANY_DEVICE) -> None:
        """refuse: called with the graph and the names of its layers before anything runs; raises an error for a graph
        that must not be run or frozen. config: the configuration of the session."""
        tf.keras.backend.clear_session()
        with tf.Graph().as_default() as graph:
            tf.keras.backend.set_session(tf.Session(graph=graph, config=config))
            tf.keras.backend.set_learning_phase(0)
            tf.set_random_seed(job.seed)
            built = build(job, dataset)
            refuse(graph, [name for name, _ in layer_patterns.named(built.model)])
            self.session = sessions.of_keras()
            loaded = sessions.initialize(self.session)
            losses, self.notes = loss_settings.settled(job.settings["loss"], dataset, built.compiled)
            self.network = _network(built, dataset, job.section("train").loss_weights, losses,
                                    job.settings["loss"].get("function"), job.section("model").preprocess is not None)
            self.variables = built.model.weights
            self.layers = layer_patterns.of_variables(built.model)
            self._trainable = set(built.model.trainable_weights)
            given = warm_start.weights(job, built.model)
            self.weights = self.session.run(self.variables)
            self.regularization = model_regularization.of(built)
            self.warnings: List[str] = []
            if given:
                self.weights = [fresh if value is None else value for fresh, value in zip(self.weights, given.values)]
                self.warnings += given.warnings
                self.notes = self.notes + given.notes
                self.load(self.weights)
            if given or set(loaded) & set(self.variables):
                self.warnings += applications.warnings(
                    self.network["layers"], job.section("model").preprocess, built.model.inputs, built.inputs, dataset)
            _expect_finite(self.variables, self.weights)
            self._inputs, self._outputs = evaluate_graph.ends(graph, self.network)
            self._own = own_loss.load(self.network, job.recipe_folder)
            self._raw = own_loss.raw_losses(self.network, self._outputs, self._own)
        self._expect_shapes(dataset)

    def _expect_shapes(self, dataset: Dataset) -> None:
        """Raises ModelError if an output whose shape is not static (a model for any size) does not fit its target."""
        if all(tensor.shape[1:].is_fully_defined() for tensor in self._outputs):
            return
        try:
            found = self.session.run(self._outputs, {
                tensor: np.zeros([1] + end["shape"], np.float32)
                for tensor, end in zip(self._inputs, self.network["inputs"])})
        except tf.errors.InvalidArgumentError as error:
            raise ModelError(
                "the network fails on a sample of shape {}".format(" and ".join(
                    "x".join(map(str, end["shape"])) for end in self.network["inputs"])), where="model.build",
                why="at {}: TensorFlow says: {}".format(error.op.name if error.op else "an operation",
                                                        error.message.splitlines()[0]),
                next_step=io_spec.SIZES_WAY_OUT) from error
        for end, value in zip(self.network["outputs"], found):
            expected = [(1,) + shape for shape in scores(dataset.targets[end["name"]])]
            if value.shape not in expected:
                raise ModelError("the network gives {} of shape {} for one sample, the dataset has {}".format(
                    end["name"], value.shape, " or ".join(map(str, expected))), where="model.build",
                    why="output and target are compared element by element",
                    next_step="build the network for the shapes that the function gets")

    def expect_sound_losses(self, part: Part, samples: int) -> None:
        """Checks the user's losses on the first samples of the part (`own_loss.expect_sound`). Raises ModelError."""
        with self.session.graph.as_default():
            own_loss.expect_sound(self.session, self.network, self._inputs, self._outputs, self._own, part, samples)

    def give_outputs(self, part: Part, samples: int, add: Callable[..., None]) -> None:
        """Passes the outputs for the first samples of the part to `add`, which takes what `OwnMetrics.add` takes."""
        rows = slice(0, samples)
        found = self.session.run(self._outputs, io_spec.feed(self.network, self._inputs, part, rows))
        add(self.network["outputs"], found, part, rows)

    def load(self, weights: Sequence[np.ndarray]) -> None:
        """Assigns these values to the model's variables, in order."""
        sessions.put(self.session, self.variables, weights)

    def move_equal_weights(self) -> None:
        """Perturbs each trainable weight whose elements are all equal, such as a new bias.

        toco removes an addition of zeros, and then converts the operations around it differently from how it will
        convert them after training."""
        random = np.random.RandomState(0)
        moved = {variable: value + 0.01 * (1 + abs(value)) * random.uniform(size=value.shape)
                 for variable, value in zip(self.variables, self.weights)
                 if variable in self._trainable and value.size and value.min() == value.max()}
        sessions.put(self.session, list(moved), list(moved.values()))

    def figures(self, part: Part) -> evaluate_graph.Figures:
        """{output: {metric: value}} over a part."""
        return evaluate_graph.figures(self.session, self.network, self._inputs, self._outputs, part, self._raw)

    def frozen(self) -> tf.GraphDef:
        """The graph with its weights as constants. Raises ModelError for an input that nothing reads."""
        try:
            graph_def = freezing.freeze(self.session, io_spec.nodes(self.network, "outputs"))
        except ValueError as error:  # TensorFlow finds a Switch in place of the variable
            raise ModelError(
                "a weight is read in a branch of the network", where="model.build",
                why="TensorFlow 1.14 cannot freeze a variable inside a tf.cond: {}".format(error),
                next_step="call layers with weights outside of tf.cond and of `if` in a tf.function, and with a "
                          "constant `training` or none") from error
        unused = sorted(set(io_spec.nodes(self.network, "inputs")) - {node.name for node in graph_def.node})
        if unused:
            raise ModelError("no output depends on the input {}".format(", ".join(unused)),
                             where="model.build", why="a .tflite file has no input that nothing reads",
                             next_step="use it, or leave it out of the dataset")
        for node in graph_def.node:
            node.device = ""  # it names a device of this machine
        return graph_def


def _expect_finite(variables: Sequence[tf.Variable], values: Sequence[np.ndarray]) -> None:
    broken = [variable.op.name for variable, value in zip(variables, values)
              if value.dtype.kind == "f" and not np.isfinite(value).all()]
    if broken:
        raise ModelError("the model's initial weights hold NaN or infinity", where="model.build",
                         why="in {}: training cannot start from them".format(", ".join(broken)),
                         next_step="correct their initializers, or the weights that the function loads")


def _network(built: Built, dataset: Dataset, loss_weights: Dict[str, float], losses: Dict[str, Dict[str, Any]],
             of_all: Optional[str], preprocessed: bool) -> io_spec.Network:
    if of_all and loss_weights:
        raise RecipeError("loss_weights has no effect together with loss.function", where="train.loss_weights",
                          why="the function computes the total loss of all outputs",
                          next_step="remove it, and weight the losses in the function")
    unknown = sorted(set(loss_weights) - set(built.targets))
    if unknown:
        raise ModelError("there is no output {}".format(", ".join(unknown)), where="train.loss_weights",
                         why="each weight is for the loss of one target",
                         next_step="name the dataset's targets: {}".format(", ".join(built.targets)))
    model = built.model
    return {
        "inputs": [io_spec.described_input(dataset, name, tensor.op.name)
                   for name, tensor in zip(built.inputs, model.inputs)],
        "outputs": [io_spec.described_output(dataset, name, tensor.op.name, loss_weights.get(name, 1.0),
                                         losses[name], built.thresholds[name])
                    for name, tensor in zip(built.targets, _named(built.targets, built.outputs))],
        "extras": io_spec.described_extras(dataset), "loss": of_all,
        "layers": [name for name, _ in layer_patterns.named(model)] + [scopes.PREPROCESS] * preprocessed}


def _named(names: Sequence[str], tensors: Sequence[tf.Tensor]) -> List[tf.Tensor]:
    """The outputs, each as the first output of a node of its own, so that the node's name identifies it."""
    nodes = [tensor.op for tensor in tensors]
    return [tensor if tensor.value_index == 0 and nodes.count(tensor.op) == 1
            and tensor.op.type != "Placeholder"
            else tf.identity(tensor, name="octet/output/" + name)
            for name, tensor in zip(names, tensors)]

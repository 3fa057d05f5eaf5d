"""The recipe's model for inference: in a graph of its own, with batch norm and dropout in inference mode."""

from typing import Any, Callable, Dict, List, Optional, Sequence

import numpy as np
import tensorflow as tf

from octet.data.dataset import Dataset, Part
from octet.errors import ModelError, RecipeError
from octet.job import Job
from tasks.evaluation import evaluate
from tasks.graph import freezing, io_spec, scopes
from tasks.keras_model import applications, layer_names, loss_settings, own_loss, regularization, sessions, warm_start
from tasks.keras_model.build import Built, build, scores


class Inference:
    """A session with the model's inference graph.

    network: what its ends mean. variables: the model's, as Keras has them; weights: their first values, in that
    order; those of the recipe's `model.weights` where it has any, else fresh ones. layers: the name of each variable's
    layer. regularization: what of the model is only for training. warnings: what is odd about them.
    notes: a sentence for each loss that the model was compiled with and that is not the one it is trained with, and for
    what is in a file of weights and is not used.
    Raises ModelError when the model cannot be built on this data, or the weights are not its own.
    """

    def __init__(self, job: Job, dataset: Dataset,
                 refuse: Callable[[tf.Graph, List[str]], None] = lambda graph, layers: None) -> None:
        """refuse: given the graph and the layers' names before anything in it runs, raises for one that it is not to
        be run or frozen for."""
        tf.keras.backend.clear_session()
        with tf.Graph().as_default() as graph:
            tf.keras.backend.set_session(tf.Session(graph=graph, config=sessions.ANY_DEVICE))
            tf.keras.backend.set_learning_phase(0)
            tf.set_random_seed(job.seed)
            built = build(job, dataset)
            refuse(graph, [name for name, _ in layer_names.named(built.model)])
            self.session = sessions.of_keras()
            loaded = sessions.initialize(self.session)
            losses, self.notes = loss_settings.settled(job.settings["loss"], dataset, built.compiled)
            self.network = _network(built, dataset, job.section("train").loss_weights, losses,
                                    job.settings["loss"].get("function"), job.section("model").preprocess is not None)
            self.variables = built.model.weights
            self.layers = layer_names.of_variables(built.model)
            self._trainable = set(built.model.trainable_weights)
            given = warm_start.weights(job, built.model)
            self.weights = self.session.run(self.variables)
            self.regularization = regularization.of(built)
            self.warnings: List[str] = []
            if given:
                self.weights = [fresh if value is None else value for fresh, value in zip(self.weights, given.values)]
                self.warnings += given.warnings
                self.notes = self.notes + given.notes
            if given or set(loaded) & set(self.variables):
                self.warnings += applications.warnings(
                    self.network["layers"], job.section("model").preprocess, built.model.inputs, built.inputs, dataset)
            _expect_finite(self.variables, self.weights)
            self.load(self.weights)
            self._inputs, self._outputs = evaluate.ends(graph, self.network)
            self._own = own_loss.load(self.network, job.recipe_folder)
            self._raw = own_loss.raw_losses(self.network, self._outputs, self._own)
        self._expect_shapes(dataset)

    def _expect_shapes(self, dataset: Dataset) -> None:
        """Raises ModelError where an output of unknown shape, as of a model for any size, is unlike its target."""
        if all(tensor.shape[1:].is_fully_defined() for tensor in self._outputs):
            return
        try:
            found = self.session.run(self._outputs, {
                tensor: np.zeros([1] + end["shape"], np.float32)
                for tensor, end in zip(self._inputs, self.network["inputs"])})
        except tf.errors.InvalidArgumentError as error:
            raise ModelError(
                "the network takes no sample of {}".format(" and ".join(
                    "x".join(map(str, end["shape"])) for end in self.network["inputs"])), where="model.build",
                why="at {}: TensorFlow says: {}".format(error.op.name if error.op else "an operation",
                                                        error.message.splitlines()[0]),
                next_step=io_spec.SIZES_WAY_OUT) from error
        for end, value in zip(self.network["outputs"], found):
            expected = [(1,) + shape for shape in scores(dataset.targets[end["name"]])]
            if value.shape not in expected:
                raise ModelError("the network gives {} of shape {} for one sample, the dataset has {}".format(
                    end["name"], value.shape, " or ".join(map(str, expected))), where="model.build",
                    why="an answer is compared with each of its numbers",
                    next_step="build the network for the shapes that it is given")

    def expect_sound_losses(self, part: Part, samples: int) -> None:
        """Raises ModelError where a loss of the user's own cannot be trained with, as its first samples of the part
        show (`own_loss.expect_sound`)."""
        with self.session.graph.as_default():
            own_loss.expect_sound(self.session, self.network, self._inputs, self._outputs, self._own, part, samples)

    def give_outputs(self, part: Part, samples: int, add: Callable[..., None]) -> None:
        """Calls `add(ends, outputs, part, rows)`, as that of OwnMetrics, for the first samples of the part."""
        rows = slice(0, samples)
        found = self.session.run(self._outputs, io_spec.feed(self.network, self._inputs, part, rows))
        add(self.network["outputs"], found, part, rows)

    def load(self, weights: Sequence[np.ndarray]) -> None:
        """Gives the model's variables these values, in order."""
        sessions.put(self.session, self.variables, weights)

    def move_equal_weights(self) -> None:
        """Makes the numbers of each trainable weight differ where all are equal, as those of a new bias are.

        toco removes an addition of zeros, and then converts the operations around it in another way than after
        training."""
        random = np.random.RandomState(0)
        self.load([
            value + 0.01 * (1 + abs(value)) * random.uniform(size=value.shape)
            if variable in self._trainable and value.size and value.min() == value.max() else value
            for variable, value in zip(self.variables, self.weights)])

    def figures(self, part: Part) -> evaluate.Figures:
        """{output: {metric: value}} over a part."""
        return evaluate.figures(self.session, self.network, self._inputs, self._outputs, part, self._raw)

    def frozen(self) -> tf.GraphDef:
        """The graph with its weights as constants. Raises ModelError for an input that nothing reads."""
        try:
            graph_def = freezing.freeze(self.session, io_spec.nodes(self.network, "outputs"))
        except ValueError as error:  # it looks for a variable behind a Switch
            raise ModelError(
                "a weight is read in a branch of the network", where="model.build",
                why="none is frozen behind a tf.cond, whatever its condition: {}".format(error),
                next_step="call the layer with training=False or without it: no placeholder, no tf.cond, no `if` of a "
                          "tf.function around a layer with weights") from error
        unused = sorted(set(io_spec.nodes(self.network, "inputs")) - {node.name for node in graph_def.node})
        if unused:
            raise ModelError("no output depends on the input {}".format(", ".join(unused)),
                             where="model.build", why="a .tflite file has no input that nothing reads",
                             next_step="use it, or leave it out of the dataset")
        for node in graph_def.node:
            node.device = ""  # that of the machine it was built on
        return graph_def


def _expect_finite(variables: Sequence[tf.Variable], values: Sequence[np.ndarray]) -> None:
    broken = [variable.op.name for variable, value in zip(variables, values)
              if value.dtype.kind == "f" and not np.isfinite(value).all()]
    if broken:
        raise ModelError("the model's first weights hold NaN or infinity", where="model.build",
                         why="in {}: nothing can be trained from there".format(", ".join(broken)),
                         next_step="look at their initializers, or at the weights that the function loads")


def _network(built: Built, dataset: Dataset, loss_weights: Dict[str, float], losses: Dict[str, Dict[str, Any]],
             of_all: Optional[str], preprocessed: bool) -> io_spec.Network:
    if of_all and loss_weights:
        raise RecipeError("loss_weights is not read beside loss.function", where="train.loss_weights",
                          why="the function is the whole loss of all outputs",
                          next_step="leave it out, and weigh the losses in the function")
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
        "layers": [name for name, _ in layer_names.named(model)] + [scopes.PREPROCESS] * preprocessed}


def _named(names: Sequence[str], tensors: Sequence[tf.Tensor]) -> List[tf.Tensor]:
    """The outputs, each as the first output of a node of its own, so that the node's name is enough to name it."""
    nodes = [tensor.op for tensor in tensors]
    return [tensor if tensor.value_index == 0 and nodes.count(tensor.op) == 1
            and tensor.op.type != "Placeholder"
            else tf.identity(tensor, name="octet/output/" + name)
            for name, tensor in zip(names, tensors)]

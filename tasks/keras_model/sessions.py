"""Sets and initializes the values of variables in a session."""

from typing import List, Sequence

import numpy as np
import tensorflow as tf

from octet.errors import ModelError
from tasks.graph import constants

ANY_DEVICE = tf.ConfigProto(allow_soft_placement=True)
"""Session configuration: operations placed on a GPU run on the CPU if there is no GPU."""

RUN_ONCE = tf.ConfigProto(allow_soft_placement=True, graph_options=constants.RUN_ONCE.graph_options)
"""ANY_DEVICE for a graph that runs only once or twice: the graph is not optimized first."""


def of_keras() -> tf.Session:
    """Keras' session for the current graph. It may be one that the model's function created and loaded values into.
    Raises ModelError if the function has closed it."""
    tf.keras.backend.manual_variable_initialization(True)  # get_session() must not initialize variables
    try:
        session = tf.keras.backend.get_session()
    finally:
        tf.keras.backend.manual_variable_initialization(False)
    try:
        session.run([])
    except RuntimeError as error:
        raise ModelError(
            "the function has closed Keras' session", where="model.build",
            why="the values that it loaded are lost; TensorFlow says: {}".format(error),
            next_step="leave the session open, or name a file of trained weights in model.weights") from error
    return session


def all_variables() -> Sequence[tf.Variable]:
    """All variables of the current graph."""
    return tf.global_variables() + tf.local_variables()


def initialize(session: tf.Session) -> List[tf.Variable]:
    """Initializes each variable of the current graph that has no value in the session. Returns the others, which keep
    the values that the model's function has loaded."""
    variables = all_variables()
    known = session.run([_is_initialized(variable) for variable in variables])
    session.run(tf.variables_initializer([variable for variable, there in zip(variables, known) if not there]))
    return [variable for variable, there in zip(variables, known) if there]


def _is_initialized(variable: tf.Variable) -> tf.Tensor:
    """A bool tensor: whether the variable has a value. For Keras' variables it already exists, so no operation is added
    to the graph."""
    made = getattr(variable, "_is_initialized_op", None)
    return tf.is_variable_initialized(variable) if made is None else made


def put(session: tf.Session, variables: Sequence[tf.Variable], values: Sequence[np.ndarray]) -> None:
    """Assigns these values to the variables, in order. Adds no operation to their graph."""
    left = list(zip(variables, values))
    while left:
        turn = {variable.initializer.inputs[1]: (variable, value) for variable, value in left}
        session.run([variable.initializer for variable, _ in turn.values()],
                    {first: value for first, (_, value) in turn.items()})
        done = {variable for variable, _ in turn.values()}  # one of each group that shares an initial value
        left = [(variable, value) for variable, value in left if variable not in done]

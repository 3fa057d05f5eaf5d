"""Weights for a random network, so that the values of each layer have about the size that its step states: tensors of
1e-3 and of 1e3 meet, and none vanishes or overflows."""

from typing import Dict, List

import numpy as np
import tensorflow as tf

from tests.fuzz.network import Network, layer_name, weight_names
from tests.tasks import conversion

SAMPLES = 16


def measured(network: Network) -> Dict[str, List[np.ndarray]]:
    """{layer: its weights} for `Network.build`, drawn from the network's seed. Each layer's weights are scaled for the
    values that the layers before it give on samples. Uses a graph and a session of its own."""
    random = np.random.RandomState([network.seed, 1])
    values: Dict[str, List[np.ndarray]] = {}
    with tf.Graph().as_default() as graph, conversion.session_of(graph) as session:
        tf.keras.backend.set_learning_phase(0)
        model = network.build()
        feeds = dict(zip(model.inputs, network.reals(network.samples(SAMPLES))))
        loads = {}
        for variable in model.variables:
            value = tf.placeholder(variable.dtype.base_dtype, variable.shape)
            loads[variable.name] = (value, tf.assign(variable, value))
        session.run([variable.initializer for variable in model.variables])
        for number, step in enumerate(network.steps):
            if step.shared is not None or not weight_names(step):
                continue
            layer = model.get_layer(layer_name(number, step.kind))
            given = session.run(layer.get_input_at(0), feeds)
            drawn = _drawn(random, step, given, [tuple(weights.shape.as_list()) for weights in layer.weights])
            for variable, value in zip(layer.weights, drawn):
                placeholder, assign = loads[variable.name]
                session.run(assign, {placeholder: value})
            values[layer.name] = drawn
    return values


def _drawn(random, step, given: np.ndarray, shapes) -> List[np.ndarray]:
    names, reach = weight_names(step), step.args.get("reach", 1.0)
    if step.kind == "batch_norm":
        axes = tuple(range(given.ndim - 1))
        variance = np.maximum(given.var(axes), 1e-4 * np.square(given).mean() + 1e-12)
        drawn = {"gamma": random.uniform(0.3, 1.5, shapes[0]) * random.choice([-1, 1], shapes[0]) * reach,
                 "beta": random.normal(0, 0.3, shapes[0]) * reach,
                 "moving_mean": given.mean(axes) + random.normal(0, 0.2, shapes[0]) * np.sqrt(variance),
                 "moving_variance": variance * random.uniform(0.5, 2, shapes[0])}
        return [np.float32(drawn[name]) for name in names]
    if step.kind == "prelu":
        return [np.float32(random.uniform(-0.3, 0.6, shape)) for shape in shapes]
    # Behind a ReLU whose output is 0, there is no size to scale by.
    size = max(float(np.sqrt(np.square(given).mean())), 1e-4)
    drawn = []
    for name, shape in zip(names, shapes):
        if name == "bias":
            drawn.append(random.normal(0, 0.3 * reach, shape))
            continue
        last = 2 if name == "depthwise" or step.kind == "transposed" else 1  # the axes that are summed: all others
        added = int(np.prod(shape[:-last])) * (shape[-1] if step.kind == "transposed" else 1)
        target = 1.0 if name == "depthwise" and "pointwise" in names else reach
        drawn.append(random.normal(0, target / (size * np.sqrt(max(added, 1))), shape))
        size = target
    return [np.float32(value) for value in drawn]

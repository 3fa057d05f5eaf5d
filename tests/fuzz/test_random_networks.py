import random

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings

from tests.fuzz import shrink, weights
from tests.fuzz.later_pieces import LATER
from tests.fuzz.network import ALL, MERGES, layer_name
from tests.fuzz.piece import LAYERS, fits
from tests.fuzz.random_network import LEAST_MERGES, network, networks

SHAPES = {1: [(12,), (5,)], 2: [(12, 4), (7, 3)], 3: [(8, 8, 3), (5, 6, 4)]}


def outputs(drawn, values=None):
    """The values of each step's own layer and of the outputs, for some samples."""
    with tf.Graph().as_default() as graph, tf.Session(graph=graph) as session:
        tf.keras.backend.set_learning_phase(0)
        model = drawn.build(values)
        session.run([variable.initializer for variable in model.variables])
        own = {number: model.get_layer(layer_name(number, step.kind)).get_output_at(0)
               for number, step in enumerate(drawn.steps) if step.shared is None}
        feeds = dict(zip(model.inputs, drawn.reals(drawn.samples(8, seed=3))))
        return session.run(own, feeds), session.run(model.outputs, feeds)


@pytest.mark.parametrize("kind", sorted(ALL))
def test_a_piece_gives_the_shape_that_it_says(kind):
    piece, draw, seen = ALL[kind], random.Random(kind), 0
    with tf.Graph().as_default():
        for shape in [shape for rank in piece.ranks for shape in SHAPES[rank]] * 2:
            args = piece.draw(draw, shape)
            said = piece.shape(args, shape)
            if not fits(said):
                continue
            layer = piece.make(args, "piece{}".format(seen))
            assert tuple(layer(LAYERS.Input(shape)).shape.as_list()[1:]) == tuple(said), args
            seen += 1
    assert seen


def test_a_seed_is_one_network():
    assert str(network(7)) == str(network(7)) != str(network(8))


def test_every_layer_is_drawn():
    first = max(LATER)
    drawn = [network(seed) for seed in range(first, first + 1000)]
    assert {step.kind for one in drawn for step in one.steps} == set(ALL) | set(MERGES)
    assert any(step.shared is not None for one in drawn for step in one.steps)
    assert {len(one.inputs) for one in drawn} == {1, 2}
    assert {len(one.outputs) for one in drawn} >= {1, 2, 3}


@settings(max_examples=60, deadline=None)
@given(networks())
def test_every_network_is_small_and_merges_three_times(drawn):
    assert len(drawn.steps) < 40
    assert sum(step.kind in MERGES for step in drawn.steps) >= LEAST_MERGES
    read = {source for step in drawn.steps for source in step.sources} | set(drawn.outputs)
    assert read == set(range(len(drawn.inputs) + len(drawn.steps)))


@pytest.mark.parametrize("kind", ["transposed", "concatenate", "batch_norm"])
def test_a_network_that_fails_shrinks_to_what_fails(kind):
    def fails(drawn):
        return any(step.kind == kind for step in drawn.steps)

    seed = next(seed for seed in range(100) if fails(network(seed)))
    found = shrink.shrunk(network(seed), fails)
    assert [step.kind for step in found.steps].count(kind) == 1
    assert found.steps[-1].kind == kind and len(found.outputs) == 1
    outputs(found, weights.measured(found))


def test_a_network_cut_before_a_shared_layers_first_use_keeps_the_layer():
    seed = next(seed for seed in range(100) if any(step.shared is not None for step in network(seed).steps))
    for less in shrink.smaller(network(seed)):
        assert all(step.shared is None or less.steps[step.shared].shared is None for step in less.steps)
        assert all(source < len(less.inputs) + index for index, step in enumerate(less.steps)
                   for source in step.sources)
        assert all(step.shared is None or less.steps[step.shared].kind == step.kind for step in less.steps)


@pytest.mark.parametrize("seed", range(4))
def test_a_network_is_built_as_it_was_drawn_and_its_values_are_numbers(seed):
    drawn = network(seed)
    own, ends = outputs(drawn, weights.measured(drawn))
    for number, value in own.items():
        assert value.shape[1:] == drawn.steps[number].shape
        assert np.isfinite(value).all()
    _, again = outputs(drawn, weights.measured(drawn))
    assert all(np.array_equal(one, other) for one, other in zip(ends, again))


def test_layers_give_values_of_the_size_that_they_were_drawn_for():
    checked = []
    for seed in range(6):
        drawn = network(seed)
        own, _ = outputs(drawn, weights.measured(drawn))
        for number, step in enumerate(drawn.steps):
            if number in own and step.kind in ("conv", "dense", "depthwise") and step.args["activation"] is None:
                checked.append(np.sqrt(np.square(own[number]).mean()) / step.args.get("reach", 1.0))
    assert len(checked) > 10
    assert 0.1 < np.median(checked) < 3 and max(checked) < 30

"""The training loop, on a network of one dense layer."""

import re
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf

from octet.data.dataset import Part
from octet.recipe.schema_training import Train
from tasks.training import learning_rate_schedule, optimizer
from tasks.training.augmentation.augmentation import Augmentation
from tasks.training.augmentation.defaults import Choice
from tasks.training.best_epoch import Best
from tasks.training.history import History, duration
from tasks.training.loop import Trainer
from tasks.training.reduce_on_plateau import Plateau

RANDOM = np.random.RandomState(0)
PART = Part({"image": RANDOM.randint(0, 256, (90, 4, 4, 3)).astype(np.uint8)},
            {"label": RANDOM.randint(0, 5, 90).astype(np.int32)})
NETWORK = {"inputs": [{"name": "image", "shape": [4, 4, 3], "scale": 1 / 255, "zero_point": 0}],
           "outputs": [{"name": "label", "kind": "class", "classes": list("abcde"), "shape": [], "loss_weight": 1.0,
                        "loss": {"kind": "cross_entropy", "label_smoothing": 0.0, "class_weights": None}}]}


def trainer(augmentation=None, distance=None, **said):
    """(trainer, settings) in the current graph."""
    settings = optimizer.with_defaults(
        SimpleNamespace(**Train(**{**dict(epochs=2, batch_size=10, optimizer="sgd"), **said}).model_dump()),
        True, False, False)
    image = tf.placeholder(tf.float32, [None, 4, 4, 3])
    scores = tf.nn.softmax(tf.layers.dense(tf.layers.flatten(image), 5))
    settings.distill = 0.5
    return Trainer(NETWORK, [image], [scores], settings, augmentation=augmentation, distance=distance), settings


def test_a_random_loss_follows_from_the_step():
    with tf.Graph().as_default(), tf.Session() as session:
        trained, _ = trainer(distance=tf.random.uniform([]))
        session.run(tf.global_variables_initializer())
        fed = trained.fed(PART, np.arange(8))
        first, again, other = (session.run(trained.loss, {**fed, **trained.random.fed(step)}) for step in (3, 3, 4))
    assert trained.random.left == [] and first == again != other


def fitted(folder, figures, **said):
    """(messages, history) of a training with these validation figures, one for each epoch."""
    with tf.Graph().as_default(), tf.Session() as session:
        trained, settings = trainer(**said)
        session.run(tf.global_variables_initializer())
        best, left, messages = Best(settings, "train"), iter(figures), []

        def validate():
            found = {"label": {"accuracy": next(left)}}
            best.offer(found, lambda: None)
            return found

        history = History(folder, validate)
        trained.fit(session, PART, 1, history, lambda done, text: messages.append((done, text)), best)
        return messages, history.close()


def test_progress_has_loss_metric_speed_and_the_time_that_is_left(tmp_path):
    messages, _ = fitted(tmp_path, [0.5, 0.75])
    assert re.match(r"epoch 1/2, loss \d\.\d+, \d+ images/s, \d+ s left$", messages[0][1])
    assert re.match(r"epoch 2/2, loss \d\.\d+, label accuracy 0\.5000, \d+ images/s, \d+ s left$", messages[2][1])
    assert messages[-1] == (1.0, messages[-1][1]) and "accuracy 0.7500" in messages[-1][1]
    assert [done for done, _ in messages] == sorted(done for done, _ in messages)


def test_a_network_that_can_only_learn_how_often_classes_are_learns_what_it_is_shown(monkeypatch, tmp_path):
    dark = Part({"image": np.zeros((100, 4, 4, 3), np.uint8)}, {"label": np.repeat(range(5), [80, 5, 5, 5, 5])})
    for oversample, share in ((None, 0.8), ("balanced", 0.2)):
        loss = dict(NETWORK["outputs"][0]["loss"], oversample=oversample)
        monkeypatch.setitem(NETWORK["outputs"][0], "loss", loss)
        with tf.Graph().as_default(), tf.Session() as session:
            trained, settings = trainer(epochs=30, learning_rate=0.5)
            trained.settings.distill = None
            session.run(tf.global_variables_initializer())
            (tmp_path / str(oversample)).mkdir()
            history = History(tmp_path / str(oversample), lambda: {"label": {"accuracy": 0.5}})
            trained.fit(session, dark, 1, history, lambda done, text: None, Best(settings, "train"))
            history.close()
            bias = next(variable for variable in tf.trainable_variables() if "bias" in variable.name)
            scores = np.exp(session.run(bias))
        assert scores[0] / scores.sum() == pytest.approx(share, abs=0.05)


def test_training_that_brings_nothing_better_is_stopped(tmp_path):
    _, epochs = fitted(tmp_path, [0.5, 0.6, 0.6, 0.5, 0.9], epochs=5, early_stopping=2)
    assert len(epochs) == 4


def test_the_rate_is_reduced_where_epochs_bring_nothing_better(tmp_path):
    seen = []
    settings = dict(epochs=7, schedule="reduce_on_plateau", plateau_epochs=2, step_factor=0.5, learning_rate=0.8,
                    warm_up=0.0)
    real = learning_rate_schedule.rate
    with mock.patch.object(learning_rate_schedule, "rate", lambda *args: seen.append(real(*args)) or seen[-1]):
        fitted(tmp_path, [0.5, 0.4, 0.5, 0.6, 0.5, 0.5, 0.5], **settings)
    assert seen[::len(seen) // 7] == [0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.2]  # an equal one is not better


def test_a_plateau_goes_on_where_it_was():
    best, plateau, again = SimpleNamespace(since_better=1), Plateau(3), Plateau(3)
    for number in range(5):
        plateau.end_epoch(best)
        if number == 1:
            again.restore(plateau.state())
        elif number > 1:
            again.end_epoch(best)
    assert again.reductions == plateau.reductions == 1 and again.state() == plateau.state()


@pytest.mark.parametrize("seconds, words", [
    (8.4, "8 s"), (200, "3 min 20 s"), (7500, "2 h 05 min"), (3599.7, "1 h 00 min")])
def test_a_duration_is_printed_in_two_units(seconds, words):
    assert duration(seconds) == words


def test_answers_of_mixed_samples_count_by_their_shares():
    with tf.Graph().as_default(), tf.Session() as session:
        augmentation = Augmentation(Choice({"mixup": 1.0}), NETWORK, 1)
        trained, _ = trainer(augmentation)
        session.run(tf.global_variables_initializer())
        fed = trained._fed_in_training(PART, np.arange(30), 0)
        share = fed[trained.share]
        loss = session.run(trained.loss, fed)
        both = [session.run(trained.loss, {**fed, trained.share: 1.0, trained.placeholders.targets[0]: fed[answers]})
                for answers in (trained.placeholders.targets[0], trained.other_placeholders.targets[0])]
        assert 0.01 < share < 0.99 and loss == pytest.approx(share * both[0] + (1 - share) * both[1], rel=1e-4)
        plain = session.run(trained.loss, trained.fed(PART, np.arange(30)))
        assert plain != pytest.approx(loss, rel=1e-6)

"""Augmentation that changes colours and moves no pixel: brightness, contrast, saturation, hue, noise, cutout."""

import math
from typing import Any, Callable, Dict

import numpy as np
import tensorflow as tf

from tasks.training.augmentation.defaults import COLOURS

GREY = np.float32([0.299, 0.587, 0.114])
TO_YIQ = np.float32([GREY, [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])


def varied(pictures: tf.Tensor, on: Dict[str, Any], draw: Callable[[str], tf.Tensor],
           seeds: tf.Tensor) -> tf.Tensor:
    """The augmented pictures [N, H, W, C], float32, as codes in 0..255.

    on: the settings; those in COLOURS are applied. draw: returns [N] uniform numbers in [0, 1) by name. seeds: [N, 2]
    int32, a pair for each sample.
    """
    if not any(key in on for key in COLOURS):
        return pictures

    def drawn(key: str) -> tf.Tensor:
        """[N, 1, 1, 1], uniform from -value to value of the setting."""
        return ((2 * draw(key) - 1) * float(on[key]))[:, None, None, None]

    x = pictures
    if "brightness" in on:
        x = x + 255 * drawn("brightness")
    if "contrast" in on:
        mean = tf.reduce_mean(x, [1, 2, 3], keepdims=True)
        x = mean + (x - mean) * (1 + drawn("contrast"))
    if "saturation" in on:
        grey = tf.reduce_sum(x * GREY, -1, keepdims=True)
        x = grey + (x - grey) * (1 + drawn("saturation"))
    if "hue" in on:
        x = _rotated_hue(x, drawn("hue") * (math.pi / 180))
    if "noise" in on:
        shape = x.shape.as_list()[1:]
        x = x + 255 * float(on["noise"]) * tf.map_fn(
            lambda seed: tf.random.stateless_normal(shape, seed), seeds, dtype=tf.float32)
    x = tf.clip_by_value(x, 0.0, 255.0)
    return _cut_out(x, float(on["cutout"]), draw) if "cutout" in on else x


def _rotated_hue(x: tf.Tensor, angle: tf.Tensor) -> tf.Tensor:
    """The pictures with their colours rotated around the grey axis. angle: in radians, [N, 1, 1, 1]."""
    y, i, q = tf.split(tf.tensordot(x, TO_YIQ.T, 1), 3, axis=-1)
    cos, sin = tf.cos(angle), tf.sin(angle)
    turned = tf.concat([y, i * cos - q * sin, i * sin + q * cos], -1)
    back = tf.tensordot(turned, np.linalg.inv(TO_YIQ).T.astype(np.float32), 1)
    back.set_shape(x.shape)
    return back


def _cut_out(x: tf.Tensor, share: float, draw: Callable[[str], tf.Tensor]) -> tf.Tensor:
    """The pictures, each with a square filled with the picture's mean colour. share: the square's side / the picture's
    side. The square's centre is uniform over the picture."""
    inside = tf.constant(True)
    for axis, length in ((1, x.shape.as_list()[1]), (2, x.shape.as_list()[2])):
        side = max(1, int(round(share * length)))
        first = tf.floor(draw("cutout_" + "yx"[axis - 1]) * length) - side // 2
        distance = tf.range(length, dtype=tf.float32) - first[:, None]
        within = (distance >= 0) & (distance < side)
        inside = inside & (within[:, :, None, None] if axis == 1 else within[:, None, :, None])
    mean = tf.reduce_mean(x, [1, 2], keepdims=True)
    hole = tf.cast(inside, tf.float32)
    return x + hole * (mean - x)

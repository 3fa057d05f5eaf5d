"""Augmentation that moves pixels: one affine map for each sample, for its pictures, masks, boxes and keypoints.

Where only `flip` and `crop` are on, whole pixels are moved without interpolation. Pixels from outside the picture are
its reflection at the border.
"""

import math
import os
from typing import Any, Callable, Dict, Tuple

import numpy as np
import tensorflow as tf

from tasks.training.augmentation.defaults import GEOMETRY

# Loaded directly: importing tf.contrib.image loads all of tf.contrib, which takes 0.35 s.
_LIBRARY = os.path.join(os.path.dirname(tf.__file__), "contrib", "image", "python", "ops", "_image_ops.so")
WHOLE_PIXELS = ("flip", "crop")

Size = Tuple[int, int]
"""(height, width)."""


class Map:
    """The affine map of each sample of a batch: from a pixel of the moved picture to its source in the original.

    on: the settings of the section `augment`. draw: returns [N] uniform numbers in [0, 1) by name. size: of the
    pictures; `crop` moves them by whole pixels.
    """

    def __init__(self, on: Dict[str, Any], draw: Callable[[str], tf.Tensor], size: Size) -> None:
        self._on = on
        self._size = size
        self._exact = not any(key in on for key in GEOMETRY if key not in WHOLE_PIXELS)
        self._matrix = self._linear(draw)
        self._offset = [self._moved(draw, axis, length) for axis, length in zip("yx", size)]

    def apply(self, pictures: tf.Tensor) -> tf.Tensor:
        """The moved pictures [N, H, W, C]; uint8 becomes float32 where pixels are interpolated."""
        if not self._exact and pictures.dtype == tf.uint8:
            pictures = tf.cast(pictures, tf.float32)
        return self._transformed(pictures, "NEAREST" if self._exact else "BILINEAR")

    def apply_to_masks(self, masks: tf.Tensor) -> tf.Tensor:
        """The masks [N, H, W] int32, moved like the pictures, without interpolation."""
        return self._transformed(masks[..., None], "NEAREST")[..., 0]

    def apply_to_points(self, points: tf.Tensor) -> tf.Tensor:
        """The places of the points [N, n, 2] (y, x in pixels from the picture's upper left corner) in the moved
        picture; some may lie outside it."""
        height, width = (tf.constant(float(side)) for side in self._size)
        (xx, xy), (yx, yy) = ([entry[:, None] for entry in row] for row in self._matrix)
        move_y, move_x = (move[:, None] * side for move, side in zip(self._offset, self._size))
        # The inverse of the map, which gives a pixel's source: source = matrix * (new - centre) + centre + move.
        y, x = points[..., 0] - height / 2 - move_y, points[..., 1] - width / 2 - move_x
        determinant = xx * yy - xy * yx
        return tf.stack([(xx * y - yx * x) / determinant + height / 2,
                         (yy * x - xy * y) / determinant + width / 2], axis=-1)

    def apply_to_boxes(self, boxes: tf.Tensor) -> tf.Tensor:
        """The smallest upright boxes around the moved boxes [N, n, 4] (y0, x0, y1, x1), clipped to the picture. A box
        that has left the picture has no area."""
        y0, x0, y1, x1 = tf.unstack(boxes, axis=-1)
        corners = [self.apply_to_points(tf.stack(corner, axis=-1))
                   for corner in ((y0, x0), (y0, x1), (y1, x0), (y1, x1))]
        ends = [tf.reduce_min(corners, axis=0), tf.reduce_max(corners, axis=0)]
        return tf.concat([tf.minimum(tf.maximum(end, 0.0), [float(side) for side in self._size]) for end in ends], -1)

    def _transformed(self, pictures: tf.Tensor, interpolation: str) -> tf.Tensor:
        height, width = pictures.shape.as_list()[1:3]
        margins = [min(side - 1, self._margin(side)) for side in (height, width)]
        padded = tf.pad(pictures, [[0, 0]] + [[margin] * 2 for margin in margins] + [[0, 0]], "REFLECT")
        (xx, xy), (yx, yy) = self._matrix
        centre_y, centre_x = (height - 1) / 2, (width - 1) / 2
        move_y, move_x = (move * side for move, side in zip(self._offset, (height, width)))
        zero = tf.zeros_like(xx)
        transforms = tf.stack([
            xx, xy, centre_x - xx * centre_x - xy * centre_y + move_x + margins[1],
            yx, yy, centre_y - yx * centre_x - yy * centre_y + move_y + margins[0], zero, zero], axis=1)
        moved = tf.load_op_library(_LIBRARY).image_projective_transform_v2(
            images=padded, transforms=transforms, output_shape=[height, width], interpolation=interpolation)
        moved.set_shape(pictures.shape)
        return moved

    def _margin(self, side: int) -> int:
        """The most pixels beyond the border that the map can reach."""
        turn = math.radians(min(45, self._number("rotate")))
        growth = (math.cos(turn) + math.sin(turn)) * (
            1 + math.tan(math.radians(self._number("shear")))) / (1 - self._number("zoom"))
        return int(math.ceil(side * (self._number("crop") + self._number("shift") + (growth - 1) / 2))) + 1

    def _linear(self, draw: Callable[[str], tf.Tensor]) -> Any:
        """[[xx, xy], [yx, yy]], each [N]: flip, rotate, shear and zoom, in this order."""
        one = tf.ones_like(draw("flip_x"))
        flips = str(self._on.get("flip", "none"))
        flip_x, flip_y = (tf.where(draw(name) < 0.5, -one, one) if flips in (direction, "both") else one
                          for name, direction in (("flip_x", "horizontal"), ("flip_y", "vertical")))
        angle = _signed(draw("rotate")) * math.radians(self._number("rotate"))
        slope = tf.tan(_signed(draw("shear")) * math.radians(self._number("shear")))
        factor = 1 + _signed(draw("zoom")) * self._number("zoom")
        cos, sin = tf.cos(angle), tf.sin(angle)
        return [[flip_x * cos / factor, flip_x * (slope * cos - sin) / factor],
                [flip_y * sin / factor, flip_y * (slope * sin + cos) / factor]]

    def _moved(self, draw: Callable[[str], tf.Tensor], axis: str, length: int) -> tf.Tensor:
        """[N]: the shift along the axis, as a fraction of its length."""
        most = int(np.rint(self._number("crop") * length))
        pixels = tf.minimum(tf.floor(draw("crop_" + axis) * (2 * most + 1)), 2.0 * most) - most
        return pixels / length + _signed(draw("shift_" + axis)) * self._number("shift")

    def _number(self, key: str) -> float:
        return float(self._on.get(key, 0.0))


def _signed(uniform: tf.Tensor) -> tf.Tensor:
    return 2 * uniform - 1

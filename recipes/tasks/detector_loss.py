"""The detector's loss, as in YOLO 9000 (Redmon and Farhadi 2017, arXiv:1612.08242), with logarithms of the sides."""

import grid
import tensorflow as tf


def yolo(outputs, targets, extras):
    """The loss, as a mean over the boxes. Each box is assigned to the cell of its centre and to the anchor of the
    nearest size. That anchor has to predict objectness, position, size and shape of the box. All others have to predict
    that there is no object."""
    anchors = tf.constant(grid.ANCHORS)
    _, cells, _, numbers = outputs["grid"].shape.as_list()
    shapes = numbers // len(grid.ANCHORS) - grid.BOX
    answers = tf.reshape(outputs["grid"], [-1, cells, cells, len(grid.ANCHORS), grid.BOX + shapes])
    corner, size = extras["box"][..., :2], extras["box"][..., 2:] - extras["box"][..., :2]
    centre = (corner + size / 2) / grid.CELL  # in cells
    cell = tf.clip_by_value(tf.floor(centre), 0.0, cells - 1.0)
    size = tf.maximum(size, 1.0)
    anchor = tf.argmin(tf.abs(tf.log(tf.sqrt(size[..., :1] * size[..., 1:]) / anchors)), -1)
    # A box without area was moved out of the picture by augmentation. Boxes from the index `box_count` on are padding.
    there = tf.reduce_all(extras["box"][..., 2:] - corner > 2.0, -1)
    there &= tf.range(extras["box"].shape.as_list()[1])[None] < extras["box_count"][:, None]
    # [N, boxes, cells, cells, anchors]: 1 at the cell and the anchor to which the box is assigned.
    owns = (tf.one_hot(tf.cast(cell[..., 0], tf.int32), cells)[..., :, None, None]
            * tf.one_hot(tf.cast(cell[..., 1], tf.int32), cells)[..., None, :, None]
            * tf.one_hot(anchor, len(grid.ANCHORS))[..., None, None, :]
            * tf.cast(there, tf.float32)[..., None, None, None])
    occupied = tf.minimum(tf.reduce_sum(owns, 1), 1.0)
    objectness = tf.nn.sigmoid_cross_entropy_with_logits(labels=occupied, logits=answers[..., 0])

    # [N, boxes, 5 + shapes]: the predictions at the cell and the anchor to which the box is assigned.
    answers = tf.einsum("nbyxa,nyxav->nbv", owns, answers)
    side = tf.einsum("nbyxa,a->nb", owns, anchors)
    place = tf.nn.sigmoid_cross_entropy_with_logits(labels=centre - cell, logits=answers[..., 1:3])
    ratio = tf.log(size / tf.maximum(side, 1.0)[..., None])
    shape = tf.nn.softmax_cross_entropy_with_logits_v2(
        labels=tf.one_hot(extras["shape"], shapes), logits=answers[..., grid.BOX:])
    of_box = tf.reduce_sum(place, -1) + 2 * tf.reduce_sum(tf.abs(answers[..., 3:5] - ratio), -1) + shape
    of_box = tf.where(there, of_box, tf.zeros_like(of_box))
    return (tf.reduce_sum(objectness * (1 + 4 * occupied)) + tf.reduce_sum(of_box)) / tf.maximum(
        tf.reduce_sum(occupied), 1.0)

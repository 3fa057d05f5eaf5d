import numpy as np
import pytest

from octet.data import contact_sheet, summary
from octet.data.dataset import Dataset, Extra, Input, Part, Target
from octet.datasets import digits


def one(codes, **targets):
    return Dataset({"image": Input(codes.shape[1:], 0.0, 1.0)}, {name: target for name, (target, _) in targets.items()},
                   {"train": Part({"image": codes}, {name: values for name, (_, values) in targets.items()})})


def test_the_bulk_of_the_codes_is_independent_of_outliers():
    codes = np.full((100, 100), 7, np.uint8)
    codes[0, :5] = 255
    assert summary.used_codes(codes) == (1, 7, 7)
    every = np.tile(np.arange(256, dtype=np.uint8), (8, 1))
    assert summary.used_codes(every) == (256, 0, 255)


def test_sound_data_has_no_notes():
    assert summary.notes(digits.load()) == []


def test_a_contact_sheet_has_a_row_for_each_class_and_is_what_the_network_sees():
    codes = np.zeros((6, 4, 4, 1), np.uint8)
    codes[3:] = 200
    drawn = np.asarray(contact_sheet.draw(one(codes, label=(Target("class", ["dark", "bright"]), np.arange(6) // 3))))
    assert drawn.shape == (2 * (contact_sheet.CELL + contact_sheet.TEXT), contact_sheet.COLUMNS * contact_sheet.CELL, 3)
    middle = contact_sheet.TEXT + contact_sheet.CELL // 2
    assert (drawn[middle, 10] == 0).all() and (drawn[middle + contact_sheet.CELL + contact_sheet.TEXT, 10] == 200).all()
    assert (drawn[middle, 4 * contact_sheet.CELL] == 255).all()  # there are three of the class


def test_masks_are_drawn_beside_their_pictures_with_ignored_pixels_black():
    labels = np.array([[[0, 1], [255, 1]]] * 2, np.int32)
    target = Target("class_map", ["a", "b"], (2, 2), ignore=255)
    drawn = np.asarray(contact_sheet.draw(one(np.zeros((2, 2, 2, 3), np.uint8), mask=(target, labels))))
    top, left = contact_sheet.TEXT, contact_sheet.CELL
    assert (drawn[top + 5, left + 5] == contact_sheet.COLOURS[0]).all()
    assert (drawn[top + 5, left + 60] == contact_sheet.COLOURS[1]).all()
    assert (drawn[top + 60, left + 5] == 0).all()


def test_boxes_keypoints_and_masks_of_the_extras_are_drawn():
    extras = {"box": np.array([[[1, 2, 5, 7], [0, 0, 7, 7]]], np.float32), "box_count": np.ones(1, np.int32),
              "eye": np.array([[[6.0, 1.0]]], np.float32), "skin": np.full((1, 7, 7), 3, np.int32)}
    dataset = Dataset({"image": Input((7, 7, 3), 0.0, 1.0)}, {"grid": Target("raw", shape=(1,))}, {"train": Part(
        {"image": np.zeros((1, 7, 7, 3), np.uint8)}, {"grid": np.zeros((1, 0), np.float32)}, extras)},
        extras={"box": Extra("boxes", (2, 4)), "eye": Extra("keypoints", (1, 2)), "skin": Extra("mask", (7, 7))})
    drawn = np.asarray(contact_sheet.draw(dataset))[contact_sheet.TEXT:]
    yellow = (drawn[:, :contact_sheet.CELL] == [255, 255, 0]).all(-1)
    pixel = (contact_sheet.CELL - 2) // 7
    rows, columns = np.nonzero(yellow[:, 2 * pixel:])
    assert (rows.min(), rows.max() + 1) == (pixel, 5 * pixel)  # the second box is padding
    assert (columns.min() + 2 * pixel, columns.max() + 1 + 2 * pixel) == (2 * pixel, 7 * pixel)
    assert yellow[6 * pixel - 3:6 * pixel + 3, pixel - 3:pixel + 3].any()
    assert (drawn[5, contact_sheet.CELL + 5] == contact_sheet.COLOURS[3]).all()


@pytest.mark.parametrize("boxes, note", [
    ([[1, 2, 5, 8]], None), ([[0.1, 0.2, 0.5, 1]], "are at most 1"), ([[1, 2, 5, 8], [2, 3, 4, 11]], "1 of 2 boxes"),
    ([[2, 5, 5, 8], [0, 0, 0, 99]], "1 of 2 boxes 'box' lie partly outside of the picture of [6, 9] pixels"),
    ([], None)])
def test_boxes_that_are_not_in_pixels_of_the_picture_are_reported(boxes, note):
    padded = np.zeros((1, 3, 4), np.float32)
    padded[0, :len(boxes)] = np.array(boxes).reshape(-1, 4)
    padded[0, 2] = 77  # padding
    dataset = Dataset({"image": Input((6, 9, 3), 0.0, 1.0)}, {"grid": Target("raw", shape=(1,))}, {"train": Part(
        {"image": np.arange(162).reshape(1, 6, 9, 3).astype(np.uint8)}, {"grid": np.zeros((1, 0), np.float32)},
        {"box": padded, "box_count": np.array([len(boxes)], np.int32)})}, extras={"box": Extra("boxes", (3, 4))})
    found = [one for one in summary.notes(dataset) if "box" in one]
    assert found == [] if note is None else note in found[0]


def test_data_without_pictures_has_no_contact_sheet():
    assert contact_sheet.draw(one(np.zeros((3, 5), np.uint8), label=(Target("class", "ab"), np.arange(3) % 2))) is None


def test_the_share_of_ignored_pixels_is_said():
    labels = np.zeros((4, 5, 2), np.int32)
    labels[:, 1:] = 1
    labels[0] = 255  # 10 of 40 pixels
    dataset = Dataset({"image": Input((5, 2, 1), 0.0, 1.0)}, {"mask": Target("class_map", ["a", "b"], (5, 2), 255)}, {
        part: Part({"image": np.arange(40, dtype=np.uint8).reshape(4, 5, 2, 1)}, {"mask": each})
        for part, each in (("train", labels), ("validation", labels % 255))})
    assert "ignored pixels of 'mask' (label 255): 25 % of train, 0 % of validation" in summary.notes(dataset)

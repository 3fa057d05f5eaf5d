"""Synthesised sounds of a motor, a third of a second each. In the training and validation parts, its bearing is intact.
In half of the test part, the bearing is damaged: it clicks as the motor turns, faintly or loudly.

Input: log mel codes [16, 16, 1] (log_mel.py). Target: the input itself. Extra: damaged, 0 or 1. The sounds are
generated from a fixed seed.
"""

import hashlib

import log_mel
import numpy as np

from octet.data.dataset import PARTS, Dataset, Extra, Input, Part, Target

BANDS = FRAMES = 16
SAMPLES = log_mel.FRAME + (FRAMES - 1) * log_mel.STEP
COUNT = {"train": 2000, "validation": 200, "test": 600}


def load(parts=PARTS, samples=None):
    """The Dataset. parts, samples: see octet/data/dataset.py."""
    return Dataset({"spectrogram": Input((FRAMES, BANDS, 1), 0.0, 1.0)},
                   {"reconstruction": Target("value", shape=(FRAMES, BANDS, 1))},
                   {part: recorded(part, COUNT[part] if samples is None else samples) for part in parts},
                   samples=samples, extras={"damaged": Extra("array", (), placeless=True, dtype="int32")})


def digest(part):
    """No data is read: the sounds follow from this file and log_mel.py, whose source is in the key."""
    return hashlib.sha256(part.encode()).hexdigest()


def recorded(part, count):
    """The first `count` samples of a part."""
    random = np.random.RandomState(20 + PARTS.index(part))
    damaged = np.arange(count, dtype=np.int32) % 2 if part == "test" else np.zeros(count, np.int32)
    codes = np.stack([log_mel.codes(sound(each, random), BANDS) for each in damaged])[..., None]
    return Part({"spectrogram": codes}, {"reconstruction": (codes / 255.0).astype(np.float32)}, {"damaged": damaged})


def sound(damaged, random):
    """[SAMPLES] int16: the sound of a motor at a random speed and load."""
    time = np.arange(SAMPLES) / log_mel.RATE
    turns, load = random.uniform(40, 60), random.uniform(0.5, 1.5)  # turns per second
    harmonics = np.arange(1, 30)
    strength = load / harmonics * random.uniform(0.8, 1.2, len(harmonics))
    phase = random.uniform(0, 2 * np.pi, (len(harmonics), 1))
    wave = 0.1 * strength.dot(np.sin(2 * np.pi * turns * harmonics[:, None] * time + phase))
    wave += 0.01 * load * random.normal(0, 1, SAMPLES) * (1 + 0.5 * np.sin(2 * np.pi * turns * time))
    if damaged:
        since_click = (time + random.uniform(0, 1)) % (1 / (3.6 * turns))  # seconds; a ball passes 3.6 times a turn
        wave += 10 ** random.uniform(-2, -0.5) * np.exp(-since_click * 400) * np.sin(2 * np.pi * 2600 * since_click)
    return np.clip(32768 * wave, -32768, 32767).astype(np.int16)

"""Synthesised words in one second of noise: two vowels in a row, in voices of many pitches.

Input: log mel codes [49, 10, 1] (log_mel.py). Target: word, which is one of WORDS, `other` (another pair of vowels) or
`silence` (noise alone). The sounds are generated from a fixed seed.
"""

import hashlib

import log_mel
import numpy as np

from octet.data.dataset import PARTS, Dataset, Input, Part, Target

BANDS = 10
FORMANTS = {"a": (730, 1090, 2440), "i": (270, 2290, 3010), "u": (300, 870, 2240)}  # Hz: Peterson and Barney 1952
WORDS = ["ai", "ia", "ua", "iu"]
OTHERS = ["au", "ui", "aa", "ii", "uu"]
CLASSES = WORDS + ["other", "silence"]
COUNT = {"train": 1200, "validation": 180, "test": 360}


def load(parts=PARTS, samples=None):
    """The Dataset. parts, samples: see octet/data/dataset.py."""
    return Dataset({"spectrogram": Input((1 + (log_mel.RATE - log_mel.FRAME) // log_mel.STEP, BANDS, 1), 0.0, 1.0)},
                   {"word": Target("class", CLASSES)},
                   {part: spoken(part, COUNT[part] if samples is None else samples) for part in parts},
                   samples=samples)


def digest(part):
    """No data is read: the sounds follow from this file and log_mel.py, whose source is in the key."""
    return hashlib.sha256(part.encode()).hexdigest()


def spoken(part, count):
    """The first `count` samples of a part. The classes take turns."""
    random = np.random.RandomState(10 + PARTS.index(part))
    labels = np.arange(count, dtype=np.int32) % len(CLASSES)
    codes = np.stack([log_mel.codes(sound(CLASSES[label], random), BANDS) for label in labels])
    return Part({"spectrogram": codes[..., None]}, {"word": labels})


def sound(word, random):
    """[8000] int16: one second of noise with the word at a random place."""
    noise = random.normal(0, 10 ** random.uniform(-3, -1), log_mel.RATE)
    if word != "silence":
        vowels = OTHERS[random.randint(len(OTHERS))] if word == "other" else word
        pitch, size = random.uniform(90, 250), random.uniform(0.9, 1.15)  # of the voice
        said = np.concatenate([vowel(FORMANTS[each], pitch * random.uniform(0.9, 1.1), size, random.uniform(0.15, 0.3))
                               for each in vowels])
        start = random.randint(log_mel.RATE - len(said))
        noise[start:start + len(said)] += random.uniform(0.1, 0.5) * said
    return np.clip(32768 * noise, -32768, 32767).astype(np.int16)


def vowel(formants, pitch, size, seconds):
    """[samples] in [-1, 1]: the harmonics of a pitch, each amplified by the formants near it."""
    time = np.arange(int(seconds * log_mel.RATE)) / log_mel.RATE
    hertz = pitch * np.arange(1, int(log_mel.RATE / 2 / pitch))
    near = [1 / (1 + np.square((hertz - size * formant) / 80)) / (1 + order) for order, formant in enumerate(formants)]
    wave = np.sum(near, 0).dot(np.sin(2 * np.pi * hertz[:, None] * time))
    return wave / np.abs(wave).max() * np.sin(np.pi * time / seconds) ** 0.5  # fades in and out

"""Log mel spectrograms, the inputs of the keyword spotter and the anomaly detector. Needs numpy only.

`codes(sound, bands)` makes the network's input. The datasets call it when the data is prepared. A device that runs the
.tflite file can use a copy of this file, so that it computes the same codes.
"""

import numpy as np

RATE = 8000  # samples per second
FRAME, STEP = 320, 160  # samples: a frame of 40 ms every 20 ms
FLOOR, CEILING = -60.0, 40.0  # decibels of the codes 0 and 255, for samples from -1 to 1


def codes(sound, bands):
    """[frames, bands] uint8 of a sound [samples] int16."""
    return np.floor(255 * log_mel(sound, bands) + 0.5).astype(np.uint8)


def log_mel(sound, bands):
    """[frames, bands] float in [0, 1]: the energy of each frame in each mel band, from FLOOR to CEILING decibels."""
    starts = STEP * np.arange(1 + (len(sound) - FRAME) // STEP)
    frames = sound[starts[:, None] + np.arange(FRAME)] / 32768.0 * np.hanning(FRAME)
    energy = np.square(np.abs(np.fft.rfft(frames))).dot(filters(bands))
    decibels = 10 * np.log10(energy + 1e-10)
    return np.clip((decibels - FLOOR) / (CEILING - FLOOR), 0, 1)


def filters(bands):
    """[frequencies, bands]: triangular filters of equal width on the mel scale, from 0 to half of RATE."""
    def mel(hertz):
        return 2595 * np.log10(1 + hertz / 700.0)

    place = mel(np.fft.rfftfreq(FRAME, 1.0 / RATE)) / mel(RATE / 2.0) * (bands + 1)  # a band is centred on 1, 2, ...
    return np.maximum(0, 1 - np.abs(place[:, None] - np.arange(1, bands + 1)))

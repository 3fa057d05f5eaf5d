"""What each epoch of a phase came to: in the manifest, in TensorBoard, in a line for people."""

import time
from pathlib import Path
from typing import Callable, Dict, List

import tensorflow as tf

FOLDER = "events"


class History:
    """The epochs so far. `validate` gives {output: {metric: value}} over the validation part.

    TensorBoard reads the events in `folder`; they are a by-product: they hold times.
    """

    def __init__(self, folder: Path, validate: Callable[[], Dict[str, Dict[str, float]]]) -> None:
        self.epochs: List[Dict] = []
        self._validate = validate
        self._events = tf.summary.FileWriter(str(folder / FOLDER))
        self._began = 0.0

    def begin_epoch(self) -> None:
        self._began = time.perf_counter()

    def end_epoch(self, loss: float, samples: int) -> None:
        """Adds an epoch of the mean loss and as many samples; the validation part is measured."""
        rate = samples / (time.perf_counter() - self._began)
        validation = self._validate()
        self.epochs.append({"epoch": len(self.epochs) + 1, "loss": loss, "validation": validation,
                            "images_per_s": round(rate, 1)})
        self._write({"loss": loss, "images_per_s": rate})
        self._write({"validation/{}/{}".format(output, metric): value
                     for output, figures in validation.items() for metric, value in figures.items()})
        self._events.flush()

    def line(self, loss: float, samples: int = 0) -> str:
        """The loss, what the last whole epoch came to, and the speed: of as many samples since the epoch began, or of
        the last whole epoch."""
        words = ["loss {:.3f}".format(loss)]
        for output, figures in (self.epochs[-1]["validation"] if self.epochs else {}).items():
            for metric, value in list(figures.items())[:1]:  # the first is the one to look at
                words.append("{} {} {:.4f}".format(output, metric, value))
        if samples or self.epochs:
            words.append("{:.0f} images/s".format(
                samples / (time.perf_counter() - self._began) if samples else self.epochs[-1]["images_per_s"]))
        return ", ".join(words)

    def close(self) -> List[Dict]:
        """The epochs; the events are on disk."""
        self._events.close()
        return self.epochs

    def _write(self, values: Dict[str, float]) -> None:
        self._events.add_summary(tf.Summary(value=[
            tf.Summary.Value(tag=tag, simple_value=value)
            for tag, value in values.items() if value is not None]), len(self.epochs))


def duration(seconds: float) -> str:
    """A time in two units, for people: '2 h 05 min', '3 min 20 s', '8 s'."""
    seconds = int(round(seconds))
    if seconds >= 3600:
        return "{} h {:02d} min".format(seconds // 3600, seconds % 3600 // 60)
    return "{} min {:02d} s".format(seconds // 60, seconds % 60) if seconds >= 60 else "{} s".format(seconds)

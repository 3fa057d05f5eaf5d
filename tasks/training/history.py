"""The losses, metrics and speeds of a phase's epochs: for the manifest, for TensorBoard, and as a line of progress."""

import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import tensorflow as tf

FOLDER = "events"


class History:
    """The epochs so far.

    validate: returns {output: {metric: value}} over the validation part. folder: gets the events for TensorBoard. They
    hold times, so they are a by-product of the stage.
    """

    def __init__(self, folder: Path, validate: Callable[[], Dict[str, Dict[str, Optional[float]]]]) -> None:
        self.epochs: List[Dict[str, Any]] = []
        self._ended: List[float] = []
        self._validate = validate
        self._events = tf.summary.FileWriter(str(folder / FOLDER))
        self._began = 0.0

    def begin_epoch(self) -> None:
        self._began = time.perf_counter()

    def end_epoch(self, loss: float, samples: int) -> None:
        """Measures the validation part and adds an epoch. loss: the mean over the epoch. samples: those of the epoch
        that this process trained on, for the speed."""
        rate = samples / (time.perf_counter() - self._began)
        validation = self._validate()
        self.epochs.append({"epoch": len(self.epochs) + 1, "loss": loss, "validation": validation,
                            "images_per_s": round(rate, 1)})
        self._ended.append(time.time())
        self._write(len(self.epochs))

    def state(self) -> Dict[str, Any]:
        """The state for `restore`, as JSON values."""
        return {"epochs": self.epochs, "ended": self._ended}

    def restore(self, state: Dict[str, Any]) -> None:
        """Restores the epochs of an interrupted training, and writes their events again with the original times."""
        self.epochs, self._ended = list(state["epochs"]), list(state["ended"])
        for number in range(1, len(self.epochs) + 1):
            self._write(number)

    def line(self, loss: float, samples: int = 0) -> str:
        """A line of progress: the loss, the first metric of each output after the last epoch, and the speed. samples:
        those trained on since the epoch began; 0 to give the speed of the last epoch."""
        words = ["loss {:.3f}".format(loss)]
        for output, figures in (self.epochs[-1]["validation"] if self.epochs else {}).items():
            for metric, value in list(figures.items())[:1]:  # the first is the main metric
                words.append("{} {} {}".format(
                    output, metric, "undefined" if value is None else "{:.4f}".format(value)))
        if samples or self.epochs:
            words.append("{:.0f} images/s".format(
                samples / (time.perf_counter() - self._began) if samples else self.epochs[-1]["images_per_s"]))
        return ", ".join(words)

    def close(self) -> List[Dict[str, Any]]:
        """Closes the file of events. Returns the epochs."""
        self._events.close()
        return self.epochs

    def _write(self, number: int) -> None:
        """Writes the events of an epoch, counted from 1."""
        epoch = self.epochs[number - 1]
        values = {"loss": epoch["loss"], "images_per_s": epoch["images_per_s"]}
        values.update(("validation/{}/{}".format(output, metric), value)
                      for output, figures in epoch["validation"].items() for metric, value in figures.items())
        summary = tf.Summary(value=[tf.Summary.Value(tag=tag, simple_value=value)
                                    for tag, value in values.items() if value is not None])
        self._events.add_event(tf.Event(wall_time=self._ended[number - 1], step=number, summary=summary))
        self._events.flush()


def duration(seconds: float) -> str:
    """A duration in words: '2 h 05 min', '3 min 20 s', '8 s'."""
    seconds = int(round(seconds))
    if seconds >= 3600:
        return "{} h {:02d} min".format(seconds // 3600, seconds % 3600 // 60)
    return "{} min {:02d} s".format(seconds // 60, seconds % 60) if seconds >= 60 else "{} s".format(seconds)

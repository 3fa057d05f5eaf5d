"""A .tflite file run by TensorFlow's own interpreter, one sample at a time as a phone does."""

from pathlib import Path
from typing import Callable, Dict, List, Sequence, Tuple

import numpy as np
import tensorflow as tf


class Model:
    """An interpreter with its tensors allocated."""

    def __init__(self, path: Path) -> None:
        self._interpreter = tf.lite.Interpreter(model_path=str(path))
        self._interpreter.allocate_tensors()

    @property
    def inputs(self) -> List[Dict]:
        return self._interpreter.get_input_details()

    @property
    def outputs(self) -> List[Dict]:
        return self._interpreter.get_output_details()

    @property
    def tensors(self) -> List[Dict]:
        return self._interpreter.get_tensor_details()

    def run(self, codes: Sequence[np.ndarray], progress: Callable[[float], None]) -> List[np.ndarray]:
        """The codes of each output, uint8 [N, ...], for those of each input, uint8 [N, ...]."""
        into, out = ([tensor["index"] for tensor in side] for side in (self.inputs, self.outputs))
        samples, results = len(codes[0]), []
        for number in range(samples):
            for index, values in zip(into, codes):
                self._interpreter.set_tensor(index, values[number:number + 1])
            self._interpreter.invoke()
            results.append([self._interpreter.get_tensor(index)[0] for index in out])
            if number % 500 == 0:
                progress(number / samples)
        return [np.stack(pieces) for pieces in zip(*results)]


def quantization(tensor: Dict) -> Tuple[float, int]:
    """(scale, zero point) of a tensor."""
    return tensor["quantization"]

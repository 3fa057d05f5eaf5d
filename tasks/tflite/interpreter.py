"""A .tflite file run by TensorFlow's own interpreter, one sample at a time as a phone does."""

from pathlib import Path
from typing import Callable, Dict, List, Tuple

import numpy as np
import tensorflow as tf


class Model:
    """An interpreter with its tensors allocated."""

    def __init__(self, path: Path) -> None:
        self._interpreter = tf.lite.Interpreter(model_path=str(path))
        self._interpreter.allocate_tensors()

    @property
    def input(self) -> Dict:
        return self._interpreter.get_input_details()[0]

    @property
    def output(self) -> Dict:
        return self._interpreter.get_output_details()[0]

    @property
    def tensors(self) -> List[Dict]:
        return self._interpreter.get_tensor_details()

    def run(self, codes: np.ndarray, progress: Callable[[float], None]) -> np.ndarray:
        """The output codes, uint8 [N, classes], for input codes, uint8 [N, ...]."""
        into, out = self.input["index"], self.output["index"]
        results = []
        for number in range(len(codes)):
            self._interpreter.set_tensor(into, codes[number:number + 1])
            self._interpreter.invoke()
            results.append(self._interpreter.get_tensor(out)[0])
            if number % 500 == 0:
                progress(number / len(codes))
        return np.stack(results)


def quantization(tensor: Dict) -> Tuple[float, int]:
    """(scale, zero point) of a tensor."""
    return tensor["quantization"]

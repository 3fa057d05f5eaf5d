"""How the 256 codes are used: by each tensor on some samples, and by the weights of each layer and channel."""

from typing import Any, Dict, List, Sequence

import numpy as np

from octet.quantization import to_real
from tasks.report import charts, number_words
from tasks.tflite import audit
from tasks.tflite.model_file import Contents, Operator
from tasks.tflite.parity import operators

MOST_SAMPLES, MOST_BYTES = 32, 1 << 26
BINS = 32
"""Bars of a histogram: 8 codes each."""
MOST_CHANNELS = 64
"""Bars of a chart of channels."""


def of_tensors(content: bytes, contents: Contents, inputs: Sequence[np.ndarray]) -> Dict[str, Dict[str, Any]]:
    """{tensor: {histogram: SVG, used: the lowest and highest code, clipped: share of its codes at an end of the range}}
    of each tensor that an operator makes, on the first samples. inputs: codes uint8 [N, ...] of each input.

    A code 0 of the real 0 does not count as clipped, since ReLU makes it. There are fewer samples where the tensors of
    one sample are large."""
    tensors = [tensor for tensor in contents.computed() if tensor.dtype == "uint8" and tensor.scale]
    of_one = sum(int(np.prod(tensor.shape, dtype=np.int64)) for tensor in tensors) or 1
    count = int(np.clip(MOST_BYTES // of_one, 1, MOST_SAMPLES))
    found = operators.inside(content, contents, [np.asarray(codes[:count]) for codes in inputs])
    rows = {}
    for tensor in tensors:
        counts = np.bincount(np.ravel(found[tensor.index]), minlength=256)
        ends = counts[255] + (counts[0] if tensor.zero_point else 0)
        rows[tensor.name] = {**_used(counts), "clipped": number_words.percent(ends / max(1, counts.sum()))}
    return rows


def of_weights(contents: Contents) -> List[Dict[str, Any]]:
    """A row for each layer with weights, the one with the narrowest channel first: {name, kind, shape, low, high,
    histogram, used, channels, narrowest: the range of its narrowest channel as a share of the layer's, chart: SVG}."""
    rows = []
    for operator in contents.operators:
        tensor = contents.tensors[operator.inputs[audit.WEIGHTED[operator.kind]]] \
            if operator.kind in audit.WEIGHTED else None
        if tensor is None or tensor.value is None or not tensor.value.size:
            continue
        shares = _by_channel(operator, tensor.value.astype(np.int32) - tensor.zero_point)
        low, high = (to_real(code, tensor.scale, tensor.zero_point) for code in (0, 255))
        widest, narrowest = (number_words.percent(float(share)) for share in (shares.max(), shares.min()))
        rows.append((float(shares.min()), {
            **_used(np.bincount(np.ravel(tensor.value), minlength=256)),
            "name": contents.name(operator), "kind": operator.kind, "shape": number_words.shape(tensor.shape),
            "low": number_words.real(low), "high": number_words.real(high),
            "channels": len(shares), "narrowest": narrowest,
            "chart": charts.bars(_at_most(np.sort(shares)[::-1]),
                                 "The largest weight of each of {} channels, from {} to {} of the layer's".format(
                                     len(shares), widest, narrowest))}))
    return [row for _, row in sorted(rows, key=lambda one: one[0])]


def _by_channel(operator: Operator, weights: np.ndarray) -> np.ndarray:
    """The largest absolute weight of each output channel, as a share of the layer's."""
    axis = 3 if operator.kind == "DEPTHWISE_CONV_2D" else 0
    largest = np.abs(np.moveaxis(weights, axis, 0).reshape(weights.shape[axis], -1)).max(1)
    shares: np.ndarray = largest / max(1, int(largest.max()))
    return shares


def _used(counts: np.ndarray) -> Dict[str, Any]:
    codes = np.flatnonzero(counts)
    used = "{}–{}".format(codes[0], codes[-1]) if len(codes) else number_words.NONE
    # Square roots: without them one frequent code, such as that of zero, would make all other bars invisible.
    heights = np.sqrt(counts.reshape(BINS, -1).sum(1) / max(1, counts.sum()))
    return {"used": used, "histogram": charts.bars(heights, "Histogram of its codes: {} of 256 are used, {}".format(
        len(codes), used))}


def _at_most(values: np.ndarray) -> np.ndarray:
    """The values, or MOST_CHANNELS of them at equal distances."""
    return values[np.linspace(0, len(values) - 1, min(len(values), MOST_CHANNELS)).round().astype(int)]

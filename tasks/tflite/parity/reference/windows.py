"""The float arithmetic of operators with windows over images [N, H, W, C], and of fully connected layers."""

from typing import Any, Dict, Tuple

import numpy as np

from tasks.tflite.parity.reference.kernel_types import Inputs, Kernel, Options, Outputs, Shapes

SAME = 0  # the schema's Padding


def _each_image(kernel: Kernel, place: int = 0) -> Kernel:
    """The kernel for N images from one for a single image. place: the index of the input that holds the images."""
    def of_all(options: Options, inputs: Inputs, shapes: Shapes) -> Outputs:
        made = []
        for number in range(len(inputs[place])):
            one = inputs[:place] + [inputs[place][number:number + 1]] + inputs[place + 1:]
            made += kernel(options, one, [(1,) + tuple(shapes[0][1:])])
        return [np.concatenate(made)]
    return of_all


def _padding(size: int, made: int, window: int, stride: int) -> Tuple[int, int]:
    """(before, after): the SAME padding of an axis. made: the size of the output."""
    reach = max((made - 1) * stride + window - size, 0)
    return reach // 2, reach - reach // 2


def _windows(image: np.ndarray, made: Tuple[int, int], window: Tuple[int, int], strides: Tuple[int, int],
             dilations: Tuple[int, int], same: bool, outside: float) -> np.ndarray:
    """The windows [H, W, *window, C] of an image [1, h, w, C]. made: (H, W), the size of the output. same: whether
    padding is SAME. outside: the value of padded pixels."""
    image = image[0]
    spans = [(size - 1) * dilation + 1 for size, dilation in zip(window, dilations)]
    if same:
        ends = [_padding(*sizes) for sizes in zip(image.shape, made, spans, strides)]
        image = np.pad(image, ends + [(0, 0)], mode="constant", constant_values=outside)
    high, wide, deep = image.strides
    return np.lib.stride_tricks.as_strided(
        image, tuple(made) + tuple(window) + image.shape[2:],
        (high * strides[0], wide * strides[1], high * dilations[0], wide * dilations[1], deep), writeable=False)


def _layer_windows(options: Options, image: np.ndarray, made: Any, window: Any) -> np.ndarray:
    return _windows(image, made, window, (options["stride_h"], options["stride_w"]),
                    (options["dilation_h_factor"], options["dilation_w_factor"]),
                    options["padding"] == SAME, 0.0)


def _conv_2d(options: Options, inputs: Inputs, shapes: Shapes) -> Outputs:
    image, weights = inputs[:2]  # weights [out, H, W, in]
    seen = _layer_windows(options, image, shapes[0][1:3], weights.shape[1:3])
    return [_biased(np.tensordot(seen, weights, ([2, 3, 4], [1, 2, 3]))[np.newaxis], inputs)]


def _depthwise_conv_2d(options: Options, inputs: Inputs, shapes: Shapes) -> Outputs:
    image, weights = inputs[:2]  # weights [1, H, W, in * multiplier]
    seen = _layer_windows(options, image, shapes[0][1:3], weights.shape[1:3])
    weights = weights[0].reshape(weights.shape[1:3] + (image.shape[3], -1))
    made = np.zeros(tuple(shapes[0][1:3]) + weights.shape[2:], weights.dtype)
    for place in np.ndindex(weights.shape[:2]):  # one place of the window at a time, for all windows
        made += seen[(slice(None), slice(None)) + place][..., np.newaxis] * weights[place]
    return [_biased(made.reshape(shapes[0]), inputs)]


def _fully_connected(options: Options, inputs: Inputs, shapes: Shapes) -> Outputs:
    values, weights = inputs[:2]  # weights [out, in]
    return [_biased(values.reshape(-1, weights.shape[1]) @ weights.T, inputs).reshape(shapes[0])]


def _biased(values: np.ndarray, inputs: Inputs) -> np.ndarray:
    return values + inputs[2] if len(inputs) > 2 else values


def _transpose_conv(options: Options, inputs: Inputs, shapes: Shapes) -> Outputs:
    _, weights, image = inputs  # weights [out, H, W, in]
    image, strides, window = image[0], (options["stride_h"], options["stride_w"]), weights.shape[1:3]
    pieces = np.tensordot(image, weights, (2, 3))  # [H, W, out, *window]
    spans = [(size - 1) * stride + 1 for size, stride in zip(image.shape, strides)]
    whole = np.zeros([max(span + size - 1, made) for span, size, made in zip(spans, window, shapes[0][1:3])]
                     + [shapes[0][3]])
    for y in range(window[0]):
        for x in range(window[1]):
            whole[y:y + spans[0]:strides[0], x:x + spans[1]:strides[1]] += pieces[..., y, x]
    # The padding is that of the corresponding convolution, whose input has the shape of this output.
    top, left = (_padding(*sizes)[0] if options["padding"] == SAME else 0
                 for sizes in zip(shapes[0][1:3], image.shape, window, strides))
    return [whole[np.newaxis, top:top + shapes[0][1], left:left + shapes[0][2]]]


def _pool(options: Options, image: np.ndarray, made: Any) -> np.ndarray:
    return _windows(image, made, (options["filter_height"], options["filter_width"]),
                    (options["stride_h"], options["stride_w"]), (1, 1), options["padding"] == SAME, np.nan)


def _average_pool_2d(options: Options, inputs: Inputs, shapes: Shapes) -> Outputs:
    return [np.nanmean(_pool(options, inputs[0], shapes[0][1:3]), (2, 3))[np.newaxis]]


def _max_pool_2d(options: Options, inputs: Inputs, shapes: Shapes) -> Outputs:
    return [np.nanmax(_pool(options, inputs[0], shapes[0][1:3]), (2, 3))[np.newaxis]]


def _positions(size: int, made: int, align_corners: bool) -> np.ndarray:
    """The position in the input axis, of `size` pixels, of each of the `made` output pixels."""
    step = (size - 1) / (made - 1) if align_corners and made > 1 else size / made
    return np.arange(made) * step


def _resize_bilinear(options: Options, inputs: Inputs, shapes: Shapes) -> Outputs:
    values = inputs[0]
    for axis in (1, 2):
        size = values.shape[axis]
        at = _positions(size, shapes[0][axis], options["align_corners"])
        before = np.minimum(np.floor(at).astype(int), size - 1)
        share = (at - before).reshape([-1 if place == axis else 1 for place in range(4)])
        values = (np.take(values, before, axis) * (1 - share)
                  + np.take(values, np.minimum(before + 1, size - 1), axis) * share)
    return [values]


def _resize_nearest_neighbor(options: Options, inputs: Inputs, shapes: Shapes) -> Outputs:
    values = inputs[0]
    for axis in (1, 2):
        at = _positions(values.shape[axis], shapes[0][axis], options["align_corners"])
        nearest = np.floor(at + 0.5 if options["align_corners"] else at + 1e-9).astype(int)
        values = np.take(values, np.minimum(nearest, values.shape[axis] - 1), axis)
    return [values]


KERNELS: Dict[str, Kernel] = {
    "CONV_2D": _each_image(_conv_2d),
    "DEPTHWISE_CONV_2D": _each_image(_depthwise_conv_2d),
    "FULLY_CONNECTED": _fully_connected,
    "TRANSPOSE_CONV": _each_image(_transpose_conv, 2),
    "AVERAGE_POOL_2D": _each_image(_average_pool_2d),
    "MAX_POOL_2D": _each_image(_max_pool_2d),
    "RESIZE_BILINEAR": _resize_bilinear,
    "RESIZE_NEAREST_NEIGHBOR": _resize_nearest_neighbor,
}

"""Writes two .tflite files without Octet: ten pixels of an 8 x 8 picture are the ten scores.

    python -m tests.export.foreign FOLDER      float.tflite; uint8.tflite, whose codes represent reals in [-1, 2.5]"""

import sys
from pathlib import Path

import tensorflow as tf

PIXELS = slice(20, 30)


def main(folder: Path) -> None:
    for name, dtype in (("float", tf.lite.constants.FLOAT), ("uint8", tf.lite.constants.QUANTIZED_UINT8)):
        with tf.Graph().as_default(), tf.Session() as session:
            picture = tf.placeholder(tf.float32, [1, 8, 8], name="picture")
            ranged = picture if name == "float" else tf.fake_quant_with_min_max_args(picture, -1.0, 2.5)
            scores = tf.slice(tf.reshape(ranged, [1, 64]), [0, PIXELS.start], [1, 10], name="scores")
            converter = tf.lite.TFLiteConverter.from_session(session, [picture], [scores])
            converter.inference_type = dtype
            converter.quantized_input_stats = {"picture": (255 / 3.5, 255 / 3.5)}  # real = (code - mean) / deviation
            (folder / (name + ".tflite")).write_bytes(converter.convert())


if __name__ == "__main__":
    main(Path(sys.argv[1]))

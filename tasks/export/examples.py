"""Programs that run an exported model. They are text in a module, so that their bytes are in the stage's key."""

import functools
import operator
from typing import Any, Dict, Sequence

from octet.data import crop
from tasks.tflite.model_file import Contents

PYTHON = '''\
"""Runs samples/ through a model and prints its answers: python run.py [model.tflite or model_int8.tflite]

"differs by" is the largest difference to the expected output codes in samples/. It is 0 for model.tflite with the
kernels of tflite-runtime, and some codes for model_int8.tflite and for other kernels.
"""

import json
import os
import sys

import numpy as np

try:
    from tflite_runtime.interpreter import Interpreter
except ImportError:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        from tensorflow.lite.python.interpreter import Interpreter

here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
name = sys.argv[1] if len(sys.argv) > 1 else "model.tflite"
card = json.load(open(os.path.join(here, "card.json"), encoding="utf-8"))
interpreter = Interpreter(os.path.join(here, name))
interpreter.allocate_tensors()
inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
shift = 128 if inputs[0]["dtype"] == np.int8 else 0  # int8 codes are 128 lower than uint8 codes


def load(kind, index):
    return np.load(os.path.join(here, "samples", "%s_%d.npy" % (kind, index))).astype(np.int16)


for row in range(len(load("input", 0))):
    for index, end in enumerate(inputs):
        interpreter.set_tensor(end["index"], (load("input", index)[row:row + 1] - shift).astype(end["dtype"]))
    interpreter.invoke()
    for index, end in enumerate(outputs):
        codes = interpreter.get_tensor(end["index"])[0].astype(np.int16) + shift
        said, off = card["outputs"][index], np.abs(codes - load("output", index)[row]).max()
        one = said["kind"] == "class" and codes.size > 1
        text = said["classes"][codes.argmax()] if one else "codes %s" % codes.reshape(-1)[:8].tolist()
        print("sample %d  %s: %s  (differs by %d)" % (row, said["name"], text, off))
'''

LITE = '''\
// A fragment for TensorFlow Lite in C++: one inference of model.tflite, from the codes of its first input to those of
// its first output.
#include <cstdint>
#include <cstring>
#include <memory>

#include "tensorflow/lite/interpreter.h"
#include "tensorflow/lite/kernels/register.h"
#include "tensorflow/lite/model.h"

#include "../c/model_data.h"

// codes: octet_model_data::kInput0Bytes of them. Returns octet_model_data::kOutput0Bytes codes, which the next call
// overwrites; nullptr where the model cannot be run.
const std::uint8_t* Run(const std::uint8_t* codes) {
  static auto model = tflite::FlatBufferModel::BuildFromBuffer(
      reinterpret_cast<const char*>(octet_model_data::kModel), octet_model_data::kModelBytes);
  static tflite::ops::builtin::BuiltinOpResolver resolver;
  static std::unique_ptr<tflite::Interpreter> interpreter;
  if (!interpreter) {
    if (tflite::InterpreterBuilder(*model, resolver)(&interpreter) != kTfLiteOk) return nullptr;
    if (interpreter->AllocateTensors() != kTfLiteOk) return nullptr;
  }
  std::memcpy(interpreter->typed_input_tensor<std::uint8_t>(0), codes, octet_model_data::kInput0Bytes);
  if (interpreter->Invoke() != kTfLiteOk) return nullptr;
  return interpreter->typed_output_tensor<std::uint8_t>(0);
}
'''

MICRO = '''\
// A fragment for TensorFlow Lite for Microcontrollers: one inference of model_int8.tflite, from the codes of its first
// input to those of its first output. int8 codes are 128 lower than the uint8 codes of samples/.
#include <cstdint>
#include <cstring>

#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

#include "../c/model_int8_data.h"

// Optimized kernels (CMSIS-NN) need a larger arena. AllocateTensors fails where it is too small.
alignas(16) static std::uint8_t arena[octet_model_int8_data::kArenaBytes];

// codes: octet_model_int8_data::kInput0Bytes of them. Returns octet_model_int8_data::kOutput0Bytes codes, which the
// next call overwrites; nullptr where the model cannot be run.
const std::int8_t* Run(const std::int8_t* codes) {{
  static tflite::MicroMutableOpResolver<{count}> resolver;
  static tflite::MicroInterpreter* interpreter = nullptr;
  if (!interpreter) {{
{adds}
    static tflite::MicroInterpreter made(tflite::GetModel(octet_model_int8_data::kModel), resolver, arena,
                                         sizeof arena);
    if (made.AllocateTensors() != kTfLiteOk) return nullptr;
    interpreter = &made;
  }}
  std::memcpy(interpreter->input(0)->data.int8, codes, octet_model_int8_data::kInput0Bytes);
  if (interpreter->Invoke() != kTfLiteOk) return nullptr;
  return interpreter->output(0)->data.int8;
}}
'''

IRREGULAR = {"CONV_2D": "Conv2D", "DEPTHWISE_CONV_2D": "DepthwiseConv2D", "AVERAGE_POOL_2D": "AveragePool2D",
             "MAX_POOL_2D": "MaxPool2D", "L2_NORMALIZATION": "L2Normalization", "PADV2": "PadV2", "SPLIT_V": "SplitV",
             "RELU6": "Relu6"}
"""{operator: its method of Micro's resolver, without `Add`}, where that is not its name in camel case."""


def micro(kinds: set) -> str:
    """The fragment for Micro. It registers the operators of these kinds and no others."""
    names = [IRREGULAR.get(kind) or "".join(word.capitalize() for word in kind.split("_")) for kind in sorted(kinds)]
    return MICRO.format(count=len(names), adds="\n".join("    resolver.Add{}();".format(name) for name in names))

KOTLIN = '''\
// A fragment for Android: model.tflite in TensorFlow Lite's interpreter.
//
//   app/src/main/assets     model.tflite, and labels.txt where there is one
//   build.gradle.kts        dependencies {{ implementation("org.tensorflow:tensorflow-lite:2.16.1") }}
//                           android {{ androidResources {{ noCompress += "tflite" }} }}
package com.example.model

import android.app.Activity
{imports}import android.os.Bundle
import android.util.Log
import java.io.FileInputStream
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.channels.FileChannel
import org.tensorflow.lite.Interpreter

/** model.tflite. Its inputs and outputs are codes 0..255; card.md says which reals they stand for. */
class Model(activity: Activity) : AutoCloseable {{
    private val interpreter: Interpreter = activity.assets.openFd("model.tflite").use {{ file ->
        FileInputStream(file.fileDescriptor).use {{ stream ->
            Interpreter(stream.channel.map(FileChannel.MapMode.READ_ONLY, file.startOffset, file.declaredLength))
        }}
    }}

    /** The codes of each output. inputs: the codes of each input. */
    fun run(vararg inputs: ByteArray): List<IntArray> {{
        val given = Array<Any>(INPUT_BYTES.size) {{ buffer(INPUT_BYTES[it]).put(inputs[it]).rewind() }}
        val made = OUTPUT_BYTES.map {{ buffer(it) }}
        interpreter.runForMultipleInputsOutputs(given, made.withIndex().associate {{ it.index to it.value as Any }})
        return made.map {{ values ->
            values.rewind()
            IntArray(values.capacity()) {{ values.get().toInt() and 0xff }}
        }}
    }}

    override fun close() = interpreter.close()

    private fun buffer(bytes: Int): ByteBuffer = ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder())

    companion object {{
        val INPUT_BYTES = intArrayOf({inputs})
        val OUTPUT_BYTES = intArrayOf({outputs})
        val OUTPUT_SCALES = floatArrayOf({scales})  // real = (code - zero point) * scale
        val OUTPUT_ZERO_POINTS = intArrayOf({zero_points})
{picture}    }}
}}

class MainActivity : Activity() {{
    override fun onCreate(savedInstanceState: Bundle?) {{
        super.onCreate(savedInstanceState)
        Model(this).use {{ model ->
            val codes = model.run({first})
            {answer}
        }}
    }}
}}
'''

PICTURE = '''
        /** The codes of a picture. Android's way to resize is not that of training: compare with `octet predict`. */
        fun codesOf(bitmap: Bitmap): ByteArray {{
            val pixels = IntArray({height} * {width})
            val scaled = Bitmap.createScaledBitmap(bitmap, {whole_width}, {whole_height}, true)
            scaled.getPixels(pixels, 0, {width}, {left}, {top}, {width}, {height})
            val codes = ByteArray(pixels.size * {channels})
            for ((index, pixel) in pixels.withIndex()) {{
                val red = pixel shr 16 and 0xff
                val green = pixel shr 8 and 0xff
                val blue = pixel and 0xff
{store}
            }}
            return codes
        }}
'''
STORE = {3: '''\
                codes[3 * index] = red.toByte()
                codes[3 * index + 1] = green.toByte()
                codes[3 * index + 2] = blue.toByte()''', 1: '''\
                codes[index] = ((299 * red + 587 * green + 114 * blue) / 1000).toByte()'''}
"""{channels: how a pixel's colours are stored}."""


def kotlin(card: Dict[str, Any], contents: Contents) -> str:
    """The fragment for Android, of the uint8 file and of its card (card.facts)."""
    shapes = {side: [contents.tensors[index].shape for index in getattr(contents, side)]
              for side in ("inputs", "outputs")}
    sizes = {side: ", ".join(str(_elements(shape)) for shape in found) for side, found in shapes.items()}
    first, output = shapes["inputs"][0][1:], card["outputs"][0]
    picture = len(first) == 3 and first[2] in STORE or len(first) == 2
    channels = first[2] if len(first) == 3 else 1
    whole = card["inputs"][0].get("prepared_size", first[:2]) if picture else first
    top, left = crop.centre(whole, first) if picture else (0, 0)
    given = ["ByteArray(Model.INPUT_BYTES[{}])".format(number) for number in range(len(shapes["inputs"]))]
    if picture:
        given[0] = 'Model.codesOf(BitmapFactory.decodeStream(assets.open("picture.png")))'
    labelled = output["labels"] and output["kind"] == "class" and len(output["classes"]) == _elements(
        shapes["outputs"][0])
    return KOTLIN.format(
        imports="import android.graphics.Bitmap\nimport android.graphics.BitmapFactory\n" if picture else "", **sizes,
        scales=", ".join("{:.9g}f".format(each["scale"]) for each in card["outputs"]),
        zero_points=", ".join(str(each["zero_point"]) for each in card["outputs"]),
        picture=PICTURE.format(height=first[0], width=first[1], channels=channels, store=STORE[channels],
                               whole_height=whole[0], whole_width=whole[1], top=top, left=left)
        if picture else "", first=", ".join(given),
        answer="""val labels = assets.open("{}").bufferedReader().readLines()
            Log.i("Model", labels[codes[0].indices.maxByOrNull {{ codes[0][it] }}!!])""".format(output["labels"])
        if labelled else 'Log.i("Model", codes[0].joinToString())')


def _elements(shape: Sequence[int]) -> int:
    return functools.reduce(operator.mul, shape, 1)

"""Programs that run an exported model: text in a module, so that its bytes are in the stage's key as source is."""

PYTHON = '''\
"""Runs samples/ through the model and compares: python run.py [model.tflite or model_int8.tflite]"""

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
shift = 128 if inputs[0]["dtype"] == np.int8 else 0  # codes of int8 files are 128 lower


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
// A fragment for TensorFlow Lite in C++: loads model.tflite, feeds codes, reads codes.
#include <cstdint>
#include <cstring>
#include <memory>

#include "tensorflow/lite/interpreter.h"
#include "tensorflow/lite/kernels/register.h"
#include "tensorflow/lite/model.h"

#include "../c/model_data.h"

// `codes` holds octet_model_data::kInput0Bytes bytes; the result as many as octet_model_data::kOutput0Bytes.
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
// A fragment for TensorFlow Lite for Microcontrollers: the int8 model. Codes are 128 lower than those of model.tflite.
#include <cstdint>
#include <cstring>

#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

#include "../c/model_int8_data.h"

// Activations, and what the interpreter needs beside them: a first guess. AllocateTensors says when it is too small.
constexpr int kArenaBytes = 2 * octet_model_int8_data::kActivationBytes + 32 * 1024;
alignas(16) static std::uint8_t arena[kArenaBytes];

const std::int8_t* Run(const std::int8_t* codes) {{
  static tflite::MicroMutableOpResolver<{count}> resolver;
  static tflite::MicroInterpreter* interpreter = nullptr;
  if (!interpreter) {{
{adds}
    static tflite::MicroInterpreter made(tflite::GetModel(octet_model_int8_data::kModel), resolver, arena, kArenaBytes);
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
"""The operators whose method of Micro's resolver is not their name in camel case."""


def micro(kinds: set) -> str:
    """The fragment for Micro, which registers the operators of these kinds and no others."""
    names = [IRREGULAR.get(kind) or "".join(word.capitalize() for word in kind.split("_")) for kind in sorted(kinds)]
    return MICRO.format(count=len(names), adds="\n".join("    resolver.Add{}();".format(name) for name in names))

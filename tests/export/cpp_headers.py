"""What the C++ fragments use of TensorFlow Lite and of its runtime for microcontrollers, declared: enough to check
their syntax and types without the libraries, not to link them.

After tensorflow/lite/{interpreter,model}.h of TensorFlow 2.11, and tensorflow/lite/micro/{micro_interpreter,
micro_mutable_op_resolver}.h of tflite-micro 933f830 (2023); LogSoftmax and ReduceMin came later.
"""

from pathlib import Path

ADDS = """Abs Add AddN ArgMax ArgMin AveragePool2D BatchToSpaceNd Concatenation Conv2D DepthToSpace DepthwiseConv2D
Dequantize ExpandDims FullyConnected Gather L2Normalization LeakyRelu LogSoftmax Logistic MaxPool2D Maximum Mean Minimum
Mul Pack Pad PadV2 Quantize ReduceMax ReduceMin Relu Relu6 Reshape ResizeBilinear ResizeNearestNeighbor Slice Softmax
SpaceToBatchNd SpaceToDepth Split SplitV Squeeze StridedSlice Sub Sum Tanh Transpose TransposeConv Unpack""".split()
"""Operators that Micro's resolver has a method Add... for, of those that a file of ours can hold."""

COMMON = """#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };
union TfLitePtrUnion { std::int8_t* int8; std::uint8_t* uint8; float* f; };
struct TfLiteTensor { TfLitePtrUnion data; };
"""
LITE = {
    "tensorflow/lite/interpreter.h": """namespace tflite {
class Interpreter {
 public:
  TfLiteStatus AllocateTensors();
  TfLiteStatus Invoke();
  template <class T> T* typed_input_tensor(int index) { return static_cast<T*>(data(index)); }
  template <class T> T* typed_output_tensor(int index) { return static_cast<T*>(data(index)); }
 private:
  void* data(int index);
};
}""",
    "tensorflow/lite/kernels/register.h": """namespace tflite {
class OpResolver { public: virtual ~OpResolver() {} };
namespace ops { namespace builtin { class BuiltinOpResolver : public OpResolver { public: BuiltinOpResolver(); }; } }
}""",
    "tensorflow/lite/model.h": """#include "tensorflow/lite/interpreter.h"
#include "tensorflow/lite/kernels/register.h"
namespace tflite {
class ErrorReporter;
class FlatBufferModel {
 public:
  static std::unique_ptr<FlatBufferModel> BuildFromBuffer(
      const char* caller_owned_buffer, std::size_t buffer_size, ErrorReporter* error_reporter = nullptr);
};
class InterpreterBuilder {
 public:
  InterpreterBuilder(const FlatBufferModel& model, const OpResolver& op_resolver);
  TfLiteStatus operator()(std::unique_ptr<Interpreter>* interpreter);
};
}"""}
MICRO = {
    "tensorflow/lite/schema/schema_generated.h": """namespace tflite {
struct Model;
const Model* GetModel(const void* buf);
}""",
    "tensorflow/lite/micro/micro_op_resolver.h": """namespace tflite { class MicroOpResolver {}; }""",
    "tensorflow/lite/micro/micro_mutable_op_resolver.h": """#include "tensorflow/lite/micro/micro_op_resolver.h"
namespace tflite {{
template <unsigned int tOpCount> class MicroMutableOpResolver : public MicroOpResolver {{
 public:
{}
}};
}}""".format("\n".join("  TfLiteStatus Add{}();".format(name) for name in ADDS)),
    "tensorflow/lite/micro/micro_interpreter.h": """#include "tensorflow/lite/micro/micro_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"
namespace tflite {
class MicroInterpreter {
 public:
  MicroInterpreter(const Model* model, const MicroOpResolver& op_resolver, std::uint8_t* tensor_arena,
                   std::size_t tensor_arena_size);
  TfLiteStatus AllocateTensors();
  TfLiteStatus Invoke();
  TfLiteTensor* input(std::size_t index);
  TfLiteTensor* output(std::size_t index);
};
}"""}


def write(folder: Path) -> None:
    """`folder` is one that g++ can be given with -I."""
    (folder / "common.h").write_text(COMMON)
    for path, text in {**LITE, **MICRO}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text('#pragma once\n#include "common.h"\n' + text + "\n")

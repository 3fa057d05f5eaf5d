"""Declarations of what the C++ fragments use of TensorFlow Lite and TensorFlow Lite for Microcontrollers (Micro).

They follow tensorflow/lite/{interpreter,model}.h of TensorFlow 2.11, and tensorflow/lite/micro/{micro_interpreter,
micro_mutable_op_resolver}.h of tflite-micro 933f830 (2023); LogSoftmax and ReduceMin were added later.

The declarations for TensorFlow Lite are sufficient to link with the library of the distribution tflite-runtime 2.11,
which exports these symbols (test_linked.py). The distribution has no headers, so objects that the program makes have
room for the library's members (`state_`), and the two inline methods that read an interpreter's tensors are defined
here. The declarations for Micro only serve to check syntax and types."""

from pathlib import Path

ADDS = """Abs Add AddN ArgMax ArgMin AveragePool2D BatchToSpaceNd Concatenation Conv2D DepthToSpace DepthwiseConv2D
Dequantize ExpandDims FullyConnected Gather L2Normalization LeakyRelu LogSoftmax Logistic MaxPool2D Maximum Mean Minimum
Mul Pack Pad PadV2 Quantize ReduceMax ReduceMin Relu Relu6 Reshape ResizeBilinear ResizeNearestNeighbor Slice Softmax
SpaceToBatchNd SpaceToDepth Split SplitV Squeeze StridedSlice Sub Sum Tanh Transpose TransposeConv Unpack""".split()
"""The operators that Octet's files can contain and for which Micro's resolver has a method Add..."""

COMMON = """#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };
union TfLitePtrUnion { std::int8_t* int8; std::uint8_t* uint8; float* f; };
struct TfLiteTensor { TfLitePtrUnion data; };
struct TfLiteCustomAllocation { void* data; std::size_t bytes; };
"""
LITE = {
    "tensorflow/lite/interpreter.h": """namespace tflite {
class Interpreter {
 public:
  ~Interpreter();
  TfLiteStatus AllocateTensors();
  TfLiteStatus Invoke();
  TfLiteStatus SetCustomAllocationForTensor(int tensor_index, const TfLiteCustomAllocation& allocation,
                                            std::int64_t flags = 0);
  template <class T> T* typed_input_tensor(int index) { return static_cast<T*>(input_data(index)); }
  template <class T> T* typed_output_tensor(int index) { return static_cast<T*>(output_data(index)); }
 private:
  void* input_data(int index);
  void* output_data(int index);
};
}""",
    "tensorflow/lite/kernels/register.h": """namespace tflite {
class OpResolver { public: virtual ~OpResolver(); };
namespace ops {
namespace builtin {
class BuiltinOpResolver : public OpResolver {
 public:
  BuiltinOpResolver();
  ~BuiltinOpResolver() override;
 private:
  char state_[4096];
};
}
}
}""",
    "tensorflow/lite/model.h": """#include "tensorflow/lite/interpreter.h"
#include "tensorflow/lite/kernels/register.h"
namespace tflite {
class ErrorReporter;
class InterpreterOptions;
class FlatBufferModel {
 public:
  ~FlatBufferModel();
  static std::unique_ptr<FlatBufferModel> BuildFromBuffer(
      const char* caller_owned_buffer, std::size_t buffer_size, ErrorReporter* error_reporter = nullptr);
};
class InterpreterBuilder {
 public:
  InterpreterBuilder(const FlatBufferModel& model, const OpResolver& op_resolver,
                     const InterpreterOptions* options_experimental = nullptr);
  ~InterpreterBuilder();
  TfLiteStatus operator()(std::unique_ptr<Interpreter>* interpreter);
 private:
  char state_[4096];
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
    """Writes the headers into `folder`, for the option -I of g++."""
    (folder / "common.h").write_text(COMMON)
    for path, text in {**LITE, **MICRO}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text('#pragma once\n#include "common.h"\n' + text + "\n")

"""examples/main.cc, compiled and linked against a TensorFlow Lite library, run on the samples."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import tflite_runtime

from tasks.tflite import model_file
from tests.export import cpp_headers
from tests.export.test_fragments import compiled, needs_compiler

# Headers of TensorFlow Lite define access to the tensors' memory inline. Here, the program defines it.
PROGRAM = """
#include "{main}"

namespace {{
alignas(64) std::uint8_t input[octet_model_data::kInput0Bytes], output[octet_model_data::kOutput0Bytes];

void Place(tflite::Interpreter* interpreter) {{
  static bool placed = false;
  if (placed) return;
  placed = true;
  interpreter->SetCustomAllocationForTensor({input}, {{input, sizeof input}});
  interpreter->SetCustomAllocationForTensor({output}, {{output, sizeof output}});
  interpreter->AllocateTensors();
}}
}}  // namespace

namespace tflite {{
void* Interpreter::input_data(int) {{ Place(this); return input; }}
void* Interpreter::output_data(int) {{ Place(this); return output; }}
}}  // namespace tflite

extern "C" const std::uint8_t* run(const std::uint8_t* codes) {{ return Run(codes); }}
"""
# The library comes from the Python package, and needs symbols of Python.
CALLER = """
import ctypes, sys
import numpy as np
import tflite_runtime.interpreter
run = ctypes.CDLL(sys.argv[1]).run
run.restype = ctypes.POINTER(ctypes.c_uint8)
inputs, outputs = np.load(sys.argv[2]), np.load(sys.argv[3])
made = [np.ctypeslib.as_array(run(np.ascontiguousarray(one).ctypes.data_as(ctypes.c_void_p)), (outputs[0].size,)).copy()
        for one in inputs]
np.save(sys.argv[4], np.reshape(made, outputs.shape))
"""


@needs_compiler
def test_the_c_plus_plus_fragment_links_and_answers_the_samples(exported, tmp_path):
    cpp_headers.write(tmp_path)
    library, = Path(tflite_runtime.__file__).parent.glob("_pywrap*.so")
    contents = model_file.read((exported / "model.tflite").read_bytes())
    (tmp_path / "program.cc").write_text(PROGRAM.format(
        main=exported / "examples" / "main.cc", input=contents.inputs[0], output=contents.outputs[0]))
    compiled(tmp_path, "-fPIC", "-shared", "-I", str(tmp_path), "program.cc", str(exported / "c" / "model_data.cc"),
             str(library), "-Wl,--no-undefined", "-Wl,-z,now", "-o", "program.so")
    samples = exported / "samples"
    subprocess.run([sys.executable, "-c", CALLER, str(tmp_path / "program.so"), str(samples / "input_0.npy"),
                    str(samples / "output_0.npy"), str(tmp_path / "made.npy")], check=True, timeout=60)
    np.testing.assert_array_equal(np.load(str(tmp_path / "made.npy")), np.load(str(samples / "output_0.npy")))

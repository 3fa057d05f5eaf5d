import shutil
import subprocess

import numpy as np
import pytest

from tasks.export import c_source
from tasks.tflite import int8_twin, model_file
from tests.tasks.tflite import graphs, test_int8_twin

PROGRAM = r"""
#include <cstdio>
#include "model_data.h"
#include "model_int8_data.h"
int main() {
  namespace m = octet_model_data;
  if (reinterpret_cast<std::size_t>(m::kModel) % 16) return 1;
  std::fwrite(m::kModel, 1, m::kModelBytes, stdout);
  std::fwrite(m::kExpectedInput0, 1, sizeof m::kExpectedInput0, stdout);
  std::fwrite(m::kExpectedOutput0, 1, sizeof m::kExpectedOutput0, stdout);
  for (const char* label : m::kOutput0Labels) std::fputs(label, stdout);
  std::fwrite(octet_model_int8_data::kModel, 1, octet_model_int8_data::kModelBytes, stdout);
  return m::kInput0ZeroPoint - octet_model_int8_data::kInput0ZeroPoint - 128;
}
"""
LABELS = ["plain", "quote\" and \\", "?" + "?/ trigraph", "Käse\n7"]


@pytest.mark.skipif(not shutil.which("g++"), reason="needs a C++ compiler")
def test_compiled_arrays_are_the_files(tmp_path):
    content = graphs.converted(test_int8_twin._convolution, test_int8_twin.IMAGE)
    twin = int8_twin.of(content)
    inputs, outputs = ([np.random.RandomState(seed).randint(0, 256, (4, 8, 8, 4)).astype(np.uint8)]
                       for seed in range(2))
    for name, file, expected in (("model_data", content, outputs), ("model_int8_data", twin, None)):
        texts = c_source.render(name, name + ".tflite", file, model_file.read(file), [LABELS], inputs, expected,
                                [0, 3], 99)
        for path, text in texts.items():
            (tmp_path / path).write_text(text, encoding="utf-8")
    (tmp_path / "main.cc").write_text(PROGRAM)
    subprocess.run(["g++", "-std=c++11", "-Wall", "-Wextra", "-Werror", "-trigraphs", "-o", "main", "main.cc",
                    "model_data.cc", "model_int8_data.cc"], cwd=str(tmp_path), check=True, timeout=120)
    done = subprocess.run([str(tmp_path / "main")], stdout=subprocess.PIPE, timeout=20)
    assert done.returncode == 0
    samples = inputs[0][[0, 3]].tobytes() + outputs[0][[0, 3]].tobytes()
    assert done.stdout == content + samples + "".join(LABELS).encode("utf-8") + twin

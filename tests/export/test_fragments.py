"""The programs and C++ sources of an exported folder, compiled and run as whoever gets the folder would."""

import shutil
import subprocess

import numpy as np
import pytest

from octet import model_identifier
from tasks.export import examples
from tasks.tflite import int8_twin
from tests.export import cpp_headers
from tests.export.environments import environment

COMPILER = shutil.which("g++")
STRICT = ["-std=c++11", "-Wall", "-Wextra", "-Werror"]
PROGRAM = r"""
#include <cstdio>
#include "{header}.h"
int main() {{
  namespace m = octet_{header};
  if (reinterpret_cast<std::size_t>(m::kModel) % 16) return 1;
  std::fwrite(m::kModel, 1, m::kModelBytes, stdout);
  std::fwrite(m::kExpectedRows, 1, sizeof m::kExpectedRows, stdout);
  std::fwrite(m::kExpectedOutput0, 1, sizeof m::kExpectedOutput0, stdout);
  return 0;
}}
"""
needs_compiler = pytest.mark.skipif(not COMPILER, reason="needs a C++ compiler")


def compiled(folder, *words):
    done = subprocess.run([COMPILER, *STRICT, *words], cwd=str(folder), timeout=120, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@needs_compiler
@pytest.mark.parametrize("header", ["model_data", "model_int8_data"])
def test_c_arrays_are_the_measured_network_and_its_answers(project, exported, tmp_path, header):
    (path,) = (project.store / "artifacts" / "ConvertUint8").glob("*/model.tflite")
    measured = path.read_bytes()
    file = measured if header == "model_data" else int8_twin.of(measured)
    (tmp_path / "main.cc").write_text(PROGRAM.format(header=header))
    source = exported / "c"
    compiled(tmp_path, "-I", str(source), "main.cc", str(source / (header + ".cc")), "-o", "main")
    said = subprocess.run([str(tmp_path / "main")], stdout=subprocess.PIPE, timeout=20, check=True).stdout
    assert said[:len(file)] == file and model_identifier.find(file)
    rows, outputs = np.frombuffer(said[len(file):len(file) + 12], "<i4"), said[len(file) + 12:]
    wanted = np.load(str(exported / "samples" / "output_0.npy"))[rows]
    codes = np.frombuffer(outputs, np.uint8 if header == "model_data" else np.int8).reshape(wanted.shape)
    if header == "model_data":
        np.testing.assert_array_equal(codes, wanted)
    else:
        assert np.abs(codes.astype(int) + 128 - wanted).max() <= 20


@needs_compiler
def test_c_plus_plus_fragments_fit_the_interfaces_that_they_use(exported, tmp_path):
    cpp_headers.write(tmp_path)
    for name in ("main.cc", "main_micro.cc"):
        compiled(exported / "examples", "-I", str(tmp_path), "-fsyntax-only", name)
    every = tmp_path / "all" / "examples" / "main_micro.cc"  # beside c/
    every.parent.mkdir(parents=True)
    shutil.copytree(str(exported / "c"), str(tmp_path / "all" / "c"))
    every.write_text(examples.micro(set(int8_twin.VERSIONS)))
    compiled(every.parent, "-I", str(tmp_path), "-fsyntax-only", every.name)


@needs_compiler
def test_a_fragment_that_does_not_fit_is_seen(exported, tmp_path):
    cpp_headers.write(tmp_path)
    text = (exported / "examples" / "main_micro.cc").read_text().replace("AddSoftmax", "AddSoftMax")
    (tmp_path / "wrong.cc").write_text(text.replace("../c/", str(exported / "c") + "/"))
    done = subprocess.run([COMPILER, *STRICT, "-I", str(tmp_path), "-fsyntax-only", "wrong.cc"], cwd=str(tmp_path),
                          timeout=120, capture_output=True, text=True)
    assert done.returncode != 0 and "AddSoftMax" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("version, runtime, uint8_lsb", [
    ("3.7", "tflite-runtime==2.11.0", 0),
    ("3.12", "ai-edge-litert", 8)])  # by default it uses XNNPACK's kernels, which round otherwise: 3 were seen
def test_samples_are_reproduced_in_an_environment_of_numpy_and_an_interpreter(
        exported, tmp_path, version, runtime, uint8_lsb):
    folder = tmp_path / "handed over"
    shutil.copytree(str(exported), str(folder))
    python = environment(tmp_path / "env", version, ["numpy", runtime])
    for name, lsb in (("model.tflite", uint8_lsb), ("model_int8.tflite", 20)):
        # -I: nothing of this environment or folder can be imported.
        done = subprocess.run([python, "-I", str(folder / "examples" / "run.py"), name], cwd="/", timeout=120,
                              env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        lines = [line for line in done.stdout.splitlines() if line.startswith("sample ")]
        assert len(lines) == 8
        assert all(int(line.rpartition("by ")[2].rstrip(")")) <= lsb for line in lines), lines

"""The programs and C++ sources of an exported folder, compiled and run as its users would."""

import json
import shutil
import subprocess

import numpy as np
import pytest

from octet import model_identifier
from tasks.export import examples
from tasks.tflite import activation_memory, int8_twin, model_file
from tests.export import cpp_headers
from tests.export.environments import environment
from tests.tasks.tflite import graphs
from tests.tasks.tflite.targets import test_fit

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
  std::fwrite(m::kExpectedInput0, 1, sizeof m::kExpectedInput0, stdout);
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
    rows, codes = np.frombuffer(said[len(file):len(file) + 12], "<i4"), said[len(file) + 12:]
    fed, wanted = (np.load(str(exported / "samples" / name))[rows] for name in ("input_0.npy", "output_0.npy"))
    dtype, shift = (np.uint8, 0) if header == "model_data" else (np.int8, 128)
    np.testing.assert_array_equal(np.frombuffer(codes[:fed.size], dtype).astype(int) + shift, fed.reshape(-1))
    codes = np.frombuffer(codes[fed.size:], dtype).reshape(wanted.shape)
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
def test_a_fragment_that_does_not_compile_is_detected(exported, tmp_path):
    cpp_headers.write(tmp_path)
    text = (exported / "examples" / "main_micro.cc").read_text().replace("AddSoftmax", "AddSoftMax")
    (tmp_path / "wrong.cc").write_text(text.replace("../c/", str(exported / "c") + "/"))
    done = subprocess.run([COMPILER, *STRICT, "-I", str(tmp_path), "-fsyntax-only", "wrong.cc"], cwd=str(tmp_path),
                          timeout=120, capture_output=True, text=True)
    assert done.returncode != 0 and "AddSoftMax" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("version, runtime, uint8_lsb", [
    ("3.7", "tflite-runtime==2.11.0", 0),
    ("3.12", "ai-edge-litert", 8)])  # XNNPACK's kernels, its default, round differently: up to 3 codes
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


MICRO = """
import json, os, sys
from tflite_micro.python.tflite_micro import runtime
os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # it tells at length of each arena that is too small
def fits(path, size):
    try:
        return bool(runtime.Interpreter.from_file(path, arena_size=size))
    except RuntimeError:
        return False
needed = {}
for path in sys.argv[1:]:
    low, high = 0, 1 << 20
    while high - low > 64:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(path, middle) else (middle, high)
    needed[os.path.basename(path)] = high
print(json.dumps(needed))
"""


@pytest.mark.slow
def test_the_stated_arena_is_large_enough_for_micro_and_not_much_larger(exported, tmp_path):
    python = environment(tmp_path / "env", "3.11", ["tflite-micro==0.dev20261023182759"])
    files = {"exported": (exported / "model_int8.tflite").read_bytes()}
    for name, (build, inputs) in test_fit.GRAPHS.items():
        files[name] = int8_twin.of(graphs.converted(build, *inputs))
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    done = subprocess.run([python, "-I", "-c", MICRO, *(str(tmp_path / name) for name in files)], timeout=280,
                          stdout=subprocess.PIPE, check=True)
    for name, needed in json.loads(done.stdout.decode()).items():
        contents = model_file.read(files[name])
        assert activation_memory.arena_bytes(contents) <= needed <= activation_memory.micro_arena_bytes(contents), name
        assert activation_memory.micro_arena_bytes(contents) < needed + 4096, name
    header = (exported / "c" / "model_int8_data.h").read_text()
    assert "kArenaBytes = {};".format(
        activation_memory.micro_arena_bytes(model_file.read(files["exported"]))) in header

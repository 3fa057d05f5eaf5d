"""The page of the stage Report, for a small untrained network with an output of every kind."""

import base64
import io
import json
import math
import re
import shutil

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from octet.data import prepared
from octet.data.dataset import Dataset, Input, Part, Target
from octet.job import Job
from tasks.evaluation.comparison import Comparison
from tasks.graph import io_spec
from tasks.report import layers, number_words, pictures, ranges
from tasks.stages import report
from tasks.tflite import model_file
from tasks.tflite.interpreter import processes
from tasks.tflite.parity import operators
from tasks.training import training_record
from tests.tasks.stages.parsed_page import Page
from tests.tasks.tflite import graphs
from tests.tasks.tflite.graphs import ranged, weights

SAMPLES = 12
HOSTILE = ["<script>alert(1)</script>", "\"'&amp;<img src=http://x.org/y onerror=z>"]
TARGETS = {"animal": Target("class", HOSTILE), "tags": Target("labels", ["a</td>", "{{ b }}", "c"]),
           "map": Target("class_map", ["sky", "sea"], (4, 4), ignore=255),
           "copy": Target("value", (), (4, 4, 3)), "size": Target("value", (), (2,), columns=[(0.0, 10.0), (5.0, 6.0)])}
GATES = {"max_accuracy_drop": 0.01, "min_accuracy": None, "max_error": None, "max_wrong_operators": 0}


def _network(picture, other):
    flat = ranged(tf.concat([tf.reshape(picture, [1, 48]), other], 1), -1.0, 2.0)  # scales that differ
    return (tf.sigmoid(ranged(tf.matmul(flat, weights((50, 1))), -4.0, 4.0)),
            tf.sigmoid(ranged(tf.matmul(flat, weights((50, 3), 1)), -4.0, 4.0)),
            ranged(tf.nn.conv2d(picture, weights((3, 3, 3, 2)), [1, 1, 1, 1], "SAME"), -5.0, 5.0),
            ranged(tf.nn.conv2d(picture, weights((3, 3, 3, 3), 3), [1, 1, 1, 1], "SAME"), -5.0, 5.0),
            ranged(tf.matmul(flat, weights((50, 2), 2)), -4.0, 4.0))


def _part(inputs, seed):
    random = np.random.RandomState(seed)
    return Part({name: random.randint(0, 256, (SAMPLES,) + spec.shape).astype(np.uint8)
                 for name, spec in inputs.items()},
                {"animal": np.arange(SAMPLES, dtype=np.int32) % 2,
                 "tags": random.randint(0, 2, (SAMPLES, 3)).astype(np.uint8),
                 "map": np.where(random.rand(SAMPLES, 4, 4) > 0.5, 255, 1).astype(np.int32),
                 "copy": random.rand(SAMPLES, 4, 4, 3).astype(np.float32),
                 "size": random.rand(SAMPLES, 2).astype(np.float32)})


def _phase(folder, **found):
    epochs = [{"epoch": number, "loss": loss, "images_per_s": 7.0, "validation": {
        name: {"accuracy": 0.5, "mean_iou": 0.4, "mse": 0.1 / number} for name in TARGETS}}
        for number, loss in ((1, 2.0), (2, math.nan))]
    folder.mkdir()
    model = {"build": "./<b>.py", "weights": "/home/me/w.h5", "files": ["/x"]}
    training_record.write(folder, {"seed": 1, "model": model}, epochs, 1, **found)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The artifacts that Report reads. The file and its measurement are real."""
    folder = tmp_path_factory.mktemp("report")
    inputs = {"picture": Input((4, 4, 3), -1.0, 1.0), "other": Input((2,), 0.0, 2.0)}
    parts = {name: _part(inputs, seed) for seed, name in enumerate(("train", "validation", "test"))}
    dataset, part = Dataset(inputs, TARGETS, parts), parts["test"]
    content = graphs.converted(_network, ((4, 4, 3), -1.0, 1.0), ((2,), 0.0, 2.0))
    contents = model_file.read(content)
    network = {"inputs": [io_spec.described_input(dataset, name, contents.tensors[index].name)
                          for name, index in zip(inputs, contents.inputs)], "outputs": []}
    for name, index in zip(TARGETS, contents.outputs):
        node = contents.tensors[index].name
        end = io_spec.described_output(dataset, name, node, 1.0, {}, 0.5 if name in ("animal", "tags") else None)
        network["outputs"].append({**end, "scale": contents.tensors[index].scale,
                                   "zero_point": contents.tensors[index].zero_point})
    fed = list(part.inputs.values())
    codes = processes.over(content, contents, fed, lambda done: None)
    measured, mistakes = {}, {}
    for end, made in zip(io_spec.named(network, dataset)["outputs"], codes):
        comparison = Comparison(end)
        real = io_spec.real(end, made)
        comparison.add(real, real, made, part.targets[end["name"]])
        measured[end["name"]], mistakes[end["name"]] = comparison.figures(), comparison.mistakes.to_json()
    known = operators.inside(content, contents, fed)
    findings = [finding.to_json() for finding in operators.local(content, contents, known, lambda done: None)]
    parity = {"samples": SAMPLES, "wrong": [], "not_measured": [], "local": findings, "end_to_end": [
        {"name": tensor.name, "kind": "X", "lsb": 1, "share": 0.1, "sqnr_db": 30.0, "lost_db": None, "float_db": None}
        for tensor in contents.computed() if tensor.scale]}
    for name in parts:
        (folder / ("PrepareData." + name)).mkdir()
        prepared.write(folder / ("PrepareData." + name), dataset, name)
    (folder / "ConvertUint8").mkdir()
    (folder / "ConvertUint8" / "model.tflite").write_bytes(content)
    io_spec.write(folder / "ConvertUint8", network)
    (folder / report.MEASURED).mkdir()
    (folder / report.MEASURED / "measurement.json").write_text(json.dumps({
        "samples": SAMPLES, "metrics": {"<hits>": {"float": 0.5, "fake_quantized": 0.25, "uint8": None}},
        "outputs": measured, "parity": parity, "gaps": ["a <gap>"], "default_ranges": [],
        "int8": {"made": False, "measured": False, "runtime": None, "samples": 0, "why": "a <gap>"},
        "size_bytes": {"float": None, "uint8": len(content), "int8": None}}))
    (folder / report.MEASURED / "mistakes.json").write_text(json.dumps(mistakes))
    _phase(folder / "TrainFloat")
    _phase(folder / "TrainQAT", health=[{"words": "range of <x> clips"}], calibrated={
        name: {"accuracy": 0.5, "mean_iou": None, "mse": 0.1} for name in TARGETS})
    return folder


def _made(folder, out, gates=GATES, samples="wrong"):
    out.mkdir()
    stages = ["PrepareData.train", "PrepareData.validation", "PrepareData.test", "TrainFloat", "TrainQAT",
              "ConvertUint8", report.MEASURED]
    metrics = report.run(Job("stages.report", {"validate": gates, "report": {"samples": samples, "boxes": None}},
                             {name: str(folder / name) for name in stages}, str(out), str(folder)),
                         lambda fraction, message: None)
    return metrics, (out / report.PAGE).read_text(encoding="utf-8")


def test_the_page_is_whole_loads_nothing_and_can_be_read_aloud(folder, tmp_path):
    _, text = _made(folder, tmp_path / "out")
    page = Page(text)
    assert not page.left
    assert not page.all("script") and "onerror" not in {name for _, found in page.tags for name in found}
    for _, attributes in page.tags:
        for name in ("src", "href"):
            assert attributes.get(name, "#").startswith(("#", "data:")), attributes
    assert "url(" not in text and "@import" not in text
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:])), levels
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {link["href"][1:] for link in page.all("a")} <= set(ids)
    assert page.all("img") and all(image["alt"] for image in page.all("img"))
    assert page.all("svg") and all(image["role"] == "img" and image["aria-label"] for image in page.all("svg"))
    assert "nan" not in re.sub(r"data:image/png;base64,[^\"]*", "", text).lower()


def test_names_from_the_user_are_escaped(folder, tmp_path):
    page = Page(_made(folder, tmp_path / "out")[1])
    for name in HOSTILE + ["a</td>", "{{ b }}", "a <gap>", "range of <x> clips", "./<b>.py"]:
        assert name in page.text
    assert "/home/me" not in page.text, "where files lie is no content"


def test_figures_and_sizes_are_those_of_the_measurement(folder, tmp_path):
    page = Page(_made(folder, tmp_path / "out")[1])
    measurement = json.loads((folder / report.MEASURED / "measurement.json").read_text())
    for name, metric in (("animal", "accuracy"), ("tags", "exact_match"), ("map", "accuracy"), ("tags", "macro_f1")):
        assert "{:.2f} %".format(100 * measurement["outputs"][name][metric]["uint8"]) in page.text
    for name in ("copy", "size"):
        assert "{:.4g}".format(measurement["outputs"][name]["mse"]["uint8"]) in page.text
    assert "{:,} bytes".format(measurement["size_bytes"]["uint8"]) in page.text
    assert "the float file could not be made" in page.text
    for one in measurement["outputs"]["size"]["mae_by_column"].values():
        assert "{:.4g}".format(one["uint8"]) in page.text


def test_a_missed_gate_is_in_the_title_and_on_the_first_screen(folder, tmp_path):
    metrics, text = _made(folder, tmp_path / "out", {**GATES, "min_accuracy": 1.0, "max_error": 100.0})
    assert metrics["gates_missed"] == 3  # of three outputs with classes
    assert "<title>Refused: " in text
    body = Page(text).text
    assert body.index("Refused: the model misses 3 of 9 gates") < body.index("size of the file")
    assert "accuracy of the uint8 file is" in body and "min_accuracy is 1.0" in body


def test_a_page_without_gates_says_that_nothing_was_judged(folder, tmp_path):
    assert "Not judged" in Page(_made(folder, tmp_path / "out", {})[1]).text


def test_samples_none_leaves_out_every_picture(folder, tmp_path):
    page = Page(_made(folder, tmp_path / "out", samples="none")[1])
    assert not page.all("img") and "samples: none" in page.text


def test_the_same_model_always_has_the_same_page(folder, tmp_path):
    assert _made(folder, tmp_path / "one") == _made(folder, tmp_path / "other")


def test_multiplications_are_counted_by_layer(folder):
    contents = model_file.read((folder / "ConvertUint8" / "model.tflite").read_bytes())
    found = {row["kind"]: row for row in layers.operators(contents)}
    assert found["CONV_2D"]["macs"] == 4 * 4 * 9 * 3 * (2 + 3)
    assert found["FULLY_CONNECTED"]["macs"] == 50 * (1 + 3 + 2)


def _picture(shown):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(shown.uri.partition(",")[2]))))


def test_how_the_codes_of_a_tensor_are_used_is_read_from_the_interpreter(folder):
    content = (folder / "ConvertUint8" / "model.tflite").read_bytes()
    contents = model_file.read(content)
    part = prepared.read({name: folder / ("PrepareData." + name) for name in ("test",)}).parts["test"]
    fed = [np.asarray(codes) for codes in part.inputs.values()]
    used = ranges.of_tensors(content, contents, fed)
    for index, codes in zip(contents.outputs, processes.over(content, contents, fed, lambda done: None)):
        tensor = contents.tensors[index]
        clipped = np.mean((codes == 255) | ((codes == 0) & (tensor.zero_point != 0)))
        assert used[tensor.name]["used"] == "{}–{}".format(codes.min(), codes.max())
        assert used[tensor.name]["clipped"] == "{:.2f} %".format(100 * clipped)


def test_the_narrowest_channel_of_a_layer_is_a_share_of_its_largest_weight(folder):
    contents = model_file.read((folder / "ConvertUint8" / "model.tflite").read_bytes())
    rows = {row["name"]: row for row in ranges.of_weights(contents)}
    layer, = [each for each in contents.operators if each.kind == "CONV_2D" and
              contents.tensors[each.outputs[0]].shape[-1] == 2]
    weights = contents.tensors[layer.inputs[1]]
    real = weights.scale * (weights.value.astype(float) - weights.zero_point)
    largest = [np.abs(real[channel]).max() for channel in range(2)]
    row = rows[contents.name(layer)]
    assert row["channels"] == 2
    assert row["narrowest"] == "{:.2f} %".format(100 * min(largest) / max(largest))


def test_boxes_masks_and_wrong_pixels_are_drawn_where_they_are():
    codes = np.full((12, 12, 1), 40, np.uint8)
    boxed = _picture(pictures.marked(codes, pictures.Marks(boxes=[np.array([3, 2, 7, 6])]), "a box"))
    factor = boxed.shape[0] // 12
    assert boxed.shape == (12 * factor, 12 * factor, 3)
    bright = np.argwhere((boxed == pictures.BRIGHT).all(-1))
    assert bright.min(0).tolist() == [3 * factor, 2 * factor]
    assert bright.max(0).tolist() == [7 * factor - 1, 6 * factor - 1]
    assert (boxed[5 * factor, 4 * factor] == 40).all(), "a frame, not an area"
    wrong = np.zeros((12, 12), bool)
    wrong[4, 9] = True
    red = np.argwhere((_picture(pictures.wrong_pixels(codes, wrong, "wrong")) == pictures.RED).all(-1))
    assert red.tolist() == [[4, 9]]


def test_int8_stands_beside_uint8_where_it_was_measured(folder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(str(folder), str(copy))
    path = copy / report.MEASURED / "measurement.json"
    measurement = json.loads(path.read_text())
    assert "int8" not in [head for head in Page(_made(folder, tmp_path / "without")[1]).words]
    for figures in measurement["outputs"].values():
        for name in ("accuracy", "mse"):
            figures.get(name, {})["int8"] = 0.4375
        figures["int8"] = {"samples": SAMPLES, "largest_difference_lsb": 7}
    measurement["outputs"]["animal"]["int8"]["agreement"] = 0.96875
    measurement["metrics"]["<hits>"]["int8"] = 0.1875
    measurement["int8"] = {"made": True, "measured": True, "runtime": "a <runtime>", "samples": SAMPLES, "why": ""}
    measurement["size_bytes"]["int8"] = 12345
    path.write_text(json.dumps(measurement))
    text = Page(_made(copy, tmp_path / "with")[1]).text
    for words in ("43.75 %", "0.1875", "12,345 bytes", "a <runtime>", "uint8 and int8 in 96.88 %"):
        assert words in text, words
    assert " of the samples: uint8" not in text and " of the 12 samples of the test part" not in text


def test_int8_of_fewer_samples_stands_in_a_table_of_its_own_beside_uint8_of_the_same_samples(folder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(str(folder), str(copy))
    path = copy / report.MEASURED / "measurement.json"
    measurement = json.loads(path.read_text())
    for figures in measurement["outputs"].values():
        pair = {"uint8": 0.5625, "int8": 0.4375}
        figures["int8"] = {"samples": 5, "largest_difference_lsb": 7, **{
            name: pair for name in number_words.NAMES if name in figures}}
    measurement["outputs"]["animal"]["int8"]["agreement"] = 0.96875
    measurement["int8"] = {"made": True, "measured": True, "runtime": "a <runtime>", "samples": 5, "why": "",
                           "metrics": {"<hits>": {"uint8": 0.625, "int8": 0.1875}}}
    path.write_text(json.dumps(measurement))
    page = Page(_made(copy, tmp_path / "with")[1])
    assert not page.left
    for words in ("on 5 of the samples: uint8 56.25 %, int8 43.75 %", "on 5 of the samples: uint8 0.625, int8 0.1875",
                  "uint8 and int8 on 5 of the 12 samples of the test part; both predict the same in 96.88 %."):
        assert words in " ".join(page.text.split()), words
    heads = [words for words in page.words if words in ("fake-quantized", "int8")]
    # A table with the column fake-quantized, which is of all samples, has no column int8.
    assert "fake-quantized" in heads and "int8" in heads
    for head in re.findall("<thead>.*?</thead>", (tmp_path / "with" / report.PAGE).read_text(), re.DOTALL):
        assert not (">fake-quantized<" in head and ">int8<" in head), head

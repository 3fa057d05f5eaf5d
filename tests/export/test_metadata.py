"""The exported .tflite file: its names, metadata and class names, and that it has the measured network."""

import io
import json
import shutil
import subprocess
import zipfile

import flatbuffers
import numpy as np
import pytest
from tflite.tflite.Model import Model

from octet import model_identifier
from octet.errors import AuditError
from tasks.tflite import same_computation
from tests.export.environments import environment

FILES = ("model.tflite", "model_int8.tflite")
READER = '''
import ctypes, json, sys
import libusb_package  # tflite-support's library for metadata is linked with libusb, which not every machine has
ctypes.CDLL(str(libusb_package.get_library_path()), ctypes.RTLD_GLOBAL)
from tflite_support import metadata
for path in sys.argv[1:]:
    found = metadata.MetadataDisplayer.with_model_file(path)
    label, = found.get_packed_associated_file_list()
    print(json.dumps({"json": json.loads(found.get_metadata_json()), "file": label,
                      "names": found.get_associated_file_buffer(label).decode().split()}))
'''


class Table:
    """A table of a flatbuffer, whose fields are read by their numbers."""

    def __init__(self, content, place):
        self.table = flatbuffers.table.Table(bytearray(content), place)

    @classmethod
    def root(cls, content):
        return cls(content, int.from_bytes(content[:4], "little"))

    def _at(self, number):
        offset = self.table.Offset(4 + 2 * number)
        return offset and offset + self.table.Pos

    def text(self, number):
        return self.table.String(self._at(number)).decode("utf-8")

    def child(self, number):
        return Table(self.table.Bytes, self.table.Indirect(self._at(number)))

    def children(self, number):
        offset = self.table.Offset(4 + 2 * number)
        start = self.table.Vector(offset)
        return [Table(self.table.Bytes, self.table.Indirect(start + 4 * place))
                for place in range(self.table.VectorLen(offset))]

    def array(self, number, dtype):
        offset = self.table.Offset(4 + 2 * number)
        start, size = self.table.Vector(offset), np.dtype(dtype).itemsize
        return np.frombuffer(bytes(self.table.Bytes[start:start + size * self.table.VectorLen(offset)]), dtype)

    def number(self, number, dtype):
        at = self._at(number)
        return np.frombuffer(bytes(self.table.Bytes[at:at + np.dtype(dtype).itemsize]), dtype)[0] if at else 0


def metadata_of(content):
    """The root table ModelMetadata: fields 4 (buffers) and 6 (metadata) of Model, 0 (data) of Buffer, 0 and 1 of
    Metadata."""
    model = Table.root(content)
    (entry,) = [each for each in model.children(6) if each.text(0) == "TFLITE_METADATA"]
    data = model.children(4)[entry.number(1, "<u4")].array(0, "u1").tobytes()
    assert data[4:8] == b"M001"
    return Table.root(data)


@pytest.mark.parametrize("name", FILES)
def test_metadata_has_names_normalization_and_class_names(exported, name):
    card = json.loads((exported / "card.json").read_text())
    content = (exported / name).read_bytes()
    found = metadata_of(content)
    assert found.text(0) == "label (10 classes) from image"
    assert found.text(2) == card["measured_identifier"][:12] and card["measured_identifier"] in found.text(1)
    (graph,) = found.children(3)
    (picture,), (label,) = graph.children(2), graph.children(3)
    assert picture.text(0) == "image" and label.text(0) == "label"
    assert picture.child(3).number(0, "i1") == 2  # ImageProperties
    assert picture.child(3).child(1).number(0, "i1") == 2  # GRAYSCALE
    (unit,) = picture.children(4)
    mean, deviation = unit.child(1).array(0, "<f4"), unit.child(1).array(1, "<f4")
    # Pixels that a mobile library normalizes and quantizes become the codes that the network was trained with.
    pixels, end = np.arange(256), card["inputs"][0]
    np.testing.assert_array_equal(np.round((pixels - mean) / deviation / end["scale"]) + end["zero_point"], pixels)
    (file,) = label.children(6)
    assert file.text(0) == "labels.txt" and file.number(2, "i1") == 2  # TENSOR_AXIS_LABELS


@pytest.mark.parametrize("name", FILES)
def test_class_names_are_a_zip_and_the_identifier_ends_the_file(exported, tmp_path, name):
    content = (exported / name).read_bytes()
    labels = (exported / "labels.txt").read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == ["labels.txt"] and archive.read("labels.txt") == labels
        assert archive.testzip() is None and content.endswith(archive.comment)
    identifier = model_identifier.find(content)
    assert identifier == json.loads((exported / "card.json").read_text())["files"][name]["identifier"]
    assert model_identifier.with_identifier(model_identifier.without_identifier(content)) == content
    unzip, jar = shutil.which("unzip"), shutil.which("jar")
    if jar:
        listed = subprocess.run([jar, "tf", str(exported / name)], capture_output=True, text=True, check=True)
        assert listed.stdout.split() == ["labels.txt"]
    if unzip:
        done = subprocess.run([unzip, "-o", str(exported / name), "-d", str(tmp_path)], capture_output=True, text=True)
        assert done.returncode == 0 and not done.stderr, done.stderr  # 1 would mean: with warnings
        assert (tmp_path / "labels.txt").read_bytes() == labels


def test_network_is_the_measured_one_under_the_names_of_the_dataset(project, exported):
    (path,) = (project.store / "artifacts" / "ConvertUint8").glob("*/model.tflite")
    before, after = (Model.GetRootAsModel(each.read_bytes(), 0) for each in (path, exported / "model.tflite"))
    assert after.BuffersLength() == before.BuffersLength() + 1
    for number in range(before.BuffersLength()):
        one, other = before.Buffers(number), after.Buffers(number)
        assert one.DataLength() == other.DataLength()
        np.testing.assert_array_equal(one.DataAsNumpy(), other.DataAsNumpy())
    for model in (before, after):
        graph = model.Subgraphs(0)
        assert [graph.Tensors(index).Name() for index in (graph.Inputs(0), graph.Outputs(0))] == [b"image", b"label"]
        assert graph.OperatorsLength() == before.Subgraphs(0).OperatorsLength()


def test_an_exported_file_and_an_edited_copy_of_it_are_known(project, exported, tmp_path):
    for name in FILES:
        traced = json.loads(project.octet("trace", str(exported / name), "--json").stdout)
        assert traced["lineage"][-1]["stage"] == "Export" and traced["found_by"] == "its content"
        edited = bytearray((exported / name).read_bytes())
        edited[200] ^= 1
        (tmp_path / name).write_bytes(bytes(edited))
        traced = json.loads(project.octet("trace", str(tmp_path / name), "--json").stdout)
        assert traced["lineage"][-1]["stage"] == "Export" and traced["found_by"] == "the identifier that it carries"


def test_another_network_is_no_edit_of_it(exported):
    content = (exported / "model.tflite").read_bytes()
    same_computation.expect(content, content)
    weights = Model.GetRootAsModel(content, 0)
    changed = 0
    for number in range(weights.BuffersLength()):
        buffer = weights.Buffers(number)
        if not buffer.DataLength():
            continue
        place = buffer._tab.Vector(buffer._tab.Offset(4))
        edited = content[:place] + bytes([content[place] ^ 1]) + content[place + 1:]
        with pytest.raises(AuditError, match="has changed the network") as refusal:
            same_computation.expect(content, edited)
        assert "buffer {} is different".format(number) in refusal.value.why
        changed += 1
    assert changed > 3
    with pytest.raises(AuditError):
        same_computation.expect(content, (exported / "model_int8.tflite").read_bytes())


@pytest.mark.slow
def test_a_current_reader_of_metadata_reads_it(exported, tmp_path):
    python = environment(tmp_path / "env", "3.11", ["tflite-support==0.4.4", "numpy<2", "libusb-package"])
    done = subprocess.run([python, "-c", READER] + [str(exported / name) for name in FILES], capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines()[-2:]:
        said = json.loads(line)
        assert said["names"] == list("0123456789") and said["file"] == "labels.txt"
        graph = said["json"]["subgraph_metadata"][0]
        picture, = graph["input_tensor_metadata"]
        assert picture["name"] == "image" and picture["content"]["content_properties"] == {"color_space": "GRAYSCALE"}
        assert picture["process_units"][0]["options_type"] == "NormalizationOptions"
        label, = graph["output_tensor_metadata"]
        assert label["associated_files"][0]["type"] == "TENSOR_AXIS_LABELS"

"""TFLite metadata of an exported model: a flatbuffer inside the file, and the class names as a zip behind it.

The schema is metadata_schema.fbs 1.0.0 of TensorFlow Lite Support (file identifier M001):
https://github.com/tensorflow/tflite-support/blob/v0.4.4/tensorflow_lite_support/metadata/metadata_schema.fbs

    flatbuffer   the model, with the metadata in a buffer of its own, which Model.metadata calls TFLITE_METADATA
    zip          the associated files, not compressed. Our identifier is the zip's comment: it ends the file, and every
                 reader of zips accepts it
"""

import io
import zipfile
from typing import Any, Dict, List, Optional, Sequence

import flatbuffers

from octet import model_identifier
from tasks.tflite import same_computation
from tasks.tflite.flatbuffer_edit import EditedFile

NAME, FILE_IDENTIFIER, PARSER_VERSION = "TFLITE_METADATA", b"M001", "1.0.0"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold; always the same, so that bytes are reproducible
READABLE = 0o100644 << 16

# Enumerations and unions of the schema.
DESCRIPTIONS, AXIS_LABELS = 1, 2  # AssociatedFileType
RGB, GRAYSCALE = 1, 2  # ColorSpaceType
FEATURE, IMAGE = 1, 2  # ContentProperties
NORMALIZATION, THRESHOLD = 1, 3  # ProcessUnitOptions


def pack(content: bytes, card: Dict[str, Any], files: Dict[str, bytes], measured: str) -> bytes:
    """The model with its metadata, the associated files and an identifier of its own. Raises AuditError where its
    network is not that of `content`.

    card: see card.facts. files: {name: bytes}. measured: the identifier of the uint8 file that was measured."""
    content = model_identifier.without_identifier(content)
    file = EditedFile(content)
    file.add_metadata(NAME, described(card, measured))
    made = file.finished()
    same_computation.expect(content, made)
    return _with_files(made, files)


def _with_files(content: bytes, files: Dict[str, bytes]) -> bytes:
    room = len(model_identifier.with_identifier(b""))
    packed = io.BytesIO(content)
    packed.seek(0, io.SEEK_END)
    with zipfile.ZipFile(packed, "a", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = READABLE
            archive.writestr(entry, data)
        archive.comment = b"\0" * room  # its length stands in the zip, its bytes end it
    return model_identifier.with_identifier(packed.getvalue()[:-room])


def described(card: Dict[str, Any], measured: str) -> bytes:
    """The flatbuffer ModelMetadata."""
    builder = _Builder()
    title = card["title"]
    graph = builder.table({
        0: builder.text(title),
        2: builder.tables([_input(builder, end) for end in card["inputs"]]),
        3: builder.tables([_output(builder, end) for end in card["outputs"]])})
    model = builder.table({
        0: builder.text(title),
        1: builder.text("Made by Octet from the measured file octet-model-1 sha256:{}. "
                        "card.md, beside the file, says how good it is.".format(measured)),
        2: builder.text(measured[:12]),
        3: builder.tables([graph]),
        7: builder.text(PARSER_VERSION)})
    return builder.finished(model)


def _input(builder: "_Builder", end: Dict[str, Any]) -> int:
    shape = end["shape"][1:]
    is_picture = len(shape) == 3 and shape[2] in (1, 3)
    properties = builder.table({}, {0: RGB if shape[2] == 3 else GRAYSCALE} if is_picture else {})
    # A code is a pixel, and (pixel - mean) / std is its real.
    options = builder.table({0: builder.floats([end["zero_point"]]), 1: builder.floats([1.0 / end["scale"]])})
    return builder.table({
        0: builder.text(end["name"]),
        1: builder.text("reals from {:g} to {:g}; real = (code - {}) * {:.9g} in uint8".format(
            end["low"], end["high"], end["zero_point"], end["scale"])),
        3: builder.table({1: properties}, {0: IMAGE if is_picture else FEATURE}),
        4: builder.tables([builder.table({1: options}, {0: NORMALIZATION})]),
        5: _stats(builder, end["low"], end["high"])})


def _output(builder: "_Builder", end: Dict[str, Any]) -> int:
    fields = {0: builder.text(end["name"]), 1: builder.text(end["answer"]),
              3: builder.table({1: builder.table({})}, {0: FEATURE}),
              5: _stats(builder, *((code - end["zero_point"]) * end["scale"] for code in (0, 255)))}
    if end["threshold"] is not None:
        options = builder.table({}, floats={0: end["threshold"]})
        fields[4] = builder.tables([builder.table({1: options}, {0: THRESHOLD})])
    if end["labels"]:
        # One score for two classes has an axis of 1.
        by_axis = end["kind"] == "labels" or end["threshold"] is None
        fields[6] = builder.tables([builder.table({
            0: builder.text(end["labels"]), 1: builder.text("class names, a line each, in the order of the codes")},
            {2: AXIS_LABELS if by_axis else DESCRIPTIONS})])
    return builder.table(fields)


def _stats(builder: "_Builder", low: float, high: float) -> int:
    return builder.table({0: builder.floats([high]), 1: builder.floats([low])})


class _Builder:
    """Writes tables by the numbers of their fields in the schema. A union has two fields: its type, then its value."""

    def __init__(self) -> None:
        self._builder = flatbuffers.Builder(1024)

    def text(self, text: str) -> int:
        return self._builder.CreateString(text)

    def floats(self, values: Sequence[float]) -> int:
        self._builder.StartVector(4, len(values), 4)
        for value in reversed(values):
            self._builder.PrependFloat32(value)
        return self._builder.EndVector()

    def tables(self, offsets: List[int]) -> int:
        """A vector of tables, or of strings."""
        self._builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self._builder.PrependUOffsetTRelative(offset)
        return self._builder.EndVector()

    def table(self, fields: Dict[int, int], bytes_: Optional[Dict[int, int]] = None,
              floats: Optional[Dict[int, float]] = None) -> int:
        """The offset of a new table. fields: {number: offset of a string, vector or table}; bytes_, floats: {number:
        value}."""
        bytes_, floats = bytes_ or {}, floats or {}
        self._builder.StartObject(max([*fields, *bytes_, *floats], default=-1) + 1)
        for number, offset in fields.items():
            self._builder.PrependUOffsetTRelativeSlot(number, offset, 0)
        for number, value in bytes_.items():
            self._builder.PrependInt8Slot(number, value, 0)
        for number, real in floats.items():
            self._builder.PrependFloat32Slot(number, real, 0.0)
        return self._builder.EndObject()

    def finished(self, root: int) -> bytes:
        self._builder.Finish(root, file_identifier=FILE_IDENTIFIER)
        return bytes(self._builder.Output())

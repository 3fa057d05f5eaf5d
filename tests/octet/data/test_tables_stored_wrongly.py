"""Ways in which people store tables that a loader does not expect: each is refused, reported, or read as intended.

A row is (name, content of the file, arguments, outcome): `refused` and `said` have words of the error or of a note;
`read` is a predicate on the dataset. Add a row for each new way."""

import numpy as np
import pytest

from octet.data.dataset import PARTS
from octet.datasets import table
from tests.octet.data.outcomes import read, refused, said

FEATURES = {"features": ["rpm", "volts"], "label": "state"}
LABELS = {"features": ["rpm"], "labels": ["volts", "state"]}


def rows(rpm=str, volts=lambda row: str(2 * row + 0.5), state=lambda row: "ab"[row % 2], separator=",",
         head="rpm,volts,state", count=40):
    """The text of a table. Each column is a function of the number of the row."""
    lines = [head.replace(",", separator)]
    lines += [separator.join([rpm(row), volts(row), state(row)]) for row in range(count)]
    return "\n".join(lines) + "\n"


def classes(*names):
    return read(lambda data: list(data.targets["label"].classes) == list(names))


TABLES = [
    ("semicolons", rows(separator=";"), {}, refused("its first line has 1 column")),
    ("decimal commas", rows(separator=";", volts="{},5".format), {}, refused("its first line has 1 column")),
    ("thousands", rows(volts='"1,{:03d}"'.format), {}, refused("holds '1,000', which is no finite number")),
    ("percent", rows(volts="{}%".format), {}, refused("holds '0%', which is no finite number")),
    ("dates in the place of numbers", rows(rpm="2024-01-{:02d}".format), {}, refused("no finite number")),
    ("no head", rows().split("\n", 1)[1], {}, refused("there is no column 'rpm'")),
    ("another head", rows(head="RPM,Volts,State"), {}, refused("there is no column 'rpm'")),
    ("spaces in the head", rows(head=" rpm , volts,state "), {}, classes("a", "b")),
    ("a comment first", "# ours\n" + rows(), {}, refused("its first line has 1 column: '# ours'")),
    ("an index without a name", rows(head=",rpm,volts,state").replace("\n", "\n7,").rsplit("\n", 1)[0] + "\n", {},
     said("columns that are not read: one without a name")),
    ("two columns without a name", "a,,,state\n" + "1,2,3,x\n" * 9, {}, refused("two columns have the name ''")),
    ("commas at the ends", rows().replace("\n", ",\n"), {}, said("columns that are not read: one without a name")),
    ("lines of old Macs", rows().replace("\n", "\r"), {}, classes("a", "b")),
    ("UTF-16", rows().encode("utf-16"), {}, refused("Save it again as CSV in UTF-8")),
    ("a spreadsheet", b"PK\x03\x04" + bytes(range(1, 100)), {}, refused("it is a zip file")),
    ("JSON", '{"rpm": 1}\n', {}, refused("its first line has 1 column")),
    ("a byte of zero", rows().encode().replace(b"5", b"\0", 1), {}, refused("not a readable table")),
    ("nothing", "", {}, refused("its first line has 0 column")),
    ("a head alone", "rpm,volts,state\n", {}, refused("the table has no training samples")),
    ("missing as nan", rows(rpm=lambda row: "nan" if row == 3 else str(row)), {}, refused("t.csv:5  the column 'rpm'")),
    ("missing as a dash", rows(rpm=lambda row: "-" if row == 3 else str(row)), {}, refused("no finite number")),
    ("an answer that is an input", rows(state=lambda row: str(row % 2)), {"features": ["rpm", "state"]},
     refused("the column 'state' is an input as well")),
    ("a value that is an input", rows(), {"label": None, "value": ["volts"]}, refused("is an input as well")),
    ("an autoencoder", rows(), {"label": None, "value": ["rpm", "volts"]},
     read(lambda data: np.allclose(data.parts["train"].targets["value"] * 255,
                                   data.parts["train"].inputs["features"], atol=0.5))),
    ("a column twice", rows(), {"features": ["rpm", "rpm"]}, refused("is named twice")),
    ("a column in the place of a list", rows(), {"features": "rpm"}, refused("Write features: [rpm].")),
    ("a list in the place of a column", rows(), {"label": ["state"]}, refused("did you mean 'state'")),
    ("labels of other case", rows(state=lambda row: ["A", "a", "b"][row % 3]), {}, said("'A' and 'a' are different")),
    ("labels with spaces", rows(state=lambda row: [" a", "a ", "b"][row % 3]), {}, classes("a", "b")),
    ("labels as 1 and 01", rows(state=lambda row: ["1", "01", "2"][row % 3]), {}, said("'01' and '1' are different")),
    ("labels as 0.0 and 1.0", rows(state=lambda row: "{}.0".format(row % 2)), {}, classes("0.0", "1.0")),
    ("names in the place of labels", rows(state="id{}".format), {}, refused("'id12' and 35 more")),
    ("one class", rows(state=lambda row: "a"), {}, refused("the target 'label' has 1 class")),
    ("several labels as yes and no", rows(volts=lambda row: "yes", state=lambda row: "no"), dict(LABELS, label=None),
     refused("holds 'yes', which is no finite number")),
    ("several labels, empty for no", rows(volts=lambda row: "1", state=lambda row: "1" * (row % 2)),
     dict(LABELS, label=None), refused("t.csv:2  the column 'state' holds ''")),
    ("several labels as 1 and 2", rows(volts=lambda row: "1", state=lambda row: str(1 + row % 2)),
     dict(LABELS, label=None), refused("is 2")),
    ("a constant", rows(rpm=lambda row: "5"), {}, refused("is 5 in every training sample")),
    ("a missing number as -99999", rows(rpm=lambda row: "-99999" if row == 9 else str(row), count=4000), {},
     said("column 0 of 'features'")),
    *(("a missing number as -999, {:.1%}".format(1 / each), rows(
        rpm=lambda row, each=each: "-999" if row % each == 3 else str(row / 4000), count=4000), {},
       said("the column 'rpm' is -999 in ", "leaves 1 of 256 codes"))
      for each in (5, 33, 500)),
    ("a missing value as 9999", rows(volts=lambda row: "9999" if row % 33 == 3 else str(row / 4), count=400),
     {"features": ["rpm"], "label": None, "value": ["volts"]}, said("column 0 of 'value' is 9999 in")),
    ("a row with two labels", rows(rpm=lambda row: str(row // 2), volts=lambda row: "1.5" if row < 2 else str(row)), {},
     said("more than one label")),
]


@pytest.mark.parametrize("name, content, args, outcome", TABLES, ids=[row[0] for row in TABLES])
def test_a_table_stored_wrongly_is_refused_or_reported(tmp_path, name, content, args, outcome):
    path = tmp_path / "t.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    outcome(lambda: table.load(str(path), **dict(FEATURES, **args)))


def test_parts_are_disjoint_whatever_the_order(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(rows(count=60))
    data = table.load(str(path), **FEATURES)
    seen = [tuple(codes) for part in PARTS for codes in data.parts[part].inputs["features"].tolist()]
    assert len(seen) == len(set(seen)) == 60

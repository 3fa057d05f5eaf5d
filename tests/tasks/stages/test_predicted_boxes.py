"""The boxes that a detector predicts, on its report page: `report: {boxes: FILE:FUNCTION}`."""

import base64
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from octet.errors import ModelError
from octet.recipe import loading
from tasks.report import pictures
from tasks.report.predicted_boxes import PredictedBoxes
from tasks.stages import report
from tests.project import Project
from tests.tasks import detector, jobs

RECIPE = """
data: {dataset: ./boxes.py}
model: {build: ./net.py}
train: {epochs: 12, batch_size: 32, learning_rate: 0.01}
augment: {preset: none}
loss: ./losses.py:quarter
metrics: {hits: ./metrics.py:Hits}
quantize: {epochs: 1, batch_size: 32}
"""
FUNCTION = """
def shown(answers):
    cell = int(answers["grid"].reshape(4).argmax())
    y, x = 6 * (cell // 2), 6 * (cell % 2)
    return [((y, x, y + 6, x + 6), "quarter %d" % cell)]

def fails(answers):
    return answers["box"]

def no_words(answers):
    return [(0, 0, 1, 1)]
"""
BOXES = "report: {boxes: ./drawn.py:%s}\n"


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """The folder of a small detector's recipe, and the folders of all stages up to Measure."""
    folder = tmp_path_factory.mktemp("detector")
    detector.put(folder)
    (folder / "drawn.py").write_text(FUNCTION)
    _, folders = jobs.run(folder, RECIPE, "Measure")
    return folder, folders


def _page(measured, function):
    folder, folders = measured
    path = folder / "Report"
    if path.exists():
        (path / report.PAGE).unlink()
        path.rmdir()
    _, made = jobs.run(folder, RECIPE + (BOXES % function if function else ""), "Report", made=folders)
    return (made["Report"] / report.PAGE).read_text("utf-8")


def _drawn(page, alt):
    """The pictures of the page whose alternative text contains these words."""
    found = re.findall(r'<img src="data:image/png;base64,([^"]*)" alt="([^"]*)"', page)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")) for data, words in found
            if alt in words]


def test_predicted_boxes_are_drawn_beside_those_of_the_data(measured):
    page = _page(measured, "shown")
    answered, known = (_drawn(page, words) for words in ("boxes that the uint8 file predicts", "with its boxes"))
    assert len(answered) == len(known) == 12
    test = json.loads((measured[1]["Measure"] / "measurement.json").read_text())
    assert test["metrics"]["hits"]["uint8"] > 0.9
    inside = 0
    for mine, theirs in zip(answered, known):
        frames = [np.argwhere((picture == colour).all(-1)) for picture, colour in (
            (mine, pictures.ANSWERED), (theirs, pictures.BRIGHT))]
        (y0, x0), (y1, x1) = frames[0].min(0), frames[0].max(0)
        centre = (frames[1].min(0) + frames[1].max(0)) / 2
        inside += y0 <= centre[0] <= y1 and x0 <= centre[1] <= x1
    assert inside >= 11, "a box of the data lies in the quarter that the file answers"
    assert page.count("predicted 1 box: quarter ") == 12
    assert "What it gets wrong" not in page and ">Samples and answers</h2>" in page and "channel 0" not in page


def test_without_the_function_the_page_says_how_to_have_boxes(measured):
    page = _page(measured, "")
    assert not _drawn(page, "boxes that the uint8 file predicts") and _drawn(page, "channel 0")
    assert "report: {boxes: FILE:FUNCTION}" in page


def test_no_heading_is_empty(measured):
    folder, folders = measured
    page = _page(measured, "shown\n  samples: none".replace("\n  ", ", "))
    assert "Samples and answers" not in page and 'href="#mistakes"' not in page
    for level in "234":
        assert not re.search(r"<h{0}[^>]*>[^<]*</h{0}>\s*(</section>|<h[2-{0}])".format(level), page)


def test_a_function_that_fails_is_a_note_on_the_page(measured):
    page = _page(measured, "fails")
    assert "the gallery of boxes was not drawn: ./drawn.py:fails failed: KeyError" in page


@pytest.mark.parametrize("function, words", [
    ("fails", "KeyError"), ("no_words", "returned something else than a list of ((y0, x0, y1, x1), words)")])
def test_a_function_that_cannot_be_used_is_refused_with_the_line(measured, function, words):
    boxes = PredictedBoxes("./drawn.py:" + function, str(measured[0]))
    with pytest.raises(ModelError) as caught:
        boxes.of({"grid": np.zeros((2, 2, 1))})
    error = caught.value
    assert words in error.what and error.where == "report.boxes" and error.why and error.next_step


def test_octet_check_refuses_it_before_training(tmp_path):
    project = Project(tmp_path, recipe=RECIPE + BOXES % "no_words")
    detector.put(tmp_path)
    (tmp_path / "drawn.py").write_text(FUNCTION)
    done = project.octet("check", str(project.recipe))
    assert done.returncode != 0 and "Traceback" not in done.stderr
    assert "report.boxes" in done.stderr and "returned something else than" in done.stderr
    project.recipe.write_text(RECIPE + BOXES % "show")
    done = project.octet("check", str(project.recipe))
    assert done.returncode == 3 and "a reader of boxes is a function" in done.stderr, done.stderr
    assert "did you mean 'shown'?" in done.stderr


def test_a_child_recipe_in_another_folder_draws_with_the_file_of_its_parent(tmp_path):
    detector.put(tmp_path)
    (tmp_path / "drawn.py").write_text(FUNCTION)
    (tmp_path / "parent.yaml").write_text(RECIPE + BOXES % "shown")
    (tmp_path / "child").mkdir()
    child = tmp_path / "child" / "child.yaml"
    child.write_text("extends: ../parent.yaml\nseed: 2\n")
    spec = loading.load(child).sections()["report"]["boxes"]
    assert PredictedBoxes(spec, str(child.parent)).of({"grid": np.zeros((2, 2, 1))})[0].words == "quarter 0"

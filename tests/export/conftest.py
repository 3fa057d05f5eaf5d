"""A model that was trained on picture files and exported, for all tests of the exported folder."""

import numpy as np
import pytest
from PIL import Image

from octet.datasets import digits
from tests.project import SMALL, Project

RECIPE = SMALL.replace("{dataset: digits}", "{dataset: image_folder, args: {path: photos, size: [8, 8], channels: 1}}"
                       ).replace("train: {epochs: 1", "train: {epochs: 6") + (
    "metrics: {hits: ./hits.py:Hits}\nexport: {targets: [edgetpu, micro]}\n")
METRIC = """
class Hits:
    '''The share of samples whose digit is the one with the highest score, in percent.'''

    def __init__(self):
        self.hits = []

    def update(self, answers, targets, extras):
        self.hits.extend(answers["label"].argmax(-1) == targets["label"])

    def result(self):
        return 100.0 * sum(self.hits) / len(self.hits)
"""


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """Handwritten digits as RGB pictures of 20 x 12 pixels, and a model made by `luigi Export`."""
    project = Project(tmp_path_factory.mktemp("export"), recipe=RECIPE)
    (project.folder / "hits.py").write_text(METRIC)
    for part, found in digits.load().parts.items():
        for number, (pixels, label) in enumerate(zip(found.inputs["image"], found.targets["label"])):
            path = project.folder / "photos" / part / str(label) / "{}.png".format(number)
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.asarray(pixels)[..., 0]).resize((12, 20), Image.BILINEAR).convert("RGB").save(str(path))
    done = project.luigi("Export", "--local-scheduler")
    assert done.returncode == 0, done.stderr
    (folder,) = (project.store / "artifacts" / "Export").iterdir()
    assert done.stdout.splitlines()[-1] == "  export     {}".format(folder)
    return project


@pytest.fixture(scope="session")
def exported(project, tmp_path_factory):
    """The folder that `octet export` writes."""
    folder = tmp_path_factory.mktemp("elsewhere") / "out"
    done = project.octet("export", str(project.recipe), str(folder))
    assert done.returncode == 0, done.stderr
    return folder

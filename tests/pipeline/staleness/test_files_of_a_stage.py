"""Files other than Python source that a stage reads: their bytes are in its key and its sources, and its process has
them."""

import json
from pathlib import Path

import pytest

from pipeline.stage_specs import STAGES, upward
from pipeline.store.artifacts import Store
from tests.pipeline.checkout import ROOT, Checkout

TEMPLATE, PAGE = "tasks/report/page.html", "report.html"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    checkout = Checkout(tmp_path_factory.mktemp("files"))
    run = checkout.luigi(stage="Report")
    assert run.code == 0 and run.made == list(upward("Report")), run.said
    return checkout


def pages(checkout):
    """{key: manifest} of every report page in the store."""
    return {path.parent.name: json.loads(path.read_text())
            for path in (checkout.store / "artifacts" / "Report").glob("*/manifest.json")}


def test_each_declared_pattern_names_a_file():
    for spec in STAGES.values():
        for pattern in spec.files:
            assert list((ROOT / "tasks").glob(pattern)), (spec.name, pattern)


def test_an_edited_template_makes_the_page_anew_and_nothing_else(checkout):
    before = pages(checkout)
    template = checkout.root / TEMPLATE
    content = template.read_bytes()
    template.write_bytes(content + b"<!-- a comment changes the bytes -->\n")
    try:
        asked = checkout.why()
        assert {stage for stage, said in asked.items() if said[0] == "stale"} - {"ValidateInterpreter"} == {"Report"}
        assert asked["Report"] == ["stale", TEMPLATE + ": changed"]
        run = checkout.luigi(stage="Report")
        assert run.code == 0 and run.made == ["Report"], run.said
        new, = set(pages(checkout)) - set(before)
        manifest = pages(checkout)[new]
        assert Store(checkout.store).blobs.read(manifest["sources"][TEMPLATE]) == template.read_bytes()
        old, = before.values()
        outputs = [{one["path"]: one["sha256"] for one in each["outputs"]}[PAGE] for each in (old, manifest)]
        assert outputs[0] != outputs[1], "the process read another file than the key says"
    finally:
        template.write_bytes(content)
    assert checkout.luigi(stage="Report").made == [], "the old template finds the old page"


def test_a_new_file_that_a_pattern_names_is_read_too(checkout):
    style = checkout.root / "tasks/report/extra.css"
    style.write_text("p { color: red }\n")
    try:
        assert checkout.why()["Report"] == ["stale", "tasks/report/extra.css: now read"]
        run = checkout.luigi(stage="Report")
        assert run.code == 0 and run.made == ["Report"], run.said
        read = [each["metrics"]["templates"] for each in pages(checkout).values()]
        assert ["extra.css", "page.css", "page.html"] in read
    finally:
        style.unlink()


@pytest.mark.parametrize("old, new", [("max_accuracy_drop: 0.95", "max_accuracy_drop: 0.9"),
                                      ("validate:", "report: {samples: none}\nvalidate:")])
def test_a_section_that_only_the_page_reads_makes_nothing_else(checkout, old, new):
    recipe = checkout.mine / "faces.yaml"
    before = recipe.read_text()
    checkout.change(recipe, old, new)
    try:
        run = checkout.luigi(stage="Report")
        assert run.code == 0 and run.made == ["Report"], run.said
    finally:
        recipe.write_text(before)


def test_octet_report_prints_the_path_and_says_how_a_missing_page_is_made(checkout):
    done = checkout.octet("report", checkout.mine / "faces.yaml")
    assert done.returncode == 0 and Path(done.stdout.strip()).is_file()
    template = checkout.root / TEMPLATE
    content = template.read_bytes()
    template.write_bytes(content + b"x")
    try:
        done = checkout.octet("report", checkout.mine / "faces.yaml")
        assert done.returncode != 0 and "Traceback" not in done.stderr
        assert "luigi --module pipeline Report --recipe" in done.stderr
    finally:
        template.write_bytes(content)

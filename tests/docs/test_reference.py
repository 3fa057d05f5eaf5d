"""The generated pages are up to date, and every link in the documents leads to a file."""

import re
from pathlib import Path
from typing import Set

import pytest
import yaml

from docs import reference

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
CODE = re.compile(r"^```.*?^```|^    .*?$|`[^`\n]*`", re.MULTILINE | re.DOTALL)


def test_each_generated_page_is_up_to_date():
    for name, page in reference.PAGES.items():
        assert (ROOT / "docs" / name).read_text(encoding="utf-8") == page(), "run: python -m docs.reference"


def test_each_key_of_a_recipe_has_a_meaning():
    keys = [line for line in reference.recipe_page().splitlines() if line.startswith("| `")]
    assert len(keys) > 60
    assert [line for line in keys if line.endswith("|  |")] == [], "write a comment above the key in the schema"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_relative_link_leads_to_a_file(page):
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", CODE.sub("", page.read_text(encoding="utf-8")))
    for link in links:
        assert "://" in link or (page.parent / link).exists(), "{} links to {}".format(page.name, link)


def test_the_site_has_every_page():
    def files(entry) -> Set[str]:
        if isinstance(entry, str):
            return {entry}
        return {name for part in (entry.values() if isinstance(entry, dict) else entry) for name in files(part)}

    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert files(site["nav"]) == {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}


NAMED = re.compile(r"`((?:pipeline|tasks|octet|tests|models|recipes|scripts|docs)/[\w./-]+)`")


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent.name != "decisions"
                                  and page.name != "CHANGELOG.md"], ids=lambda page: page.name)
def test_each_file_that_a_page_names_is_there(page):
    for name in NAMED.findall(page.read_text(encoding="utf-8")):
        if "NAME" not in name:
            assert (ROOT / name).exists(), "{} names {}".format(page.name, name)

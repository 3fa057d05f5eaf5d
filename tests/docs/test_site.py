"""The site builds, a broken link is an error, and no page loads anything from another host."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Sequence

ROOT = Path(__file__).resolve().parents[2]
LOADED = re.compile(r"<(?:script|link|img|iframe)\b[^>]*(?:src|href)=\"?(?:https?:)?//[^>]*>")


def build(source: Path, site: Path) -> Sequence:
    """(exit code, output) of `mkdocs build` on the checkout's documentation."""
    done = subprocess.run([sys.executable, "-m", "mkdocs", "build", "--site-dir", str(site)],
                          cwd=str(source), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def test_the_site_builds_and_loads_nothing_from_another_host(tmp_path):
    code, text = build(ROOT, tmp_path / "site")
    assert code == 0, text
    pages = sorted((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 15
    for page in pages:
        assert LOADED.findall(page.read_text(encoding="utf-8")) == [], page.name


def test_a_broken_link_is_an_error(tmp_path):
    shutil.copytree(str(ROOT / "docs"), str(tmp_path / "docs"), ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(str(ROOT / "mkdocs.yml"), str(tmp_path / "mkdocs.yml"))
    with (tmp_path / "docs" / "store.md").open("a", encoding="utf-8") as page:
        page.write("\n[nowhere](nowhere.md)\n")
    code, text = build(tmp_path, tmp_path / "site")
    assert code == 1 and "nowhere.md" in text

"""Renders HTML pages for `octet compare` and `octet report`. They depend on earlier runs, so they are not artifacts.
They are written to the user's cache, and can be deleted at any time."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Sequence

from octet import digest
from octet.errors import StoreError
from pipeline import settings
from pipeline.cli.model_comparison import Compared, Row

HERE = Path(__file__).parent
STYLE = settings.ROOT / "tasks" / "report" / "page.css"
"""The style of the stage Report's page, so that all pages look alike."""
PLACE, LINK = "<!-- history -->", "<!-- history link -->"
"""The places in the stage Report's page for the history section, and for a link to it."""


def comparison(items: Sequence[Compared], figures: Sequence[Row], inputs: Sequence[Row]) -> str:
    """A page with the two tables of `octet compare`."""
    from markupsafe import Markup
    return _rendered("compare.html", style=Markup(STYLE.read_text(encoding="utf-8")),
                     names=[item.name for item in items], figures=figures, inputs=inputs)


def with_history(page: str, **facts: Any) -> str:
    """The stage Report's page with the section history.html, rendered with `facts`."""
    section = _rendered("history.html", **facts)
    before, place, after = page.partition(PLACE)
    return before.replace(LINK, '<li><a href="#history">What changed</a></li>', 1) + section + after


def _rendered(template: str, **facts: Any) -> str:
    import jinja2
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(str(HERE)), autoescape=True, trim_blocks=True,
                                     lstrip_blocks=True, undefined=jinja2.StrictUndefined, auto_reload=False)
    return environment.get_template(template).render(**facts)


def write(name: str, text: str) -> Path:
    """Writes the page into the user's cache, whole or not at all, and returns its path. Raises StoreError."""
    cache = digest.cache_file()
    folder = Path(cache).parent / "pages" if cache else Path(tempfile.mkdtemp(prefix="octet-pages-"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=str(folder), suffix=".html")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as out:
                out.write(text)
            os.replace(temporary, str(folder / (name + ".html")))
        except BaseException:
            with suppress(OSError):
                os.remove(temporary)
            raise
    except OSError as error:
        raise StoreError("cannot write the page: {}".format(error.strerror or error), where=str(folder), why="",
                         next_step="set the variable OCTET_CACHE to a folder that can be written") from error
    return folder / (name + ".html")

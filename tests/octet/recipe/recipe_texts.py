"""Writes recipe texts into the working folder and loads them."""

import textwrap
from pathlib import Path

import pytest

from octet.errors import RecipeError
from octet.recipe import loading

RECIPES = Path(__file__).resolve().parents[3] / "recipes"
SHORT = "data: {dataset: digits}\nmodel: {build: lenet}\n"


def write(name, text):
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(textwrap.dedent(text))
    return name


def refusal(text):
    """The error for this text without the next step, which ends every refusal."""
    with pytest.raises(RecipeError) as caught:
        loading.load(write("r.yaml", text))
    *said, next_step = str(caught.value).splitlines()
    assert next_step.startswith("    correct th") and next_step.endswith("; `octet check r.yaml` checks it again")
    return "\n".join(said)

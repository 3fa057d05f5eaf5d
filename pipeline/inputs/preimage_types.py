"""The types of the JSON from which a key is computed. Import this module only below `TYPE_CHECKING`: importing
`typing_extensions` would slow down a run with nothing to do.
"""

from typing import Dict, List, Optional

from typing_extensions import TypedDict

from octet.job import Sections

Digests = Dict[str, str]
"""{name: sha256}."""


class Preimage(TypedDict):
    """Everything that determines an artifact's identity. The key is the sha256 of its canonical JSON.

    record:   'octet.stage'.
    version:  the version of this structure.
    stage:    the stage's name.
    recipe:   the sections that the stage reads, without paths.
    source:   {file: sha256 of its normalised syntax tree}.
    data:     {part of the dataset: sha256}.
    files:    {'section.key' of the recipe: sha256 of the file that it names}.
    versions: {'python', or a distribution: its version}.
    upstream: {upstream stage: {path: sha256}} of the products that the stage reads.
    products: the globs of the stage's own products.
    """

    record: str
    version: int
    stage: str
    recipe: Sections
    source: Digests
    data: Digests
    files: Digests
    versions: Dict[str, str]
    upstream: Dict[str, Digests]
    products: List[str]


class GitState(TypedDict):
    """commit: of Octet's own checkout. dirty: whether tracked files have changes. None if there is no checkout."""

    commit: Optional[str]
    dirty: Optional[bool]

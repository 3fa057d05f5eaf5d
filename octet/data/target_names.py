"""Recognizes the usual names of targets."""

import re
from typing import Optional

EXACT = re.compile(r"(y|label|target|class|mask|answer|out|output|pose|value|tag)s?|classes|survived|outcome|diagnosis")
PREFIX = re.compile(r"label|target|class|mask|(y|answer|out|output|pose|value|tag)s?(?![a-z])")


def rank(name: str) -> Optional[int]:
    """0 for a usual name of a target, such as `label`; 1 for a name that begins so, such as `label_id`; else None."""
    word = name.lower().split("/")[-1]
    return 0 if EXACT.fullmatch(word) else 1 if PREFIX.match(word) else None

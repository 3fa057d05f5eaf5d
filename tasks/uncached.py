"""Source that is compiled as it is, whatever Python's own cache holds of it.

Python takes a `.pyc` for a file's as long as its size and its mtime in seconds are the same. Two edits within one
second, or one whose mtime was put back, would run the old code and publish what it makes under the new code's key.
"""

import os
from importlib.machinery import SourceFileLoader

INSTALLED = ("site-packages", "dist-packages")
LIBRARY = os.path.dirname(os.path.realpath(os.__file__))
OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PACKAGES = ("octet", "tasks", "models")


def install() -> None:
    """From now on no cache is asked about source: Octet's, and what is neither Python's nor installed."""
    cached = SourceFileLoader.get_code

    def get_code(loader: SourceFileLoader, name: str):
        path = loader.get_filename(name)
        return loader.source_to_code(loader.get_data(path), path) if is_source(path) else cached(loader, name)

    SourceFileLoader.get_code = get_code


def is_source(path: str) -> bool:
    """Whether a module's file can be edited while its distribution's version stays the same."""
    if path.startswith(tuple(os.path.join(OURS, package) + os.sep for package in PACKAGES)):
        return True
    return not (set(INSTALLED) & set(path.split(os.sep)) or os.path.realpath(path).startswith(LIBRARY + os.sep))

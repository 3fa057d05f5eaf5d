"""Tells whether a source file belongs to Octet, to the user, or to neither (Python or an installed distribution)."""

import os

from octet.installed_files import is_installed

LIBRARY = os.path.dirname(os.path.realpath(os.__file__))
OURS = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PACKAGES = tuple(os.path.join(OURS, package) + os.sep for package in ("octet", "tasks", "models"))


def is_ours(path: str) -> bool:
    """Whether a module's file belongs to Octet."""
    return path.startswith(PACKAGES)


def is_users(path: str) -> bool:
    """Whether a module's file is neither Octet's, nor Python's, nor installed."""
    return os.path.isabs(path) and not (
        is_ours(path) or is_installed(path) or os.path.realpath(path).startswith(LIBRARY + os.sep))

"""What `octet verify` and `octet gc` find in a store and put right: misplaced entries, folders that others can write
to, damaged by-products, and workspaces of killed runs. The functions raise StoreError for every OSError.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Dict, Iterable, List, Tuple

from pipeline.files.file_errors import explained
from pipeline.store import by_products, workspaces
from pipeline.store.artifacts import Store

if TYPE_CHECKING:
    from pipeline.store.record_types import Manifest


def misplaced(store: Store) -> List[Tuple[str, OSError]]:
    """(place, error) of every entry of the wrong kind, and of every folder that cannot be listed."""
    with explained("read the store", store.root):
        return list(store.tree.misplaced())


def writable_by_others(store: Store) -> List[Tuple[Path, str]]:
    """(folder, who) of each folder that users other than the store's owner can write to."""
    with explained("read the store", store.root):
        return list(store.tree.writable_by_others())


def put_aside(store: Store, place: str) -> Path:
    """Moves an entry of any kind into quarantine. Returns its new path."""
    with explained("put it into quarantine", store.tree.path(place)):
        return store.tree.put_aside(place)


def by_product_damage(store: Store, stage: str, key: str, manifest: Manifest) -> Dict[str, str]:
    """{path: description} of damaged by-products that are not marked as lost. Reads every byte."""
    known = by_products.lost(store.marks, stage, key)
    damaged = by_products.damage(store.tree, _place(store, stage, key), manifest)
    return {path: wrong for path, wrong in damaged.items() if path not in known}


def lose_by_products(store: Store, stage: str, key: str, paths: Iterable[str]) -> List[Path]:
    """Moves what remains of these by-products to quarantine, and marks them as lost. Returns their new paths."""
    return by_products.lose(store.tree, store.marks, stage, key, _place(store, stage, key), list(paths))


def left_workspaces(store: Store) -> List[Path]:
    """The workspaces of all runs, running or killed."""
    with explained("list the workspaces", store.tree.path("artifacts")):
        return sorted(store.tree.path(place) for place in workspaces.every(store.tree))


def remove_left_workspaces(store: Store) -> List[Path]:
    """Removes the workspaces of killed runs. Returns their paths."""
    removed = []
    for path in left_workspaces(store):
        key = path.name.split(".")[1] or "none"
        try:
            with store.lock(path.parent.name, key).acquire(timeout=0), explained("remove a workspace", path):
                workspaces.remove_at(store.tree, store.tree.inside(path))
                removed.append(path)
        except TimeoutError:
            pass  # its run is still running
    return removed


def _place(store: Store, stage: str, key: str) -> str:
    return store.tree.inside(store.artifact(stage, key))

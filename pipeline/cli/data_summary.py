"""What SummarizeData says of a recipe's data, as `octet data` and `octet check` print it."""

import json
from typing import TYPE_CHECKING, Any, Dict, List, Optional

from octet.data.dataset import PARTS
from pipeline.stage_specs import PREPARE_DATA, SUMMARIZE, SUMMARY
from pipeline.staleness.plan import Plan
from pipeline.store.artifacts import Store

if TYPE_CHECKING:
    from pipeline.store.record_types import Manifest


def recorded(plan: Plan) -> Optional[Dict[str, Any]]:
    """The summary that SummarizeData has published, or None."""
    folder = plan.folder(SUMMARIZE)
    if folder is None or not plan.intact(SUMMARIZE):
        return None
    return _summary((folder / SUMMARY).read_text(encoding="utf-8"), _parts(plan))


def of_manifests(store: Store, made: "Dict[str, Manifest]") -> Dict[str, Any]:
    """The summary of the data of a run. made: {stage: its manifest}, with SummarizeData."""
    text = store.read(SUMMARIZE, made[SUMMARIZE]["key"], SUMMARY).decode("utf-8")
    return _summary(text, [made.get(PREPARE_DATA + part) for part in PARTS])


def left_out(plan: Plan) -> int:
    """The number of samples that could not be read, from the manifests of the parts."""
    return _left_out(_parts(plan))


def of_dataset(plan: Plan) -> List[str]:
    """The notes and warnings of the dataset when its parts were read, without duplicates."""
    return _notes(_parts(plan))


def _parts(plan: Plan) -> "List[Optional[Manifest]]":
    return [plan.manifest(PREPARE_DATA + part) for part in PARTS]


def _summary(text: str, parts: "List[Optional[Manifest]]") -> Dict[str, Any]:
    found: Dict[str, Any] = json.loads(text)
    return {**found, "notes": _notes(parts) + found["notes"], "left_out": _left_out(parts), "sheet": False}


def _left_out(parts: "List[Optional[Manifest]]") -> int:
    return sum(manifest["metrics"]["left_out"] for manifest in parts if manifest)


def _notes(parts: "List[Optional[Manifest]]") -> List[str]:
    return list(dict.fromkeys(note for found in parts if found for note in found["metrics"].get("of_dataset", ())))


def show(summary: Dict[str, Any]) -> None:
    """Prints a description made by `octet/data/description.py`."""
    parts = [part for part in PARTS if part in summary["parts"]]
    print("samples: {}".format(", ".join("{} {}".format(summary["parts"][part], part) for part in parts)))
    for name, spec in summary["inputs"].items():
        used, least, most = spec["codes"]
        print("input {}: {} uint8 for reals in [{:g}, {:g}]; 99.9 % of the values use {} of the 256 codes, "
              "from {} to {}".format(name, spec["shape"], spec["low"], spec["high"], used, least, most))
    for name, target in summary["targets"].items():
        print("target {}: {}{}".format(name, target["kind"], " {}".format(target["shape"]) if target["shape"] else ""))
        if target["kind"] == "value":
            print("  " + ", ".join("{} in [{:g}, {:g}]".format(part, *target[part]) for part in parts))
        if not target["classes"]:
            continue
        width = max(map(len, target["classes"]))
        for index, class_name in enumerate(target["classes"]):
            print("  {}  {}".format(class_name.ljust(width), "  ".join(
                "{:>8} {}".format(target[part][index], part) for part in parts)))
    for name, extra in summary["extras"].items():
        print("extra {}: {}{}".format(name, extra["kind"], " {}".format(extra["shape"]) if extra["shape"] else ""))
        print("  " + ", ".join("{} {}".format(extra[part], part) if extra["kind"] == "boxes" else
                               "{} in [{:g}, {:g}]".format(part, *extra[part]) for part in parts if extra[part] != []))

"""What SummarizeData says of a recipe's data, as `octet data` and `octet check` print it."""

import json
from typing import Any, Dict, List, Optional

from octet.data.dataset import PARTS
from pipeline.stage_specs import PREPARE_DATA, SUMMARIZE, SUMMARY
from pipeline.staleness.plan import Plan


def recorded(plan: Plan) -> Optional[Dict[str, Any]]:
    """The summary that SummarizeData has published, or None."""
    folder = plan.folder(SUMMARIZE)
    if folder is None or not plan.intact(SUMMARIZE):
        return None
    found: Dict[str, Any] = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
    return {**found, "notes": of_dataset(plan) + found["notes"], "left_out": left_out(plan), "sheet": False}


def left_out(plan: Plan) -> int:
    """The number of samples that could not be read, from the manifests of the parts."""
    manifests = [plan.manifest(PREPARE_DATA + part) for part in PARTS]
    return sum(manifest["metrics"]["left_out"] for manifest in manifests if manifest)


def of_dataset(plan: Plan) -> List[str]:
    """The notes and warnings of the dataset when its parts were read, without duplicates."""
    manifests = [plan.manifest(PREPARE_DATA + part) for part in PARTS]
    return list(dict.fromkeys(note for found in manifests if found for note in found["metrics"].get("of_dataset", ())))


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

"""training.json: how a phase was trained, for the report. It is a product, so it holds neither times nor paths.

    settings    the sections of the recipe that the stage read
    epochs      [{epoch, loss, validation: {output: {metric: value}}}]
    kept_epoch  the epoch whose weights are kept; None where there was none
"""

import json
from pathlib import Path
from typing import Any, Dict, List, Optional

RECORD = "training.json"
PATHS = (("model", "weights"), ("model", "files"))  # left out: the stage's key has the content of these files


def write(folder: Path, settings: Dict[str, Any], epochs: List[Dict[str, Any]], kept_epoch: Optional[int],
          **further: Any) -> None:
    """Writes training.json. further: fields that are added."""
    sections = {name: {key: value for key, value in section.items() if (name, key) not in PATHS}
                if isinstance(section, dict) else section for name, section in settings.items()}
    timeless = [{key: value for key, value in epoch.items() if key != "images_per_s"} for epoch in epochs]
    text = json.dumps({"settings": sections, "epochs": timeless, "kept_epoch": kept_epoch, **further}, indent=1,
                      sort_keys=True)
    (folder / RECORD).write_text(text + "\n", encoding="utf-8")


def read(folder: Path) -> Dict[str, Any]:
    return json.loads((folder / RECORD).read_text(encoding="utf-8"))

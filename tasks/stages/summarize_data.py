"""SummarizeData: what the data is, and how its three parts compare.

In:  the parts train, validation and test.
Out: summary.json, as octet/data/description.py says. As metrics, its figures, and notes: samples that are in two parts,
     classes that are rare or missing, codes that are hardly used.
"""

import json
from typing import Any, Dict

from octet.data import description
from octet.job import Job, Progress
from tasks import prepared_data


def run(job: Job, progress: Progress) -> Dict[str, Any]:
    progress(0.0, "comparing the parts")
    found = description.of(prepared_data.load(job))
    (job.out / "summary.json").write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return {"samples": found["parts"], "figures": found["figures"], "notes": found["notes"]}

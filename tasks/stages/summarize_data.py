"""SummarizeData: describes the data and compares its three parts.

In:  the parts train, validation and test.
Out: summary.json (see octet/data/description.py).
Metrics: the figures of the summary, and notes: samples that are in two parts, classes that are rare or missing, a
narrow range of codes in use.
"""

import json
from typing import Any, Dict

from octet.data import description
from octet.job import Job, Progress
from tasks import prepared_data


def run(job: Job, progress: Progress) -> Dict[str, Any]:
    progress(0.0, "comparing the parts")
    summary = description.of(prepared_data.load(job))
    (job.out / "summary.json").write_text(json.dumps(summary, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return {"samples": summary["parts"], "figures": summary["figures"], "notes": summary["notes"]}

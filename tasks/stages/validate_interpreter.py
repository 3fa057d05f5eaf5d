"""ValidateInterpreter: judges a measurement by the recipe's gates.

In:  Measure's measurement.json; the recipe's section validate.
Out: verdict.json, {judged: [{gate, output, limit, words}]}: one row for each gate and output that it applies to;
     `output` is empty for a gate on the whole file.
Fails with GateError where a gate is missed. The stage does not import TensorFlow.
"""

import json
from typing import Any, Dict

from octet.errors import GateError
from octet.gates import judgement
from octet.job import Job, Progress


def run(job: Job, progress: Progress) -> Dict[str, Any]:
    measurement = json.loads((job.input("Measure") / "measurement.json").read_text(encoding="utf-8"))
    judged = judgement.judged(measurement, job.settings["validate"])
    missed = [str(each) for each in judged if not each.passed]
    if missed:
        raise GateError("the uint8 model misses {} of its gates".format(len(missed)), where="validate",
                        why="\n".join(missed),
                        next_step="the measurement is kept: change the model, the data or the training, "
                                  "or the gate in the recipe's section `validate`")
    rows = [{"gate": each.gate, "output": each.output, "limit": each.limit, "words": each.words} for each in judged]
    (job.out / "verdict.json").write_text(json.dumps({"judged": rows}, indent=1, sort_keys=True) + "\n",
                                          encoding="utf-8")
    return {"gates": {each.gate: each.limit for each in judged}}

"""Makes the stages that only take data in, for a command that asks for nothing else."""

from pathlib import Path

from pipeline.execution import run_record
from pipeline.execution.make import Making, input_missing
from pipeline.inputs import snapshot as snapshots
from pipeline.stage_specs import STAGES, SUMMARIZE, upward
from pipeline.staleness.plan import Plan
from pipeline.store.artifacts import Store


def make(taken_snapshot: snapshots.Snapshot, recipe: str, store: Path) -> Plan:
    """Makes each PrepareData and SummarizeData that is not intact, and records this as a run. Returns a plan of the
    store afterwards. The network is neither built nor checked.

    recipe: as the command named it, for the manifest. The caller prints the remarks of the stages. Raises
    OctetError."""
    names = upward(SUMMARIZE)
    with_source = snapshots.with_source(taken_snapshot, tuple(STAGES[name].module for name in names))

    def plan() -> Plan:
        return Plan(with_source, Store(store))

    def work() -> None:
        for name in names:
            present = plan()
            identity = present.key(name)
            if identity is None:
                raise input_missing(name, ", ".join(STAGES[name].needs))
            making = Making(STAGES[name], with_source, with_source.trees, recipe, lambda fraction, message: None,
                            prints_remarks=False)
            making.make(present, *identity, [])

    run_record.around(plan(), plan, SUMMARIZE, [], work)
    return plan()

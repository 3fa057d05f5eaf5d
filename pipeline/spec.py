"""What each stage reads and makes: the facts that its key and its manifest are built from.

    TrainFloat -> TrainQAT -> EvalGraph -> Freeze -> ConvertUint8 -> ValidateInterpreter
"""

from typing import Dict, NamedTuple, Tuple


class StageSpec(NamedTuple):
    """One stage of the pipeline, declared.

    name:     the Luigi class, the folder in the store ('ConvertUint8').
    module:   the file in `tasks` that does the work ('stages.convert_uint8').
    needs:    the stages whose products it reads, direct ones only.
    reads:    the sections of the recipe that it reads.
    parts:    the parts of the dataset that it reads.
    products: globs of the files that stages below see; every other file is a by-product.
    checks:   files in `tasks` that are run before it, each in a process of its own. They make nothing: they
              can refuse the work and change none of it, so their source is not in the key.
    """

    name: str
    module: str
    needs: Tuple[str, ...] = ()
    reads: Tuple[str, ...] = ()
    parts: Tuple[str, ...] = ()
    products: Tuple[str, ...] = ()
    checks: Tuple[str, ...] = ()


CONVERTIBLE, DESCRIBE, DIGEST = "checks.convertible", "checks.describe", "checks.data_digest"
CHECKS: Dict[str, Tuple[str, ...]] = {CONVERTIBLE: ("data", "model"), DESCRIBE: ("data",), DIGEST: ("data",)}
"""{module in `tasks` that makes no artifact: the sections whose source it runs}."""

_VARIABLES = ("variables.index", "variables.data-*")

_IN_ORDER = (
    StageSpec("TrainFloat", "stages.train_float",
              reads=("seed", "data", "model", "train", "augment", "loss"), parts=("train", "validation"),
              products=("float.pb", "training.meta", "network.json"), checks=(CONVERTIBLE,)),
    StageSpec("TrainQAT", "stages.train_qat", needs=("TrainFloat",),
              reads=("seed", "data", "augment", "quantize"), parts=("train", "validation"),
              products=("network.pb", "network.json") + _VARIABLES),
    StageSpec("EvalGraph", "stages.eval_graph", needs=("TrainQAT",),
              reads=("data",), parts=("test",),
              products=("eval_graph.pb", "network.json") + _VARIABLES),
    StageSpec("Freeze", "stages.freeze", needs=("EvalGraph",),
              products=("frozen.pb", "network.json")),
    StageSpec("ConvertUint8", "stages.convert_uint8", needs=("Freeze",),
              reads=("convert",),
              products=("model.tflite", "network.json")),
    StageSpec("ValidateInterpreter", "stages.validate_interpreter",
              needs=("ConvertUint8", "Freeze", "TrainFloat"),
              reads=("data",), parts=("test",),
              products=("measurement.json",)),
)

STAGES: Dict[str, StageSpec] = {spec.name: spec for spec in _IN_ORDER}
"""Every stage by name, upstream before downstream."""


def upward(target: str) -> Tuple[str, ...]:
    """`target` and every stage that it is made from, upstream first."""
    wanted, todo = set(), [target]
    while todo:
        name = todo.pop()
        if name not in wanted:
            wanted.add(name)
            todo.extend(STAGES[name].needs)
    return tuple(name for name in STAGES if name in wanted)

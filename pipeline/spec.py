"""What each stage reads and makes: the facts that its key and its manifest are built from.

    PrepareData.train -> PrepareData.validation, PrepareData.test
            |                  |                      |
            +--------+---------+                      |
                     v                                v
                 TrainFloat -> TrainQAT -> EvalGraph, and ValidateInterpreter at the end of
                                           EvalGraph -> Freeze -> ConvertUint8

    ConvertUint8, ValidateInterpreter, PrepareData.test -> Export
    ConvertUint8, ValidateInterpreter, TrainFloat, TrainQAT, PrepareData.* -> Report
"""

from fnmatch import fnmatchcase
from typing import Dict, NamedTuple, Tuple


class StageSpec(NamedTuple):
    """One stage of the pipeline, declared.

    name:     the Luigi task family and the folder in the store ('ConvertUint8', 'PrepareData.train').
    module:   the module in `tasks` that does the work ('stages.convert_uint8').
    needs:    the stages whose products it reads, direct ones only.
    takes:    {upstream stage: globs of its products that are read}; all of them where it is not named.
    reads:    the sections of the recipe that it reads.
    parts:    the parts of the dataset that it reads from the source.
    files:    globs, below the folder `tasks`, of files that its work reads and that are no Python. Their bytes are in
              its key and among its sources, and its process has them in its private copy of the source.
    products: globs of the files that stages below see; every other file is a by-product.
    checks:   modules in `tasks` that are run before it, each in a process of its own. They make nothing: they
              can refuse the work and change none of it, so their source is not in the key.
    """

    name: str
    module: str
    needs: Tuple[str, ...] = ()
    takes: Dict[str, Tuple[str, ...]] = {}
    reads: Tuple[str, ...] = ()
    parts: Tuple[str, ...] = ()
    files: Tuple[str, ...] = ()
    products: Tuple[str, ...] = ()
    checks: Tuple[str, ...] = ()

    def taken(self, upstream: str, products: Dict[str, str]) -> Dict[str, str]:
        """Those of an upstream stage's products {path: sha256} that this stage reads."""
        globs = self.takes.get(upstream)
        return dict(products) if globs is None else {
            path: sha256 for path, sha256 in products.items() if any(fnmatchcase(path, glob) for glob in globs)}


CONVERTIBLE, DESCRIBE, DIGEST = "checks.convertible", "checks.describe", "checks.data_digest"
CHECKS: Dict[str, Tuple[str, ...]] = {CONVERTIBLE: ("data", "model"), DESCRIBE: ("data",), DIGEST: ("data",)}
"""{module in `tasks` that makes no artifact: the sections whose source it runs}."""

_VARIABLES = ("variables.index", "variables.data-*")
_TRAIN, _VALIDATION, _TEST = ("PrepareData." + part for part in ("train", "validation", "test"))
_PREPARED = ("spec.json", "input_*.npy", "target_*.npy")


def _prepare(name: str, **more) -> StageSpec:
    return StageSpec(name, "stages.prepare_data", reads=("data",), parts=(name.partition(".")[2],),
                     products=_PREPARED, **more)


_IN_ORDER = (
    # The first stage that does lasting work checks the whole recipe.
    _prepare(_TRAIN, checks=(CONVERTIBLE,)),
    _prepare(_VALIDATION, needs=(_TRAIN,), takes={_TRAIN: ("spec.json",)}),
    _prepare(_TEST, needs=(_TRAIN,), takes={_TRAIN: ("spec.json",)}),
    StageSpec("TrainFloat", "stages.train_float", needs=(_TRAIN, _VALIDATION),
              reads=("seed", "model", "train", "augment", "loss"),
              products=("float.pb", "training.meta", "network.json", "training.json"), checks=(CONVERTIBLE,)),
    StageSpec("TrainQAT", "stages.train_qat", needs=(_TRAIN, _VALIDATION, "TrainFloat"),
              takes={"TrainFloat": ("float.pb", "training.meta", "network.json")},
              reads=("seed", "augment", "quantize"),
              products=("network.pb", "network.json", "training.json") + _VARIABLES),
    StageSpec("EvalGraph", "stages.eval_graph", needs=(_TEST, "TrainQAT"),
              takes={"TrainQAT": ("network.pb", "network.json") + _VARIABLES},
              products=("eval_graph.pb", "network.json") + _VARIABLES),
    StageSpec("Freeze", "stages.freeze", needs=("EvalGraph",),
              products=("frozen.pb", "network.json")),
    StageSpec("ConvertUint8", "stages.convert_uint8", needs=("Freeze",),
              reads=("convert",),
              products=("model.tflite", "network.json")),
    StageSpec("ValidateInterpreter", "stages.validate_interpreter",
              needs=(_TEST, "ConvertUint8", "Freeze", "TrainFloat"),
              takes={"TrainFloat": ("float.pb", "network.json")},
              products=("measurement.json", "mistakes.json")),
    StageSpec("Report", "stages.report",
              needs=(_TRAIN, _VALIDATION, _TEST, "TrainFloat", "TrainQAT", "ConvertUint8", "ValidateInterpreter"),
              takes={"TrainFloat": ("training.json",), "TrainQAT": ("training.json",)},
              reads=("validate", "report"), files=("report/*.html", "report/*.css"),
              products=("report.html",)),
    # The last stage: its whole folder is the product. It reads no threshold; that the gates are passed is asked each
    # time (see `Export` in scheduling/stages.py).
    StageSpec("Export", "stages.export", needs=(_TEST, "ConvertUint8", "ValidateInterpreter"),
              products=("model.tflite", "card.json", "*")),
)

STAGES: Dict[str, StageSpec] = {spec.name: spec for spec in _IN_ORDER}
"""Every stage by name, upstream before downstream."""

JOBS = tuple(dict.fromkeys([job for spec in _IN_ORDER for job in (spec.module, *spec.checks)] + [DIGEST]))
"""The modules in `tasks` that a run may start as a process of their own."""


def upward(target: str) -> Tuple[str, ...]:
    """`target` and every stage that it is made from, upstream first."""
    wanted, todo = set(), [target]
    while todo:
        name = todo.pop()
        if name not in wanted:
            wanted.add(name)
            todo.extend(STAGES[name].needs)
    return tuple(name for name in STAGES if name in wanted)

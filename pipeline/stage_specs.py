"""What each stage reads and makes. Keys, jobs and manifests are built from these declarations.

    stage                    needs                                                      wants
    PrepareData.train        (nothing: it reads the dataset)
    PrepareData.validation   PrepareData.train
    PrepareData.test         PrepareData.train
    SummarizeData            PrepareData (all three parts)
    TrainFloat               PrepareData.train, PrepareData.validation                  SummarizeData
    TrainQAT                 PrepareData.train, PrepareData.validation, TrainFloat
    EvalGraph                PrepareData.test, TrainQAT
    Freeze                   EvalGraph
    ConvertUint8             Freeze
    Measure                  PrepareData.test, TrainFloat, Freeze, ConvertUint8
    Report                   PrepareData (all three parts), TrainFloat, TrainQAT, ConvertUint8, Measure
    ValidateInterpreter      Measure                                                    Report
    Export                   PrepareData.test, ConvertUint8, Measure, ValidateInterpreter
"""

from fnmatch import fnmatchcase
from typing import Callable, Dict, NamedTuple, Optional, Set, Tuple

from octet.job import Sections

PREPARE_DATA, NAMES = "PrepareData.", "names.json"
SUMMARIZE, SUMMARY = "SummarizeData", "summary.json"


class StageSpec(NamedTuple):
    """The declaration of one stage.

    name:     the Luigi task family and the folder in the store ('ConvertUint8', 'PrepareData.train').
    module:   the module in `tasks` that does the work ('stages.convert_uint8').
    needs:    the direct upstream stages, whose products it reads.
    takes:    {upstream stage: globs of its products that it reads}. It reads all products of a stage not named here.
    names_if: names_if(sections of the recipe) says whether the stage reads names.json (the names of the classes)
              although its globs do not include it.
    wants:    stages that a run of it also makes, before it if possible, although it does not read them (like Wants= of
              systemd). They are not in its key, and their failure does not stop it. They are left out if they would
              need stages that the run has no other reason to make (see `Plan.wanted`). If one fails, the next run tries
              to make it again, because the cause may be in no key (lack of memory, a full disk).
    reads:    the sections of the recipe that it reads.
    parts:    the parts of the dataset that it reads from the source.
    files:    globs, below the folder `tasks`, of files other than Python source that its work reads. Their bytes are in
              its key, and its private copy of the source contains them.
    products: globs of the files that downstream stages see. Every other file is a by-product.
    trains:   the section of the recipe with its number of epochs. Such a stage writes checkpoints and resumes from
              them.
    checks:   modules in `tasks` that run before it, each in a process of its own. A check can only refuse the work, so
              its source is not in the key.
    """

    name: str
    module: str
    needs: Tuple[str, ...] = ()
    takes: Dict[str, Tuple[str, ...]] = {}
    wants: Tuple[str, ...] = ()
    reads: Tuple[str, ...] = ()
    parts: Tuple[str, ...] = ()
    files: Tuple[str, ...] = ()
    products: Tuple[str, ...] = ()
    checks: Tuple[str, ...] = ()
    trains: str = ""
    names_if: Optional[Callable[[Sections], bool]] = None

    def taken(self, upstream: str, products: Dict[str, str], sections: Sections) -> Dict[str, str]:
        """The products {path: sha256} that this stage reads, of all `products` of the stage `upstream`."""
        globs = self.takes.get(upstream)
        if globs is None:
            return dict(products)
        if self.names_if is not None and self.names_if(sections):
            globs = (*globs, NAMES)
        return {path: sha256 for path, sha256 in products.items() if any(fnmatchcase(path, glob) for glob in globs)}

    def takes_names(self, sections: Sections) -> bool:
        """Whether the stage reads the names of the classes."""
        return any(self.taken(need, {NAMES: ""}, sections) for need in self.needs if need.startswith(PREPARE_DATA))


CONVERTIBLE, DESCRIBE, DIGEST = "checks.convertible", "checks.describe", "checks.user_data_digest"
PREDICT, EVALUATE, TARGETS, RUN_ON = "checks.predict", "checks.evaluate", "checks.targets", "checks.run_on"
CHECKS: Dict[str, Tuple[str, ...]] = {CONVERTIBLE: ("data", "model", "loss", "metrics", "report"), DESCRIBE: ("data",),
                                      DIGEST: ("data",),
                                      PREDICT: (), EVALUATE: ("metrics",), TARGETS: (), RUN_ON: ()}
"""{module in `tasks` that makes no artifact: the sections of the recipe whose source it runs}."""

_TARGET_LISTS = "tflite/targets/lists/*.json"
CHECK_FILES: Dict[str, Tuple[str, ...]] = {CONVERTIBLE: (_TARGET_LISTS,), TARGETS: (_TARGET_LISTS,)}
"""{module of CHECKS: globs, below the folder `tasks`, of files other than Python source that it reads}."""

_VARIABLES = ("variables.index", "variables.data-*")
_TRAIN, _VALIDATION, _TEST = (PREPARE_DATA + part for part in ("train", "validation", "test"))
_UNNAMED = ("spec.json", "input_*", "target_*", "extra_*")  # extras: of a dataset that has some
_NAMED = _UNNAMED + (NAMES,)
"""The products of a prepared part that a stage reads. Shards are not among them: input_0.json identifies the rows, and
how they are divided into shards must not change a key."""
_LEARNT = ("spec.json", NAMES)
"""What the validation and test parts take over from the training part: the shapes, the ranges and the classes."""


def _weighs_named_classes(sections: Sections) -> bool:
    """Whether the section `loss` gives weights to classes by their names."""
    loss = sections["loss"]
    return any(isinstance(one.get("class_weights"), dict) for one in (loss, *loss.get("targets", {}).values()))


def _prepare(name: str, needs: Tuple[str, ...] = (), takes: Optional[Dict[str, Tuple[str, ...]]] = None,
             checks: Tuple[str, ...] = ()) -> StageSpec:
    return StageSpec(name, "stages.prepare_data", needs, takes or {}, reads=("data",),
                     parts=(name.partition(".")[2],), products=("*.json", "*.npy"), checks=checks)


_IN_ORDER = (
    # The first stage that publishes anything checks the whole recipe.
    _prepare(_TRAIN, checks=(CONVERTIBLE,)),
    _prepare(_VALIDATION, needs=(_TRAIN,), takes={_TRAIN: _LEARNT}),
    _prepare(_TEST, needs=(_TRAIN,), takes={_TRAIN: _LEARNT}),
    StageSpec(SUMMARIZE, "stages.summarize_data", needs=(_TRAIN, _VALIDATION, _TEST),
              takes={_TRAIN: _NAMED, _VALIDATION: _NAMED, _TEST: _NAMED}, products=(SUMMARY,)),
    # Its warnings about the data are printed before hours of training.
    StageSpec("TrainFloat", "stages.train_float", needs=(_TRAIN, _VALIDATION),
              takes={_TRAIN: _UNNAMED, _VALIDATION: _UNNAMED}, names_if=_weighs_named_classes,
              wants=(SUMMARIZE,),
              reads=("seed", "threads", "model", "train", "augment", "loss"),
              products=("float.pb", "training.meta", "network.json", "regularization.json", "training.json"),
              checks=(CONVERTIBLE,), trains="train"),
    StageSpec("TrainQAT", "stages.train_qat", needs=(_TRAIN, _VALIDATION, "TrainFloat"),
              takes={_TRAIN: _UNNAMED, _VALIDATION: _UNNAMED,
                     "TrainFloat": ("float.pb", "training.meta", "network.json", "regularization.json")},
              reads=("seed", "threads", "augment", "loss", "quantize"),
              products=("network.pb", "network.json", "training.json") + _VARIABLES, trains="quantize"),
    StageSpec("EvalGraph", "stages.eval_graph", needs=(_TEST, "TrainQAT"), reads=("metrics",),
              takes={_TEST: _NAMED, "TrainQAT": ("network.pb", "network.json") + _VARIABLES},
              products=("eval_graph.pb", "network.json") + _VARIABLES),
    StageSpec("Freeze", "stages.freeze", needs=("EvalGraph",),
              products=("frozen.pb", "network.json")),
    StageSpec("ConvertUint8", "stages.convert_uint8", needs=("Freeze",),
              reads=("convert",),
              products=("model.tflite", "network.json")),
    StageSpec("Measure", "stages.measure", needs=(_TEST, "ConvertUint8", "Freeze", "TrainFloat"), reads=("metrics",),
              takes={_TEST: _NAMED, "TrainFloat": ("float.pb", "network.json")},
              # `*` includes model_int8.tflite, which exists if the uint8 file has an int8 twin.
              products=("measurement.json", "mistakes.json", "*")),
    StageSpec("Report", "stages.report",
              needs=(_TRAIN, _VALIDATION, _TEST, "TrainFloat", "TrainQAT", "ConvertUint8", "Measure"),
              takes={_TRAIN: _NAMED, _VALIDATION: _NAMED, _TEST: _NAMED,
                     "TrainFloat": ("training.json",), "TrainQAT": ("training.json",),
                     "Measure": ("measurement.json", "mistakes.json")},
              reads=("validate", "report"), files=("report/*.html", "report/*.css"),
              products=("report.html",)),
    # The verdict exists only if the measurement passes all gates. The report page exists in any case.
    StageSpec("ValidateInterpreter", "stages.validate_interpreter", needs=("Measure",),
              takes={"Measure": ("measurement.json",)}, reads=("validate",), products=("verdict.json",),
              wants=("Report",)),
    # The last stage: its whole folder is the product. It needs a verdict but does not read it, so that changed gates
    # which are passed too do not export again.
    StageSpec("Export", "stages.export", needs=(_TEST, "ConvertUint8", "Measure", "ValidateInterpreter"),
              takes={_TEST: _NAMED, "Measure": ("measurement.json", "model_int8.tflite"), "ValidateInterpreter": ()},
              reads=("export",), files=(_TARGET_LISTS,),
              products=("model.tflite", "card.json", "*")),
)

STAGES: Dict[str, StageSpec] = {spec.name: spec for spec in _IN_ORDER}
"""Every stage by name, upstream before downstream."""

JOBS = tuple(dict.fromkeys([job for spec in _IN_ORDER for job in (spec.module, *spec.checks)] + [DIGEST]))
"""The modules in `tasks` that a run may start, each in a process of its own."""


def upward(target: str) -> Tuple[str, ...]:
    """The stages that a run of `target` makes in an empty store, upstream first: the target, the stages that it needs,
    and the wanted stages that need no others (see `Plan.wanted`)."""
    names = needed(target)
    wanted = {name for stage in names for name in STAGES[stage].wants}
    names |= {name for name in wanted if names.issuperset(STAGES[name].needs)}
    return tuple(name for name in STAGES if name in names)


def needed(target: str) -> Set[str]:
    """The stage and all stages that it needs, directly or not."""
    names: Set[str] = set()
    todo = [target]
    while todo:
        name = todo.pop()
        if name not in names:
            names.add(name)
            todo.extend(STAGES[name].needs)
    return names

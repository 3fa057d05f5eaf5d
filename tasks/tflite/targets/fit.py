"""Judges whether a target supports a .tflite file, by the target's list (target_list.py), not by running it."""

from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from octet.errors import ConvertError, InterpreterError
from tasks.tflite import int8_twin, model_file
from tasks.tflite.model_file import Contents, Operator
from tasks.tflite.targets import target_list
from tasks.tflite.targets.limits import LEVEL, LIMITS, PERHAPS
from tasks.tflite.targets.target_list import TargetList

SUPPORTED, IN_PART, NOT_SUPPORTED = "supported", "in part", "not supported"

INSTEAD = {
    "BATCH_TO_SPACE_ND": "part of a dilated convolution that toco did not merge: leave the dilation out, or use a "
                         "stride",
    "SPACE_TO_BATCH_ND": "part of a dilated convolution that toco did not merge: leave the dilation out, or use a "
                         "stride",
    "GATHER": "order the channels of the layer before it",
    "LEAKY_RELU": "use relu",
    "LOG_SOFTMAX": "use softmax, and take the logarithm of the output",
    "L2_NORMALIZATION": "normalize the output outside of the network",
    "PACK": "use concatenation",
    "PADV2": "pad with zeros, the default of tf.pad; in an L2 normalization, Octet inserts it because the kernel of "
             "TensorFlow 1.14 wraps: normalize the output outside of the network",
    "REDUCE_MAX": "use max pooling",
    "REDUCE_MIN": "use max pooling",
    "SPACE_TO_DEPTH": "use a convolution with a stride",
    "SPLIT_V": "use slices",
    "SUM": "use a mean, or average pooling",
    "TRANSPOSE": "order the axes outside of the network",
    "UNPACK": "use slices",
}
"""{operator: what to use instead of it}."""


class Outside(NamedTuple):
    """An operator that the target's list excludes. layer: the operator's name in the file. why: the reason. instead:
    what to use instead, or ''."""

    operator: str
    layer: str
    why: str
    instead: str


class Fit(NamedTuple):
    """The verdict of a target on one file.

    dtype: that of the file's activations. verdict: SUPPORTED, IN_PART or NOT_SUPPORTED. why: the reason where the whole
    file is not supported, else ''. operators: the number of operators. elsewhere: the number of those that run on the
    CPU. outside: the operators that the list excludes. perhaps: conditions that only the target's compiler can check,
    as text. level: the lowest Android API level that supports the file; None for other targets than NNAPI."""

    dtype: str
    verdict: str
    why: str
    operators: int
    elsewhere: int
    outside: List[Outside]
    perhaps: List[str]
    level: Optional[int]


def of(contents: Contents, target: TargetList) -> Fit:
    """The verdict of the target's list on a uint8 or int8 file."""
    dtype = activations(contents)
    outside: Dict[int, Outside] = {}
    perhaps: Dict[str, None] = {}
    level: Optional[int] = None
    for place, operator in enumerate(contents.operators):
        limits = target.operators.get(operator.kind)
        if limits is None:
            outside[place] = _outside(contents, operator, "it is not in the target's list",
                                      INSTEAD.get(operator.kind, ""))
            continue
        for limit in limits + target.everywhere:
            if limit["limit"] == PERHAPS:
                perhaps["{} {}: {}".format(operator.kind, contents.name(operator), limit["words"])] = None
            elif limit["limit"] == LEVEL:
                level = max(level or 0, limit.get(dtype, 0)) or None
            elif place not in outside:
                words = LIMITS[limit["limit"]](contents, operator, limit)
                if words:
                    outside[place] = _outside(contents, operator, words, "")
    why = target.types[dtype]
    if not why and outside and target.outside == target_list.REFUSED:
        why = target.outside_words
    elif not why and outside and dtype not in target.cpu_types:
        why = "some operators are left to the CPU, whose runtime supports {} only".format(
            " and ".join(target.cpu_types))
    elsewhere = 0
    if not why and outside:
        elsewhere = len(contents.operators) - min(outside) if target.outside == target_list.CPU_FROM_THERE else \
            len(outside)
    verdict = NOT_SUPPORTED if why else IN_PART if outside else SUPPORTED
    return Fit(dtype, verdict, why, len(contents.operators), elsewhere, [outside[place] for place in sorted(outside)],
               list(perhaps), level)


def _outside(contents: Contents, operator: Operator, why: str, instead: str) -> Outside:
    return Outside(operator.kind, contents.name(operator), why, instead)


def activations(contents: Contents) -> str:
    """The type that the operators compute in: float32, float16 or int16 where any tensor is, else that of the first
    computed tensor."""
    made = [tensor.dtype for tensor in contents.computed()] or [
        contents.tensors[index].dtype for index in contents.outputs]
    return next((dtype for dtype in ("float32", "float16", "int16") if dtype in made), made[0])


def expect_8_bits(contents: Contents, path: str) -> None:
    """Raises InterpreterError for a file that computes in another type than uint8 and int8."""
    dtype = activations(contents)
    if dtype not in ("uint8", "int8"):
        raise InterpreterError("its activations are {}".format(dtype), where=path,
                               why="the lists of the targets are for uint8 and int8 files",
                               next_step="name a uint8 or int8 file; `octet evaluate` measures a float file on data")


def both(content: bytes, names: Sequence[str]) -> Dict[str, Any]:
    """For JSON: {int8: the reason why there is no int8 twin, else ''; targets: {name: {title, source, date,
    outside_words, files: {uint8 or int8: Fit as a dict}, use: the type of the file to use, else None}}}.

    content: a uint8 or int8 file; for a uint8 file, its int8 twin is judged, too."""
    given = model_file.read(content)
    files, why_none = {activations(given): given}, ""
    if list(files) == ["uint8"]:
        try:
            files["int8"] = model_file.read(int8_twin.of(content))
        except ConvertError as error:
            why_none = error.why
    targets = {}
    for name in names:
        target = target_list.read(name)
        fits = {dtype: of(contents, target) for dtype, contents in files.items()}
        targets[name] = {
            "title": target.title, "source": list(target.source), "date": target.date,
            "outside_words": target.outside_words, "use": _best(fits),
            "files": {dtype: {**fit._asdict(), "outside": [each._asdict() for each in fit.outside]}
                      for dtype, fit in fits.items()}}
    return {"int8": why_none, "targets": targets}


def _best(fits: Dict[str, Fit]) -> Optional[str]:
    """The type of the file to use on the target: the one with the fewest operators on the CPU; None where
    none is supported."""
    usable = [fit for fit in fits.values() if fit.verdict != NOT_SUPPORTED]
    return min(usable, key=lambda fit: fit.elsewhere).dtype if usable else None


def warnings(judged: Dict[str, Any]) -> List[str]:
    """A line for each target that does not support the whole file. judged: the result of `both`."""
    lines = []
    for name, target in judged["targets"].items():
        fits = target["files"]
        fit = fits[target["use"] or next(iter(fits))]
        if fit["verdict"] == SUPPORTED:
            continue
        operators = ["{} {}: {}{}".format(each["operator"], each["layer"], each["why"],
                                          "; " + each["instead"] if each["instead"] else "")
                     for each in fit["outside"]]
        head = "{} does not support the {} file: {}".format(name, fit["dtype"], fit["why"]) if fit[
            "verdict"] == NOT_SUPPORTED else "{} supports {} of {} operators of the {} file: {}".format(
                name, fit["operators"] - fit["elsewhere"], fit["operators"], fit["dtype"], target["outside_words"])
        lines.append("; ".join([head] + operators))
    return lines

"""Whether a target takes a .tflite file: by its list (target_list.py), not by running it."""

from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from octet.errors import ConvertError
from tasks.tflite import int8_twin, model_file
from tasks.tflite.model_file import Contents, Operator
from tasks.tflite.targets import target_list
from tasks.tflite.targets.limits import LEVEL, LIMITS, PERHAPS
from tasks.tflite.targets.target_list import TargetList

TAKES, IN_PART, REFUSES = "takes it", "in part", "refuses it"

INSTEAD = {
    "BATCH_TO_SPACE_ND": "a dilated convolution that toco left in pieces: leave the dilation out, or use a stride",
    "SPACE_TO_BATCH_ND": "a dilated convolution that toco left in pieces: leave the dilation out, or use a stride",
    "GATHER": "order the channels of the layer before it",
    "LEAKY_RELU": "use relu",
    "LOG_SOFTMAX": "use softmax, and take the logarithm of the output",
    "L2_NORMALIZATION": "normalize the output outside of the network",
    "PACK": "use concatenation",
    "PADV2": "pad with zeros, as tf.pad does unless told otherwise; in an L2 normalization it is Octet's own, against "
             "a kernel of TensorFlow 1.14 that wraps: normalize the output outside of the network",
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
    """An operator that the target's list does not have, or not like this. layer: the operator's name in the file."""

    operator: str
    layer: str
    why: str
    instead: str


class Fit(NamedTuple):
    """What a target makes of one file.

    dtype: that of the file's activations. verdict: TAKES, IN_PART or REFUSES. why: of a refusal of the whole file.
    operators: how many there are. elsewhere: how many of them run on the CPU. outside: the operators that the list
    excludes. perhaps: in words, what only the target's compiler can tell. level: the least level of its interface."""

    dtype: str
    verdict: str
    why: str
    operators: int
    elsewhere: int
    outside: List[Outside]
    perhaps: List[str]
    level: Optional[int]


def of(contents: Contents, target: TargetList) -> Fit:
    """What the target makes of the file, by its list."""
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
    why = target.types.get(dtype, "its activations are {}: the list is for uint8 and int8".format(dtype))
    if not why and outside and target.outside == target_list.REFUSED:
        why = target.outside_words
    elif not why and outside and dtype not in target.cpu_types:
        why = "some operators are left to the CPU, whose runtime takes {} only".format(" and ".join(target.cpu_types))
    elsewhere = 0
    if not why and outside:
        elsewhere = len(contents.operators) - min(outside) if target.outside == target_list.CPU_FROM_THERE else \
            len(outside)
    return Fit(dtype, REFUSES if why else IN_PART if outside else TAKES, why, len(contents.operators), elsewhere,
               [outside[place] for place in sorted(outside)], list(perhaps), level)


def _outside(contents: Contents, operator: Operator, why: str, instead: str) -> Outside:
    return Outside(operator.kind, contents.name(operator), why, instead)


def activations(contents: Contents) -> str:
    """The type that the operators compute in: float32 if any does, else that of the first output."""
    made = [tensor.dtype for tensor in contents.computed()] or [
        contents.tensors[index].dtype for index in contents.outputs]
    return next((dtype for dtype in ("float32", "float16", "int16") if dtype in made), made[0])


def both(content: bytes, names: Sequence[str]) -> Dict[str, Any]:
    """{int8: why there is no int8 twin, else '', targets: {name: {title, source, date, outside_words, files: {uint8 or
    int8: Fit as a dict}, use: the first type that it takes, or in part, else None}}}, for JSON.

    content: a file; of a uint8 file the int8 twin is judged, too."""
    given = model_file.read(content)
    files, why_none = {activations(given): given}, ""
    if list(files) == ["uint8"]:
        try:
            files["int8"] = model_file.read(int8_twin.of(content))
        except ConvertError as error:
            why_none = error.why
    found = {}
    for name in names:
        target = target_list.read(name)
        fits = {dtype: of(contents, target) for dtype, contents in files.items()}
        found[name] = {
            "title": target.title, "source": list(target.source), "date": target.date,
            "outside_words": target.outside_words, "use": _best(fits),
            "files": {dtype: {**fit._asdict(), "outside": [each._asdict() for each in fit.outside]}
                      for dtype, fit in fits.items()}}
    return {"int8": why_none, "targets": found}


def _best(fits: Dict[str, Fit]) -> Optional[str]:
    """The type of the file to hand to the target: the one that it takes, or else of which least runs on the CPU."""
    taken = [fit for fit in fits.values() if fit.verdict != REFUSES]
    return min(taken, key=lambda fit: fit.elsewhere).dtype if taken else None


def warnings(judged: Dict[str, Any]) -> List[str]:
    """A line for each target that does not take the file whole, of what `both` gave."""
    said = []
    for name, target in judged["targets"].items():
        fits = target["files"]
        fit = fits[target["use"] or next(iter(fits))]
        if fit["verdict"] == TAKES:
            continue
        operators = ["{} {}: {}{}".format(each["operator"], each["layer"], each["why"],
                                          "; " + each["instead"] if each["instead"] else "")
                     for each in fit["outside"]]
        head = "{} does not take the {} file: {}".format(name, fit["dtype"], fit["why"]) if fit[
            "verdict"] == REFUSES else "{} takes {} of {} operators of the {} file: {}".format(
                name, fit["operators"] - fit["elsewhere"], fit["operators"], fit["dtype"], target["outside_words"])
        said.append("; ".join([head] + operators))
    return said

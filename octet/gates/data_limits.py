"""Judges the data by the recipe's `data.limits`: limits for the figures of SummarizeData and PrepareData.

Limits are in no stage's key, so a changed limit makes no stage run again.
"""

from typing import Any, Callable, Dict, Iterable, List, Mapping, NamedTuple, Tuple

from octet.errors import LimitError

ROUNDING = 1e-9
Figures = Mapping[str, Any]
"""The `figures` of octet/data/description.py, and `left_out`: the number of files and records that are not read."""
Verdict = Tuple[bool, str]
"""(whether the limit is kept, a sentence with the figure)."""


class Judgement(NamedTuple):
    """The result for one limit. words: a sentence with the figure."""

    limit: str
    passed: bool
    words: str

    def __str__(self) -> str:
        return "{}: {}".format(self.limit, self.words)


def are_set(section: Mapping[str, Any]) -> bool:
    """Whether a section `data` sets any limit."""
    return any(limit is not None for limit in (section.get("limits") or {}).values())


def judged(figures: Figures, section: Mapping[str, Any]) -> List[Judgement]:
    """A judgement for each limit of a section `data`, in the order of `LIMITS`."""
    limits = section.get("limits") or {}
    return [Judgement("{} is {:g}".format(name, limits[name]), *judge(figures, limits[name]))
            for name, judge in LIMITS.items() if limits.get(name) is not None]


def expect(figures: Figures, section: Mapping[str, Any]) -> List[Judgement]:
    """The judgements. Raises LimitError where a limit is missed."""
    judgements = judged(figures, section)
    missed = [str(each) for each in judgements if not each.passed]
    if missed:
        raise LimitError("the data misses {} of its limits".format(len(missed)), where="data.limits",
                         why="\n".join(missed),
                         next_step="change the data, or the limit in the recipe; `octet data RECIPE` prints all "
                                   "figures")
    return judgements


def _samples(figures: Figures, limit: float) -> Verdict:
    part, count = min(figures["samples"].items(), key=lambda item: item[1])
    return count >= limit, "the {} part has {} samples".format(part, count)


def _least_of_class(parts: Iterable[str]) -> Callable[[Figures, float], Verdict]:
    def judge(figures: Figures, limit: float) -> Verdict:
        counts = [(of_part[part]["least"], target, part) for target, of_part in figures["classes"].items()
                  for part in parts]
        if not counts:
            return False, _UNFIT
        (count, name), target, part = min(counts)
        return count >= limit, "the class '{}' of '{}' has {} samples in the {} part".format(name, target, count, part)
    return judge


def _share_of_class(figures: Figures, limit: float) -> Verdict:
    whole = figures["samples"]["train"]
    counts = [(of_part["train"]["most"], target) for target, of_part in figures["classes"].items()]
    if not counts:
        return False, _UNFIT
    (count, name), target = max(counts)
    return count <= limit * whole + ROUNDING, "{:.4g} of the training samples are of the class '{}' of '{}'".format(
        count / whole, name, target)


def _shared(figures: Figures, limit: float) -> Verdict:
    count = sum(number for _, _, number in figures["shared"])
    return count <= limit, "{} samples are in two parts{}".format(count, "" if not count else ": {}".format(", ".join(
        "{} of the {} part in the {} part".format(number, part, other)
        for part, other, number in figures["shared"] if number)))


def _contradictions(figures: Figures, limit: float) -> Verdict:
    if not figures["contradictions"]:
        return False, "the limit is for targets of kind class, and there is none"
    target, count = max(figures["contradictions"].items(), key=lambda item: item[1])
    return count <= limit, "{} contents have more than one label of '{}'".format(count, target)


def _codes(figures: Figures, limit: float) -> Verdict:
    name, used = min(figures["codes"].items(), key=lambda item: item[1])
    return used >= limit, "99.9 % of the training values of '{}' use {} of the 256 codes".format(name, used)


def _left_out(figures: Figures, limit: float) -> Verdict:
    return figures["left_out"] <= limit, "{} files are not read".format(figures["left_out"])


_UNFIT = "the limit is for targets of kind class or labels, and there is none"

LIMITS: Dict[str, Callable[[Figures, float], Verdict]] = {
    "min_samples": _samples,
    "min_class_samples": _least_of_class(("train",)),
    "min_class_held_out": _least_of_class(("validation", "test")),
    "max_class_share": _share_of_class,
    "max_shared_samples": _shared,
    "max_contradictions": _contradictions,
    "min_codes": _codes,
    "max_left_out": _left_out,
}
"""{limit of the section: the function that judges it}."""

"""Splits one set of samples into training, validation and test parts, where the data has no parts.

    split: {validation: 0.1, test: 0.1, by: content | rank}

Both methods use the sha256 of a sample's content without its label. So the order of samples in a file, which is often
by class or by time, has no effect. Samples with identical content are in the same part, unless a class has no other
sample.

    rank     exact shares of each class; an added sample may move others of its class
    content  an added, renamed or relabelled sample moves no other; the shares are approximate
"""

from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from octet.errors import DatasetError
from octet.lookup import suggest

BY = ("rank", "content")
HELD_OUT = ("validation", "test")


class Split(NamedTuple):
    """The shares that are held out of the training samples, each above 0 and below 1; None is not held out."""

    validation: Optional[float] = 0.1
    test: Optional[float] = None
    by: str = "rank"


def settings(said: Optional[Dict[str, Any]]) -> Split:
    """The value of `data.args.split`; by default a tenth for validation. Raises DatasetError."""
    said = {} if said is None else said
    if not isinstance(said, dict):
        raise DatasetError("expected a mapping, found {!r}".format(said), "data.args.split",
                           "It says which share of the training samples is held out.",
                           "Write split: {validation: 0.1, by: rank}.")
    for key in said:
        if key not in Split._fields:
            raise DatasetError("no key named {!r}".format(key), "data.args.split", "It would mean nothing.",
                               suggest(str(key), Split._fields))
    found = Split(**said)
    for name in HELD_OUT:
        share = getattr(found, name)
        if share is not None and (isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 < share < 1):
            raise DatasetError("{} is {!r}".format(name, share), "data.args.split." + name,
                               "It is the share of the training samples that is held out.", "Write 0.1 or so.")
    if found.validation and found.test and found.validation + found.test >= 1:  # one alone is below 1
        raise DatasetError("validation and test are {} together".format(found.validation + found.test),
                           "data.args.split", "Nothing would be left to train on.", "Write 0.1 or so for each.")
    if found.by not in BY:
        raise DatasetError("expected one of {}, found {!r}".format(", ".join(BY), found.by), "data.args.split.by",
                           "It says how samples are drawn.", suggest(str(found.by), BY))
    return found


def parts(split: Split, held_out: Sequence[str], hashes: Sequence[str], classes: Sequence[Any],
          where: str) -> List[str]:
    """The part of each sample: 'train', or one of `held_out`.

    hashes: a sha256 (hex) of each sample's content. classes: the class of each, or the same value for all where
    there is none: each class has its share in each part. Raises DatasetError where a part would lack a class.
    """
    shares = {name: getattr(split, name) for name in held_out}
    draw = _by_rank if split.by == "rank" else _by_content
    found = draw(shares, hashes, classes)
    for name in ("train", *held_out):
        lost = sorted({str(one) for one in classes} - {str(one) for one, part in zip(classes, found) if part == name})
        if lost:
            of_class = "" if len(set(classes)) == 1 else " of the class {}".format(", ".join(map(repr, lost)))
            raise DatasetError(
                "the {} part would have no sample{}".format(name, of_class), where,
                "It is split off the training samples by {}; {} of those{} differ.".format(
                    split.by, len({one for one, of in zip(hashes, classes) if str(of) == lost[0]}), of_class),
                "Add samples of it, {}or give the {} part samples of its own.".format(
                    "write split: {by: rank}, which draws from each class, " if split.by == "content" else "",
                    held_out[0] if name == "train" else name))
    return found


def _by_content(shares: Dict[str, float], hashes: Sequence[str], classes: Sequence[Any]) -> List[str]:
    found = []
    for one in hashes:
        place, part = int(one[:16], 16) / 2.0 ** 64, "train"
        for name, share in shares.items():
            if 0 <= place < share:
                part = name
            place -= share
        found.append(part)
    return found


def _by_rank(shares: Dict[str, float], hashes: Sequence[str], classes: Sequence[Any]) -> List[str]:
    found, of_class = ["train"] * len(hashes), {}  # type: List[str], Dict[Any, List[int]]
    for index, one in enumerate(classes):
        of_class.setdefault(one, []).append(index)
    for members in of_class.values():
        ranked = sorted(members, key=lambda index: (hashes[index], index))
        alike = [[ranked[0]]]
        for index in ranked[1:]:
            if hashes[index] == hashes[alike[-1][0]]:
                alike[-1].append(index)
            else:
                alike.append([index])
        for name, share in shares.items():
            wanted, taken = max(1, int(round(len(members) * share))), 0
            while taken < wanted and len(alike) > 1:  # one content is left to train on
                group = alike.pop(0)
                taken += len(group)
                for index in group:
                    found[index] = name
            if not taken and len(alike[0]) > wanted:  # only one content is left, so it is in both parts
                for _ in range(wanted):
                    found[alike[0].pop()] = name
    return found

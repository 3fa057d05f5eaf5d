"""Splits samples into training, validation and test parts, for data that has no parts.

    split: {validation: 0.1, test: 0.1, by: rank | content}
    split: {validation: 0.1, test: 0.1, by: group, group: patient}
    split: {validation: 0.1, test: 0.1, by: time, time: taken}

    rank     exact shares of each class; an added sample may move others of its class to another part
    content  an added, renamed or relabelled sample does not move others; the shares are approximate
    group    the samples of a group, such as one person's pictures, are in one part; the shares are approximate
    time     the newest samples are the test part, the newest of the rest the validation part; samples with the same
             time are in the same part

`group` and `time` name a column, an array or a part of the file name, depending on the dataset. The other methods use
the sha256 of a sample's content without its label. The order of samples in a file has no effect. Samples with identical
content are in the same part: groups with a common sample stay together, and repeated samples have the time of the
oldest one. The only exception: with `rank`, a content may be in two parts if its class has no other sample.
"""

import re
from collections import Counter
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Set

from octet import digest as digests
from octet.data import times
from octet.errors import DatasetError
from octet.suggestions import some, suggest

BY = ("rank", "content", "group", "time")
KEYED = ("group", "time")
"""The methods that need a text for each sample: its group or its time."""
HELD_OUT = ("validation", "test")


class Split(NamedTuple):
    """The shares of the validation and test parts, each above 0 and below 1; None for a part that is not split off.

    group, time: the source of a sample's group or time; None for other methods."""

    validation: Optional[float] = 0.1
    test: Optional[float] = None
    by: str = "rank"
    group: Optional[str] = None
    time: Optional[str] = None

    @property
    def key(self) -> Optional[str]:
        """`group` or `time`, depending on `by`; None for other methods."""
        return {"group": self.group, "time": self.time}.get(self.by)

    @property
    def key_where(self) -> str:
        """The argument that contains `key`."""
        return "split." + self.by


def settings(section: Optional[Dict[str, Any]]) -> Split:
    """The settings in `data.args.split`; by default, a tenth is held out for validation. Raises DatasetError."""
    section = {} if section is None else section
    if not isinstance(section, dict):
        raise DatasetError("expected a mapping, found {!r}".format(section), "data.args.split",
                           "It gives the shares of the training samples that are held out.",
                           "Write split: {validation: 0.1, by: rank}.")
    for key in section:
        if key not in Split._fields:
            raise DatasetError("no key named {!r}".format(key), "data.args.split", "It has no meaning here.",
                               suggest(str(key), Split._fields))
    split = Split(**section)
    for name in HELD_OUT:
        share = getattr(split, name)
        if share is not None and (isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 < share < 1):
            raise DatasetError("{} is {!r}".format(name, share), "data.args.split." + name,
                               "It is the share of the training samples that is held out.",
                               "Write a share such as 0.1.")
    if split.validation and split.test and split.validation + split.test >= 1:  # one alone is below 1
        raise DatasetError("validation and test are {} together".format(split.validation + split.test),
                           "data.args.split", "No sample would be left for training.",
                           "Write smaller shares, such as 0.1 for each.")
    if split.by not in BY:
        raise DatasetError("expected one of {}, found {!r}".format(", ".join(BY), split.by), "data.args.split.by",
                           "It is the method by which samples are held out.", suggest(str(split.by), BY))
    _expect_key(split)
    return split


def _expect_key(split: Split) -> None:
    for name in KEYED:
        value = getattr(split, name)
        if value is not None and (not isinstance(value, str) or not value):
            raise DatasetError("{} is {!r}".format(name, value), "data.args.split." + name,
                               "It is the name of a column or array, or a regular expression for file names.",
                               "Write it as text.")
        if value is not None and split.by != name:
            raise DatasetError("there is a {}, but samples are held out by {}".format(name, split.by),
                               "data.args.split." + name, "It would have no effect.",
                               "Add by: {}, or leave it out.".format(name))
        if value is None and split.by == name:
            raise DatasetError("by is {}, but the source of a sample's {} is missing".format(name, name),
                               "data.args.split", "Samples are held out by it.",
                               "Write {}: with the name of a column or array, or with a regular expression for the "
                               "file names of pictures.".format(name))


def unused(split: Split) -> List[str]:
    """A note if the recipe has groups or times, but the data has all parts already."""
    return [] if split.key is None else [
        "split by {} is not used, because the data has all parts".format(split.by)]


def keys_in_names(split: Split, names: Sequence[str], where: str) -> Optional[List[str]]:
    """The match of the regular expression `split.key` in each file name, or of its first group; None if the method
    needs no key. Raises DatasetError for a name without a match."""
    if split.key is None:
        return None
    try:
        pattern = re.compile(split.key)
    except re.error as error:
        raise DatasetError("{!r} is no regular expression: {}".format(split.key, error), "data.args." + split.key_where,
                           "It is searched in the file name of each picture, to find its {}.".format(split.by),
                           "Write a regular expression such as '(p[0-9]+)_', in quotes.") from None
    keys = []
    for name in names:
        match = pattern.search(name)
        key = match and match.group(1 if pattern.groups else 0)
        if not key:
            raise DatasetError("{!r} has no match in {}".format(split.key, name), where,
                               "The match in the file name of each picture is its {}.".format(split.by),
                               "Correct data.args.{}, or rename the file.".format(split.key_where))
        keys.append(key)
    return keys


def parts(split: Split, held_out: Sequence[str], hashes: Sequence[str], classes: Sequence[Any], where: str,
          keys: Optional[Sequence[str]] = None) -> List[str]:
    """The part of each sample: 'train', or one of `held_out`.

    hashes: a sha256 (hex) of each sample's content. classes: the class of each sample, or the same value for all if
    there are no classes. keys: the group or the time of each sample, if the method needs it. Raises DatasetError if a
    part would have no sample of a class, and for a text that is no time.
    """
    shares = {name: getattr(split, name) for name in held_out}
    if split.by in KEYED:
        if keys is None:
            raise ValueError("by {} needs a key for each sample".format(split.by))
        part_of = (_by_group(shares, hashes, classes, keys) if split.by == "group" else
                   _by_time(shares, hashes, times.moments(keys, "data.args." + split.key_where)))
    else:
        part_of = (_by_rank if split.by == "rank" else _by_content)(shares, hashes, classes)
    for name in ("train", *held_out):
        missing = sorted({str(label) for label in classes}
                         - {str(label) for label, part in zip(classes, part_of) if part == name})
        if missing:
            raise _without_class(split, name, held_out, missing, hashes, classes, where, keys)
    return part_of


def _without_class(split: Split, part: str, held_out: Sequence[str], missing: List[str], hashes: Sequence[str],
                   classes: Sequence[Any], where: str, keys: Optional[Sequence[str]]) -> DatasetError:
    """The error for a part that would have no sample of the classes `missing`."""
    of_class = "" if len(set(classes)) == 1 else " of the class {}".format(some([repr(name) for name in missing]))
    rows = [row for row, label in enumerate(classes) if str(label) == missing[0]]
    of_first = "" if not of_class else " of {!r}".format(missing[0])
    if keys is None:
        different = "the samples{} have {} different contents".format(of_first, len({hashes[row] for row in rows}))
    else:
        different = "the samples{} have {} different {}s".format(of_first, len({keys[row] for row in rows}), split.by)
    ways_out = {"content": "write split: {by: rank}, which takes samples of each class, ",
                "group": "hold out a larger share, ", "time": "hold out a larger share, "}
    return DatasetError(
        "the {} part would have no sample{}".format(part, of_class), where,
        "It is held out of the training samples by {}; {}.".format(split.by, different),
        "Add samples of it, {}or provide separate samples for the {} part.".format(
            ways_out.get(split.by, ""), held_out[0] if part == "train" else part))


def _by_content(shares: Dict[str, float], hashes: Sequence[str], classes: Sequence[Any]) -> List[str]:
    part_of = []
    for sha256 in hashes:
        position, part = int(sha256[:16], 16) / 2.0 ** 64, "train"
        for name, share in shares.items():
            if 0 <= position < share:
                part = name
            position -= share
        part_of.append(part)
    return part_of


def _by_rank(shares: Dict[str, float], hashes: Sequence[str], classes: Sequence[Any]) -> List[str]:
    part_of, of_class = ["train"] * len(hashes), {}  # type: List[str], Dict[Any, List[int]]
    for index, label in enumerate(classes):
        of_class.setdefault(label, []).append(index)
    for members in of_class.values():
        ranked = sorted(members, key=lambda index: (hashes[index], index))
        equal = [[ranked[0]]]  # lists of samples with equal contents
        for index in ranked[1:]:
            if hashes[index] == hashes[equal[-1][0]]:
                equal[-1].append(index)
            else:
                equal.append([index])
        for name, share in shares.items():
            wanted, taken = max(1, int(round(len(members) * share))), 0
            while taken < wanted and len(equal) > 1:  # one content stays in the training part
                group = equal.pop(0)
                taken += len(group)
                for index in group:
                    part_of[index] = name
            if not taken and len(equal[0]) > wanted:  # only one content is left, so it is in both parts
                for _ in range(wanted):
                    part_of[equal[0].pop()] = name
    return part_of


def _by_group(shares: Dict[str, float], hashes: Sequence[str], classes: Sequence[Any], groups: Sequence[str]
              ) -> List[str]:
    """In the order of their names' hashes, groups are added to a held-out part if they bring it nearer to its share.
    Groups with a class that the part does not have yet come first. If all groups are too large, the part gets the
    smallest. The training part keeps a group of each class."""
    rows_of = {}  # type: Dict[str, List[int]]
    for row, group in enumerate(_joined(groups, hashes)):
        rows_of.setdefault(group, []).append(row)
    classes_of = {group: {classes[row] for row in rows} for group, rows in rows_of.items()}
    left = sorted(rows_of, key=lambda group: digests.of_bytes(group.encode("utf-8", "surrogateescape")))
    groups_with = Counter(label for group in left for label in classes_of[group])
    part_of = ["train"] * len(hashes)

    def take(group: str, part: str) -> int:
        left.remove(group)
        groups_with.subtract(classes_of[group])
        for row in rows_of[group]:
            part_of[row] = part
        return len(rows_of[group])

    def can_be_held_out(group: str) -> bool:
        return all(groups_with[label] > 1 for label in classes_of[group])

    for part, share in shares.items():
        wanted, taken = max(1, int(round(len(hashes) * share))), 0
        covered: Set[Any] = set()
        for new_classes_only in (True, False):
            for group in list(left):
                nearer = abs(wanted - taken - len(rows_of[group])) < abs(wanted - taken)
                if nearer and can_be_held_out(group) and not (new_classes_only and classes_of[group] <= covered):
                    taken += take(group, part)
                    covered |= classes_of[group]
        candidates = [group for group in left if can_be_held_out(group)]
        if not taken and candidates:
            take(min(candidates, key=lambda group: len(rows_of[group])), part)
    return part_of


def _joined(groups: Sequence[str], hashes: Sequence[str]) -> List[str]:
    """The group of each sample. Groups with identical samples are merged, and have the first of their names in sorted
    order."""
    parent = {group: group for group in groups}

    def root(group: str) -> str:
        while parent[group] != group:
            parent[group] = group = parent[parent[group]]
        return group

    first = {}  # type: Dict[str, str]
    for group, sha256 in zip(groups, hashes):
        least, other = sorted((root(group), root(first.setdefault(sha256, group))))
        parent[other] = least
    return [root(group) for group in groups]


def _by_time(shares: Dict[str, float], hashes: Sequence[str], moments: Sequence[float]) -> List[str]:
    oldest = {}  # type: Dict[str, float]
    for sha256, moment in zip(hashes, moments):
        oldest[sha256] = min(moment, oldest.get(sha256, moment))
    rows_at = {}  # type: Dict[float, List[int]]
    for row, sha256 in enumerate(hashes):
        rows_at.setdefault(oldest[sha256], []).append(row)
    left, part_of = sorted(rows_at), ["train"] * len(hashes)
    for name in reversed(HELD_OUT):  # the test part is the newest
        if name not in shares:
            continue
        wanted, taken = max(1, int(round(len(hashes) * shares[name]))), 0
        while len(left) > 1 and abs(wanted - taken - len(rows_at[left[-1]])) < abs(wanted - taken) or (
                len(left) > 1 and not taken):
            for row in rows_at[left[-1]]:
                part_of[row] = name
            taken += len(rows_at[left.pop()])
    return part_of

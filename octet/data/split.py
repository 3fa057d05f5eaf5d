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
    _expect_key(found)
    return found


def _expect_key(split: Split) -> None:
    for name in KEYED:
        value = getattr(split, name)
        if value is not None and (not isinstance(value, str) or not value):
            raise DatasetError("{} is {!r}".format(name, value), "data.args.split." + name,
                               "It is the name of a column or array, or a regular expression for file names.",
                               "Write it as text.")
        if value is not None and split.by != name:
            raise DatasetError("there is a {}, and samples are drawn by {}".format(name, split.by),
                               "data.args.split." + name, "It would mean nothing.",
                               "Write by: {} beside it, or leave it out.".format(name))
        if value is None and split.by == name:
            raise DatasetError("by is {}, and nothing says where the {} of a sample is found".format(name, name),
                               "data.args.split", "Samples are drawn by it.",
                               "Write {}: with the name of a column or array, or with a regular expression for the "
                               "file names of pictures.".format(name))


def unused(split: Split) -> List[str]:
    """A note where a recipe asks for groups or times, and the data has all parts already."""
    return [] if split.key is None else [
        "split by {} is not used, for every part is there".format(split.by)]


def keys_in_names(split: Split, names: Sequence[str], where: str) -> Optional[List[str]]:
    """What the regular expression `split.key` finds in each file name: its first group, or all that it matches. None
    where the method needs no key. Raises DatasetError for a name in which it finds nothing."""
    if split.key is None:
        return None
    try:
        pattern = re.compile(split.key)
    except re.error as error:
        raise DatasetError("{!r} is no regular expression: {}".format(split.key, error), "data.args." + split.key_where,
                           "The {} of each picture is found by it in the picture's file name.".format(split.by),
                           "Write one such as '(p[0-9]+)_', in quotes.") from None
    found = []
    for name in names:
        match = pattern.search(name)
        key = match and match.group(1 if pattern.groups else 0)
        if not key:
            raise DatasetError("{!r} finds nothing in {}".format(split.key, name), where,
                               "The {} of each picture is found by it in the picture's file name.".format(split.by),
                               "Correct data.args.{}, or rename the file.".format(split.key_where))
        found.append(key)
    return found


def parts(split: Split, held_out: Sequence[str], hashes: Sequence[str], classes: Sequence[Any], where: str,
          keys: Optional[Sequence[str]] = None) -> List[str]:
    """The part of each sample: 'train', or one of `held_out`.

    hashes: a sha256 (hex) of each sample's content. classes: the class of each, or the same value for all where
    there is none. keys: the group or the time of each sample, where the method needs one. Raises DatasetError where a
    part would lack a class, and for a time that is none.
    """
    shares = {name: getattr(split, name) for name in held_out}
    if split.by in KEYED:
        if keys is None:
            raise ValueError("by {} needs a key for each sample".format(split.by))
        found = (_by_group(shares, hashes, classes, keys) if split.by == "group" else
                 _by_time(shares, hashes, times.moments(keys, "data.args." + split.key_where)))
    else:
        found = (_by_rank if split.by == "rank" else _by_content)(shares, hashes, classes)
    for name in ("train", *held_out):
        lost = sorted({str(one) for one in classes} - {str(one) for one, part in zip(classes, found) if part == name})
        if lost:
            raise _lost(split, name, held_out, lost, hashes, classes, where, keys)
    return found


def _lost(split: Split, part: str, held_out: Sequence[str], lost: List[str], hashes: Sequence[str],
          classes: Sequence[Any], where: str, keys: Optional[Sequence[str]]) -> DatasetError:
    of_class = "" if len(set(classes)) == 1 else " of the class {}".format(some([repr(one) for one in lost]))
    rows = [row for row, one in enumerate(classes) if str(one) == lost[0]]
    of_lost = "" if not of_class else " of {!r}".format(lost[0])
    if keys is None:
        different = "{} of those{} differ".format(len({hashes[row] for row in rows}), of_class)
    else:
        different = "the samples{} have {} different {}s".format(of_lost, len({keys[row] for row in rows}), split.by)
    ways_out = {"content": "write split: {by: rank}, which draws from each class, ",
                "group": "hold out a larger share, ", "time": "hold out a larger share, "}
    return DatasetError(
        "the {} part would have no sample{}".format(part, of_class), where,
        "It is split off the training samples by {}; {}.".format(split.by, different),
        "Add samples of it, {}or give the {} part samples of its own.".format(
            ways_out.get(split.by, ""), held_out[0] if part == "train" else part))


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


def _by_group(shares: Dict[str, float], hashes: Sequence[str], classes: Sequence[Any], groups: Sequence[str]
              ) -> List[str]:
    """Groups in the order of their names' hashes go to a part as long as each brings it nearer to its share, those with
    a class that it lacks first. Of groups that are all too large for it, it gets the smallest. Each class keeps a group
    to train on."""
    rows_of = {}  # type: Dict[str, List[int]]
    for row, group in enumerate(_joined(groups, hashes)):
        rows_of.setdefault(group, []).append(row)
    classes_of = {group: {classes[row] for row in rows} for group, rows in rows_of.items()}
    left = sorted(rows_of, key=lambda group: digests.of_bytes(group.encode("utf-8", "surrogateescape")))
    holders = Counter(one for group in left for one in classes_of[group])
    found = ["train"] * len(hashes)

    def take(group: str, part: str) -> int:
        left.remove(group)
        holders.subtract(classes_of[group])
        for row in rows_of[group]:
            found[row] = part
        return len(rows_of[group])

    def can_go(group: str) -> bool:
        return all(holders[one] > 1 for one in classes_of[group])

    for part, share in shares.items():
        wanted, taken = max(1, int(round(len(hashes) * share))), 0
        covered: Set[Any] = set()
        for only_new in (True, False):
            for group in list(left):
                nearer = abs(wanted - taken - len(rows_of[group])) < abs(wanted - taken)
                if nearer and can_go(group) and not (only_new and classes_of[group] <= covered):
                    taken += take(group, part)
                    covered |= classes_of[group]
        candidates = [group for group in left if can_go(group)]
        if not taken and candidates:
            take(min(candidates, key=lambda group: len(rows_of[group])), part)
    return found


def _joined(groups: Sequence[str], hashes: Sequence[str]) -> List[str]:
    """The group of each sample; groups that have identical samples are one, under the least of their names."""
    parent = {group: group for group in groups}

    def root(group: str) -> str:
        while parent[group] != group:
            parent[group] = group = parent[parent[group]]
        return group

    first = {}  # type: Dict[str, str]
    for group, one in zip(groups, hashes):
        mine, other = sorted((root(group), root(first.setdefault(one, group))))
        parent[other] = mine
    return [root(group) for group in groups]


def _by_time(shares: Dict[str, float], hashes: Sequence[str], moments: Sequence[float]) -> List[str]:
    oldest = {}  # type: Dict[str, float]
    for one, moment in zip(hashes, moments):
        oldest[one] = min(moment, oldest.get(one, moment))
    rows_at = {}  # type: Dict[float, List[int]]
    for row, one in enumerate(hashes):
        rows_at.setdefault(oldest[one], []).append(row)
    left, found = sorted(rows_at), ["train"] * len(hashes)
    for name in reversed(HELD_OUT):  # the test part is the newest
        if name not in shares:
            continue
        wanted, taken = max(1, int(round(len(hashes) * shares[name]))), 0
        while len(left) > 1 and abs(wanted - taken - len(rows_at[left[-1]])) < abs(wanted - taken) or (
                len(left) > 1 and not taken):
            for row in rows_at[left[-1]]:
                found[row] = name
            taken += len(rows_at[left.pop()])
    return found

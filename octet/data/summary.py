"""What a dataset's arrays say that a person may not know of them: codes that are hardly used, classes that are rare or
missing, samples that are in two parts, or almost.

Nothing here is refused: each is a sentence, for `octet check`, the manifest and the log of the run.
"""

from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from octet.data import classes, content_digests, listing, near_duplicates
from octet.data.dataset import COUNT, Dataset, Input, Target
from octet.suggestions import some

FEW_CODES = 32  # of 256: an input, or an output's column, that reaches over fewer is hardly told apart
BULK = 0.999  # of the values, which outliers are not among
RARE = 20.0  # times as many samples are of the commonest class, or of labels not of the class
FEW_COLUMNS = 64  # a value of more numbers is a picture or a signal, whose numbers are of one scale
MOST_VALUES = 1 << 26  # are counted of an input: a fraction of a second
MOST_ROWS = 1 << 18  # of features are sorted
AT_ONCE = 1 << 22  # of them: counting takes eight bytes for each


class Twice(NamedTuple):
    """shared: (part, other part, how many samples of the part are in the other as well), of each pair of parts.
    similar: (part, other part, how many pictures of the part are almost the same as one of the other, how many were
    compared), of each pair of parts; empty where there is no picture, or are several. contradictions: {target of kind
    class: how many contents have more than one label}."""

    shared: List[Tuple[str, str, int]]
    similar: List[Tuple[str, str, int, int]]
    contradictions: Dict[str, int]


def notes(dataset: Dataset, twice: Optional[Twice] = None) -> List[str]:
    """A sentence for each thing, the dataset's own first. Of a dataset of which only some samples were read, what its
    known answers tell, and where the rest is to be had. twice: `occurring_twice` of the dataset, where it is known."""
    found = list(dataset.notes)
    for name, spec in dataset.inputs.items():
        found.extend(_channels_first(name, spec))
        if dataset.samples is not None:
            continue
        found.extend(_few_codes(name, {part: one.inputs[name] for part, one in dataset.parts.items()}))
        found.extend(_narrow_features(name, dataset.parts["train"].inputs[name] if "train" in dataset.parts else None))
    for name, target in dataset.targets.items():
        found.extend(listing.alike(target.classes))
        answers = dataset.known_answers(name)
        if dataset.samples is not None:
            answers = {part: of_part for part, of_part in answers.items() if name in dataset.answers.get(part, ())}
        if target.kind == "value":
            found.extend(_narrow_columns(name, answers))
        elif target.kind != "raw":
            found.extend(_counts(name, target, answers))
    found.extend(_places(dataset))
    if dataset.samples is None:
        found.extend(_twice(twice or occurring_twice(dataset)))
    else:
        found.append("{} samples of each part were looked at; `octet data` looks at all of them".format(
            dataset.samples))
    return found


def used_codes(codes: np.ndarray) -> Tuple[int, int, int]:
    """(how many codes the bulk of the values lies on, the least of them, the largest); of very many samples, of some
    spread evenly."""
    count = np.zeros(256, np.int64)
    of_sample = max(1, int(np.prod(codes.shape[1:])))
    step = max(1, codes.size // MOST_VALUES)
    rows = max(1, AT_ONCE // of_sample)
    for start in range(0, len(codes), rows * step):
        count += np.bincount(codes[start:start + rows * step:step].reshape(-1), minlength=256)
    order = np.argsort(-count, kind="stable")
    whole = int(count.sum())
    needed = int(np.searchsorted(np.cumsum(count[order]), whole - int(whole * (1 - BULK) + 1e-9))) + 1
    bulk = order[:needed]
    return needed, int(bulk.min()), int(bulk.max())


def _channels_first(name: str, spec: Input) -> Iterator[str]:
    if len(spec.shape) == 3 and spec.shape[0] in (1, 3) and spec.shape[2] not in (1, 2, 3, 4) and spec.shape[1] > 4:
        yield "'{}' is of shape {}, which looks like channels first: TensorFlow takes [height, width, channels]; " \
              "np.moveaxis(x, 1, 3) turns it".format(name, list(spec.shape))


def _few_codes(name: str, parts: Dict[str, np.ndarray]) -> Iterator[str]:
    reach = {part: used_codes(codes) for part, codes in parts.items() if codes.size}
    if "train" not in reach:
        return
    for part, (used, least, most) in reach.items():
        span, of_train = most - least + 1, reach["train"][2] - reach["train"][1] + 1
        if span < FEW_CODES and part == "train":
            yield "{:.1f} % of the values of '{}' in the train part lie on {} of the 256 codes ({}..{}): low and " \
                  "high are much wider than the data, or the file holds uint8 values of another range".format(
                      100 * BULK, name, used, least, most)
        elif part != "train" and span < of_train / 4:
            yield "the values of '{}' in the {} part reach over {} codes ({}..{}), those of the train part over {}: " \
                  "were they saved alike?".format(name, part, span, least, most, of_train)


def _narrow_features(name: str, codes: Optional[np.ndarray]) -> Iterator[str]:
    if codes is None or codes.ndim != 2 or not 1 < codes.shape[1] <= FEW_COLUMNS:
        return
    span = codes.max(0).astype(int) - codes.min(0) + 1
    narrow = np.flatnonzero(span < FEW_CODES)
    if len(narrow) and span.max() >= FEW_CODES:
        yield "of the features of '{}', {} use fewer than {} of the 256 codes ({}): they share one range, so bring " \
              "each to the same scale before they are saved".format(name, len(narrow), FEW_CODES, some(
                  ["column {}: {}".format(column, span[column]) for column in narrow]))
    some_rows = np.sort(codes[::1 + len(codes) // MOST_ROWS], axis=0)
    left_out = int(len(some_rows) * (1 - BULK) / 2 + 0.5)  # at each end
    bulk = some_rows[len(some_rows) - 1 - left_out].astype(int) - some_rows[left_out] + 1
    for column in np.flatnonzero((bulk < FEW_CODES) & (span >= FEW_CODES)):
        yield "{:.1f} % of the values in column {} of '{}' lie on {} of its {} codes: a few are far from the others, " \
              "such as -999 where one is missing".format(100 * BULK, column, name, bulk[column], span[column])


def _narrow_columns(name: str, answers: Dict[str, np.ndarray]) -> Iterator[str]:
    train = answers.get("train")
    if train is None or train.ndim != 2 or not 1 < train.shape[1] <= FEW_COLUMNS:
        return
    low, high = train.min(0).astype(float), train.max(0).astype(float)
    whole = max(high.max(), 0.0) - min(low.min(), 0.0)  # an output's range holds 0
    for column, (least, most) in enumerate(zip(low, high)):
        codes = 255 * (most - least) / whole if whole else 0.0
        if codes < FEW_CODES:
            yield "column {} of '{}' reaches from {:g} to {:g}, all columns from {:g} to {:g}: the uint8 output has " \
                  "about {} of its 256 codes for it; scale: columns brings each column to 0..1".format(
                      column, name, least, most, low.min(), high.max(), max(1, int(round(codes))))


def _counts(name: str, target: Target, answers: Dict[str, np.ndarray]) -> Iterator[str]:
    each = "pixels" if target.kind == "class_map" else "samples"
    of_part = {part: classes.counts(target, labels) for part, labels in answers.items()}
    if "train" in of_part:
        train = of_part["train"]
        rarest = int(train.argmin())
        whole = int(train.sum()) if target.kind == "class_map" else len(answers["train"])
        most = whole - int(train[rarest]) if target.kind == "labels" else int(train.max())
        if most > RARE * train[rarest]:
            yield "the class '{}' of '{}' has {} of {} training {} ({:.2g} %): without loss: {{class_weights: " \
                  "balanced}} a network may never answer it".format(
                      target.classes[rarest], name, train[rarest], whole, each, 100.0 * train[rarest] / whole)
    for part, found in of_part.items():
        missing = [target.classes[index] for index in np.flatnonzero(found == 0)]
        if missing and part != "train":
            yield "the {} part has no {} of the class {} of '{}': nothing is measured on it".format(
                part, each[:-1], some([repr(one) for one in missing]), name)


def occurring_twice(dataset: Dataset) -> Twice:
    """The samples, by the content of their inputs, that are in two parts or have two labels."""
    names = list(dataset.inputs)
    hashes = {part: _hashes([one.inputs[name] for name in names]) for part, one in dataset.parts.items()}
    parts, shared = list(hashes), []
    for place, part in enumerate(parts):
        for other in parts[place + 1:]:
            shared.append((part, other, int(np.isin(hashes[part], hashes[other]).sum())))
    contradictions = {}
    if any(target.kind == "class" for target in dataset.targets.values()):
        _, contents = np.unique(np.concatenate(list(hashes.values())), return_inverse=True)
    for name, target in dataset.targets.items():
        if target.kind == "class":
            labels = np.concatenate([np.asarray(one.targets[name]) for one in dataset.parts.values()])
            pairs = np.unique(np.stack([contents, labels]), axis=1)  # of a content and a label of it
            contradictions[name] = int((np.bincount(pairs[0]) > 1).sum())
    return Twice(shared, _similar(dataset), contradictions)


def _similar(dataset: Dataset) -> List[Tuple[str, str, int, int]]:
    pictures = [name for name, spec in dataset.inputs.items() if near_duplicates.are_looked_for(spec.shape)]
    if len(pictures) != 1 or len(dataset.inputs) != 1:
        return []
    codes = [(part, one.inputs[pictures[0]]) for part, one in dataset.parts.items()]
    found: List[Tuple[str, str, int, int]] = []
    for place, (other, theirs) in enumerate(codes[:-1]):
        thumbnails = near_duplicates.thumbnails(theirs)  # once: it reads the whole part
        found.extend((part, other) + near_duplicates.between(mine, theirs, thumbnails)
                     for part, mine in codes[place + 1:])
    return found


def _hashes(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """[N] S32, the first half of the sha256 of each sample, as hex digits: as text, whole, it takes five times the
    memory. arrays: of all inputs."""
    found = np.empty(len(arrays[0]), "S32")
    for row, sha256 in enumerate(content_digests.each_sample(arrays)):
        found[row] = sha256[:32].encode()
    return found


def _twice(found: Twice) -> Iterator[str]:
    for part, other, count in found.shared:
        if count:
            yield "{} samples of the {} part are in the {} part as well: what is measured there is too good".format(
                count, part, other)
    for part, other, count, compared in found.similar:
        if count:
            yield "{} of {} pictures of the {} part are almost the same as one of the {} part: keep such pictures " \
                  "in one part, or what is measured there is too good".format(count, compared, part, other)
    for name, count in found.contradictions.items():
        if count:
            yield "{} contents have more than one label of '{}'".format(count, name)


def places(dataset: Dataset, name: str, part: str) -> np.ndarray:
    """[N, 4] or [N, 2]: all boxes or keypoints of an extra in a part, without the padding."""
    values = dataset.parts[part].extras[name]
    if dataset.extras[name].kind == "boxes":
        return values[np.arange(values.shape[1]) < dataset.parts[part].extras[name + COUNT][:, None]]
    return values.reshape(-1, values.shape[-1])


def _places(dataset: Dataset) -> Iterator[str]:
    """Boxes and keypoints that are fractions and no pixels, or that reach out of the picture."""
    size = next((spec.shape[:2] for spec in dataset.inputs.values() if len(spec.shape) == 3), None)
    for name, extra in dataset.extras.items():
        if extra.kind not in ("boxes", "keypoints") or size is None:
            continue
        found = np.concatenate([places(dataset, name, part) for part in dataset.parts])
        order = "y0, x0, y1, x1" if extra.kind == "boxes" else "y, x"
        if len(found) and found.max() <= 1:
            yield "all numbers of the {} '{}' are at most 1: they are read as pixels, {}".format(
                extra.kind, name, order)
            continue
        outside = ((found < -1) | (found > np.array(size * (found.shape[-1] // 2)) + 1)).any(-1).sum()
        if outside:
            yield "{} of {} {} '{}' reach out of the picture, which is [{}, {}] pixels: they are read as {}".format(
                outside, len(found), extra.kind, name, *size, order)

"""Notes about a dataset's arrays: codes that are hardly used, classes that are rare or missing, equal or similar
samples in two parts.

A note is a sentence for `octet check`, the manifest and the log of the run. It does not stop the run.
"""

from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from octet.data import classes, content_digests, far_values, listing, near_duplicates
from octet.data.dataset import COUNT, PARTS, Dataset, Input, Target
from octet.suggestions import CLASS_WEIGHTS, some

FEW_CODES = 32  # of 256; there is a note about an input, or a column of an output, that spans fewer
BULK = 0.999  # the share of the values that are no outliers
RARE = 20.0  # there is a note if the most frequent class has this many times the samples of the rarest
FEW_COLUMNS = 64  # a value of more numbers is a picture or a signal, whose numbers have one scale
MOST_VALUES = 1 << 26  # of an input are counted, which takes a fraction of a second
MOST_ROWS = 1 << 18  # of features are sorted
AT_ONCE = 1 << 22  # values are counted at a time; counting takes eight bytes for each


class RepeatedSamples(NamedTuple):
    """shared: for each pair of parts, (part, earlier part, number of samples of the part that are also in the earlier
    one). The parts are in the order train, validation, test: the metrics of the later part are too good.
    similar: for each pair of parts, (part, other part, number of similar pictures, number of compared pictures). A
    picture of the part is similar if it is almost the same as one of the other part. `similar` is empty unless there is
    exactly one input and it is a picture.
    contradictions: {target of kind class: number of contents that have more than one label}."""

    shared: List[Tuple[str, str, int]]
    similar: List[Tuple[str, str, int, int]]
    contradictions: Dict[str, int]


def notes(dataset: Dataset, repeated: Optional[RepeatedSamples] = None) -> List[str]:
    """All notes, those of the dataset itself first. If only some samples were read, there are only the notes about
    known targets. repeated: `repeated_samples(dataset)`, if it is known."""
    sentences = list(dataset.notes)
    for name, spec in dataset.inputs.items():
        sentences.extend(_channels_first(name, spec))
        if dataset.samples is not None:
            continue
        sentences.extend(_few_codes(name, {part: arrays.inputs[name] for part, arrays in dataset.parts.items()}))
        sentences.extend(_narrow_features(
            name, dataset.parts["train"].inputs[name] if "train" in dataset.parts else None))
    for name, target in dataset.targets.items():
        sentences.extend(listing.alike(target.classes))
        answers = dataset.known_answers(name)
        if dataset.samples is not None:
            answers = {part: of_part for part, of_part in answers.items() if name in dataset.answers.get(part, ())}
        if target.kind == "value":
            sentences.extend(_far_from_the_others(name, target, answers.get("train")))
            sentences.extend(_narrow_columns(name, answers))
        elif target.kind != "raw":
            sentences.extend(_counts(name, target, answers))
    sentences.extend(_places(dataset))
    if dataset.samples is None:
        sentences.extend(_repeated(repeated or repeated_samples(dataset)))
    else:
        sentences.append("{} samples of each part were read; `octet data` reads all of them".format(dataset.samples))
    return sentences


def used_codes(codes: np.ndarray) -> Tuple[int, int, int]:
    """(number of codes that the bulk of the values uses, the smallest of them, the largest). If there are very many
    values, an evenly spaced selection of the samples is counted."""
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
        yield "'{}' is of shape {}, probably [channels, height, width], but TensorFlow expects [height, width, " \
              "channels]: save np.moveaxis(x, 1, 3)".format(name, list(spec.shape))


def _few_codes(name: str, parts: Dict[str, np.ndarray]) -> Iterator[str]:
    reach = {part: used_codes(codes) for part, codes in parts.items() if codes.size}
    if "train" not in reach:
        return
    for part, (used, least, most) in reach.items():
        span, of_train = most - least + 1, reach["train"][2] - reach["train"][1] + 1
        if span < FEW_CODES and part == "train":
            yield "{:.1f} % of the values of '{}' in the train part use {} of the 256 codes ({}..{}): low and high " \
                  "are much wider than the data, or the file has uint8 values of another range".format(
                      100 * BULK, name, used, least, most)
        elif part != "train" and span < of_train / 4:
            yield "the values of '{}' in the {} part span {} codes ({}..{}), those of the train part {}: were the " \
                  "parts scaled differently?".format(name, part, span, least, most, of_train)


def _narrow_features(name: str, codes: Optional[np.ndarray]) -> Iterator[str]:
    if codes is None or codes.ndim != 2 or not 1 < codes.shape[1] <= FEW_COLUMNS:
        return
    span = codes.max(0).astype(int) - codes.min(0) + 1
    narrow = np.flatnonzero(span < FEW_CODES)
    if len(narrow) and span.max() >= FEW_CODES:
        yield "these features of '{}' use fewer than {} of the 256 codes: {}; all features share one range, so scale " \
              "each of them to the same range before you save them".format(
                  name, FEW_CODES, some(["column {}: {}".format(column, span[column]) for column in narrow]))
    some_rows = np.sort(codes[::1 + len(codes) // MOST_ROWS], axis=0)
    left_out = int(len(some_rows) * (1 - BULK) / 2 + 0.5)  # at each end
    bulk = some_rows[len(some_rows) - 1 - left_out].astype(int) - some_rows[left_out] + 1
    for column in np.flatnonzero((bulk < FEW_CODES) & (span >= FEW_CODES)):
        yield "{:.1f} % of the values in column {} of '{}' use {} of its {} codes: a few values are far from the " \
              "others, such as -999 for a missing value".format(100 * BULK, column, name, bulk[column], span[column])


def _far_from_the_others(name: str, target: Target, train: Optional[np.ndarray]) -> Iterator[str]:
    if train is None or train.ndim != 2 or train.shape[1] > FEW_COLUMNS:
        return
    low, high = np.array(target.columns or [(0.0, 1.0)] * train.shape[1]).T
    yield from far_values.notes(low + train * (high - low),  # in the units from before `scale: columns`
                                ["column {} of '{}'".format(column, name) for column in range(train.shape[1])])


def _narrow_columns(name: str, answers: Dict[str, np.ndarray]) -> Iterator[str]:
    train = answers.get("train")
    if train is None or train.ndim != 2 or not 1 < train.shape[1] <= FEW_COLUMNS:
        return
    low, high = train.min(0).astype(float), train.max(0).astype(float)
    whole = max(high.max(), 0.0) - min(low.min(), 0.0)  # an output's range contains 0
    for column, (least, most) in enumerate(zip(low, high)):
        codes = 255 * (most - least) / whole if whole else 0.0
        if codes < FEW_CODES:
            yield "column {} of '{}' spans {:g} to {:g}, all columns span {:g} to {:g}: the uint8 output has about " \
                  "{} of its 256 codes for it; scale: columns scales each column to 0..1".format(
                      column, name, least, most, low.min(), high.max(), max(1, int(round(codes))))


def _counts(name: str, target: Target, answers: Dict[str, np.ndarray]) -> Iterator[str]:
    each = "pixels" if target.kind == "class_map" else "samples"
    of_part = {part: classes.counts(target, labels) for part, labels in answers.items()}
    if target.kind == "class_map" and target.ignore is not None:
        yield "ignored pixels of '{}' (label {}): {}".format(name, target.ignore, ", ".join(
            "{:.3g} % of {}".format(100.0 * (1 - counts.sum() / max(1, answers[part].size)), part)
            for part, counts in of_part.items()))
    if "train" in of_part:
        train = of_part["train"]
        rarest = int(train.argmin())
        whole = int(train.sum()) if target.kind == "class_map" else len(answers["train"])
        most = whole - int(train[rarest]) if target.kind == "labels" else int(train.max())
        if most > RARE * train[rarest]:
            yield "the class '{}' of '{}' has {} of {} training {} ({:.2g} %): without {} a network may " \
                  "never predict it".format(
                      target.classes[rarest], name, train[rarest], whole, each, 100.0 * train[rarest] / whole,
                      CLASS_WEIGHTS)
    for part, counts in of_part.items():
        missing = [target.classes[index] for index in np.flatnonzero(counts == 0)]
        if missing and part != "train":
            yield "the {} part has no {} of the class {} of '{}': this class is not measured".format(
                part, each[:-1], some([repr(one) for one in missing]), name)


def repeated_samples(dataset: Dataset) -> RepeatedSamples:
    """The numbers of samples, by the content of their inputs, that are in two parts or have two labels."""
    names = list(dataset.inputs)
    hashes = {part: _hashes([dataset.parts[part].inputs[name] for name in names])
              for part in PARTS if part in dataset.parts}
    parts, shared = list(hashes), []
    for place, earlier in enumerate(parts):
        for part in parts[place + 1:]:
            shared.append((part, earlier, int(np.isin(hashes[part], hashes[earlier]).sum())))
    contradictions = {}
    if any(target.kind == "class" for target in dataset.targets.values()):
        _, contents = np.unique(np.concatenate(list(hashes.values())), return_inverse=True)
    for name, target in dataset.targets.items():
        if target.kind == "class":
            labels = np.concatenate([np.asarray(arrays.targets[name]) for arrays in dataset.parts.values()])
            pairs = np.unique(np.stack([contents, labels]), axis=1)  # the different (content, label)
            contradictions[name] = int((np.bincount(pairs[0]) > 1).sum())
    return RepeatedSamples(shared, _similar(dataset), contradictions)


def _similar(dataset: Dataset) -> List[Tuple[str, str, int, int]]:
    pictures = [name for name, spec in dataset.inputs.items() if near_duplicates.are_searched(spec.shape)]
    if len(pictures) != 1 or len(dataset.inputs) != 1:
        return []
    codes = [(part, arrays.inputs[pictures[0]]) for part, arrays in dataset.parts.items()]
    similar: List[Tuple[str, str, int, int]] = []
    for place, (other, codes_of_other) in enumerate(codes[:-1]):
        thumbnails = near_duplicates.thumbnails(codes_of_other)  # once: it reads the whole part
        similar.extend((part, other) + near_duplicates.between(codes_of_part, codes_of_other, thumbnails)
                     for part, codes_of_part in codes[place + 1:])
    return similar


def _hashes(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """[N] S32, the first half of the sha256 of each sample, as hex digits. Whole digests as Python texts would take
    five times the memory. arrays: of all inputs."""
    hashes = np.empty(len(arrays[0]), "S32")
    for row, sha256 in enumerate(content_digests.each_sample(arrays)):
        hashes[row] = sha256[:32].encode()
    return hashes


def _repeated(repeated: RepeatedSamples) -> Iterator[str]:
    for part, other, count in repeated.shared:
        if count:
            yield "{} samples of the {} part are in the {} part as well: the metrics of the {} part are too " \
                  "good".format(count, part, other, part)
    for part, other, count, compared in repeated.similar:
        if count:
            yield "{} of {} pictures of the {} part are almost the same as one of the {} part: keep such pictures " \
                  "in one part, or the metrics of the {} part are too good".format(count, compared, part, other, part)
    for name, count in repeated.contradictions.items():
        if count:
            yield "{} inputs occur with more than one label of '{}'".format(count, name)


def places(dataset: Dataset, name: str, part: str) -> np.ndarray:
    """All boxes [N, 4] or keypoints [N, 2] of an extra in a part, without the padding."""
    values = dataset.parts[part].extras[name]
    if dataset.extras[name].kind == "boxes":
        return values[np.arange(values.shape[1]) < dataset.parts[part].extras[name + COUNT][:, None]]
    return values.reshape(-1, values.shape[-1])


def _places(dataset: Dataset) -> Iterator[str]:
    """Notes about boxes and keypoints that are fractions instead of pixels, or that lie outside of the picture."""
    size = next((spec.shape[:2] for spec in dataset.inputs.values() if len(spec.shape) == 3), None)
    for name, extra in dataset.extras.items():
        if extra.kind not in ("boxes", "keypoints") or size is None:
            continue
        positions = np.concatenate([places(dataset, name, part) for part in dataset.parts])
        order = "y0, x0, y1, x1" if extra.kind == "boxes" else "y, x"
        if len(positions) and positions.max() <= 1:
            yield "all numbers of the {} '{}' are at most 1, but their unit is pixels: {}".format(
                extra.kind, name, order)
            continue
        limits = np.array(size * (positions.shape[-1] // 2))
        outside = ((positions < -1) | (positions > limits + 1)).any(-1).sum()
        if outside:
            yield "{} of {} {} '{}' lie partly outside of the picture of [{}, {}] pixels: their numbers are {}".format(
                outside, len(positions), extra.kind, name, *size, order)

"""The figures of one output as rows of the page's tables: by side, by class, and by label and answer."""

from typing import Any, Dict, List, Optional, Sequence

import numpy as np

from octet.data.dataset import Target
from tasks.evaluation.confidence_intervals import wilson
from tasks.report import number_words

MOST_CELLS = 25
"""The most classes of a confusion matrix. For more, the page lists the most frequent confusions."""
MOST_CONFUSIONS = 20
MOST_CLASSES = 40
"""Classes in the open table. Those after them stand in a closed one."""


def measured_sides(outputs: Dict[str, Dict[str, Any]]) -> Dict[str, str]:
    """{side: its name in words} of the sides that were measured. outputs: those of a measurement."""
    found = {side for figures in outputs.values() for name in number_words.NAMES for side in figures.get(name, ())}
    return {side: name for side, name in number_words.SIDES.items() if side in found or side in number_words.ALWAYS}


def sides(figures: Dict[str, Any], samples: int) -> List[Dict[str, Any]]:
    """[{name, metric, values: {side: text}, intervals: {side: text}, change, worse}] of each metric of an output.
    change, worse: from float to uint8. samples: the number of samples that the output was measured on."""
    rows = []
    for name in number_words.NAMES:
        if name not in figures:
            continue
        by_side = figures[name]
        count = samples if _is_of_samples(figures["kind"], name) else 0
        lower = None if None in (by_side["float"], by_side["uint8"]) else by_side["uint8"] < by_side["float"]
        rows.append({
            "metric": name, "name": number_words.NAMES[name],
            "values": _texts(name, by_side),
            "intervals": {side: number_words.interval(wilson(value, count)) for side, value in by_side.items()},
            "change": number_words.change(name, by_side["float"], by_side["uint8"]),
            "worse": bool(lower) if name not in number_words.ERRORS else lower is False and
            by_side["uint8"] != by_side["float"]})
    return rows


def on_int8_samples(figures: Dict[str, Any]) -> List[Dict[str, Any]]:
    """[{name, metric, values: {uint8, int8: text}, change: from uint8 to int8}] of each metric of an output, on the
    samples that the int8 file was measured on. Empty where these are all samples: `sides` has int8 then."""
    return [{"metric": name, "name": number_words.NAMES[name],
             "values": _texts(name, by_side),
             "change": number_words.change(name, by_side["uint8"], by_side["int8"])}
            for name, by_side in ((name, figures["int8"][name]) for name in number_words.NAMES
                                  if name in figures.get("int8", {}))]


def own_metrics(metrics: Dict[str, Dict[str, Optional[float]]],
                on_int8_samples: Dict[str, Dict[str, Optional[float]]]) -> List[Dict[str, Any]]:
    """[{name, values: {side: text}, on_int8_samples: {values: {uint8, int8: text}}, or None where int8 was not measured
    on fewer samples}] of the metrics that the recipe names. on_int8_samples: the field `int8.metrics` of the
    measurement."""
    return [{"name": name, "values": _texts(name, by_side),
             "on_int8_samples": {"values": _texts(name, on_int8_samples[name])} if on_int8_samples else None}
            for name, by_side in sorted(metrics.items())]


def _texts(metric: str, by_side: Dict[str, Optional[float]]) -> Dict[str, str]:
    return {side: number_words.metric(metric, value) for side, value in by_side.items()}


def _is_of_samples(kind: str, metric: str) -> bool:
    """Whether the metric is a share of independent samples. Only such a share has a confidence interval: the pixels of
    a picture, or the labels of a sample, depend on each other."""
    return (kind, metric) in (("class", "accuracy"), ("labels", "exact_match"))


def counted(figures: Dict[str, Any], samples: int) -> int:
    """The number of samples that the output was measured on. Samples whose label is ignored do not count."""
    return int(np.sum(figures["confusion"])) if figures["kind"] == "class" else samples


def confusion(figures: Dict[str, Any]) -> Optional[Dict[str, Any]]:
    """{classes, rows: [{name, total, cells: [{count, share, right}]}]}; None for an output without a confusion matrix,
    and for one with more than MOST_CELLS classes."""
    if figures["kind"] not in ("class", "class_map") or len(figures["classes"]) > MOST_CELLS:
        return None
    rows = []
    for label, counts in enumerate(figures["confusion"]):
        total = sum(counts)
        rows.append({"name": figures["classes"][label], "total": total, "cells": [
            {"count": count, "share": count / total if total else 0.0, "right": label == answer,
             "answer": figures["classes"][answer]} for answer, count in enumerate(counts)]})
    return {"classes": figures["classes"], "rows": rows}


def confusions(figures: Dict[str, Any]) -> List[Dict[str, Any]]:
    """[{label, answer, count, share: of the samples with that label}] of wrong answers, the most frequent first."""
    if figures["kind"] not in ("class", "class_map"):
        return []
    table = np.array(figures["confusion"])
    wrong = table - np.diag(np.diag(table))
    order = [int(place) for place in np.argsort(-wrong.reshape(-1), kind="stable")[:MOST_CONFUSIONS]]
    names = figures["classes"]
    return [{"label": names[label], "answer": names[answer], "count": int(wrong[label, answer]),
             "share": number_words.percent(wrong[label, answer] / table[label].sum())}
            for label, answer in (divmod(place, len(names)) for place in order) if wrong[label, answer]]


def by_class(figures: Dict[str, Any]) -> List[Dict[str, Any]]:
    """[{name, count, recall, precision: {side: text}, interval: of the uint8 file's recall, share: that recall}], the
    lowest recall first; classes without a sample last."""
    if "recall" not in figures:
        return []
    table = np.array(figures["confusion"])
    counts = table[:, 1].sum(-1) if figures["kind"] == "labels" else table.sum(-1)
    independent = figures["kind"] in ("class", "labels")
    rows = []
    for index, name in enumerate(figures["classes"]):
        recall = figures["recall"][name]
        rows.append({
            "name": name, "count": int(counts[index]), "share": recall["uint8"],
            "recall": {side: number_words.percent(share) for side, share in recall.items()},
            "precision": {side: number_words.percent(share) for side, share in figures["precision"][name].items()},
            "interval": number_words.interval(wilson(recall["uint8"], int(counts[index]))) if independent else "",
            "labels": _of_label(table[index]) if figures["kind"] == "labels" else None})
    return sorted(rows, key=lambda row: (row["share"] is None, row["share"] or 0.0))


def _of_label(table: np.ndarray) -> Dict[str, int]:
    return {"found": int(table[1, 1]), "missed": int(table[1, 0]), "false": int(table[0, 1]),
            "rightly_not": int(table[0, 0])}


def by_column(figures: Dict[str, Any], columns: Sequence[Sequence[float]]) -> List[Dict[str, Any]]:
    """[{column, low, high, values: {side: text}}] for columns that were scaled. Values are mean absolute errors in the
    column's unit before it was scaled."""
    return [{"column": int(column), "low": number_words.figure(columns[int(column)][0]),
             "high": number_words.figure(columns[int(column)][1]),
             "values": {side: "{:.4g}".format(error) for side, error in by_side.items()}}
            for column, by_side in sorted(figures.get("mae_by_column", {}).items(), key=lambda item: int(item[0]))]


def differences(figures: Dict[str, Any]) -> List[Dict[str, Any]]:
    """[{lsb, count, share}]: the distribution of the differences between the outputs of the uint8 file and of the
    fake-quantized graph."""
    found = sorted((int(lsb), count) for lsb, count in figures["output_difference_lsb"].items())
    total = sum(count for _, count in found) or 1
    rows = [{"lsb": str(lsb), "count": count, "share": count / total} for lsb, count in found[:8]]
    if len(found) > 8:
        count = sum(count for _, count in found[8:])
        rows.append({"lsb": "{}–{}".format(found[8][0], found[-1][0]), "count": count, "share": count / total})
    return rows


def data_counts(target: Target, counts: Dict[str, Sequence[int]]) -> List[Dict[str, Any]]:
    """[{name, counts: {part: how many samples, or pixels}}] of each class of a target."""
    return [{"name": name, "counts": {part: int(found[index]) for part, found in counts.items()}}
            for index, name in enumerate(target.classes)]

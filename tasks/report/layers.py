"""The operators of the file: their kinds and costs, and by tensor its range and its loss of precision."""

from collections import Counter
from typing import Any, Dict, List

from octet.quantization import to_real
from tasks.report import number_words
from tasks.tflite import cost
from tasks.tflite.model_file import Contents

MOST = 12
"""Layers in the open table. Those after them stand in a closed one."""


def damage(contents: Contents, parity: Dict[str, Any], codes: Dict[str, Dict[str, Any]]) -> List[Dict[str, Any]]:
    """A row for each tensor that an operator makes, the largest loss first: {name, kind, shape, low, high, lsb, sqnr,
    lost, float, own, driven, wrong, bar, codes}; `bar` is its loss as a share of the largest. codes: {tensor: how it
    uses its codes}, see `ranges.of_tensors`."""
    tensors = {tensor.name: tensor for tensor in contents.computed()}
    own = {row["name"]: row for row in parity["local"]}
    most = max([row["lost_db"] or 0.0 for row in parity["end_to_end"]] + [1e-9])
    rows = []
    for row in parity["end_to_end"]:
        found, tensor = own.get(row["name"]), tensors[row["name"]]
        low, high = (to_real(code, tensor.scale, tensor.zero_point) for code in (0, 255))
        rows.append({
            "name": row["name"], "kind": row["kind"], "shape": number_words.shape(tensor.shape[1:]),
            "low": number_words.real(low), "high": number_words.real(high), "codes": codes.get(row["name"]),
            "lsb": number_words.figure(row["lsb"]), "sqnr": number_words.figure(row["sqnr_db"]),
            "lost": number_words.figure(row["lost_db"]), "float": number_words.figure(row["float_db"]),
            "own": number_words.figure(found and found["on_data"] and found["on_data"]["lsb"]),
            "driven": number_words.figure(found and found["driven"] and found["driven"]["lsb"]),
            "wrong": row["name"] in parity["wrong"], "bar": max(0.0, row["lost_db"] or 0.0) / most})
    return rows


def operators(contents: Contents) -> List[Dict[str, Any]]:
    """[{kind, count, weights: bytes, macs}] for each kind of operator, the largest number of multiply-accumulates
    first."""
    count, weights, macs = Counter(), Counter(), Counter()  # type: Counter, Counter, Counter
    seen = set()
    for operator in contents.operators:
        count[operator.kind] += 1
        macs[operator.kind] += cost.multiply_accumulates(contents, operator)
        for index in operator.inputs:
            value = contents.tensors[index].value if index >= 0 and index not in seen else None
            if value is not None:
                seen.add(index)
                weights[operator.kind] += value.nbytes
    return [{"kind": kind, "count": count[kind], "weights": weights[kind], "macs": macs[kind]}
            for kind in sorted(count, key=lambda kind: (-macs[kind], -count[kind], kind))]

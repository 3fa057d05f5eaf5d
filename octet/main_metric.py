"""The main metric of an output: the one that `octet ls`, the end of a run, the report and the card show first."""

from typing import Container, Optional

PREFERRED = ("mean_iou", "exact_match", "accuracy", "mse")
"""`class_map` has a mean IoU, `labels` has exact matches, and both have an accuracy too, which is less telling."""


def of(metrics: Container[str]) -> Optional[str]:
    """The main metric of an output that has these metrics; None if there is none, as for a raw output."""
    return next((metric for metric in PREFERRED if metric in metrics), None)

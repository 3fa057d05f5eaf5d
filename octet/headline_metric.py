"""The metric of an output that is shown first: by `octet ls`, at the end of a run, on the report and on the card."""

from typing import Container, Optional

PREFERRED = ("mean_iou", "exact_match", "accuracy", "mse")
"""`class_map` has a mean IoU, `labels` has exact matches, and both have an accuracy too, which is less telling."""


def of(metrics: Container[str]) -> Optional[str]:
    """The headline metric of an output that has these metrics; None if there is none, as for a raw output."""
    return next((metric for metric in PREFERRED if metric in metrics), None)

"""The names of the metrics in words, for the report page and the card."""

NAMES = {
    "accuracy": "accuracy", "exact_match": "exact match of all labels", "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1", "mean_iou": "mean IoU", "roc_auc": "ROC AUC", "average_precision": "average precision",
    "mse": "mean squared error", "mae": "mean absolute error", "snr_db": "signal to error"}
"""{metric of metrics.py: its name}, in the order in which they are shown."""

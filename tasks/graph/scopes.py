"""Name scopes by which one part of Octet marks operations for another."""

APPROXIMATED = "/approximated/"
"""Part of the name of each operation that approximates an activation (keras_model/approximate_activations.py)."""

PREPROCESS = "octet_preprocess"
"""The first scope of the operations that preprocess an input (keras_model/preprocess.py), and their layer's name in
messages."""

"""Names of scopes that one part of Octet gives and another looks for."""

APPROXIMATED = "/approximated/"
"""In the name of each operation that approximates an activation (keras_model/approximate_activations.py)."""

PREPROCESS = "octet_preprocess"
"""The first scope of the operations that preprocess an input (keras_model/preprocess.py), and the layer's name that
messages have for them."""

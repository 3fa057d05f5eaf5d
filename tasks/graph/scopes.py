"""Names of scopes that one part of Octet gives and another looks for."""

APPROXIMATED = "/approximated/"
"""In the name of each operation that approximates an activation (keras_model/approximate_activations.py)."""

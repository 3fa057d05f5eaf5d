"""Measures which networks become uint8: `python -m tests.compat` writes docs/compatibility.md."""

"""Which networks become uint8, as seen: `python -m tests.compat` writes docs/compatibility.md."""

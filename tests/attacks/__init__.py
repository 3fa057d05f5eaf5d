"""A table of attacks: hostile and unlucky situations, each judged by the same net (judge.py).

A kind is a file in `kinds/` with `situations()`; most are one loop over things, places and verbs, and a new line in
one of their tables is a new row of situations. A light sample runs with the tests; all of them run by

    python -m tests.attacks [KIND ...]       as `make faults` does; it goes on where it was stopped
"""

"""A table of attacks: hostile and unlucky situations, which are all judged by the same rules (judge.py).

A kind is a file in `kinds/` with a function `situations()`. Most kinds are loops over things, places and verbs; a new
line in one of their tables adds situations. A small sample runs with the tests. All of them run by

    python -m tests.attacks [KIND ...]         as in `make faults`; resumes where it was stopped"""

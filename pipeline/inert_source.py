"""Source files that can change no artifact."""

INERT = {
    "octet/errors.py": "the wording of an error, or its exit code, can change no artifact",
    "octet/arguments.py": "it can only refuse what a recipe says",
    "octet/digest.py": "it tells contents apart; what it finds is in the key itself",
    "octet/datasets/content.py": "likewise",
    "octet/stamps.py": "it can only refuse what was written to meanwhile",
    "octet/identifier.py": "its format is versioned; what it says follows from the file it is in",
    "tasks/private_source.py": "it lets what is in the key be imported, and nothing else",
    "tasks/loaded.py": "it can only refuse what was loaded, after the work is done",
    "tasks/file_guard.py": "it can only refuse what is opened, or warn of it",
    "tasks/graph_files.py": "likewise",
}
"""Files that are kept with an artifact but not in its key, each with the reason."""

"""Source files of Octet that cannot change an artifact."""

INERT = {
    "octet/errors.py": "the wording of an error, or its exit code, can change no artifact",
    "octet/recipe/signatures.py": "it can only refuse what a recipe says",
    "octet/digest.py": "it computes digests, and those are in the key",
    "octet/data/content_digests.py": "likewise",
    "octet/data/dataset_digest.py": "likewise",
    "octet/data/memory_for_data.py": "it can only refuse what does not fit",
    "octet/data/encoded_rows.py": "it returns rows whose sha256 follows from the key, or no rows",
    "octet/file_stamps.py": "it can only refuse files that were written to during the stage",
    "octet/model_identifier.py": "its format has a version, and the identifier follows from the file that contains it",
    "tasks/log.py": "a log is not a product",
    "tasks/process/channel.py": "it reports progress and the result, and changes neither",
    "tasks/process/failure_message.py": "the wording of an error can change no artifact",
    "tasks/source_guard/source_origin.py": "it says whose code a file is, for the wording of an error",
    "tasks/source_guard/private_source.py": "it only restricts imports to files that are in the key",
    "tasks/source_guard/loaded_sources.py": "it can only refuse loaded files, after the work is done",
    "tasks/source_guard/file_guard.py": "it can only refuse to open a file, or warn about it",
    "tasks/source_guard/graph_files.py": "likewise",
    "tasks/source_guard/watched_functions.py": "it calls the file guard, and opens the files that the key names",
}
"""{file: reason} of the files that are stored with an artifact but are not in its key."""

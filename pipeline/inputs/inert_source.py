"""Source files of Octet that cannot change an artifact."""

INERT = {
    "octet/errors.py": "the wording of an error, or its exit code, can change no artifact",
    "octet/recipe/signatures.py": "it can only refuse what a recipe says",
    "octet/digest.py": "it computes digests, and those are in the key",
    "octet/data/content_digests.py": "likewise",
    "octet/data/dataset_digest.py": "likewise",
    "octet/data/memory_for_data.py": "it can only refuse what does not fit",
    "octet/data/encoded_rows.py": "it gives rows whose sha256 follow from the key, or none",
    "octet/file_stamps.py": "it can only refuse what was written to meanwhile",
    "octet/model_identifier.py": "its format has a version, and the identifier follows from the file that it is in",
    "tasks/log.py": "what is logged is no product",
    "tasks/process/channel.py": "it reports progress and the result, and changes neither",
    "tasks/process/failure_message.py": "the wording of an error can change no artifact",
    "tasks/source_guard/source_origin.py": "it says whose code a file is, for the wording of an error",
    "tasks/source_guard/private_source.py": "it lets what is in the key be imported, and nothing else",
    "tasks/source_guard/loaded_sources.py": "it can only refuse what was loaded, after the work is done",
    "tasks/source_guard/file_guard.py": "it can only refuse what is opened, or warn of it",
    "tasks/source_guard/graph_files.py": "likewise",
}
"""Files that are kept with an artifact but not in its key, each with the reason."""

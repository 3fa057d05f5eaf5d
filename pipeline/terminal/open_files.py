"""Refuses a command that may open too few files."""

import resource

from octet.errors import StageDied

LEAST = 32  # a whole run with TensorFlow ended well with 32; a stage failed with 20


def expect_some(command: str) -> None:
    """Raises StageDied if this process may open fewer than LEAST files."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed != resource.RLIM_INFINITY and allowed < LEAST:
        raise StageDied("this process may have {} files open at once".format(allowed), where=command,
                        why="a run needs at least {}".format(LEAST),
                        next_step="raise the limit with `ulimit -n 1024`, then start the same command again")

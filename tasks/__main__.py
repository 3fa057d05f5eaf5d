"""The child's door: one job in, lines of JSON out.

The job is the first line of standard input, which stays open for as long as the parent lives: its
end means that the parent is dead, and then this process and its group die too.
"""

import errno
import importlib
import json
import os
import signal
import sys
import threading

# The packages beside this file, a private copy, before any that are installed.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

from octet.errors import OctetError, StoreError  # noqa: E402
from octet.job import Job  # noqa: E402
from tasks import file_guard, loaded, private_source  # noqa: E402

FULL = os.strerror(errno.ENOSPC)


def _die_with_parent() -> None:
    sys.stdin.read()
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> int:
    channel = os.fdopen(int(sys.argv[1]), "w", buffering=1)

    def say(**message) -> None:
        channel.write(json.dumps(message) + "\n")

    job = Job.from_json(sys.stdin.readline())
    private_source.install(job.origin)
    file_guard.install()
    threading.Thread(target=_die_with_parent, daemon=True).start()
    try:
        stage = importlib.import_module("tasks." + job.stage)
        metrics = stage.run(job, lambda fraction, text: say(progress=fraction, message=text))
        loaded.check()
    except OctetError as error:
        say(error=private_source.told(error).to_json())
        return 1
    except Exception as error:
        if FULL not in str(error):  # TensorFlow's own errors have the words too, and no errno
            raise
        say(error=StoreError("cannot write: {}".format(FULL), where=job.output, why=str(error),
                             next_step="free some space, or set another store in luigi.cfg").to_json())
        return 1
    if file_guard.outside:
        metrics = dict(metrics, read_outside_data_path=file_guard.outside)
    say(metrics=metrics)
    return 0


if __name__ == "__main__":
    sys.exit(main())

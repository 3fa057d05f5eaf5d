"""The `luigi` command, which stands in the place of Luigi's own (docs/decisions/0002-the-luigi-command.md).

Luigi reads every luigi.cfg about while it is imported, and dies in a traceback of one that is malformed. So for
`--module pipeline` they are looked at before; for any other module it is Luigi's own command.
"""

import sys
from typing import List, NoReturn

from octet.errors import UsageError
from pipeline import settings


def main() -> None:
    """Luigi's own command; importing `pipeline` has taken over already where it is for us."""
    from luigi.cmdline import luigi_run
    luigi_run()


def take_over(argv: List[str]) -> NoReturn:
    """Does what the command line says and exits."""
    try:
        settings.expect_readable()
    except UsageError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    from pipeline import front  # not at the top: it imports Luigi
    front.main(argv)

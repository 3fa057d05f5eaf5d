"""Octet's own command: what would be built, what there is, why it is stale, where a file came from.

A verb is a file in `pipeline/commands`, which is named as the verb is and has

    a docstring, whose first line is the verb's help;
    add_arguments(parser);
    run(arguments) -> None, or an exit code.
"""

import argparse
import importlib
import pkgutil
import sys
from typing import List, Optional

from octet.errors import OctetError
from pipeline import commands


def main(argv: Optional[List[str]] = None) -> int:
    """The exit code of the command; the four parts of a known error go to stderr."""
    arguments = _parser().parse_args(argv)
    try:
        return arguments.run(arguments) or 0
    except OctetError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `octet ls | head`
        sys.stderr.close()
        return 0


def verbs() -> List[str]:
    """The name of every verb, sorted."""
    return sorted(info.name for info in pkgutil.iter_modules(commands.__path__))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="octet", description=__doc__.splitlines()[0])
    choices = parser.add_subparsers(dest="command", metavar="COMMAND")
    choices.required = True
    for verb in verbs():
        module = importlib.import_module("pipeline.commands." + verb)
        text = module.__doc__.strip()
        choice = choices.add_parser(verb, help=text.splitlines()[0].rstrip("."), description=text,
                                    formatter_class=argparse.RawDescriptionHelpFormatter)
        module.add_arguments(choice)
        choice.set_defaults(run=module.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())

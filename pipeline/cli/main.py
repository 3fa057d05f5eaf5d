"""The `octet` command.

A verb is a file in `pipeline/cli/verbs` with the verb's name. It has

    a docstring, whose first line is the verb's help;
    add_arguments(parser);
    run(arguments) -> None, or an exit code.
"""

import argparse
import importlib
import os
import pkgutil
import re
import sys
from typing import Dict, List, NoReturn, Optional, Tuple

from octet.errors import UsageError
from octet.suggestions import suggest
from pipeline import settings
from pipeline.cli import verbs as verb_modules
from pipeline.execution import run_failures
from pipeline.terminal import interrupts, open_files, out_of_memory, streams, unexpected_error


def main(argv: Optional[List[str]] = None) -> int:
    """Runs the command and returns its exit code. Errors are printed to stderr.

    argv: the words after the command's name; None for those of this process."""
    words = sys.argv[1:] if argv is None else argv
    try:
        streams.escape_unencodable()
        if argv is None:
            interrupts.raise_on_signals()
        out_of_memory.expect_some()
        open_files.expect_some("octet")
        settings.expect_working_folder()
        arguments = _parsed(words)
        code = arguments.run(arguments) or 0
        _flush()
        return code
    except SystemExit:  # --help
        _flush()
        raise
    except BrokenPipeError:
        _close_stdout()
        return 0
    except (Exception, KeyboardInterrupt) as error:
        if interrupts.received():
            print("interrupted", file=sys.stderr)
            return run_failures.exit_code(error)
        known = unexpected_error.explained(error, " ".join(["octet"] + words[:1]))
        print(known, file=sys.stderr)
        if isinstance(error, OSError):
            _close_stdout()
        return known.exit_code
    finally:
        interrupts.ignore()


def _flush() -> None:
    """Writes what was printed. Raises OSError if it cannot be written, except for a closed pipe."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:  # `octet ls | head`
        _close_stdout()


def _close_stdout() -> None:
    """Discards unwritten output. Otherwise Python would try to write it at exit and print an error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _parsed(argv: List[str]) -> argparse.Namespace:
    """The parsed command line. Raises UsageError for an unknown command or option, or an extra word."""
    if argv and not argv[0].startswith("-") and argv[0] not in verbs():
        raise UsageError("no command named {!r}".format(argv[0]), where="octet",
                         why="the first word must be a command", next_step=suggest(argv[0], verbs()))
    parser, choices = _parser()
    before = argv[:argv.index("--")] if "--" in argv else argv
    # To argparse, a number or a word with a space is a value, whatever it begins with.
    flags = [word.split("=")[0] for word in before if word.startswith("-") and not re.match(r"-\d|.*\s", word)]
    known = choices[argv[0]]._option_string_actions if argv and argv[0] in choices else parser._option_string_actions
    unknown = [flag for flag in flags if not any(option.startswith(flag) for option in known)]
    if unknown:  # checked first: argparse reports a missing word instead
        raise UsageError("no option {}".format(", ".join(unknown)), where=" ".join(["octet"] + argv[:1]),
                         why="", next_step=suggest(unknown[0], [option for option in known if option.startswith("--")]))
    arguments, left = parser.parse_known_args(argv)
    if left:
        raise UsageError("{!r} is an extra word".format(left[0]), where="octet {}".format(arguments.command),
                         why="", next_step="see octet {} --help".format(arguments.command))
    return arguments


class _Parser(argparse.ArgumentParser):
    """An argument parser that raises UsageError, and does not print the usage."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, where=self.prog, why="",
                         next_step="see {} --help".format(self.prog))


def verbs() -> List[str]:
    """The name of every verb, sorted."""
    return sorted(info.name for info in pkgutil.iter_modules(verb_modules.__path__))


def _parser() -> Tuple[_Parser, Dict[str, _Parser]]:
    """(the parser, {verb: its parser})."""
    parser = _Parser(prog="octet", description=(__doc__ or "").partition("\n")[0])
    choices = parser.add_subparsers(dest="command", metavar="COMMAND")
    choices.required = True
    for verb in verbs():
        module = importlib.import_module("pipeline.cli.verbs." + verb)
        text = (module.__doc__ or "").strip()  # none with PYTHONOPTIMIZE=2
        choice = choices.add_parser(verb, help=text.partition("\n")[0].rstrip("."), description=text,
                                    formatter_class=argparse.RawDescriptionHelpFormatter)
        module.add_arguments(choice)
        choice.set_defaults(run=module.run)
    return parser, choices.choices


if __name__ == "__main__":
    sys.exit(main())

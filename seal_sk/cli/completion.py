"""``seal-sk completion``: tab completion of commands, options and file names."""

import argparse
from types import ModuleType
from typing import Any

from .parsing import Commands, Parser, add_command, file_or_folder

__all__ = ["add_completion"]

_HELP = """\
Print a shell script for tab completion of commands, options and file names.
"""

_NOTES = """\
examples:
  bash, for this shell or for all future ones:
    eval "$(seal-sk completion bash)"
    seal-sk completion bash > ~/.seal-sk.bash
    echo 'source ~/.seal-sk.bash' >> ~/.bashrc

  zsh, into a folder of $fpath, before compinit:
    seal-sk completion zsh > ~/.zfunc/_seal-sk

  tcsh:
    seal-sk completion tcsh > ~/.seal-sk.csh
    echo 'source ~/.seal-sk.csh' >> ~/.tcshrc
"""

# Arguments that may be paths, but also something else.
_NAMES_OR_PATHS = {
    "IMAGE": "FILE",
    "METHOD": "FILE",
    "NAME_OR_FILE": "FILE",
    "NAME_OR_DIR": "DIRECTORY",
}


def add_completion(commands: Commands, parser: Parser) -> None:
    """Add the command to the parser's; it completes all commands of `parser`."""
    completion = add_command(
        commands,
        "completion",
        lambda args: _completion(args, parser),
        help="print the script for tab completion in bash, zsh or tcsh",
        description=_HELP,
        epilog=_NOTES,
    )
    completion.add_argument("shell", choices=("bash", "zsh", "tcsh"))


def _completion(args: argparse.Namespace, parser: Parser) -> int:
    import shtab

    _mark_files(parser, shtab)
    print(shtab.complete(parser, shell=args.shell))
    return 0


def _mark_files(parser: argparse.ArgumentParser, shtab: ModuleType) -> None:
    """Tell shtab which arguments are files, and which are folders."""
    actions: list[Any] = parser._actions  # `complete` is set on these
    for action in actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                _mark_files(command, shtab)
        elif action.metavar in _NAMES_OR_PATHS:
            action.complete = getattr(shtab, _NAMES_OR_PATHS[action.metavar])
        elif action.type is file_or_folder:
            is_folder = action.metavar == "DIR"
            action.complete = shtab.DIRECTORY if is_folder else shtab.FILE

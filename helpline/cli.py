"""The ``helpline`` command."""

from __future__ import annotations

import importlib
import sys

import click
from pydantic import ValidationError

#: Command -> module in helpline.commands, imported only when it is used: `helpline --help` stays quick.
_COMMANDS = {
    "run": "run",
    "migrate": "migrate",
    "train": "train",
    "ask": "ask",
    "chat": "chat",
    "knowledge": "knowledge",
    "adviser": "adviser",
    "channel": "channel",
    "hours": "hours",
    "evaluate": "evaluate",
    "bench": "bench",
    "purge": "retention",
    "erase": "retention",
    "doctor": "doctor",
}


class _Commands(click.Group):
    def list_commands(self, context: click.Context) -> list[str]:
        return list(_COMMANDS)

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except ValidationError as error:
            # A setting that cannot be: told as the line to mend, not as a traceback.
            for detail in error.errors():
                name = "_".join(str(part) for part in detail["loc"]).upper()
                click.echo(f"The setting HELPLINE_{name} is wrong: {detail['msg']}.", err=True)
            sys.exit(1)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        module = importlib.import_module(f"helpline.commands.{_COMMANDS[name]}")
        command: click.Command = getattr(module, name)
        return command


@click.group(cls=_Commands)
@click.version_option(package_name="helpline")
def main() -> None:
    """Helpline: an assistant about autism and SEND for a council's website."""


def fail(message: str) -> None:
    """End with one clear line and exit code 1."""
    click.echo(message, err=True)
    sys.exit(1)

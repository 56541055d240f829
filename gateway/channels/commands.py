"""The single words that everybody may send, as people and providers expect them."""

from __future__ import annotations

import re
from enum import StrEnum


class Command(StrEnum):
    """What a message that is nothing but a command asks for."""

    START = "start"
    STOP = "stop"
    DELETE = "delete"
    HELP = "help"
    PERSON = "person"
    EASY = "easy"
    PLAIN = "plain"
    WEB = "web"


_WORDS = {
    Command.START: ("start", "unstop"),
    Command.STOP: ("stop", "stop all", "stopall", "stop it", "unsubscribe", "opt out", "stop messaging me"),
    Command.DELETE: (
        "delete",
        "delete all",
        "delete this",
        "delete this chat",
        "delete my chat",
        "delete everything",
        "delete my messages",
        "delete my data",
    ),
    Command.HELP: ("help", "info", "commands", "menu"),
    Command.PERSON: ("person", "human", "adviser", "advisor"),
    Command.EASY: ("easy", "easy read", "easyread"),
    Command.PLAIN: ("normal", "not easy", "stop easy read", "easy read off"),
    Command.WEB: ("web", "website", "open in browser", "continue on the web", "go on the web"),
}
_COMMANDS = {word: command for command, words in _WORDS.items() for word in words}


def command_in(text: str) -> Command | None:
    """The command that a text is, and is nothing else: "stop shouting at me" is no command."""
    word = re.sub(r"\s+", " ", text.strip().removeprefix("/").strip(" .!\"'").lower())
    # Telegram: "/start" may come with a parameter from a link, and with the bot's name in it.
    if text.startswith("/start"):
        return Command.START
    return _COMMANDS.get(word.partition("@")[0])

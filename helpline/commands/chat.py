"""``helpline chat``: talk in the terminal."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from helpline.cli import fail
from helpline.client import HelplineUnreachable, is_ready, open_chat
from helpline.printing import print_replies
from helpline.settings import Settings


@click.command()
@click.option("--area", help="Area id, such as derbyshire.")
def chat(area: str | None) -> None:
    """Talk to the running helpline. An empty line ends the chat; a number presses a button."""
    try:
        asyncio.run(_chat(Settings().gateway_url, area))
    except HelplineUnreachable as error:
        fail(str(error))


async def _chat(url: str, area: str | None) -> None:
    if not await is_ready(url):
        raise HelplineUnreachable(f"no helpline is ready at {url}; start one with `make run`")
    async with open_chat(url, area) as conversation:
        replies = conversation.welcome
        while True:
            print_replies(replies)
            buttons = _numbered(replies)
            typed = (await asyncio.to_thread(_read_line)).strip()
            if not typed:
                return
            if typed.isdigit() and 1 <= int(typed) <= len(buttons):
                replies = await conversation.say(payload=buttons[int(typed) - 1]["payload"])
            else:
                replies = await conversation.say(typed)


def _numbered(replies: list[dict[str, Any]]) -> list[dict[str, str]]:
    buttons = [button for reply in replies for button in reply.get("buttons") or []]
    for number, button in enumerate(buttons, start=1):
        click.echo(f"  {number}: {button['title']}")
    return buttons


def _read_line() -> str:
    try:
        return str(click.prompt("You", default="", show_default=False, prompt_suffix="> "))
    except click.Abort:
        return ""

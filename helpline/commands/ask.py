"""``helpline ask``: one question, one printed answer with its sources."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

import click

from helpline.area_option import COVERED_AREA
from helpline.cli import fail
from helpline.client import HelplineUnreachable, is_ready, open_chat
from helpline.printing import print_replies
from helpline.settings import Settings
from helpline.stack import CannotStart, own_settings, running
from helpline.supervisor import NotReady
from helpline.training import TrainingFailed
from knowledge.content import ContentError
from knowledge.database import StoreUnavailable


@click.command()
@click.argument("question")
@click.option("--area", type=COVERED_AREA)
@click.option("--json", "as_json", is_flag=True, help="Print topic, answer and sources as JSON.")
def ask(question: str, area: str | None, as_json: bool) -> None:
    """Ask one QUESTION, of the running helpline or of one started just for it."""
    try:
        replies = asyncio.run(_ask(question, area))
    except (
        CannotStart,
        ContentError,
        HelplineUnreachable,
        NotReady,
        StoreUnavailable,
        TrainingFailed,
    ) as error:
        fail(str(error))
        return
    if as_json:
        click.echo(json.dumps(_summary(replies), ensure_ascii=False, indent=2))
    else:
        print_replies(replies)


async def _ask(question: str, area: str | None) -> list[dict[str, Any]]:
    settings = Settings()
    if await is_ready(settings.gateway_url):
        return await _one_turn(settings.gateway_url, question, area)
    # Nothing runs: a helpline of its own, whose conversations are thrown away.
    with tempfile.TemporaryDirectory() as folder:
        own = own_settings(settings, Path(folder))
        async with running(own, lambda line: click.echo(line, err=True)):
            return await _one_turn(own.gateway_url, question, area)


async def _one_turn(url: str, question: str, area: str | None) -> list[dict[str, Any]]:
    async with open_chat(url, area) as chat:
        return await chat.say(question)


def _summary(replies: list[dict[str, Any]]) -> dict[str, Any]:
    sources: list[dict[str, Any]] = []
    for reply in replies:
        sources.extend(source for source in reply.get("sources") or [] if source not in sources)
    return {
        "topic": next((reply["topic"] for reply in replies if reply.get("topic")), None),
        "answer": "\n\n".join(reply["text"] for reply in replies if reply.get("text")),
        "sources": sources,
        "buttons": [button["title"] for reply in replies for button in reply.get("buttons") or []],
        "cards": [card for reply in replies for card in reply.get("cards") or []],
    }

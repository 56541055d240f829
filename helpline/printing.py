"""Replies in a terminal."""

from __future__ import annotations

from typing import Any

import click

from knowledge.dates import say_partial


def print_replies(replies: list[dict[str, Any]]) -> None:
    """Print texts, buttons and, at the end, each source once with its date."""
    sources: list[str] = []
    for reply in replies:
        if reply.get("text"):
            click.echo(f"\n{reply['text']}")
        for choice in reply.get("buttons") or []:
            click.echo(f"  [{choice['title']}]")
        for source in reply.get("sources") or []:
            line = say_source(source)
            if line not in sources:
                sources.append(line)
    if sources:
        click.echo("\nSources:")
        for line in sources:
            click.echo(f"- {line}")


def say_source(source: dict[str, Any]) -> str:
    """A source in one line: title, publisher, as of when."""
    line = f"{source['title']} ({source['publisher']})"
    if source.get("as_of"):
        line += f", as of {say_partial(source['as_of'])}"
    return f"{line}, {source['url']}" if source.get("url") else line

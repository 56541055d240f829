"""``helpline knowledge unanswered``: what people asked that the store had no answer to."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import asdict
from datetime import datetime

import click

from helpline.cli import fail
from helpline.settings import Settings
from knowledge.database import StoreUnavailable, migrate, open_engine, told_plainly
from knowledge.unanswered import unanswered_questions


@click.command()
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Only what was asked on this day or later.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--csv", "as_csv", is_flag=True, help="As a table for a spreadsheet.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def unanswered(since: datetime | None, limit: int, as_csv: bool, as_json: bool) -> None:
    """List questions without an answer, the most frequent first; names and numbers are taken out."""
    try:
        engine = open_engine(Settings().knowledge_database())
        migrate(engine)
        with told_plainly(engine):
            rows = [
                asdict(one) for one in unanswered_questions(engine, since.date() if since else None, limit)
            ]
    except StoreUnavailable as error:
        fail(str(error))
        return
    if as_json:
        click.echo(json.dumps(rows, indent=2, default=str, ensure_ascii=False))
    elif as_csv:
        fields = ("times", "last_asked", "reason", "topic", "area", "question")
        table = csv.DictWriter(sys.stdout, fields)
        table.writeheader()
        table.writerows({name: _inert(row[name]) for name in fields} for row in rows)
    elif not rows:
        click.echo("Every question had an answer.")
    for row in rows if not (as_json or as_csv) else []:
        about = ", ".join(str(row[name]) for name in ("reason", "topic", "area") if row[name])
        click.echo(f"{row['times']:4}  {row['last_asked']}  {row['question']}  ({about})")


def _inert(value: object) -> object:
    """A cell that a spreadsheet does not take for a formula: people write what they like."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t")) else value

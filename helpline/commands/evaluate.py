"""``helpline evaluate``: measure understanding, safety and whole chats."""

from __future__ import annotations

import asyncio
import csv
import json
import tempfile
from pathlib import Path
from typing import Any

import click

from encoder import EncoderUnavailable
from helpline.cli import fail
from helpline.client import is_ready
from helpline.evaluation import dialogues as dialogue_evaluation
from helpline.evaluation import nlu as nlu_evaluation
from helpline.evaluation import safety as safety_evaluation
from helpline.evaluation import search as search_evaluation
from helpline.evaluation.files import (
    Dialogue,
    EvaluationFileError,
    SafetyLine,
    SearchLine,
    TopicLine,
    read_lines,
)
from helpline.programs import programs
from helpline.settings import Settings
from helpline.stack import (
    READY_WITHIN,
    CannotStart,
    load_shipped_content,
    own_settings,
    running,
    train_if_needed,
)
from helpline.supervisor import NotReady, Supervisor
from helpline.training import TrainingFailed
from knowledge.content import ContentError
from knowledge.database import StoreUnavailable, migrate, open_engine, told_plainly
from knowledge.search import open_search

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FAILURES = (
    CannotStart,
    ContentError,
    EncoderUnavailable,
    EvaluationFileError,
    NotReady,
    StoreUnavailable,
    TrainingFailed,
)


@click.group()
def evaluate() -> None:
    """Measure the assistant on a file of labelled messages or scripted chats."""


@evaluate.command()
@click.argument("file", type=_FILE)
@click.option("--json", "as_json", is_flag=True)
@click.option("--errors", type=click.Path(path_type=Path), help="Write the misses to this CSV file.")
def nlu(file: Path, as_json: bool, errors: Path | None) -> None:
    """Topics of single messages."""
    try:
        understood = asyncio.run(_parse(read_lines(file, TopicLine)))
    except _FAILURES as error:
        fail(str(error))
        return
    _print(nlu_evaluation.score(understood), as_json)
    misses = [
        [result.line.text, result.line.topic, result.topic, f"{result.confidence:.2f}"]
        for result in understood
        if not result.right
    ]
    _write(errors, ["text", "topic", "taken_for", "confidence"], misses)


@evaluate.command()
@click.argument("file", type=_FILE)
@click.option("--json", "as_json", is_flag=True)
@click.option("--errors", type=click.Path(path_type=Path), help="Write the misses to this CSV file.")
def safety(file: Path, as_json: bool, errors: Path | None) -> None:
    """Crisis, distress and safe messages."""
    try:
        assessed = safety_evaluation.assess_all(read_lines(file, SafetyLine))
    except EvaluationFileError as error:
        fail(str(error))
        return
    _print(safety_evaluation.score(assessed), as_json)
    misses = [
        [result.line.text, result.line.label, result.level, result.reason]
        for result in assessed
        if not result.right
    ]
    _write(errors, ["text", "label", "taken_for", "reason"], misses)


@evaluate.command()
@click.argument("file", type=_FILE)
@click.option("--json", "as_json", is_flag=True)
@click.option("--errors", type=click.Path(path_type=Path), help="Write the misses to this CSV file.")
def dialogues(file: Path, as_json: bool, errors: Path | None) -> None:
    """Scripted chats, through the running helpline or one started for it."""
    try:
        checked = asyncio.run(_talk(read_lines(file, Dialogue)))
    except _FAILURES as error:
        fail(str(error))
        return
    _print(dialogue_evaluation.score(checked), as_json)
    misses = [[turn.dialogue, turn.user, failed, turn.replies] for turn in checked for failed in turn.failed]
    _write(errors, ["dialogue", "user", "failed", "replies"], misses)


@evaluate.command()
@click.argument("file", type=_FILE)
@click.option("--json", "as_json", is_flag=True)
@click.option("--errors", type=click.Path(path_type=Path), help="Write the misses to this CSV file.")
@click.option(
    "--store",
    "as_it_is",
    is_flag=True,
    help="Search the store as it is, with what was imported, instead of the shipped content by itself.",
)
def search(file: Path, as_json: bool, errors: Path | None, as_it_is: bool) -> None:
    """Whether search finds the right records: hit@1, hit@3, mean reciprocal rank."""
    try:
        found = _search(read_lines(file, SearchLine), as_it_is)
    except _FAILURES as error:
        fail(str(error))
        return
    _print(search_evaluation.score(found), as_json)
    misses = [
        [
            result.line.text,
            result.line.area or "",
            "" if result.line.age is None else str(result.line.age),
            " ".join(result.line.records),
            "" if result.rank is None else str(result.rank),
            " ".join(result.record_ids[:3]),
        ]
        for result in found
        if result.rank is None or result.rank > 3
    ]
    _write(errors, ["text", "area", "age", "records", "rank", "found"], misses)


def _search(lines: list[SearchLine], as_it_is: bool) -> list[search_evaluation.Found]:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings() if as_it_is else own_settings(Settings(), Path(folder))
        if not as_it_is:
            load_shipped_content(settings)
        engine = open_engine(settings.knowledge_database())
        try:
            migrate(engine)
            with told_plainly(engine):
                return search_evaluation.find_all(engine, open_search(engine), lines)
        finally:
            engine.dispose()


async def _parse(lines: list[TopicLine]) -> list[nlu_evaluation.Understood]:
    # A Rasa of its own: the running one's HTTP API is open to its gateway only.
    with tempfile.TemporaryDirectory() as folder:
        settings = own_settings(Settings(), Path(folder))
        await asyncio.to_thread(train_if_needed, settings)
        assistant = programs(settings)[0]
        supervisor = Supervisor([assistant], lambda line: click.echo(line, err=True))
        try:
            await supervisor.start(READY_WITHIN)
            return await nlu_evaluation.parse_all(settings.bot_url, assistant.token, lines)
        finally:
            await supervisor.stop()


async def _talk(lines: list[Dialogue]) -> list[dialogue_evaluation.CheckedTurn]:
    settings = Settings()
    if await is_ready(settings.gateway_url):
        return await dialogue_evaluation.talk_all(settings.gateway_url, lines)
    with tempfile.TemporaryDirectory() as folder:
        own = own_settings(settings, Path(folder))
        async with running(own, lambda line: click.echo(line, err=True)):
            return await dialogue_evaluation.talk_all(own.gateway_url, lines)


def _print(scores: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(scores, ensure_ascii=False, indent=2))
        return
    for name, value in scores.items():
        if isinstance(value, list):
            click.echo(f"{name}:")
            for entry in value:
                click.echo(f"  {json.dumps(entry, ensure_ascii=False)}")
        elif isinstance(value, dict) and "ece" in value:
            click.echo(f"{name}: expected calibration error {value['ece']}")
            for row in value["table"]:
                click.echo(f"  {json.dumps(row)}")
        elif isinstance(value, dict):
            click.echo(f"{name}: " + ", ".join(f"{key} {share:.2f}" for key, share in value.items()))
        else:
            click.echo(f"{name}: {value}")


def _write(path: Path | None, header: list[str], rows: list[list[str]]) -> None:
    if path is None:
        return
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)

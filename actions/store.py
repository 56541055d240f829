"""The knowledge store as the actions use it: one engine, one encoder, one search a process."""

from __future__ import annotations

from functools import lru_cache

from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from knowledge.database import open_engine, sessions
from knowledge.search import Search, open_search


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


def read_store() -> Session:
    """A session; use it in a ``with`` block."""
    return sessions(engine())()


def warm_up() -> None:
    """Load the encoder and the index now, so that the first person does not wait for them."""
    search().closest("hello", ["guidance"], ["england"])

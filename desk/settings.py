"""Settings of the desk, read from environment variables that start with ``HELPLINE_``."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class DeskSettings(BaseSettings):
    """Every setting with its default. ``HELPLINE_SESSION_HOURS=4`` sets ``session_hours``, and so on."""

    model_config = SettingsConfigDict(env_prefix="HELPLINE_", extra="ignore")

    #: SQLAlchemy URL of the knowledge store: what areas and topics are called.
    knowledge_url: str = "sqlite:///var/knowledge.sqlite3"

    #: What this service is called, as on the public page.
    service_name: str = "Autism and SEND helpline"

    #: Fernet keys with commas between; ``helpline run`` gives the ones of this helpline.
    secret_keys: str = ""

    #: An adviser signs in again after this long: one working day.
    session_hours: float = Field(default=12.0, gt=0)

    #: The longest reply an adviser can send.
    max_reply_chars: int = Field(default=4000, ge=100)

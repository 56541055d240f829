"""Where things are on this machine, from environment variables that start with ``HELPLINE_``."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from conversations.sealing import key_in

#: The checkout: Rasa's own files lie where Rasa looks for them.
ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """What the supervisor and the commands need. The gateway and the desk have settings of their own."""

    model_config = SettingsConfigDict(env_prefix="HELPLINE_", extra="ignore")

    #: The public front door.
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=1, le=65535)

    #: Loopback only, whatever ``host`` is.
    bot_port: int = Field(default=5005, ge=1, le=65535)
    actions_port: int = Field(default=5055, ge=1, le=65535)

    #: Databases, logs and what the running processes write.
    data_dir: Path = ROOT / "var"

    #: SQLAlchemy URLs; empty: an SQLite file in ``data_dir``.
    knowledge_url: str = ""
    conversations_url: str = ""

    #: Where the bot remembers conversations; empty: an SQLite file in ``data_dir``.
    tracker_url: str = ""

    #: Redis in which several bots lock a conversation; empty: one bot, which needs none.
    lock_url: str = ""

    #: Changes to Rasa that are left out (``bot/engine/tuning.py``), commas between; ``all``: stock Rasa.
    engine_off: str = ""

    #: Fernet keys with commas between, for what is stored encrypted; empty: one is made in ``data_dir``.
    secret_keys: str = ""

    #: How quickly somebody else's service directory is read. More than a few is impolite.
    oruk_requests_per_second: float = Field(default=5.0, gt=0, le=1000)

    @property
    def gateway_url(self) -> str:
        """Where this machine reaches the gateway."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host
        return f"http://{host}:{self.port}"

    @property
    def bot_url(self) -> str:
        """Where this machine reaches Rasa."""
        return f"http://127.0.0.1:{self.bot_port}"

    @property
    def actions_url(self) -> str:
        """Where this machine reaches the action server."""
        return f"http://127.0.0.1:{self.actions_port}"

    def knowledge_database(self) -> str:
        """The knowledge store's URL."""
        return self.knowledge_url or f"sqlite:///{self.data_dir / 'knowledge.sqlite3'}"

    def conversations_database(self) -> str:
        """The conversations' URL."""
        return self.conversations_url or f"sqlite:///{self.data_dir / 'conversations.sqlite3'}"

    def tracker_database(self) -> str:
        """The URL of the bot's memory."""
        return self.tracker_url or f"sqlite:///{self.data_dir / 'bot.sqlite3'}"

    def sealing_keys(self) -> str:
        """The keys for what is stored encrypted. Raises ``OSError`` if none can be read or made."""
        return self.secret_keys or key_in(self.data_dir / "secret.key")

    def environment(self) -> dict[str, str]:
        """What the processes of this helpline are told."""
        return {
            "HELPLINE_HOST": self.host,
            "HELPLINE_PORT": str(self.port),
            "HELPLINE_BOT_URL": self.bot_url,
            "HELPLINE_ACTIONS_URL": self.actions_url,
            "HELPLINE_KNOWLEDGE_URL": self.knowledge_database(),
            "HELPLINE_CONVERSATIONS_URL": self.conversations_database(),
            "HELPLINE_TRACKER_URL": self.tracker_database(),
            "HELPLINE_LOCK_URL": self.lock_url,
            "HELPLINE_ENGINE_OFF": self.engine_off,
            "HELPLINE_SECRET_KEYS": self.sealing_keys(),
        }

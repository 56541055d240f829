"""Settings of the gateway, read from environment variables that start with ``HELPLINE_``."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from gateway.origins import checked_origin


class Settings(BaseSettings):
    """Every setting with its default. ``HELPLINE_PORT=9000`` sets ``port``, and so on."""

    model_config = SettingsConfigDict(env_prefix="HELPLINE_", extra="ignore")

    #: Address and port to listen on. Behind a proxy on the same machine the default is right.
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)

    #: Rasa: where it is, how long a person waits for it, and its token if it was started with one.
    bot_url: str = "http://127.0.0.1:5005"
    bot_timeout_seconds: float = Field(default=10.0, gt=0)
    #: How long after its own start the gateway waits for a bot that was never up yet: both start together,
    #: and the bot has a model to load.
    bot_start_seconds: float = Field(default=0.0, ge=0)
    bot_token: str | None = None

    #: The action server, asked for its health only.
    actions_url: str = "http://127.0.0.1:5055"

    #: SQLAlchemy URLs of the conversations and of the knowledge store.
    conversations_url: str = "sqlite:///var/conversations.sqlite3"
    knowledge_url: str = "sqlite:///var/knowledge.sqlite3"

    #: Fernet keys with commas between, for what is stored encrypted. ``helpline run`` sets them.
    secret_keys: SecretStr = SecretStr("")

    #: Web pages of other origins that may hold the chat, such as https://www.example.gov.uk (commas between).
    #: With an area in front (derbyshire=https://www.example.gov.uk) its chats begin in that area.
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = ()

    #: A longer message is kept whole, and the person is asked for its main point.
    max_message_chars: int = Field(default=4000, ge=100)

    #: Messages a minute: of one chat, of one network address; and new chats a minute of one address.
    #: 0: no limit. An address may be a whole school or hospital.
    messages_per_minute: int = Field(default=20, ge=0)
    address_messages_per_minute: int = Field(default=200, ge=0)
    address_conversations_per_minute: int = Field(default=30, ge=0)

    #: Proxies whose X-Forwarded-For is believed: addresses or networks, with commas between.
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = (
        ip_network("127.0.0.0/8"),
        ip_network("::1/128"),
    )

    #: Who waits longer than this for an adviser is told so, once, and offered a call back.
    long_wait_minutes: float = Field(default=10.0, gt=0)

    #: An adviser not seen for this long has lost the chat: it goes back to the queue.
    adviser_unseen_seconds: float = Field(default=60.0, gt=0)

    #: A telephone number for those who would rather call, said on the page and in the chat. Empty: none.
    phone: str = ""

    #: Said on the page: what this service is called, and how long a chat is kept.
    service_name: str = "Autism and SEND helpline"
    retention_days: int = Field(default=30, ge=1)

    #: Where "Leave this page quickly" goes.
    leave_url: str = "https://www.bbc.co.uk/weather"

    log_level: str = "INFO"

    @property
    def longest_turn(self) -> timedelta:
        """No turn takes longer: several of a chat may wait for one another, each for the bot's time-out."""
        return timedelta(seconds=self.bot_start_seconds + 3 * self.bot_timeout_seconds + 10)

    @field_validator("allowed_origins", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        return tuple(checked_origin(entry) for entry in value)

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _networks(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        return tuple(ip_network(network) for network in value)

    @field_validator("bot_url", "actions_url")
    @classmethod
    def _no_slash(cls, value: str) -> str:
        return value.rstrip("/")

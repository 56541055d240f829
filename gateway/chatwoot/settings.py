"""Which Chatwoot, read from environment variables that start with ``HELPLINE_CHATWOOT_``."""

from __future__ import annotations

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class ChatwootSettings(BaseSettings):
    """Off while ``url`` is empty."""

    model_config = SettingsConfigDict(env_prefix="HELPLINE_CHATWOOT_", extra="ignore")

    #: Where Chatwoot is, its account, and the access token of the agent bot.
    url: str = ""
    account_id: int = Field(default=1, ge=1)
    token: SecretStr = SecretStr("")

    #: The last part of the address that Chatwoot calls: /chatwoot/SECRET. Keep it to yourself.
    webhook_secret: SecretStr = SecretStr("")

    #: The agent bot's own secret, with which newer Chatwoots sign what they send; empty: not asked for.
    signing_secret: SecretStr = SecretStr("")

    @field_validator("url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if value and not value.startswith(("https://", "http://")):
            raise ValueError(f"{value!r} is no web address: it begins with https:// or http://")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _complete(self) -> ChatwootSettings:
        secret = self.webhook_secret.get_secret_value()
        if self.url and not (self.token.get_secret_value() and len(secret) >= 16):
            raise ValueError(
                "Chatwoot needs HELPLINE_CHATWOOT_TOKEN and HELPLINE_CHATWOOT_WEBHOOK_SECRET (16 characters)"
            )
        return self

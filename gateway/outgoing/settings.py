"""Where events and alerts go. Read from environment variables that start with ``HELPLINE_``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_Several = Annotated[tuple[str, ...], NoDecode]


class OutgoingSettings(BaseSettings):
    """Nothing is sent anywhere while these are empty."""

    model_config = SettingsConfigDict(env_prefix="HELPLINE_", extra="ignore")

    #: Who is told of conversation.queued, claimed and closed (commas between), and the key that signs it.
    webhook_urls: _Several = ()
    webhook_secret: SecretStr = SecretStr("")

    #: Who is told that a crisis waits while nobody is on duty.
    alert_webhook_urls: _Several = ()
    alert_email_to: _Several = ()
    alert_email_from: str = ""

    #: The mail server for alerts.
    smtp_host: str = ""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")

    #: The public address of this helpline, for the link to the desk.
    public_url: str = ""

    @field_validator("webhook_urls", "alert_webhook_urls", "alert_email_to", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("webhook_urls", "alert_webhook_urls")
    @classmethod
    def _web_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for url in value:
            if not url.startswith(("https://", "http://")):
                raise ValueError(f"{url!r} is no web address: it begins with https:// or http://")
        return value

    @model_validator(mode="after")
    def _complete(self) -> OutgoingSettings:
        if (self.webhook_urls or self.alert_webhook_urls) and not self.webhook_secret.get_secret_value():
            raise ValueError("webhooks need HELPLINE_WEBHOOK_SECRET, to be told from what others send")
        if self.alert_email_to and not (self.smtp_host and self.alert_email_from):
            raise ValueError("alerts by email need HELPLINE_SMTP_HOST and HELPLINE_ALERT_EMAIL_FROM")
        return self

"""Settings of the messaging channels. A channel is on when its first setting is set."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

#: Shorter secrets can be guessed; GOV.UK Notify takes none with fewer characters either.
_SHORTEST_SECRET = 10


class ChannelSettings(BaseSettings):
    """Every setting with its default. ``HELPLINE_TELEGRAM_TOKEN=...`` sets ``telegram_token``, and so on."""

    model_config = SettingsConfigDict(env_prefix="HELPLINE_", extra="ignore")

    #: Where the public reaches this gateway, such as https://helpline.example.gov.uk.
    public_url: str = ""

    #: Telegram: on when the bot's token is set. Polling needs no public address; the webhook needs a secret.
    telegram_token: SecretStr = SecretStr("")
    telegram_webhook_secret: SecretStr = SecretStr("")
    telegram_polling: bool = False
    telegram_api_url: str = "https://api.telegram.org"

    #: WhatsApp: on when the access token is set.
    whatsapp_access_token: SecretStr = SecretStr("")
    whatsapp_phone_number_id: str = ""
    whatsapp_app_secret: SecretStr = SecretStr("")
    whatsapp_verify_token: SecretStr = SecretStr("")
    #: An approved template without variables, sent when more than 24 hours have passed; empty: none.
    whatsapp_template: str = ""
    whatsapp_template_language: str = "en_GB"
    whatsapp_api_url: str = "https://graph.facebook.com/v23.0"

    #: Text messages over GOV.UK Notify: on when the API key is set.
    sms_notify_key: SecretStr = SecretStr("")
    sms_template_id: str = ""
    sms_callback_token: SecretStr = SecretStr("")
    sms_sender_id: str = ""
    sms_notify_url: str = "https://api.notifications.service.gov.uk"

    #: A provider that has not answered after so many seconds is taken for down, and asked again later.
    #: At most 15: a message with a file takes three calls, and must end before the outbox lends it out anew.
    channel_timeout_seconds: float = Field(default=15.0, gt=0, le=15.0)

    #: How long a link from a channel to the web may be used, in minutes.
    crossing_minutes: int = Field(default=15, ge=1, le=24 * 60)

    def problems(self) -> list[str]:
        """What is missing or wrong, one sentence each, naming the setting. Empty when all is well."""
        found = []
        if self.public_url and not self.public_url.startswith(
            ("https://", "http://127.0.0.1", "http://localhost")
        ):
            found.append("HELPLINE_PUBLIC_URL must begin with https://")
        if self.telegram_token.get_secret_value():
            found += self._telegram()
        elif self.telegram_polling or self.telegram_webhook_secret.get_secret_value():
            found.append("Telegram is set up but HELPLINE_TELEGRAM_TOKEN is missing")
        whatsapp = {
            "HELPLINE_WHATSAPP_ACCESS_TOKEN": self.whatsapp_access_token.get_secret_value(),
            "HELPLINE_WHATSAPP_PHONE_NUMBER_ID": self.whatsapp_phone_number_id,
            "HELPLINE_WHATSAPP_APP_SECRET": self.whatsapp_app_secret.get_secret_value(),
            "HELPLINE_WHATSAPP_VERIFY_TOKEN": self.whatsapp_verify_token.get_secret_value(),
        }
        found += _all_or_none("WhatsApp", whatsapp)
        sms = {
            "HELPLINE_SMS_NOTIFY_KEY": self.sms_notify_key.get_secret_value(),
            "HELPLINE_SMS_TEMPLATE_ID": self.sms_template_id,
            "HELPLINE_SMS_CALLBACK_TOKEN": self.sms_callback_token.get_secret_value(),
        }
        found += _all_or_none("SMS", sms)
        key = sms["HELPLINE_SMS_NOTIFY_KEY"]
        if key and len(key) < 74:  # name, service id and secret, with "-" between
            found.append("HELPLINE_SMS_NOTIFY_KEY is no GOV.UK Notify API key: copy all of it, with its name")
        for name, secret in (
            ("HELPLINE_WHATSAPP_VERIFY_TOKEN", whatsapp["HELPLINE_WHATSAPP_VERIFY_TOKEN"]),
            ("HELPLINE_SMS_CALLBACK_TOKEN", sms["HELPLINE_SMS_CALLBACK_TOKEN"]),
        ):
            if secret and len(secret) < _SHORTEST_SECRET:
                found.append(f"{name} is too short: use at least {_SHORTEST_SECRET} characters")
        return found

    def _telegram(self) -> list[str]:
        found = []
        if ":" not in self.telegram_token.get_secret_value():
            found.append("HELPLINE_TELEGRAM_TOKEN is no bot token: it looks like 123456:ABC-DEF")
        if self.telegram_polling:
            return found
        secret = self.telegram_webhook_secret.get_secret_value()
        if not secret:
            found.append(
                "Telegram is on but HELPLINE_TELEGRAM_WEBHOOK_SECRET is missing "
                "(for a first try without a public address, set HELPLINE_TELEGRAM_POLLING=true instead)"
            )
        elif len(secret) < _SHORTEST_SECRET or len(secret) > 256 or not _plain(secret):
            found.append("HELPLINE_TELEGRAM_WEBHOOK_SECRET must be 10 to 256 letters, digits, - or _")
        if not self.public_url:
            found.append("Telegram's webhook needs HELPLINE_PUBLIC_URL, where Telegram reaches this gateway")
        return found


class WrongSettings(RuntimeError):
    """The settings of a channel cannot work; the message names them."""


def checked(settings: ChannelSettings) -> ChannelSettings:
    """The settings, if nothing is wrong with them. Raises ``WrongSettings``."""
    if problems := settings.problems():
        raise WrongSettings("; ".join(problems) + ".")
    return settings


def _all_or_none(title: str, settings: dict[str, str]) -> list[str]:
    missing = [name for name, value in settings.items() if not value]
    if not missing or len(missing) == len(settings):
        return []
    return [f"{title} is set up but {name} is missing" for name in missing]


def _plain(secret: str) -> bool:
    return all(character.isascii() and (character.isalnum() or character in "-_") for character in secret)

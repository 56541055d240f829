"""Which channels there are, and which are on. A new one is a line here."""

from __future__ import annotations

import aiohttp

from gateway.channels.base import Channel
from gateway.channels.settings import ChannelSettings
from gateway.channels.sms import Sms
from gateway.channels.telegram import Telegram
from gateway.channels.whatsapp import WhatsApp

#: Name -> title, for lists.
CHANNELS = {channel.name: channel.title for channel in (Telegram, WhatsApp, Sms)}


def channels_on(settings: ChannelSettings) -> list[str]:
    """The names of the channels that are switched on."""
    return [
        name
        for name, secret in (
            (Telegram.name, settings.telegram_token),
            (WhatsApp.name, settings.whatsapp_access_token),
            (Sms.name, settings.sms_notify_key),
        )
        if secret.get_secret_value()
    ]


def open_channels(settings: ChannelSettings, session: aiohttp.ClientSession) -> dict[str, Channel]:
    """The channels that are on."""
    every: list[Channel] = [Telegram(settings, session), WhatsApp(settings, session), Sms(settings)]
    on = channels_on(settings)
    return {channel.name: channel for channel in every if channel.name in on}

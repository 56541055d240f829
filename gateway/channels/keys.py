"""The typed names under which the application keeps what belongs to the channels."""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web

from conversations.outbox import Outbox
from conversations.recipients import Recipients
from gateway.channels.base import Channel
from gateway.channels.receiving import Receiver
from gateway.channels.set_aside import SetAside
from gateway.channels.settings import ChannelSettings

CHANNEL_SETTINGS = web.AppKey("channel_settings", ChannelSettings)
CHANNELS: web.AppKey[dict[str, Channel]] = web.AppKey("channels", dict)
RECIPIENTS = web.AppKey("recipients", Recipients)
OUTBOX = web.AppKey("outbox", Outbox)
#: The shortest and the longest pause before another attempt to send.
PAUSES: web.AppKey[tuple[timedelta, timedelta]] = web.AppKey("pauses", tuple)
RECEIVER = web.AppKey("receiver", Receiver)
SET_ASIDE = web.AppKey("set_aside", SetAside)

"""The typed names under which an application keeps what its handlers need."""

from __future__ import annotations

import aiohttp
from aiohttp import web

from conversations.callbacks import CallBacks
from conversations.sealing import Sealer
from conversations.service import ServiceState
from conversations.store import Store
from gateway.bot_client import BotClient
from gateway.limits import Limits
from gateway.metrics import Metrics
from gateway.origins import Origins
from gateway.ports import Crisis
from gateway.records import Records
from gateway.settings import Settings
from gateway.sockets import Sockets
from gateway.turn import Turns

SETTINGS = web.AppKey("settings", Settings)
METRICS = web.AppKey("metrics", Metrics)
STORE = web.AppKey("store", Store)
SEALER = web.AppKey("sealer", Sealer)
CALL_BACKS = web.AppKey("call_backs", CallBacks)
#: As it was a moment ago, for what is shown before anybody asks the database.
SERVICE_STATE: web.AppKey[list[ServiceState]] = web.AppKey("service_state", list)
HTTP = web.AppKey("http", aiohttp.ClientSession)
BOT = web.AppKey("bot", BotClient)
CRISIS: web.AppKey[Crisis] = web.AppKey("crisis", object)  # type: ignore[arg-type]
AREAS: web.AppKey[frozenset[str]] = web.AppKey("areas", frozenset)
RECORDS = web.AppKey("records", Records)
TURNS = web.AppKey("turns", Turns)
#: Apart from RECORDS: somebody who copies the whole directory keeps no family waiting.
DIRECTORY = web.AppKey("directory", Records)
ORIGINS = web.AppKey("origins", Origins)
LIMITS = web.AppKey("limits", Limits)
SOCKETS = web.AppKey("sockets", Sockets)

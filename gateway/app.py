"""The gateway, put together: a table of contents."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import aiohttp_jinja2
import jinja2
from aiohttp import web

from conversations.outbox import FIRST_PAUSE, LONGEST_PAUSE
from gateway import (
    api,
    calendar,
    cors,
    embedding,
    files,
    headers,
    health,
    letters,
    live,
    openapi,
    oruk,
    page,
    person,
    recovery,
    resources,
    rest_webhook,
)
from gateway.allowance import tell_quota
from gateway.bodies import MAX_BODY_BYTES
from gateway.channels import crossing, webhooks
from gateway.channels import resources as channel_resources
from gateway.channels.keys import CHANNEL_SETTINGS, PAUSES
from gateway.channels.settings import ChannelSettings, checked
from gateway.chatwoot import resources as chatwoot
from gateway.chatwoot.settings import ChatwootSettings
from gateway.cors import cors_middleware
from gateway.elsewhere import covered
from gateway.errors import problem_middleware
from gateway.keys import METRICS, ORIGINS, SETTINGS, SOCKETS
from gateway.metrics import Metrics
from gateway.origins import Origins
from gateway.outgoing import resources as outgoing_resources
from gateway.outgoing.resources import QUEUE_SERVERS
from gateway.outgoing.resources import SETTINGS as OUTGOING_SETTINGS
from gateway.outgoing.settings import OutgoingSettings
from gateway.ports import Crisis, Safety
from gateway.safety.check import SafetyCheck
from gateway.settings import Settings
from gateway.sockets import Sockets
from knowledge.crisis import CrisisCards

_HERE = Path(__file__).parent


def init_app(
    settings: Settings,
    *,
    load_safety: Callable[[], Safety] = SafetyCheck.load,
    load_crisis: Callable[[str], Crisis] = CrisisCards.load,
    load_areas: Callable[[str], frozenset[str]] = covered,
    channel_settings: ChannelSettings | None = None,
    outgoing_settings: OutgoingSettings | None = None,
    chatwoot_settings: ChatwootSettings | None = None,
    pauses: tuple[timedelta, timedelta] = (FIRST_PAUSE, LONGEST_PAUSE),
) -> web.Application:
    """The whole gateway for these settings; run it with ``aiohttp.web``.

    ``load_safety``, and ``load_crisis`` and ``load_areas`` (given the knowledge store's URL) run once, at the
    start. The settings of channels, of what goes out and of Chatwoot come from the environment when they are
    not given; ``pauses`` are the shortest and the longest between two attempts to send something.
    Raises ``WrongSettings``.
    """
    app = web.Application(
        middlewares=[headers.log_middleware, problem_middleware, cors_middleware],
        client_max_size=MAX_BODY_BYTES,
    )
    app[SETTINGS] = settings
    app[CHANNEL_SETTINGS] = checked(channel_settings or ChannelSettings())
    app[OUTGOING_SETTINGS] = outgoing_settings or OutgoingSettings()
    app[QUEUE_SERVERS] = []
    app[PAUSES] = pauses
    app[METRICS] = Metrics()
    app[SOCKETS] = Sockets()
    app[ORIGINS] = Origins(settings.allowed_origins)
    add_routes(app)
    aiohttp_jinja2.setup(
        app,
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    app.on_response_prepare.append(headers.add_headers)
    app.on_response_prepare.append(cors.name_origin)
    app.on_response_prepare.append(tell_quota)
    app.on_response_prepare.append(oruk.open_to_all)
    app.on_shutdown.append(lambda app: app[SOCKETS].close())
    app.cleanup_ctx.append(resources.database)
    app.cleanup_ctx.append(resources.sealing)
    app.cleanup_ctx.append(resources.limits)
    app.cleanup_ctx.append(resources.service_state)
    app.cleanup_ctx.append(resources.bot)
    app.cleanup_ctx.append(resources.records)
    app.cleanup_ctx.append(resources.areas(load_areas))
    app.cleanup_ctx.append(oruk.directory)
    app.cleanup_ctx.append(resources.turns(load_safety, load_crisis))
    app.cleanup_ctx.append(channel_resources.messaging)
    app.cleanup_ctx.append(recovery.take_up_cut_off_turns)
    app.cleanup_ctx.append(outgoing_resources.outgoing)
    app.cleanup_ctx.append(resources.keep_crisis_current)
    chatwoot.add_chatwoot(app, chatwoot_settings or ChatwootSettings())
    app.cleanup_ctx.append(resources.watch_advisers)
    app.cleanup_ctx.append(resources.keep_no_longer_than_said)
    return app


def add_routes(app: web.Application) -> None:
    """Every address of the gateway. ``openapi.yml`` describes each of them."""
    app.router.add_get("/", page.show)
    app.router.add_post("/", page.post)
    app.router.add_get("/widget.js", embedding.widget)
    app.router.add_get("/demo", embedding.demo)
    app.router.add_get("/accessibility", embedding.accessibility)
    app.router.add_static("/static", _HERE / "static", name="static")
    app.router.add_get("/favicon.ico", page.icon)

    app.router.add_get("/api/v1/start", api.start)
    app.router.add_post("/api/v1/help", api.help_now)
    app.router.add_post("/api/v1/conversations", api.create)
    app.router.add_delete("/api/v1/conversations/{id}", api.delete)
    app.router.add_post("/api/v1/conversations/{id}/messages", api.post_message)
    app.router.add_get("/api/v1/conversations/{id}/messages", api.get_messages)
    app.router.add_put("/api/v1/conversations/{id}/messages/{seq:[0-9]{1,9}}/feedback", api.feedback)
    app.router.add_get("/api/v1/conversations/{id}/files/{file}", files.get)
    app.router.add_post("/files/{file}", files.post)
    app.router.add_get("/api/v1/conversations/{id}/socket", live.socket)
    app.router.add_post("/api/v1/conversations/{id}/call-back", person.ask_call_back)
    app.router.add_delete("/api/v1/conversations/{id}/call-back", person.cancel_call_back)
    app.router.add_put("/api/v1/conversations/{id}/rating", person.rate)
    app.router.add_post("/webhooks/rest/webhook", rest_webhook.webhook)

    app.router.add_get("/channels/{name}/webhook", webhooks.challenge)
    app.router.add_post("/channels/{name}/webhook", webhooks.webhook)
    app.router.add_get("/continue/{token}", crossing.ask)
    app.router.add_post("/continue/{token}", crossing.move)

    oruk.add_routes(app)
    app.router.add_get("/calendar.ics", calendar.calendar)
    app.router.add_post("/letters/{id}", letters.letter)

    app.router.add_get("/api/openapi.json", openapi.document)
    app.router.add_get("/healthz", health.healthz)
    app.router.add_get("/readyz", health.readyz)
    app.router.add_get("/metrics", health.metrics)

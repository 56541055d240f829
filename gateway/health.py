"""Alive, ready, and in figures."""

from __future__ import annotations

import asyncio

import aiohttp
from aiohttp import web
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from conversations.errors import StoreFailed
from conversations.store import Store
from gateway.keys import BOT, HTTP, METRICS, SETTINGS, STORE


async def healthz(_request: web.Request) -> web.Response:
    """``GET /healthz``: the process answers."""
    return web.json_response({"status": "ok"})


async def readyz(request: web.Request) -> web.Response:
    """``GET /readyz``: 200 when a chat would be served now, 503 naming what is not ready."""
    app = request.app
    missing = await asyncio.gather(
        _database(app[STORE]),
        app[BOT].is_ready(),
        _actions(app[HTTP], app[SETTINGS].actions_url),
    )
    checks = dict(zip(("database", "bot", "actions"), missing, strict=True))
    ready = not any(missing)
    return web.json_response(
        {
            "status": "ready" if ready else "not ready",
            "checks": {name: problem or "ok" for name, problem in checks.items()},
        },
        status=200 if ready else 503,
    )


async def metrics(request: web.Request) -> web.Response:
    """``GET /metrics``: Prometheus text."""
    figures = request.app[METRICS]
    try:
        for owner, count in (await request.app[STORE].count_by_owner()).items():
            figures.conversations.labels(str(owner)).set(count)
    except StoreFailed:
        figures.conversations.clear()  # no figure is better than an old one
    return web.Response(
        body=generate_latest(figures.registry), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4}
    )


async def _database(store: Store) -> str | None:
    try:
        async with asyncio.timeout(3):
            await store.database.ping()
    except (StoreFailed, TimeoutError):
        return "the conversations database does not answer"
    return None


async def _actions(session: aiohttp.ClientSession, url: str) -> str | None:
    try:
        async with session.get(f"{url}/health", timeout=aiohttp.ClientTimeout(total=3)) as response:
            return None if response.status == 200 else f"the action server answers with {response.status}"
    except (aiohttp.ClientError, TimeoutError):
        return "the action server does not answer"

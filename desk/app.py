"""The desk, put together: a table of contents."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp_jinja2
import jinja2
from aiohttp import web

from conversations.sealing import Sealer
from conversations.store import Store
from desk.access import session_middleware
from desk.find import Finder
from desk.keys import FINDER, FORGET, NAMES, NEEDS, OIDC, SEALER, SETTINGS, SOCKETS, WHERE_THE_STORE_IS
from desk.middlewares import add_headers, error_middleware
from desk.names import Names
from desk.oidc import OpenIdConnect
from desk.routes import add_routes
from desk.settings import DeskSettings
from desk.sockets import Sockets

_HERE = Path(__file__).parent

PREFIX = "/desk"


def add_desk(
    app: web.Application,
    settings: DeskSettings,
    store: web.AppKey[Store],
    *,
    forget: Callable[[str], Awaitable[None]],
) -> None:
    """Add the desk to ``app`` at ``/desk/``.

    ``store`` is the key under which ``app`` keeps its store; it is looked up at each request, so ``app`` may
    open the store when it starts. The store is shared on purpose: its wake-ups reach whoever listens in this
    process, families and advisers alike. ``forget`` makes the bot forget an erased
    chat. Raises ``ValueError`` without usable ``settings.secret_keys``.
    """
    desk = web.Application(middlewares=[error_middleware, session_middleware])
    desk[SETTINGS] = settings
    desk[SEALER] = Sealer(settings.secret_keys)
    desk[OIDC] = OpenIdConnect(settings, desk[SEALER]) if settings.oidc_issuer else None
    desk[WHERE_THE_STORE_IS] = store
    desk[NAMES] = Names(settings.knowledge_url)
    desk[FINDER] = Finder(settings.knowledge_url)
    desk[SOCKETS] = Sockets()
    desk[FORGET] = forget
    desk[NEEDS] = add_routes(desk)
    desk.router.add_static("/static", _HERE / "static", name="desk.static")
    aiohttp_jinja2.setup(
        desk,
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    desk.on_response_prepare.append(add_headers)
    desk.on_shutdown.append(_close_sockets)
    desk.on_cleanup.append(_close_names)
    app.router.add_get(PREFIX, _add_slash)
    app.add_subapp(PREFIX, desk)


async def _add_slash(_request: web.Request) -> web.Response:
    raise web.HTTPPermanentRedirect(f"{PREFIX}/")


async def _close_sockets(desk: web.Application) -> None:
    await desk[SOCKETS].close()


async def _close_names(desk: web.Application) -> None:
    desk[NAMES].close()
    desk[FINDER].close()

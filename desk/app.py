"""The desk, put together: a table of contents."""

from __future__ import annotations

from pathlib import Path

import aiohttp_jinja2
import jinja2
from aiohttp import web

from conversations.store import Store
from desk import chat, queue, sign_in
from desk.access import session_middleware
from desk.keys import NAMES, SETTINGS, SOCKETS, WHERE_THE_STORE_IS
from desk.middlewares import add_headers, error_middleware
from desk.names import Names
from desk.settings import DeskSettings
from desk.sockets import Sockets

_HERE = Path(__file__).parent

PREFIX = "/desk"


def add_desk(app: web.Application, settings: DeskSettings, store: web.AppKey[Store]) -> None:
    """Add the desk to ``app`` at ``/desk/``.

    ``store`` is the key under which ``app`` keeps its store; it is looked up at each request, so ``app`` may
    open the store when it starts. The store is shared on purpose: its wake-ups reach whoever listens in this
    process, families and advisers alike.
    """
    desk = web.Application(middlewares=[error_middleware, session_middleware])
    desk[SETTINGS] = settings
    desk[WHERE_THE_STORE_IS] = store
    desk[NAMES] = Names(settings.knowledge_url)
    desk[SOCKETS] = Sockets()
    add_routes(desk)
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


def add_routes(desk: web.Application) -> None:
    """Every address of the desk, below ``/desk``. All but signing in and our own files need a session."""
    desk.router.add_get("/", queue.show, name="desk.queue")
    desk.router.add_get("/socket", queue.socket, name="desk.queue_socket")

    sign_in_page = desk.router.add_resource("/sign-in", name="desk.sign_in")
    sign_in_page.add_route("GET", sign_in.show)
    sign_in_page.add_route("POST", sign_in.submit)
    desk.router.add_post("/sign-out", sign_in.leave, name="desk.sign_out")

    desk.router.add_get("/chats/{id}", chat.show, name="desk.chat")
    desk.router.add_get("/chats/{id}/socket", chat.socket, name="desk.chat_socket")
    desk.router.add_post("/chats/{id}/claim", chat.claim, name="desk.claim")
    desk.router.add_post("/chats/{id}/reply", chat.reply, name="desk.reply")
    desk.router.add_post("/chats/{id}/give-back", chat.give_back, name="desk.give_back")
    desk.router.add_post("/chats/{id}/put-back", chat.put_back, name="desk.put_back")
    desk.router.add_post("/chats/{id}/close", chat.close, name="desk.close")

    desk.router.add_static("/static", _HERE / "static", name="desk.static")


async def _add_slash(_request: web.Request) -> web.Response:
    raise web.HTTPPermanentRedirect(f"{PREFIX}/")


async def _close_sockets(desk: web.Application) -> None:
    await desk[SOCKETS].close()


async def _close_names(desk: web.Application) -> None:
    desk[NAMES].close()

"""The queue: who waits for a person, and the chats one has."""

from __future__ import annotations

from aiohttp import web

from conversations.events import QUEUE
from conversations.log import utc_now
from conversations.models import Adviser, Json
from conversations.store import Store
from desk.held import held_by
from desk.keys import ADVISER, NAMES, store_of
from desk.live import serve
from desk.names import Names
from desk.pages import render
from desk.wire import held_json, waiting_json

#: What was done just before coming here; the address says which.
_DONE = {
    "given-back": "You gave the chat back to the assistant. They were told.",
    "put-back": "You put the chat back in the queue. They were told.",
    "closed": "You closed the chat. They were told that they can write again.",
}


async def show(request: web.Request) -> web.Response:
    """``GET /desk/``."""
    lists = await _lists(store_of(request), request[ADVISER], request.app[NAMES])
    done = _DONE.get(request.query.get("done", ""))
    return render(request, "queue.html", {**lists, "done": done})


async def socket(request: web.Request) -> web.WebSocketResponse:
    """``GET /desk/socket``: the two lists, again whenever they change."""
    store, adviser, names = store_of(request), request[ADVISER], request.app[NAMES]
    last: Json | None = None

    async def news() -> list[Json]:
        nonlocal last
        lists = await _lists(store, adviser, names)
        if lists == last:
            return []
        last = lists
        return [{"type": "queue", **lists}]

    return await serve(request, QUEUE, news)


async def _lists(store: Store, adviser: Adviser, names: Names) -> Json:
    """``waiting``: crisis first, then high, then normal, the longest wait first. ``mine``: newest first."""
    titles, now = await names.titles(), utc_now()
    mine = [held_json(held, titles, now) for held in await held_by(store, adviser)]
    waiting = [waiting_json(entry, titles, now) for entry in await store.open_escalations()]
    return {"waiting": waiting, "mine": mine}

"""The queue: who waits for a person, and the chats one has."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from conversations.events import QUEUE
from conversations.handoff import Waiting
from conversations.log import utc_now
from conversations.models import Adviser, Json, Priority
from conversations.store import Store
from desk.held import held_by
from desk.keys import ADVISER, NAMES, store_of
from desk.live import serve
from desk.looks import record_look
from desk.names import Names
from desk.pages import render
from desk.wire import held_json, lost_json, waited, waiting_json

#: What was done just before coming here; the address says which.
_DONE = {
    "given-back": "You gave the chat back to the assistant. They were told.",
    "put-back": "You put the chat back in the queue. They were told.",
    "handed-over": "You handed the chat over. They were told.",
    "closed": "You closed the chat. They were told that they can write again.",
}


async def show(request: web.Request) -> web.Response:
    """``GET /desk/``, with ``?only=...&area=...`` to see a part of the queue."""
    await record_look(request, "queue viewed")
    store, names = store_of(request), request.app[NAMES]
    titles, wanted = await names.titles(), _wanted(request)
    areas = {one.conversation.area for one in await store.open_escalations() if one.conversation.area}
    return render(
        request,
        "queue.html",
        {
            **await _lists(store, request[ADVISER], names, wanted),
            "done": _DONE.get(request.query.get("done", "")),
            "wanted": wanted,
            "areas": sorted((area, titles.area(area)) for area in areas | {wanted.area} if area),
            "socket_query": request.query_string,
        },
    )


async def socket(request: web.Request) -> web.WebSocketResponse:
    """``GET /desk/socket``: the two lists, again whenever they change."""
    store, adviser, names, wanted = store_of(request), request[ADVISER], request.app[NAMES], _wanted(request)
    last: Json | None = None

    async def news() -> list[Json]:
        nonlocal last
        lists = await _lists(store, adviser, names, wanted)
        if lists == last:
            return []
        last = lists
        return [{"type": "queue", **lists}]

    return await serve(request, QUEUE, news)


async def told_of_lost(request: web.Request) -> web.Response:
    """``POST /desk/lost``: the adviser has read which chats they lost with their connection."""
    await store_of(request).told_of_lost(request[ADVISER].id)
    raise web.HTTPSeeOther(request.app.router["desk.queue"].url_for())


async def set_away(request: web.Request) -> web.Response:
    """``POST /desk/away``: ``away=yes`` keeps one's chats, without new ones; else one is back."""
    store, adviser = store_of(request), request[ADVISER]
    away = str((await request.post()).get("away", "")) == "yes"
    await store.set_away(adviser.id, away)
    await store.audit(who=adviser.id, action="away" if away else "back")
    raise web.HTTPSeeOther(request.app.router["desk.queue"].url_for())


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The part of the queue that is looked at. A crisis is always in it."""

    only: str = ""  # "", "high" or "young"
    area: str = ""

    def holds(self, waiting: Waiting) -> bool:
        if waiting.escalation.priority is Priority.CRISIS:
            return True
        if self.only == "high" and waiting.escalation.priority is not Priority.HIGH:
            return False
        if self.only == "young" and not waiting.conversation.young:
            return False
        return not self.area or waiting.conversation.area == self.area


def _wanted(request: web.Request) -> _Wanted:
    return _Wanted(request.query.get("only", ""), request.query.get("area", ""))


async def _lists(store: Store, adviser: Adviser, names: Names, wanted: _Wanted) -> Json:
    """``waiting``: crisis first, then high, then normal, the longest wait first.

    ``mine``: an unseen alert first, then the newest.
    """
    titles, now = await names.titles(), utc_now()
    mine = [held_json(held, titles, now) for held in await held_by(store, adviser)]
    mine.sort(key=lambda row: not row["unseen_alert"])
    everyone = await store.open_escalations()
    shown = [entry for entry in everyone if wanted.holds(entry)]
    oldest = min((entry.escalation.created_at for entry in everyone), default=None)
    hidden = len(everyone) - len(shown)
    return {
        "waiting": [waiting_json(entry, titles, now) for entry in shown],
        "lost": [lost_json(lost) for lost in await store.lost_by(adviser.id)],
        "mine": mine,
        "longest": f"The longest wait is {waited(oldest, now)}." if oldest else "",
        "hidden": f"{hidden} more wait that this filter does not show." if hidden else "",
        "capacity": f"You have {len(mine)} of at most {adviser.capacity} chats.",
    }

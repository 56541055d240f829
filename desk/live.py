"""Keeping a page up to date, and its adviser present, for as long as it is open."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable

from aiohttp import WSCloseCode, web

from conversations.errors import StoreUnavailable
from conversations.events import Subscription
from conversations.models import Json
from conversations.store import Store
from desk.access import COOKIE, check_origin
from desk.keys import ADVISER, SOCKETS, store_of

log = logging.getLogger(__name__)

#: Gives the frames that are new since it was last asked. Called again and again, never twice at once.
type News = Callable[[], Awaitable[list[Json]]]

#: Pings go out this often and a socket that does not answer is closed. The browser answers them by itself, in
#: a tab in the background too, where a page's own timers are slowed down to once a minute.
_PING_SECONDS = 15

#: While its pings are answered, the page keeps its adviser present by writing it down this often.
_SEEN_SECONDS = 20

#: News is looked for this often even without a wake-up: another process may have written to the log.
_LOOK_AGAIN_SECONDS = 5

_MOST_BYTES_IN = 1024

#: Close code (4000 to 4999 are for applications): the session has ended.
CLOSE_SIGNED_OUT = 4401


async def serve(request: web.Request, listen_to: str, news: News) -> web.WebSocketResponse:
    """Send ``news`` whenever something happens to ``listen_to``, until the page or the session ends."""
    check_origin(request)
    store = store_of(request)
    ws = web.WebSocketResponse(heartbeat=_PING_SECONDS, max_msg_size=_MOST_BYTES_IN)
    await ws.prepare(request)
    request.app[SOCKETS].add(ws)
    # Subscribed before the first look: what happens in between wakes us.
    with store.events.subscribe(listen_to) as subscription:
        writer = asyncio.create_task(_write(request, ws, store, subscription, news))
        try:
            async for _frame in ws:
                pass  # a page only listens; reading on is how we learn that it has gone
        finally:
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
            request.app[SOCKETS].discard(ws)
    return ws


async def _write(
    request: web.Request, ws: web.WebSocketResponse, store: Store, subscription: Subscription, news: News
) -> None:
    clock = asyncio.get_running_loop().time
    next_seen = clock()
    try:
        while True:
            try:
                if await store.adviser_in_session(request.cookies[COOKIE]) is None:
                    await ws.close(code=CLOSE_SIGNED_OUT, message=b"signed out")
                    return
                if clock() >= next_seen:
                    await store.adviser_seen(request[ADVISER].id)
                    next_seen = clock() + _SEEN_SECONDS
                for frame in await news():
                    await ws.send_str(json.dumps(frame, ensure_ascii=False))
            except StoreUnavailable:
                pass  # looked for again at the next round
            await subscription.wait(_LOOK_AGAIN_SECONDS)
    except ConnectionError:
        pass  # the page is gone; the reader ends the socket
    except Exception:
        # The page shows that it is not up to date, and comes back to read on from where it was.
        log.exception("the desk's socket failed")
        await ws.close(code=WSCloseCode.INTERNAL_ERROR, message=b"internal error")

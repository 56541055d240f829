"""Keeping a page up to date, and its adviser present, for as long as it is open."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable

from aiohttp import WSCloseCode, WSMsgType, web

from conversations.errors import StoreUnavailable
from conversations.events import Subscription
from conversations.models import Json
from conversations.store import Store
from desk.access import COOKIE, check_origin
from desk.keys import ADVISER, SOCKETS, store_of

log = logging.getLogger(__name__)

#: Gives the frames that are new since it was last asked. Called again and again, never twice at once.
type News = Callable[[], Awaitable[list[Json]]]

#: Makes one frame of who is writing ("user", "assistant" or ids of advisers), or None.
type Typing = Callable[[set[str]], Awaitable[Json | None]]

#: The page's own frame.
TYPING = '{"type":"typing"}'

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


async def serve(
    request: web.Request, listen_to: str, news: News, *, typing: Typing | None = None
) -> web.WebSocketResponse:
    """Send ``news`` whenever something happens to ``listen_to``, until the page or the session ends.

    ``typing`` makes a frame of who is writing there. The page's only own frame says that its adviser is.
    """
    check_origin(request)
    store = store_of(request)
    ws = web.WebSocketResponse(heartbeat=_PING_SECONDS, max_msg_size=_MOST_BYTES_IN)
    await ws.prepare(request)
    request.app[SOCKETS].add(ws)
    # Subscribed before the first look: what happens in between wakes us.
    with store.events.subscribe(listen_to) as subscription:
        reader = asyncio.create_task(_read(request, ws, store, listen_to if typing is not None else None))
        writer = asyncio.create_task(_write(request, ws, store, subscription, news, typing))
        try:
            await asyncio.wait({reader, writer}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # Closed here and not by the writer: the reader would end with it and cut off the close code,
            # from which the page learns that it is signed out.
            over = not writer.cancel() and not writer.cancelled()
            reader.cancel()
            await asyncio.gather(reader, writer, return_exceptions=True)
            request.app[SOCKETS].discard(ws)
        if over and (code := writer.result()) is not None:
            await ws.close(code=code)
    return ws


async def _read(request: web.Request, ws: web.WebSocketResponse, store: Store, writes_to: str | None) -> None:
    """Until the page goes: take its sign that its adviser writes to ``writes_to``."""
    async for frame in ws:
        if writes_to is not None and frame.type is WSMsgType.TEXT and frame.data == TYPING:
            store.events.typing(writes_to, request[ADVISER].id)


async def _write(
    request: web.Request,
    ws: web.WebSocketResponse,
    store: Store,
    subscription: Subscription,
    news: News,
    typing: Typing | None,
) -> int | None:
    """Until there is nobody to write to; the code to close with, None when the page is gone."""
    clock = asyncio.get_running_loop().time
    next_seen = clock()
    try:
        while True:
            try:
                if await store.adviser_in_session(request.cookies[COOKIE]) is None:
                    return CLOSE_SIGNED_OUT
                if clock() >= next_seen:
                    await store.adviser_seen(request[ADVISER].id)
                    next_seen = clock() + _SEEN_SECONDS
                who = subscription.take_typing() - {request[ADVISER].id}
                if who and typing is not None and (frame := await typing(who)):
                    await ws.send_str(json.dumps(frame, ensure_ascii=False))
                for frame in await news():
                    await ws.send_str(json.dumps(frame, ensure_ascii=False))
            except StoreUnavailable:
                pass  # looked for again at the next round
            await subscription.wait(_LOOK_AGAIN_SECONDS)
    except ConnectionError:
        return None  # the page is gone; the reader ends the socket
    except Exception:
        # The page shows that it is not up to date, and comes back to read on from where it was.
        log.exception("the desk's socket failed")
        return WSCloseCode.INTERNAL_ERROR

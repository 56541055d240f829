"""The WebSocket of a conversation: hello, then everything as it happens, from where the reader was."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aiohttp import WSMsgType, web

from conversations.errors import StoreUnavailable
from conversations.events import ASSISTANT, PERSON, Subscription
from conversations.models import Conversation, Owner
from conversations.store import Store
from gateway.access import opened, same_token, still_opened
from gateway.allowance import allow_message
from gateway.api import said_in
from gateway.bodies import MAX_BODY_BYTES, MAX_FRAME_BYTES, Hello, MessageFrame, TooLarge, parse
from gateway.errors import Code, Problem, as_problem
from gateway.keys import SOCKETS, STORE, TURNS
from gateway.wire import message_json, status_of

#: A client that says nothing this long after connecting is sent away.
_HELLO_WITHIN_SECONDS = 10
#: Pings keep proxies from closing a quiet line, and find a dead one.
_HEARTBEAT_SECONDS = 20
#: Wake-ups come from every process (PostgreSQL), or there is one process (SQLite). A command that is run
#: beside it (`helpline erase`) is noticed this late.
_REREAD_SECONDS = 300
#: The page's word that it has everything up to a number.
_ARRIVED = re.compile(r'\{"type":"arrived","seq":([0-9]{1,9})\}')
#: Added to a problem's HTTP status to make a close code (4000 to 4999 are for applications).
_CLOSE_CODE_BASE = 4000


async def socket(request: web.Request) -> web.WebSocketResponse:
    """``GET .../socket``: frames both ways until the client leaves or the conversation is deleted.

    Browsers do not apply the same-origin policy to WebSockets: any page on the internet may open one to us
    from a visitor's browser, and only the Origin header (which a page cannot forge) tells which page it was.
    ``cors.py`` refuses it here as for the rest of the API.
    """
    store = request.app[STORE]
    ws = web.WebSocketResponse(heartbeat=_HEARTBEAT_SECONDS, max_msg_size=MAX_FRAME_BYTES)
    await ws.prepare(request)
    request.app[SOCKETS].add(ws)
    try:
        hello = await _hello(ws)
        conversation = await opened(store, request.match_info["id"], hello.token)
        # Subscribed before the first reading: what happens in between wakes us.
        with store.events.subscribe(conversation.id) as subscription:
            page = _Page(sent=hello.after, arrived=hello.after)
            if conversation.owner is Owner.ADVISER:
                await store.arrived(conversation.id, hello.after)
            writer = asyncio.create_task(_write(ws, store, conversation, page, subscription))
            try:
                await _read(ws, request, conversation, page)
            finally:
                writer.cancel()
                await asyncio.gather(writer, return_exceptions=True)
    except ConnectionError:
        pass  # the client is gone; the turn and the log go on without it
    except Exception as error:
        await _end(ws, error)
    finally:
        request.app[SOCKETS].discard(ws)
    return ws


async def _hello(ws: web.WebSocketResponse) -> Hello:
    """The first frame. Raises ``Problem`` when it does not come in time or is something else."""
    try:
        first = await ws.receive(timeout=_HELLO_WITHIN_SECONDS)
    except TimeoutError:
        raise Problem(Code.HELLO_EXPECTED) from None
    if first.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
        raise ConnectionResetError
    if first.type is not WSMsgType.TEXT:
        raise Problem(Code.HELLO_EXPECTED)
    return parse(Hello, first.data)


@dataclass(slots=True)
class _Page:
    """Up to which sequence number messages were sent to the page, and what it says that it has."""

    sent: int
    arrived: int


async def _read(
    ws: web.WebSocketResponse, request: web.Request, conversation: Conversation, page: _Page
) -> None:
    """Take frames until the client leaves. A turn does not hold up the next frame.

    Raises as ``still_opened`` does, but for a message, which is refused with the help that it may need.
    """
    store = request.app[STORE]
    under_way: set[asyncio.Task[None]] = set()
    async for frame in ws:
        if frame.type is not WSMsgType.TEXT:
            continue
        if _is_typing(frame.data):
            with suppress(StoreUnavailable):
                await still_opened(store, conversation)
                store.events.typing(conversation.id, PERSON)
            continue
        if (seq := _arrived(frame.data)) is not None:
            if page.arrived < seq <= page.sent:
                with suppress(StoreUnavailable):  # the next that arrives tells of this one too
                    await still_opened(store, conversation)
                    page.arrived = seq
                    await store.arrived(conversation.id, seq)
            continue
        task = asyncio.create_task(_take(ws, request, conversation, frame.data))
        under_way.add(task)
        task.add_done_callback(under_way.discard)


def _is_typing(raw: str) -> bool:
    """Whether a frame only says that the person is writing; an adviser who has the chat sees that."""
    return raw == '{"type":"typing"}'


def _arrived(raw: str) -> int | None:
    """Up to which number the page has all messages, if a frame says only that."""
    found = _ARRIVED.fullmatch(raw)
    return int(found[1]) if found else None


async def _take(
    ws: web.WebSocketResponse, request: web.Request, conversation: Conversation, raw: str
) -> None:
    """One frame. Its message and the replies come back through the log; only errors are answered here."""
    client_message_id = None
    try:
        frame = parse(MessageFrame, raw)
        client_message_id = frame.client_message_id
        turns = request.app[TURNS]

        async def words() -> str:
            return frame.text or ""

        async with turns.never_without_help(words):
            current = await still_opened(request.app[STORE], conversation)
            if len(raw.encode()) > MAX_BODY_BYTES:
                raise TooLarge(frame.text or "")
            await allow_message(request, conversation.id, words)
            await turns.say(current, await said_in(turns, current, frame))
    except Exception as error:
        problem = as_problem(error)
        with suppress(ConnectionError):
            await _send(
                ws,
                {"type": "error", "problem": problem.document, "client_message_id": client_message_id},
            )
            if problem.code is Code.TOKEN_WRONG:
                await _close(ws, problem)


async def _write(
    ws: web.WebSocketResponse,
    store: Store,
    conversation: Conversation,
    page: _Page,
    subscription: Subscription,
) -> None:
    """Send what is new since ``page.sent``, then wait for more; status is read again at every connection."""
    conversation_id = conversation.id
    last_status: dict[str, Any] | None = None
    unread = True
    try:
        while True:
            if unread:
                with suppress(StoreUnavailable):  # read again at the next round
                    current, messages = await store.with_messages(conversation_id, after=page.sent)
                    # Once the chat goes on elsewhere, nothing of it is for this page.
                    status = await status_of(store, same_token(conversation, current))
                    for message in messages:
                        page.sent = message.seq  # before it goes: the page's word may be back at once
                        await _send(ws, {"type": "message", "message": message_json(message)})
                    if status != last_status:
                        await _send(ws, {"type": "status", **status})
                        last_status = status
                    unread = False
            woken = await subscription.wait(_REREAD_SECONDS)
            unread |= subscription.take_news() or not woken
            if who := subscription.take_typing() - {PERSON}:
                is_adviser = who != {ASSISTANT}
                await _send(ws, {"type": "typing", "who": "adviser" if is_adviser else "assistant"})
    except ConnectionError:
        pass
    except Exception as error:
        await _end(ws, error)


async def _end(ws: web.WebSocketResponse, error: Exception) -> None:
    """Say why, and close."""
    problem = as_problem(error)
    with suppress(ConnectionError):
        await _send(ws, {"type": "error", "problem": problem.document})
        await _close(ws, problem)


async def _close(ws: web.WebSocketResponse, problem: Problem) -> None:
    await ws.close(code=_CLOSE_CODE_BASE + int(problem.status), message=problem.code.encode())


async def _send(ws: web.WebSocketResponse, frame: dict[str, Any]) -> None:
    if ws.closed:
        raise ConnectionResetError
    await ws.send_str(json.dumps(frame, ensure_ascii=False))

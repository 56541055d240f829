"""One chat: reading it, taking it, answering, and handing it on."""

from __future__ import annotations

import re
from datetime import timedelta

from aiohttp import web
from yarl import URL

from conversations.errors import NotFound, OwnershipChanged
from conversations.events import PERSON
from conversations.files import MAX_FILE_BYTES, SENT_BY_ADVISERS, size_in_words
from conversations.keys import new_id
from conversations.log import Draft, utc_now
from conversations.models import Adviser, Json
from conversations.outcomes import offered
from conversations.store import Store
from desk import notices
from desk.access import check_origin
from desk.casework import record
from desk.errors import Code, Refusal
from desk.files import file_in
from desk.held import held_by
from desk.keys import ADVISER, NAMES, SETTINGS, store_of
from desk.live import serve
from desk.names import Names
from desk.pages import render
from desk.permissions import Can, may
from desk.wire import (
    GONE,
    arrival_in_words,
    delivery_in_words,
    message_json,
    other_chats_json,
    status_json,
    summary_json,
    unseen_alert,
    waited,
)

#: The page's own name for a reply; sending it again is safe.
_REPLY_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


async def show(request: web.Request) -> web.Response:
    """``GET /desk/chats/{id}``: the whole story. Only for chats that wait for a person or have one."""
    return await _page(request, {})


async def _page(request: web.Request, errors: dict[str, str]) -> web.Response:
    store, chat = store_of(request), request.match_info["id"]
    titles = await request.app[NAMES].titles()
    conversation, escalation = await store.get(chat), await store.escalation(chat)
    if escalation is None:
        raise Refusal(Code.NO_SUCH_CHAT)
    messages = await store.messages(chat, include_private=True)
    alert = unseen_alert(messages)
    adviser = request[ADVISER]
    if request.method != "HEAD":  # which only asks whether the session still stands
        await record(request, "viewed")
    return render(
        request,
        "chat.html",
        {
            "chat": chat,
            "summary": summary_json(escalation, conversation, messages, titles),
            "waited": waited(escalation.created_at, utc_now()),
            "messages": [message_json(message, titles) for message in messages],
            "files_at": str(request.app.router["desk.chat_file"].url_for(id=chat, file="FILE")),
            "alert": message_json(alert, titles) if alert else None,
            "status": status_json(
                conversation,
                escalation,
                adviser,
                await _holder(store, conversation.adviser_id),
                titles,
            ),
            "delivery": await _delivery(store, chat),
            "priority": str(escalation.priority),
            "labels": await store.labels(chat),
            "known_labels": list(await store.label_counts()),
            "colleagues": [
                (one.adviser.id, one.adviser.name)
                for one in await store.on_the_desk()
                if one.on_duty and one.adviser.id not in (conversation.adviser_id, adviser.id)
            ],
            "supervises": may(adviser, Can.SUPERVISE),
            "outcomes": offered(),
            "canned": await store.canned_replies(),
            "area": conversation.area or "",
            "others": other_chats_json(await held_by(store, adviser), chat),
            "max_reply_chars": request.app[SETTINGS].max_reply_chars,
            "reply_id": new_id(),
            "max_file_bytes": MAX_FILE_BYTES,
            "max_file_said": size_in_words(MAX_FILE_BYTES).replace(".0", ""),
            "file_kinds": ",".join(sorted(SENT_BY_ADVISERS)),
            "errors": errors,
        },
        status=422 if errors else 200,
    )


async def socket(request: web.Request) -> web.WebSocketResponse:
    """``GET .../socket?after=SEQ``: messages after ``SEQ`` as they come, and who has the chat."""
    store, chat = store_of(request), request.match_info["id"]
    news = _ChatNews(store, request[ADVISER], request.app[NAMES], chat, _read_after(request))
    check_origin(request)
    await _record_once(request)

    async def typing(who: set[str]) -> Json | None:
        if await store.escalation(chat) is None:
            return None
        names = [adviser.name for adviser in await store.advisers() if adviser.id in who]
        return {"type": "typing", "person": PERSON in who, "colleagues": names}

    return await serve(request, chat, news, typing=typing)


async def claim(request: web.Request) -> web.Response:
    """``POST .../claim``: take the chat. Whoever is too late is told who has it."""
    store, adviser, chat = store_of(request), request[ADVISER], request.match_info["id"]
    try:
        await store.claim(chat, adviser.id, notice=notices.joined(adviser))
    except OwnershipChanged:
        # Pressing the button twice is no race.
        if (await store.get(chat)).adviser_id != adviser.id:
            raise
    raise web.HTTPSeeOther(_to_chat(request))


async def reply(request: web.Request) -> web.Response:
    """``POST .../reply``: say something to the family, or send them a file, or both."""
    chat, form = request.match_info["id"], await request.post()
    text = str(form.get("text", "")).replace("\r\n", "\n").strip()
    reply_id = str(form.get("reply_id", ""))
    most = request.app[SETTINGS].max_reply_chars
    file = await file_in(form.get("file"))
    if file is not None and not text:
        text = f"I am sending you a file: {file.name}"
    if not text:
        raise Refusal(Code.TEXT_MISSING)
    if len(text) > most:
        raise Refusal(
            Code.TEXT_TOO_LONG,
            detail=f"It has {len(text)} characters, and {most} is the most. Send it in two or more messages.",
        )
    if not _REPLY_ID.fullmatch(reply_id):
        raise Refusal(Code.FORM_TOO_OLD)
    message = await store_of(request).append_adviser(
        chat, request[ADVISER].id, text, file=file, client_message_id=reply_id
    )
    if "application/json" in request.headers.get("Accept", ""):
        return web.json_response({"seq": message.seq}, status=201)
    raise web.HTTPSeeOther(_to_chat(request).with_fragment("reply"))


async def give_back(request: web.Request) -> web.Response:
    """``POST .../give-back``: the assistant answers again."""
    adviser = request[ADVISER]
    await _end(request, "given_back", for_good=False, notice=notices.given_back(adviser))
    raise web.HTTPSeeOther(_to_queue(request, "given-back"))


async def put_back(request: web.Request) -> web.Response:
    """``POST .../put-back``: another adviser should take it; it keeps its place by time."""
    adviser = request[ADVISER]
    await store_of(request).release(
        request.match_info["id"],
        adviser.id,
        why="put back in the queue",
        notice=notices.back_in_queue(adviser),
    )
    raise web.HTTPSeeOther(_to_queue(request, "put-back"))


async def close(request: web.Request) -> web.Response:
    """``POST .../close``: the chat has ended with an outcome, until the person writes again."""
    chosen = str((await request.post()).get("outcome", ""))
    if chosen not in {outcome.code for outcome in offered()}:
        if (await store_of(request).get(request.match_info["id"])).adviser_id != request[ADVISER].id:
            raise Refusal(Code.NOT_YOURS)
        return await _page(request, {"outcome": "Choose how it ended"})
    await _end(request, chosen, for_good=True, notice=notices.closed(request[ADVISER]))
    raise web.HTTPSeeOther(_to_queue(request, "closed"))


async def _end(request: web.Request, outcome: str, *, for_good: bool, notice: Draft) -> None:
    store, adviser, chat = store_of(request), request[ADVISER], request.match_info["id"]
    await store.close(chat, adviser.id, outcome=outcome, for_good=for_good, notice=notice)


async def _record_once(request: web.Request) -> None:
    """A socket is a view as well. The page's own belongs to the page, which is on record already."""
    store, chat = store_of(request), request.match_info["id"]
    since = utc_now() - timedelta(hours=request.app[SETTINGS].session_hours)
    before = await store.audit_log(
        who=request[ADVISER].id, action="viewed", conversation_id=chat, since=since, limit=1
    )
    if not before and await store.escalation(chat) is not None:
        await record(request, "viewed")


class _ChatNews:
    """What is new in a chat since sequence number ``after``, as frames.

    What the adviser's other chats wait for, and safety alerts there, are news here too.
    """

    def __init__(self, store: Store, adviser: Adviser, names: Names, chat: str, after: int) -> None:
        self._store, self._adviser, self._names, self._chat = store, adviser, names, chat
        self._after = after
        self._sent: dict[str, Json] = {}

    async def __call__(self) -> list[Json]:
        titles = await self._names.titles()
        status, messages = GONE, []
        try:
            conversation = await self._store.get(self._chat)
        except NotFound:
            pass  # erased while the page was open
        else:
            escalation = await self._store.escalation(self._chat)
            holder = await _holder(self._store, conversation.adviser_id)
            status = status_json(conversation, escalation, self._adviser, holder, titles)
        # What is said after the chat has left the desk is not for the desk.
        if status is not GONE:
            messages = await self._store.messages(self._chat, after=self._after, include_private=True)
        delivery = await _delivery(self._store, self._chat) if status is not GONE else ""
        others = other_chats_json(await held_by(self._store, self._adviser), self._chat)

        # Remembered only now: had the store failed on the way, all of it would be new the next time too.
        frames: list[Json] = []
        if messages:
            self._after = messages[-1].seq
            shown = [message_json(message, titles) for message in messages]
            frames.append({"type": "messages", "messages": shown})
        told: tuple[tuple[str, Json], ...] = (
            ("status", status),
            ("delivery", {"line": delivery}),
            ("others", {"chats": others}),
        )
        for kind, content in told:
            if self._sent.get(kind) != content:
                self._sent[kind] = content
                frames.append({"type": kind, **content})
        return frames


async def _delivery(store: Store, chat: str) -> str:
    """How far what was written has come: to a phone, or to the person's page."""
    on_phone = delivery_in_words(await store.deliveries(chat))
    return on_phone or arrival_in_words(await store.last_word(chat), utc_now())


async def _holder(store: Store, adviser_id: str | None) -> str | None:
    """The full name of the adviser who has a chat: colleagues see more than families do."""
    if adviser_id is None:
        return None
    return next((adviser.name for adviser in await store.advisers() if adviser.id == adviser_id), None)


def _read_after(request: web.Request) -> int:
    raw = request.query.get("after", "0")
    if not (raw.isascii() and raw.isdigit() and len(raw) < 10):
        raise Refusal(Code.BAD_REQUEST)
    return int(raw)


def _to_chat(request: web.Request) -> URL:
    return request.app.router["desk.chat"].url_for(id=request.match_info["id"])


def _to_queue(request: web.Request, done: str) -> URL:
    return request.app.router["desk.queue"].url_for().with_query(done=done)

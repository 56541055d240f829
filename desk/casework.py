"""What an adviser does with a chat besides answering: notes, labels, priority, handing on, alerts."""

from __future__ import annotations

from typing import NoReturn

from aiohttp import web

from conversations.log import Draft
from conversations.models import Priority, Role
from desk import notices
from desk.errors import Code, Refusal
from desk.keys import ADVISER, SETTINGS, store_of
from desk.permissions import Can, may


async def add_note(request: web.Request) -> web.Response:
    """``POST .../note``: colleagues see it, the family never."""
    chat, adviser = request.match_info["id"], request[ADVISER]
    text = str((await request.post()).get("note", "")).replace("\r\n", "\n").strip()
    if not text:
        raise Refusal(Code.TEXT_MISSING)
    most = request.app[SETTINGS].max_reply_chars
    if len(text) > most:
        raise Refusal(Code.TEXT_TOO_LONG, detail=f"A note has at most {most} characters.")
    await _must_be_at_the_desk(request)
    message = await store_of(request).add_note(chat, adviser.id, text)
    await record(request, "note added", {"message": message.seq})
    _back(request)


async def add_label(request: web.Request) -> web.Response:
    """``POST .../label``."""
    name = str((await request.post()).get("label", ""))
    await _must_be_at_the_desk(request)
    try:
        label = await store_of(request).add_label(request.match_info["id"], request[ADVISER].id, name)
    except ValueError as error:
        raise Refusal(Code.TEXT_MISSING, detail="Write the label, then add it.") from error
    await record(request, "label added", {"label": label})
    _back(request)


async def remove_label(request: web.Request) -> web.Response:
    """``POST .../label-off``."""
    name = str((await request.post()).get("label", ""))
    await _must_be_at_the_desk(request)
    await store_of(request).remove_label(request.match_info["id"], name)
    await record(request, "label removed", {"label": name[:40]})
    _back(request)


async def set_priority(request: web.Request) -> web.Response:
    """``POST .../priority``: how urgent the adviser finds it."""
    chosen = str((await request.post()).get("priority", ""))
    if chosen not in list(Priority):
        raise Refusal(Code.BAD_REQUEST)
    await store_of(request).set_priority(request.match_info["id"], Priority(chosen), by=request[ADVISER].id)
    await record(request, "priority set", {"priority": chosen})
    _back(request)


async def transfer(request: web.Request) -> web.Response:
    """``POST .../transfer``: to a colleague, who has it from then on.

    An adviser passes on their own chats; a supervisor any, also to themselves.
    """
    store, adviser, chat = store_of(request), request[ADVISER], request.match_info["id"]
    to = str((await request.post()).get("to", ""))
    if not to:
        raise Refusal(Code.TEXT_MISSING, detail="Choose a colleague, then hand the chat over.")
    colleague = await store.adviser(to)
    supervises = may(adviser, Can.SUPERVISE)
    await store.transfer(
        chat,
        to_adviser_id=colleague.id,
        by=adviser.id,
        why="taken over" if colleague.id == adviser.id else "handed over",
        held_by=None if supervises else adviser.id,
        notice=notices.handed_over(colleague),
    )
    if colleague.id == adviser.id:
        _back(request)
    raise web.HTTPSeeOther(request.app.router["desk.queue"].url_for().with_query(done="handed-over"))


async def acknowledge(request: web.Request) -> web.Response:
    """``POST .../acknowledge``: somebody has seen a safety alert; the chat says who."""
    chat, adviser = request.match_info["id"], request[ADVISER]
    raw = str((await request.post()).get("alert", ""))
    if not (raw.isascii() and raw.isdigit() and len(raw) < 10):
        raise Refusal(Code.BAD_REQUEST)
    await _must_be_at_the_desk(request)
    note = Draft(
        role=Role.SYSTEM,
        private=True,
        text=f"{adviser.name} has seen the safety alert.",
        meta={"kind": "acknowledged", "alert": int(raw), "by": adviser.id},
    )
    await store_of(request).append_assistant(chat, [note], unless_owned_by_adviser=False)
    await record(request, "alert acknowledged", {"message": int(raw)})
    _back(request)


async def record(request: web.Request, action: str, detail: dict[str, object] | None = None) -> None:
    """Write in the audit log what the adviser did with this chat."""
    store, chat = store_of(request), request.match_info["id"]
    escalation = await store.escalation(chat)
    await store.audit(
        who=request[ADVISER].id,
        action=action,
        conversation_id=chat,
        reference=escalation.reference if escalation else None,
        detail=detail,
    )


async def _must_be_at_the_desk(request: web.Request) -> None:
    """Only chats that wait for a person or have one are for advisers. Raises ``Refusal``."""
    if await store_of(request).escalation(request.match_info["id"]) is None:
        raise Refusal(Code.NO_SUCH_CHAT)


def _back(request: web.Request) -> NoReturn:
    raise web.HTTPSeeOther(request.app.router["desk.chat"].url_for(id=request.match_info["id"]))

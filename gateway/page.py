"""The chat page. It works as a plain form; ``widget.js`` makes it live."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import aiohttp_jinja2
from aiohttp import web
from pydantic import ValidationError

from conversations.keys import new_id
from conversations.models import Conversation, Owner, Role
from gateway import api
from gateway.access import opened
from gateway.allowance import allow_conversation, allow_message
from gateway.bodies import NewMessage, read_form
from gateway.errors import Code, Problem
from gateway.keys import AREAS, BOT, SETTINGS, STORE, TURNS
from gateway.start import draft_json, start_json, welcome_of
from gateway.wire import message_json, status_json

_GONE = "That chat is no longer here. You can start a new one. Your words are kept below."

#: Spaces alone are no message: nothing is sent, and no chat is begun.
_WORDS_FIRST = "Please write your message first."

#: What a person is told of a refusal whose own words are for whoever writes programs.
_PLAINLY = {
    Code.TOO_LARGE: (
        "Your message is too long. Please send a shorter one. Go back in your browser to find your words."
    ),
    Code.TOKEN_WRONG: _GONE,
    Code.NO_SUCH_CONVERSATION: _GONE,
    Code.MESSAGE_ID_REUSED: "Your words are not sent yet. Please send them once more.",
}

#: After these the same chat goes on when the person sends their words again.
_SENT_AGAIN = (Code.NOT_SAVED, Code.TOO_MANY_REQUESTS, Code.MESSAGE_ID_REUSED, Code.INTERNAL)

_SAFE_LINK = re.compile(r"^https?://", re.IGNORECASE)

#: A path of our own: not "//elsewhere", which browsers take for another host.
_OWN_LINK = re.compile(r"^/[^/\\\s][^\\\s]*$")


@dataclass(slots=True)
class _View:
    """What the template shows."""

    messages: list[dict[str, Any]]
    conversation_id: str = ""
    token: str = ""
    draft: str = ""
    notice: str = ""
    #: The number of the last message that the person has seen, if they look for new ones.
    looked_after: int | None = None
    #: The number of the last message that this page or the one before it shows.
    seen: int = 0
    #: Whether to ask if the chat is really to be deleted.
    ending: bool = False
    status: dict[str, Any] = field(default_factory=lambda: {"owner": "bot"})
    http_status: int = 200


async def show(request: web.Request) -> web.Response:
    """``GET /``: the page at the start of a chat. Nothing is stored until something is said."""
    return _render(request, _fresh(request))


async def icon(_request: web.Request) -> web.Response:
    """``GET /favicon.ico``: there is none; browsers ask all the same."""
    return web.Response(status=204)


async def post(request: web.Request) -> web.Response:
    """``POST /``: the form, for browsers without JavaScript. Answers with the whole conversation.

    The token travels in the form itself: there is no cookie, so nothing is left behind on a shared computer.
    """
    form: dict[str, str] = {}
    store = request.app[STORE]

    async def words() -> str:
        return form.get("text", "") if _says(form) and not form.get("payload") else ""

    try:
        async with request.app[TURNS].never_without_help(words):
            form.update(await read_form(request))
            is_blank = _says(form) and not form.get("payload") and not form.get("text", "").strip()
            if not form.get("conversation") and (is_blank or not _says(form)):
                return _render(request, _nothing_said(request, form, is_blank=is_blank))
            conversation, token = await _conversation(request, form)
            if "end" in form:
                await store.erase(conversation.id)
                await request.app[BOT].forget(conversation.id)
                return _render(request, _fresh(request, notice="This chat is deleted."))
            view = _View([], conversation.id, token)
            if "ending" in form:
                view.ending, view.draft = form["ending"] == "ask", form.get("text", "")
            elif "look" in form:
                view.looked_after, view.draft = _number(form.get("seen")), form.get("text", "")
            elif is_blank:
                view.notice = _WORDS_FIRST
            else:
                await allow_message(request, conversation.id, words)
                await _say(request, conversation, form, view)
            await _fill(request, view)
            if view.status["owner"] == Owner.ADVISER:  # what they wrote is in this answer
                await store.arrived(conversation.id, view.messages[-1]["seq"])
    except Problem as problem:
        view = _fresh(request, notice=_sentence(problem))
        view.draft = form.get("text", "")
        view.http_status = int(problem.status)
        if problem.code in _SENT_AGAIN:
            view.conversation_id, view.token = form.get("conversation", ""), form.get("token", "")
            view.seen = _number(form.get("seen"))
    return _render(request, view)


async def resumed(request: web.Request, conversation_id: str, token: str) -> web.Response:
    """The page with a conversation that was begun elsewhere. Raises ``NotFound``."""
    view = _View([], conversation_id, token)
    await _fill(request, view)
    return _render(request, view)


async def _fill(request: web.Request, view: _View) -> None:
    """Put into the view what was said in its conversation, and who has it."""
    store = request.app[STORE]
    view.messages = [message_json(message) for message in await store.messages(view.conversation_id)]
    view.status = await status_json(store, view.conversation_id)
    view.seen = view.messages[-1]["seq"] if view.messages else 0


def _says(form: dict[str, str]) -> bool:
    """Whether something is said or pressed in the chat: what is about the chat itself goes to nobody."""
    return not form.keys() & {"end", "ending", "look"}


def _number(seq: str | None) -> int:
    """The number of a message, as the form has it; 0 for what is none."""
    return int(seq) if seq and re.fullmatch("[0-9]{1,9}", seq) else 0


async def _conversation(request: web.Request, form: dict[str, str]) -> tuple[Conversation, str]:
    """The conversation that the form names, or a new one."""
    store = request.app[STORE]
    if form.get("conversation"):
        token = form.get("token", "")
        return await opened(store, form["conversation"], token), token
    await allow_conversation(request)
    created = await store.create(
        api.CHANNEL, area=_area(request), welcome=welcome_of(request.app, _area(request))
    )
    return created.conversation, created.token


async def _say(request: web.Request, conversation: Conversation, form: dict[str, str], view: _View) -> None:
    """Take the turn; whatever goes wrong is told on the page, with the words kept in the box."""
    payload = form.get("payload")
    turns = request.app[TURNS]
    try:
        body = NewMessage(
            client_message_id=form.get("client_message_id") or new_id(),
            text=None if payload else form.get("text", ""),
            payload=payload or None,
        )
        await turns.say(conversation, await api.said_in(turns, conversation, body))
        view.draft = form.get("text", "") if payload else ""
    except ValidationError:
        view.notice = "The form could not be read. Please send your message again."
        view.draft = form.get("text", "")
    except Problem as problem:
        view.notice = _sentence(problem)
        view.draft = form.get("text", "")
        view.http_status = int(problem.status)


def _area(request: web.Request) -> str | None:
    """The area that a link to the page may name (``/?area=derbyshire``), if we know it."""
    area = request.query.get("area")
    return area if area in request.app[AREAS] else None


def _fresh(request: web.Request, notice: str = "") -> _View:
    return _View([draft_json(draft) for draft in welcome_of(request.app, _area(request))], notice=notice)


def _nothing_said(request: web.Request, form: dict[str, str], *, is_blank: bool) -> _View:
    """The answer to a form that names no chat and says nothing: none is begun for it."""
    view = _fresh(request, notice=_WORDS_FIRST if is_blank else "")
    view.draft = "" if is_blank else form.get("text", "")
    return view


def _sentence(problem: Problem) -> str:
    """What a person is told."""
    if "crisis" in problem.document:
        return f"{problem.document['crisis']['text']}\n{_PLAINLY.get(problem.code, f'{problem}.')}"
    return _PLAINLY.get(problem.code, f"{problem}. {problem.document['detail']}")


def _render(request: web.Request, view: _View) -> web.Response:
    settings = request.app[SETTINGS]
    return aiohttp_jinja2.render_template(
        "chat.html",
        request,
        {
            "view": view,
            "settings": settings,
            "latest": _latest(view),
            "start": start_json(request.app, _area(request)),
            "client_message_id": new_id(),
            "who": who,
            "blocks": blocks,
            "link": safe_link,
            "own_link": own_link,
            "digits": digits,
        },
        status=view.http_status,
    )


def _latest(view: _View) -> int | None:
    """The number of the message at which the page comes back: the first new one, or else their own last."""
    if view.notice or view.ending:
        return None
    if view.looked_after is not None:
        return next((one["seq"] for one in view.messages if one["seq"] > view.looked_after), None)
    return next((one["seq"] for one in reversed(view.messages) if one["role"] == Role.USER), None)


def who(message: dict[str, Any]) -> str:
    """Who is speaking, in words that are always on the screen."""
    match message["role"]:
        case "user":
            return "You"
        case "adviser":
            return f"Adviser {message.get('author') or ''}".strip()
        case "assistant":
            return "Automated assistant"
        case _:
            return "Helpline"


def blocks(text: str) -> list[tuple[str, list[str]]]:
    """Plain text as ``("p", [line])`` and ``("ul", [items])``. ``web/src/render.ts`` does the same."""
    found: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("- "):
            if not found or found[-1][0] != "ul":
                found.append(("ul", []))
            found[-1][1].append(line[2:])
        elif line.strip():
            found.append(("p", [line]))
    return found


def safe_link(url: object) -> str | None:
    """``url`` if it is a web address: nothing else becomes a link."""
    return url if isinstance(url, str) and _SAFE_LINK.match(url) else None


def own_link(url: object) -> str | None:
    """``url`` if it is a path on this gateway."""
    return url if isinstance(url, str) and _OWN_LINK.match(url) else None


def digits(number: object) -> str:
    """A telephone number as a ``tel:`` link takes it."""
    return re.sub(r"[^\d+]", "", str(number))

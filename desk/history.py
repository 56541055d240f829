"""Looking for chats of before: by reference, date and label; reading, exporting, reopening, erasing one."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from aiohttp import web

from conversations.casework import Case
from conversations.files import is_file
from conversations.models import EscalationStatus, Json, Message
from conversations.opening import LOCAL_TIME
from conversations.outcomes import outcomes
from desk import notices
from desk.errors import Code, Refusal
from desk.files import response_of
from desk.keys import ADVISER, FORGET, NAMES, store_of
from desk.names import Titles
from desk.pages import render
from desk.permissions import Can, may
from desk.wire import message_json, reason_in_words, summary_json


async def show(request: web.Request) -> web.Response:
    """``GET /desk/history``: nothing is listed before something is looked for."""
    query = {name: request.query.get(name, "").strip() for name in ("reference", "label", "since", "until")}
    errors: dict[str, str] = {}
    since, until = _day(query["since"], "since", errors), _day(query["until"], "until", errors)
    cases: list[Case] = []
    if any(query.values()) and not errors:
        cases = await store_of(request).history(
            reference=query["reference"] or None,
            label=query["label"] or None,
            since=since,
            until=until + timedelta(days=1) if until else None,
        )
        looked_for = {name: value for name, value in query.items() if value}
        await store_of(request).audit(who=request[ADVISER].id, action="searched", detail=looked_for)
    titles = await request.app[NAMES].titles()
    return render(
        request,
        "history.html",
        {
            "query": query,
            "errors": errors,
            "rows": [_row(case, titles) for case in cases],
            "searched": any(query.values()) and not errors,
            "labels": list(await store_of(request).label_counts()),
            "done": request.query.get("done", ""),
        },
        status=422 if errors else 200,
    )


async def one(request: web.Request) -> web.Response:
    """``GET /desk/history/{reference}``: the chat as it was when the desk had it."""
    case = await _case(request)
    titles = await request.app[NAMES].titles()
    messages = await _messages(request, case)
    await _record(request, case, "viewed")
    return render(
        request,
        "history_one.html",
        {
            "row": _row(case, titles),
            "summary": summary_json(case.escalation, case.conversation, messages, titles),
            "messages": [message_json(message, titles) for message in messages],
            "files_at": str(
                request.app.router["desk.history_file"].url_for(
                    reference=case.escalation.reference, file="FILE"
                )
            ),
            "may_erase": may(request[ADVISER], Can.SUPERVISE),
            "comment": case.escalation.rating_comment,
            "rating": case.escalation.rating,
        },
    )


async def export(request: web.Request) -> web.Response:
    """``GET .../export?as=text`` or ``?as=json``: one chat as a file."""
    form = request.query.get("as", "text")
    if form not in ("text", "json"):
        raise Refusal(Code.BAD_REQUEST)
    case = await _case(request)
    titles = await request.app[NAMES].titles()
    messages = [message_json(message, titles) for message in await _messages(request, case)]
    row = _row(case, titles)
    await _record(request, case, "exported", {"as": form})
    name = f"chat-{case.escalation.reference}.{'txt' if form == 'text' else 'json'}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    if form == "json":
        return web.json_response({**row, "messages": messages}, headers=headers)
    return web.Response(text=_as_text(row, messages), headers=headers)


async def file(request: web.Request) -> web.Response:
    """``GET .../files/{file}``: a file that came with what the desk may read."""
    case, wanted = await _case(request), request.match_info["file"]
    for message in await _messages(request, case):
        if any(one.get("id") == wanted for one in message.attachments if is_file(one)):
            answer = response_of(await store_of(request).file(case.conversation.id, wanted))
            await _record(request, case, "file viewed", {"file": wanted})
            return answer
    raise Refusal(Code.NO_SUCH_FILE)


async def erase(request: web.Request) -> web.Response:
    """``POST .../erase``: the whole chat, for good. Asks for the reference again first."""
    case = await _case(request)
    typed = str((await request.post()).get("again", "")).strip().upper()
    if typed != case.escalation.reference:
        raise Refusal(
            Code.WRONG_VALUE, detail="Nothing was erased: the reference that you typed is another one."
        )
    await store_of(request).erase(case.conversation.id, by=request[ADVISER].id)
    await request.app[FORGET](case.conversation.id)
    raise web.HTTPSeeOther(request.app.router["desk.history"].url_for().with_query(done="erased"))


async def reopen(request: web.Request) -> web.Response:
    """``POST .../reopen``: an adviser takes up a chat that was closed."""
    case, adviser = await _case(request), request[ADVISER]
    await store_of(request).reopen(case.conversation.id, adviser.id, notice=notices.joined(adviser))
    raise web.HTTPSeeOther(request.app.router["desk.chat"].url_for(id=case.conversation.id))


async def _case(request: web.Request) -> Case:
    found = await store_of(request).history(reference=request.match_info["reference"])
    if not found:
        raise Refusal(Code.NO_SUCH_CHAT)
    return found[0]


async def _messages(request: web.Request, case: Case) -> list[Message]:
    """What was said until the desk was finished: what came later is not for the desk."""
    messages = await store_of(request).messages(case.conversation.id, include_private=True)
    ended = case.escalation.closed_at
    return [message for message in messages if ended is None or message.created_at <= ended]


async def _record(request: web.Request, case: Case, action: str, detail: Json | None = None) -> None:
    await store_of(request).audit(
        who=request[ADVISER].id,
        action=action,
        conversation_id=case.conversation.id,
        reference=case.escalation.reference,
        detail=detail,
    )


#: What stands in place of an outcome.
_STATUS = {
    EscalationStatus.OPEN: "Not ended: waits for a person",
    EscalationStatus.CLAIMED: "Not ended: with an adviser",
    EscalationStatus.CLOSED: "Ended",
}


def _row(case: Case, titles: Titles) -> Json:
    escalation = case.escalation
    outcome = outcomes().get(escalation.outcome or "")
    return {
        "reference": escalation.reference,
        "conversation": case.conversation.id,
        "asked": escalation.created_at.astimezone(LOCAL_TIME).strftime("%-d %B %Y, %H:%M"),
        "reason": reason_in_words(escalation.reason, titles),
        "priority": str(escalation.priority),
        "status": str(escalation.status),
        "outcome": outcome.title if outcome else _STATUS[escalation.status],
        "labels": case.labels,
        "owner": str(case.conversation.owner),
    }


def _as_text(row: Json, messages: list[Json]) -> str:
    lines = [
        f"Chat {row['reference']}",
        f"Asked for a person: {row['asked']}",
        f"Why: {row['reason']}",
        f"Outcome: {row['outcome']}",
        f"Labels: {', '.join(row['labels']) or 'none'}",
        "",
    ]
    for message in messages:
        lines += [f"{message['created_at']} {message['who']}:", message["text"]]
        for card in message["cards"]:
            lines.append(f"  [{card['title']}]")
            lines += [f"    {line['label']}: {line['text']}" for line in card["lines"]]
        for source in message["sources"]:
            lines.append(f"  Source: {', '.join(part for part in source.values() if part)}")
        lines += [f"  File: {one['name']} ({one['size']})" for one in message["files"]]
        lines.append("")
    return "\n".join(lines)


def _day(typed: str, name: str, errors: dict[str, str]) -> datetime | None:
    """The beginning of a day in local time, from a date field."""
    if not typed:
        return None
    try:
        return datetime.combine(date.fromisoformat(typed), time(), LOCAL_TIME)
    except ValueError:
        errors[name] = "Write the day as 2026-11-27."
        return None

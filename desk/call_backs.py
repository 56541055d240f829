"""Call backs: who asked for one, taking it on, and what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import NoReturn

from aiohttp import web

from conversations.callbacks import ATTEMPT_RESULTS, CallBacks
from conversations.log import utc_now
from conversations.models import CallBackStatus, Json
from conversations.opening import LOCAL_TIME
from desk import notices
from desk.errors import Code, Refusal
from desk.keys import ADVISER, SEALER, store_of
from desk.looks import record_look
from desk.pages import render
from desk.wire import waited

_HOW = {"phone": "Phone call", "text": "Text message", "email": "Email"}

_DONE = {
    "claimed": "You have taken this call back on.",
    "attempted": "It is back on the list, with your attempt.",
    "done": "Done. The contact has been deleted.",
}


async def show(request: web.Request) -> web.Response:
    """``GET /desk/call-backs``: every call back that is to be made, the oldest first, without contacts."""
    await record_look(request, "call backs viewed")
    now = utc_now()
    rows = [
        {
            "id": one.call_back.id,
            "reference": one.call_back.reference,
            "how": _HOW.get(one.call_back.how or "", "Not known"),
            "asked": f"{waited(one.call_back.created_at, now)} ago",
            "attempts": one.attempts,
            "holder": one.adviser_name,
            "mine": one.call_back.adviser_id == request[ADVISER].id,
        }
        for one in await _call_backs(request).to_call()
    ]
    done = _DONE.get(request.query.get("done", ""))
    return render(request, "call_backs.html", {"rows": rows, "done": done})


async def claim(request: web.Request) -> web.Response:
    """``POST .../claim``: take it on. Whoever is too late is told who has it."""
    adviser, call_back_id = request[ADVISER], request.match_info["id"]
    taken = await _call_backs(request).claim(call_back_id, adviser.id)
    await store_of(request).audit(
        who=adviser.id,
        action="call back claimed",
        conversation_id=taken.conversation_id,
        reference=taken.reference,
    )
    raise web.HTTPSeeOther(request.app.router["desk.call_back"].url_for(id=call_back_id))


async def one(request: web.Request) -> web.Response:
    """``GET /desk/call-backs/{id}``: how to reach the person, for whoever took it on. That is audited."""
    calls, adviser, call_back_id = _call_backs(request), request[ADVISER], request.match_info["id"]
    contact = await calls.contact(call_back_id, adviser.id)
    names = {account.id: account.name for account in await store_of(request).advisers()}
    found = next(one for one in await calls.to_call() if one.call_back.id == call_back_id)
    return render(
        request,
        "call_back.html",
        {
            "id": call_back_id,
            "reference": found.call_back.reference,
            "contact": contact,
            "how": _HOW.get(contact.how, contact.how),
            "attempts": [
                {
                    "at": _local(attempt.at),
                    "who": names.get(attempt.adviser_id, "a colleague"),
                    "result": ATTEMPT_RESULTS.get(attempt.result, attempt.result),
                }
                for attempt in await calls.attempts(call_back_id)
            ],
            "results": list(ATTEMPT_RESULTS.items()),
        },
    )


async def attempted(request: web.Request) -> web.Response:
    """``POST .../attempted``: the person was not reached; it goes back on the list."""
    result = str((await request.post()).get("result", ""))
    try:
        await _call_backs(request).attempted(request.match_info["id"], request[ADVISER].id, result)
    except ValueError as error:
        raise Refusal(Code.WRONG_VALUE, detail="Choose what came of it.") from error
    await _record(request, "call back attempted", {"result": result})
    _to_list(request, "attempted")


async def done(request: web.Request) -> web.Response:
    """``POST .../done``: the person was reached; the contact is deleted."""
    adviser = request[ADVISER]
    calls = _call_backs(request)
    await calls.done(request.match_info["id"], adviser.id, notice=notices.called_back(adviser))
    await _record(request, f"call back {CallBackStatus.DONE}", {})
    _to_list(request, "done")


async def _record(request: web.Request, action: str, detail: Json) -> None:
    await store_of(request).audit(
        who=request[ADVISER].id, action=action, detail={**detail, "call_back": request.match_info["id"]}
    )


def _call_backs(request: web.Request) -> CallBacks:
    store = store_of(request)
    return CallBacks(store.database, store.events, request.app[SEALER])


def _local(at: datetime) -> str:
    return at.astimezone(LOCAL_TIME).strftime("%-d %B, %H:%M")


def _to_list(request: web.Request, what: str) -> NoReturn:
    raise web.HTTPSeeOther(request.app.router["desk.call_backs"].url_for().with_query(done=what))

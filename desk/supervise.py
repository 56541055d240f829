"""For supervisors: who is on, live chats, hours, closures, school holidays, notices, off switch, audit."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import NoReturn

from aiohttp import web

from conversations.log import utc_now
from conversations.models import Json
from conversations.opening import DAYS, LOCAL_TIME, Hours, read_weekly
from conversations.presence import MOST_CAPACITY
from conversations.school_holidays import wrong_with_school_holiday
from conversations.service import ANNOUNCEMENT_CHARS
from desk.errors import Code, Refusal
from desk.keys import ADVISER, NAMES, store_of
from desk.looks import record_look
from desk.pages import render
from desk.wire import reason_in_words, waited

_DONE = {
    "capacity": "The number of chats is set.",
    "hours": "The opening hours are set.",
    "closure": "The closure is added.",
    "closure-off": "The closure is removed.",
    "school-holiday": "The school holiday is added.",
    "school-holiday-off": "The school holiday is removed.",
    "announcement": "The announcement is changed.",
    "assistant": "The assistant is switched.",
}

_PAGE = 100

#: The fields of a school holiday, in the order of the form.
_SCHOOL_HOLIDAY = ("school_name", "school_first", "school_last", "school_area", "school_source_url")


async def show(request: web.Request) -> web.Response:
    """``GET /desk/supervise``: who is on, and every chat that waits or is with somebody."""
    await record_look(request, "desk viewed")
    store, now = store_of(request), utc_now()
    titles = await request.app[NAMES].titles()
    desk = await store.on_the_desk()
    names = {one.adviser.id: one.adviser.name for one in desk}
    live = [
        {
            "id": case.conversation.id,
            "reference": case.escalation.reference,
            "priority": str(case.escalation.priority),
            "reason": reason_in_words(case.escalation.reason, titles),
            "waited": waited(case.escalation.created_at, now),
            "holder": names.get(case.conversation.adviser_id or "", ""),
        }
        for case in await store.live()
    ]
    context = {
        "desk": desk,
        "live": live,
        "most": MOST_CAPACITY,
        "on_duty": [(one.adviser.id, one.adviser.name) for one in desk if one.on_duty],
        "done": _done(request),
    }
    return render(request, "supervise.html", context)


async def set_capacity(request: web.Request) -> web.Response:
    """``POST /desk/supervise/capacity``."""
    form = await request.post()
    raw, whose = str(form.get("capacity", "")), str(form.get("adviser", ""))
    try:
        await store_of(request).set_capacity(whose, int(raw))
    except ValueError as error:
        raise Refusal(Code.WRONG_VALUE, detail=f"Choose a number from 1 to {MOST_CAPACITY}.") from error
    await _record(request, "capacity set", {"adviser": whose, "capacity": int(raw)})
    _to(request, "desk.supervise", "capacity")


async def show_service(request: web.Request) -> web.Response:
    """``GET /desk/service``: what holds for everybody."""
    return await _service_page(request, {})


async def set_hours(request: web.Request) -> web.Response:
    """``POST /desk/service/hours``: one line a day, such as ``09:00-12:00, 13:00-17:00``; empty is closed."""
    form = await request.post()
    typed = {day: str(form.get(f"day{day}", "")) for day in range(7)}
    weekly: dict[int, tuple[Hours, ...]] = {}
    errors: dict[str, str] = {}
    for day, line in typed.items():
        try:
            weekly.update(read_weekly(f"{DAYS[day]} {line}") if line.strip() else {})
        except ValueError:
            errors[f"day{day}"] = f"{DAYS[day]}: write the hours as 09:00-17:00, in their order."
    if not errors:
        try:
            await store_of(request).set_hours(
                weekly, closed_on_bank_holidays="bank_holidays" in form, by=request[ADVISER].id
            )
        except ValueError as error:
            errors["day0"] = str(error)
    if errors:
        return await _service_page(request, errors, typed)
    _to(request, "desk.service", "hours")


async def add_closure(request: web.Request) -> web.Response:
    """``POST /desk/service/closures``."""
    form = await request.post()
    first = _day(str(form.get("first", "")))
    last = _day(str(form.get("last", ""))) if form.get("last") else first
    if first is None or last is None:
        return await _service_page(request, {"first": "Write the days as 2026-12-24."})
    try:
        await store_of(request).add_closure(first, last, str(form.get("reason", "")), by=request[ADVISER].id)
    except ValueError as error:
        return await _service_page(request, {"reason": str(error)})
    _to(request, "desk.service", "closure")


async def remove_closure(request: web.Request) -> web.Response:
    """``POST /desk/service/closures/remove``."""
    raw = str((await request.post()).get("closure", ""))
    if not (raw.isascii() and raw.isdigit()):
        raise Refusal(Code.BAD_REQUEST)
    await store_of(request).remove_closure(int(raw), by=request[ADVISER].id)
    _to(request, "desk.service", "closure-off")


async def add_school_holiday(request: web.Request) -> web.Response:
    """``POST /desk/service/school-holidays``; what was typed stays when something is wrong with it."""
    form = await request.post()
    typed = {field: str(form.get(field, "")).strip() for field in _SCHOOL_HOLIDAY}
    name, area, source_url = typed["school_name"], typed["school_area"], typed["school_source_url"]
    first, last = _day(typed["school_first"]), _day(typed["school_last"])
    wrong = wrong_with_school_holiday(first, last, name, source_url)
    if area and area not in (await request.app[NAMES].titles()).covered:
        wrong["area"] = "Choose one of the areas, or everywhere."
    if wrong or first is None or last is None:
        named = {f"school_{key}": words for key, words in wrong.items()}
        errors = {field: named[field] for field in _SCHOOL_HOLIDAY if field in named}
        return await _service_page(request, errors, school=typed)
    await store_of(request).add_school_holiday(
        first, last, name, source_url=source_url, area=area or None, by=request[ADVISER].id
    )
    _to(request, "desk.service", "school-holiday")


async def remove_school_holiday(request: web.Request) -> web.Response:
    """``POST /desk/service/school-holidays/remove``."""
    raw = str((await request.post()).get("school_holiday", ""))
    if not (raw.isascii() and raw.isdigit() and len(raw) < 10):
        raise Refusal(Code.BAD_REQUEST)
    await store_of(request).remove_school_holiday(int(raw), by=request[ADVISER].id)
    _to(request, "desk.service", "school-holiday-off")


async def announce(request: web.Request) -> web.Response:
    """``POST /desk/service/announcement``: shown to the public; empty takes it down."""
    text = str((await request.post()).get("announcement", ""))
    try:
        await store_of(request).announce(text, by=request[ADVISER].id)
    except ValueError as error:
        return await _service_page(request, {"announcement": str(error)})
    _to(request, "desk.service", "announcement")


async def switch_assistant(request: web.Request) -> web.Response:
    """``POST /desk/service/assistant``: off leaves the page with the human contacts."""
    form = await request.post()
    turn_on = str(form.get("on", "")) == "yes"
    try:
        await store_of(request).switch_assistant(
            turn_on, by=request[ADVISER].id, why=str(form.get("why", ""))
        )
    except ValueError as error:
        return await _service_page(request, {"why": str(error)})
    _to(request, "desk.service", "assistant")


async def show_audit(request: web.Request) -> web.Response:
    """``GET /desk/audit``: who did what, the newest first. Nobody can change it."""
    store, query = store_of(request), request.query
    before = query.get("before", "")
    names = {account.id: account.name for account in await store.advisers()}
    everybody = {**names, "system": "The helpline", "user": "The person who chatted"}
    entries = await store.audit_log(
        who=query.get("who") or None,
        action=query.get("action") or None,
        conversation_id=query.get("chat") or None,
        before_id=int(before) if before.isascii() and before.isdigit() and len(before) < 18 else None,
        limit=_PAGE,
    )
    looked_at = {name: query[name] for name in ("who", "action", "chat", "before") if query.get(name)}
    await _record(request, "audit log viewed", {name: value[:64] for name, value in looked_at.items()})
    rows = [
        {
            "at": entry.at.astimezone(LOCAL_TIME).strftime("%-d %b %Y, %H:%M:%S"),
            "who": everybody.get(entry.who, entry.who),
            "action": entry.action,
            "chat": entry.reference or "",
            "detail": ", ".join(f"{name}: {_named(value, names)}" for name, value in entry.detail.items()),
        }
        for entry in entries
    ]
    context = {
        "rows": rows,
        "who": query.get("who", ""),
        "action": query.get("action", ""),
        "people": sorted(names.items(), key=lambda pair: pair[1]),
        "older": entries[-1].id if len(entries) == _PAGE else None,
    }
    return render(request, "audit.html", context)


def _named(value: object, names: Mapping[str, str]) -> str:
    """A value of an entry: an account by its name, where it is one."""
    return names.get(value, value) if isinstance(value, str) else str(value)


async def _service_page(
    request: web.Request,
    errors: dict[str, str],
    typed: dict[int, str] | None = None,
    school: dict[str, str] | None = None,
) -> web.Response:
    titles = await request.app[NAMES].titles()
    state = await store_of(request).service_state()
    weekly = state.opening.weekly
    lines = typed or {day: ", ".join(_span(*hours) for hours in weekly.get(day, ())) for day in range(7)}
    context = {
        "days": [(f"day{day}", DAYS[day], lines[day]) for day in range(7)],
        "bank_holidays": state.opening.closed_on_bank_holidays,
        "closures": state.opening.closures,
        "school_holidays": [
            (one, titles.area(one.area) if one.area else "everywhere") for one in state.school_holidays
        ],
        "school": school or dict.fromkeys(_SCHOOL_HOLIDAY, ""),
        "areas": [
            ("", "Everywhere"),
            *sorted(((area, titles.area(area)) for area in titles.covered), key=lambda one: one[1]),
        ],
        "announcement": state.announcement or "",
        "most": ANNOUNCEMENT_CHARS,
        "assistant_on": state.assistant_on,
        "open_now": state.opening.is_open(datetime.now(LOCAL_TIME)),
        "errors": errors,
        "done": _done(request),
    }
    return render(request, "service.html", context, status=422 if errors else 200)


def _day(typed: str) -> date | None:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        return None


def _span(opens: time, closes: time) -> str:
    return f"{opens:%H:%M}-{closes:%H:%M}"


def _done(request: web.Request) -> str | None:
    return _DONE.get(request.query.get("done", ""))


async def _record(request: web.Request, action: str, detail: Json) -> None:
    await store_of(request).audit(who=request[ADVISER].id, action=action, detail=detail)


def _to(request: web.Request, route: str, done: str) -> NoReturn:
    raise web.HTTPSeeOther(request.app.router[route].url_for().with_query(done=done))

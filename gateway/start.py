"""What a chat begins with: shown before anything is said, and logged as the welcome when something is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from conversations.log import Draft
from gateway import person_wording, wording
from gateway.crisis import GENERAL_DANGER, emergency_lines
from gateway.keys import CRISIS, SERVICE_STATE, SETTINGS


def welcome_of(app: web.Application, area: str | None) -> list[Draft]:
    """The first messages of a chat, with the numbers to call instead in an emergency."""
    state = app[SERVICE_STATE][0]
    welcome = wording.welcome(app[SETTINGS].retention_days, emergency_lines(app[CRISIS], area, young=False))
    if not state.assistant_on:
        welcome = [person_wording.assistant_off((), ())]
    return [person_wording.announcement(state.announcement), *welcome] if state.announcement else welcome


def start_json(app: web.Application, area: str | None) -> dict[str, Any]:
    """The welcome and what the page around a chat needs to know. ``hours`` is None while none are set."""
    settings = app[SETTINGS]
    return {
        "service_name": settings.service_name,
        "area": area,
        "messages": [draft_json(draft) for draft in welcome_of(app, area)],
        "contacts": app[CRISIS].reply(GENERAL_DANGER, area, None, False).contacts,
        "person_button": wording.TALK_TO_A_PERSON,
        "retention_days": settings.retention_days,
        "max_message_chars": settings.max_message_chars,
        "leave_url": settings.leave_url,
        "phone": settings.phone or None,
        "hours": wording.hours(app[SERVICE_STATE][0].opening, datetime.now(UTC)),
    }


def draft_json(draft: Draft) -> dict[str, Any]:
    """A message that is not logged yet, as the web contract shows messages; it has no number and no time."""
    return {
        "role": str(draft.role),
        "text": draft.text,
        "easy_read": draft.easy_read,
        "buttons": list(draft.buttons),
        "cards": list(draft.cards),
        "sources": list(draft.sources),
        "attachments": list(draft.attachments),
    }

"""What follows from a change of ownership, and from a crisis that waits while nobody is on duty.

No event and no alert holds words of a chat, or anything about the person who writes in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from conversations.log import first_name
from conversations.models import Escalation, Json, Owner
from conversations.outgoing import Changed, Entry, Plan
from gateway import person_wording
from gateway.outgoing.queue_servers import QueueServer, server_of
from gateway.outgoing.settings import OutgoingSettings

#: Kinds of entries of the outbox.
BOT, WEBHOOK, ALERT_WEBHOOK, ALERT_EMAIL = "bot", "webhook", "alert_webhook", "alert_email"

#: The bot forgets a chat sooner than that; a webhook's receiver may be down over a weekend.
_BOT_FOR, _WEBHOOK_FOR = timedelta(hours=1), timedelta(days=3)

#: An alert is sent until somebody takes it.
_ALERT_FOR = timedelta(days=30)

_EVENTS = {Owner.QUEUED: "conversation.queued", Owner.ADVISER: "conversation.claimed"}


def plan_of(changed: Changed, settings: OutgoingSettings, servers: Sequence[QueueServer]) -> Plan:
    """Entries for the outbox, and what the person is told once an adviser has finished."""
    transition = changed.transition
    finished = transition.from_owner is Owner.ADVISER and transition.to_owner in (
        Owner.BOT,
        Owner.CALLBACK,
        Owner.CLOSED,
    )
    entries = list(server_of(changed.conversation, servers).follow(changed))
    if finished:
        entries.append(Entry(BOT, changed.conversation.id, {"do": "handed_back"}, _BOT_FOR))
    event = "conversation.closed" if finished else _EVENTS.get(transition.to_owner)
    if event is not None and changed.escalation is not None:
        body = _event_json(event, changed, changed.escalation)
        entries += [Entry(WEBHOOK, url, body, _WEBHOOK_FOR) for url in settings.webhook_urls]
    # If somebody has the chat again by now, it is not the moment to ask.
    asks = finished and changed.owner not in (Owner.QUEUED, Owner.ADVISER)
    return Plan(entries, [person_wording.ask_rating()] if asks else [])


def alerts_of(escalation: Escalation, settings: OutgoingSettings) -> list[Entry]:
    """The alert that a crisis waits and nobody is on duty, for everybody who is to get it."""
    body: Json = {
        "id": f"alert-{escalation.reference}",
        "event": "crisis.waiting",
        "reference": escalation.reference,
        "waiting_since": _time(escalation.created_at),
        "desk": f"{settings.public_url.rstrip('/')}/desk/",
    }
    return [
        *(Entry(ALERT_WEBHOOK, url, body, _ALERT_FOR) for url in settings.alert_webhook_urls),
        *(Entry(ALERT_EMAIL, to, body, _ALERT_FOR) for to in settings.alert_email_to),
    ]


def _event_json(event: str, changed: Changed, escalation: Escalation) -> Json:
    transition, adviser = changed.transition, changed.adviser
    return {
        "id": f"event-{changed.conversation.id}-{transition.id}",
        "event": event,
        "at": _time(transition.at),
        "conversation": changed.conversation.id,
        "channel": changed.conversation.channel,
        "area": changed.conversation.area,
        "reference": escalation.reference,
        "reason": escalation.reason,
        "priority": str(escalation.priority),
        "adviser": first_name(adviser.name) if adviser is not None else None,
        "outcome": escalation.outcome if event == "conversation.closed" else None,
    }


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"

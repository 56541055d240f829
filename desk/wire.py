"""How chats look on the desk: the same shapes fill the pages and travel through the sockets.

Times are shown in the time of the people who use the desk, which is that of London.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from conversations.casework import LastWord
from conversations.files import AMR, is_file
from conversations.handoff import Lost, Waiting
from conversations.models import (
    Adviser,
    Conversation,
    DeliveryState,
    Escalation,
    Json,
    Message,
    Owner,
    Priority,
    Role,
)
from conversations.reasons import REASONS
from desk.held import Held
from desk.names import Titles

_LOCAL_TIME = ZoneInfo("Europe/London")

#: How the gateway marks the notes of its safety check, and how it begins them.
_SAFETY_ALERT = "safety_alert"
_ACKNOWLEDGED = "acknowledged"

#: How the gateway marks what it fetched of what a person sent.
_FROM_THE_PERSON = "from_the_person"
_ALERT_PREFIX = "Safety alert: "

_PRIORITIES = {Priority.NORMAL: "", Priority.HIGH: "High priority", Priority.CRISIS: "Crisis"}

#: The very last question is often only "can I talk to a person?".
_ASKED_IN_ROW = 3

#: Fields of a card that are no words for people.
_NOT_SHOWN = {"kind", "id", "title", "bars", "caption", "voice", "voices", "limits", "fields"}

#: What the family's page calls a card's field, where that is not the field's own name.
_LABELS = {
    "organization": "Run by",
    "who_for": "Who it is for",
    "needs_diagnosis": "Diagnosis",
    "how_to_reach": "How to reach it",
    "url": "Website",
    "hours": "Open",
    "costs": "Cost",
    "caveat": "Please note",
    "text_alternative": "What the chart shows",
}


#: The status of a chat that the desk does not have.
GONE: Json = {
    "state": "gone",
    "line": "This chat is not with the desk any more. The assistant answers if they write.",
    "urgent": None,
}


#: Safety flags of a summary that are no topic of the store.
_FLAGS = {"distress": "They sounded distressed"}


def waited(since: datetime, now: datetime) -> str:
    """How long ago ``since`` was, in words: "less than a minute", "1 hour 5 minutes", "2 days"."""
    minutes = max(0, int((now - since) / timedelta(minutes=1)))
    if minutes < 1:
        return "less than a minute"
    if minutes < 60:
        return _count(minutes, "minute")
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return _count(hours, "hour") + (f" {_count(minutes, 'minute')}" if minutes else "")
    return _count(hours // 24, "day")


def lost_json(lost: Lost) -> Json:
    """A chat that its adviser lost with their connection: when, and what became of it."""
    match lost.conversation.owner:
        case Owner.QUEUED:
            now = "It waits in the queue."
        case Owner.ADVISER:
            now = f"{lost.holder} has it."
        case Owner.CALLBACK:
            now = "A call back was agreed."
        case _:
            now = "It is not with the desk any more."
    at = lost.at.astimezone(_LOCAL_TIME)
    return {
        "id": lost.conversation.id,
        "reference": lost.reference,
        "line": f"went back in the queue at {at:%H:%M} on {at.day} {at:%B}. {now}",
    }


def is_alert(message: Message) -> bool:
    """Whether the safety check wrote this for the adviser."""
    return message.meta.get("kind") == _SAFETY_ALERT


def message_json(message: Message, titles: Titles) -> Json:
    """A message of the log as an adviser sees it, with everything that was shown with it."""
    alert = is_alert(message)
    text = _alert_text(message, titles) if alert else message.text
    return {
        "seq": message.seq,
        "kind": _kind(message),
        "who": "Safety alert, only advisers see this" if alert else _speaker(message),
        "time": message.created_at.astimezone(_LOCAL_TIME).strftime("%H:%M"),
        "created_at": message.created_at.astimezone(UTC).isoformat(timespec="seconds"),
        "text": text,
        "buttons": [str(button.get("title", "")) for button in message.buttons],
        "cards": [_card(card) for card in message.cards],
        "sources": [_source(source) for source in message.sources],
        "files": [_file(one) for one in message.attachments if is_file(one)],
        "acknowledges": acknowledges(message),
    }


def waiting_json(waiting: Waiting, titles: Titles, now: datetime) -> Json:
    """One entry of the queue."""
    return {
        **_row(waiting.escalation, waiting.conversation, titles),
        "detail": f"Waiting {waited(waiting.escalation.created_at, now)}",
    }


def held_json(held: Held, titles: Titles, now: datetime) -> Json:
    """One of the adviser's own chats."""
    row = _row(held.escalation, held.conversation, titles)
    last = _last_spoken(held)
    if last is None:
        row["detail"] = "You have not written yet"
    elif last.role is Role.USER:
        row["detail"] = f"They wrote {waited(last.created_at, now)} ago and wait for your reply"
        row["waits_for_reply"] = True
    else:
        row["detail"] = "You wrote last"
    row["unseen_alert"] = unseen_alert(held.latest) is not None
    if row["unseen_alert"]:
        row["priority"], row["tag"] = str(Priority.CRISIS), "Safety alert"
    return row


def other_chats_json(chats: Sequence[Held], chat: str) -> list[Json]:
    """The adviser's chats other than ``chat``: which wait for a reply, which have an unseen alert."""
    others = []
    for held in sorted(chats, key=lambda held: held.escalation.created_at):
        if held.conversation.id == chat:
            continue
        last = _last_spoken(held)
        waits = last is not None and last.role is Role.USER
        others.append(
            {
                "id": held.conversation.id,
                "reference": held.escalation.reference,
                "line": "waits for your reply" if waits else "",
                "about": _in_short(held.escalation.summary),
                "waits": waits,
                "unseen_alert": unseen_alert(held.latest) is not None,
            }
        )
    return others


#: Of what somebody wants, so much tells one chat from another.
_SHORT = 60


def _in_short(summary: Json) -> str:
    """The beginning of what the person wants, to know the chat by; empty when they asked nothing."""
    wanted = _texts(summary.get("wants")) or _texts(summary.get("asked"))
    if not wanted:
        return ""
    words = " ".join(wanted[-1].split())
    return f"“{words}”" if len(words) <= _SHORT else f"“{words[:_SHORT].rsplit(' ', 1)[0]}…”"


def _last_spoken(held: Held) -> Message | None:
    """The newest message of the person or an adviser to each other; a note to colleagues is none."""
    spoken = (m for m in reversed(held.latest) if m.role in (Role.USER, Role.ADVISER) and not m.private)
    return next(spoken, None)


def acknowledges(message: Message) -> int:
    """The number of the newest safety alert that somebody says here to have seen; 0 for other messages."""
    return int(message.meta.get("alert", 0)) if message.meta.get("kind") == _ACKNOWLEDGED else 0


def unseen_alert(messages: Sequence[Message]) -> Message | None:
    """The newest safety alert among these that nobody has acknowledged yet."""
    seen = max((acknowledges(message) for message in messages), default=0)
    alerts = [message for message in messages if is_alert(message) and message.seq > seen]
    return alerts[-1] if alerts else None


def summary_json(
    escalation: Escalation, conversation: Conversation, messages: Sequence[Message], titles: Titles
) -> Json:
    """The story in short: facts as ``{"label", "value"}``, then lists of what was asked and shown."""
    summary = escalation.summary
    facts = [
        ("Reference", escalation.reference),
        ("Why", reason_in_words(escalation.reason, titles)),
        ("Area", _area(summary, conversation, titles) or "Not known"),
        ("About", _about(summary, conversation) or "Not known"),
    ]
    if summary.get("writer_is_under_18") or conversation.young:
        facts.append(("Who is writing", "A young person, under 18 as far as we know"))
    if topic := summary.get("last_topic"):
        facts.append(("Last topic", titles.topic(str(topic))))
    if wants := _texts(summary.get("wants")):
        facts.append(("What they want", wants[-1]))
    likes = ["Easy Read: short, plain sentences"] if summary.get("easy_read") else []
    if likes := [*likes, *_texts(summary.get("communication"))]:
        facts.append(("How they like to be written to", "; ".join(likes)))
    if flags := _texts(summary.get("safety")):
        facts.append(("Safety", "; ".join(_FLAGS.get(flag) or titles.topic(flag) for flag in flags)))
    if reason := summary.get("safety_reason"):
        facts.append(("What the safety check saw", str(reason).replace("_", " ")))
    return {
        "reference": escalation.reference,
        "facts": [{"label": label, "value": value} for label, value in facts],
        "asked": _texts(summary.get("asked")),
        "shown": list(_shown(messages)),
        "since": escalation.created_at.astimezone(_LOCAL_TIME).strftime("%-d %B, %H:%M"),
    }


#: What was written a moment ago is on its way: nothing is told of it yet.
_ON_ITS_WAY = timedelta(seconds=5)


def arrival_in_words(last: LastWord | None, now: datetime) -> str:
    """Whether an adviser's newest words have reached the person's page; empty while that is not known."""
    if last is None:
        return ""
    if last.arrived:
        return "Your last message is on their page."
    if now - last.said_at < _ON_ITS_WAY:
        return ""
    return "Your last message is not on their page yet. It comes when their connection or page is back."


def delivery_in_words(states: dict[DeliveryState, int]) -> str:
    """Whether what was written has reached the person's messaging channel; empty for a chat on the web."""
    failed, pending = states.get(DeliveryState.FAILED, 0), states.get(DeliveryState.PENDING, 0)
    if failed:
        return f"{_count(failed, 'message')} could not be delivered to their phone."
    if pending:
        return f"{_count(pending, 'message')} still to be sent to their phone."
    if not states:
        return ""
    arrived = DeliveryState.SENT not in states
    return (
        "All messages were delivered to their phone." if arrived else "All messages were sent to their phone."
    )


def status_json(
    conversation: Conversation,
    escalation: Escalation | None,
    adviser: Adviser,
    owner_name: str | None,
    titles: Titles,
) -> Json:
    """Who has the chat, as seen by ``adviser``.

    ``state`` is "waiting", "mine", "colleague" or "gone"; ``urgent`` says that it is a crisis, or None.
    ``owner_name`` is the full name of the adviser who has it.
    """
    if escalation is None or conversation.owner not in (Owner.QUEUED, Owner.ADVISER):
        return GONE
    if conversation.owner is Owner.QUEUED:
        state, line = "waiting", "This chat waits for a person. The assistant answers until you take it."
    elif conversation.adviser_id == adviser.id:
        state, line = "mine", "You have this chat. The assistant is silent."
    else:
        state, line = "colleague", f"{owner_name or 'A colleague'} has this chat."
    return {"state": state, "line": line, "urgent": _urgent(escalation, titles)}


def _alert_text(message: Message, titles: Titles) -> str:
    # Wherever it is shown, "safety alert" stands before it.
    text = message.text.removeprefix(_ALERT_PREFIX)
    text = text[:1].upper() + text[1:]
    danger = message.meta.get("danger")
    return f"{text} It was taken for: {titles.topic(str(danger))}." if danger else text


def _urgent(escalation: Escalation, titles: Titles) -> str | None:
    if escalation.priority is not Priority.CRISIS:
        return None
    danger = escalation.summary.get("danger")
    return "This chat is marked as a crisis" + (f": {titles.topic(str(danger))}." if danger else ".")


def _row(escalation: Escalation, conversation: Conversation, titles: Titles) -> Json:
    asked = _texts(escalation.summary.get("asked"))
    known = [
        _area(escalation.summary, conversation, titles),
        _about(escalation.summary, conversation),
        "young person writing" if conversation.young else None,
    ]
    return {
        "id": conversation.id,
        "reference": escalation.reference,
        "priority": str(escalation.priority),
        "tag": _PRIORITIES[escalation.priority],
        "asked": " ".join(f"“{text}”" for text in asked[-_ASKED_IN_ROW:])
        or "They have not asked a question yet.",
        "known": ", ".join(part for part in known if part) or "Nothing known yet about where or who",
        "detail": "",
        "waits_for_reply": False,
    }


def _kind(message: Message) -> str:
    if is_alert(message):
        return "alert"
    return "note" if message.private else str(message.role)


def _speaker(message: Message) -> str:
    if message.meta.get("kind") == _FROM_THE_PERSON:
        return "From the person, only advisers see this"
    if message.private:
        return f"Note by {message.author or 'the desk'}, only advisers see this"
    return {
        Role.USER: "Person asking",
        Role.ASSISTANT: "Automated assistant",
        Role.ADVISER: f"Adviser {message.author}",
        Role.SYSTEM: "Helpline",
    }[message.role]


def reason_in_words(reason: str, titles: Titles) -> str:
    """Why a person was asked for."""
    return REASONS.get(reason) or titles.topic(reason)


def _area(summary: Json, conversation: Conversation, titles: Titles) -> str | None:
    area, place = summary.get("area") or conversation.area, summary.get("place")
    name = titles.area(str(area)) if area else None
    return f"{name} ({place})" if name and place and place != name else name or place


def _about(summary: Json, conversation: Conversation) -> str | None:
    age, cohort = summary.get("age"), summary.get("about")
    if age is None:
        age = conversation.age
    who = {"child": "a child", "adult": "an adult"}.get(str(cohort))
    if age is None:
        return who
    years = f"{_count(int(age), 'year')} old"
    return f"{who}, {years}" if who else years


def _shown(messages: Sequence[Message]) -> Iterator[str]:
    """The title of each card and source the assistant showed, once, in the order of showing."""
    seen = set()
    for message in messages:
        for shown in (*message.cards, *message.sources):
            title = str(shown.get("title") or "")
            if title and title not in seen:
                seen.add(title)
                yield title


def _card(card: Json) -> Json:
    lines = []
    for field, value in card.items():
        words = "" if field in _NOT_SHOWN else _words(value)
        if words:
            label = _LABELS.get(field, field.replace("_", " ").capitalize())
            lines.append({"label": label, "text": words})
    return {"title": str(card.get("title") or card.get("kind") or "Card"), "lines": lines}


def _source(source: Json) -> Json:
    details = [
        source.get("publisher"),
        source.get("locator"),
        f"published {source['published']}" if source.get("published") else None,
        f"as of {source['as_of']}" if source.get("as_of") else None,
    ]
    url = str(source.get("url") or "")
    return {
        "title": str(source.get("title") or "Source"),
        "detail": ", ".join(str(part) for part in details if part),
        # Only addresses of the web become links: a source comes from the store, and stores are imported.
        "url": url if url.startswith(("https://", "http://")) else "",
    }


def _file(attachment: Json) -> Json:
    """``shown`` is how a page shows it in place: "picture", "sound" or not at all."""
    media_type = attachment["media_type"]
    shown = {"image": "picture", "audio": "sound"}.get(media_type.partition("/")[0], "")
    if media_type == AMR:
        shown = ""  # no browser plays it: it is there to be saved
    return {
        "id": attachment["id"],
        "name": attachment["title"],
        "size": attachment["size_said"],
        "shown": shown,
    }


def _words(value: Any) -> str:
    """Whatever a card holds, as words; nothing for what is empty or only a mark."""
    match value:
        case None | bool():
            return ""
        case dict():
            return ", ".join(words for part in value.values() if (words := _words(part)))
        case list() | tuple():
            return "; ".join(words for part in value if (words := _words(part)))
        case _:
            return str(value)


def _texts(value: Any) -> list[str]:
    """A summary comes from elsewhere: take a text or a list of texts, and nothing else."""
    if isinstance(value, str):
        return [value] if value.strip() else []
    return [str(text) for text in value if text] if isinstance(value, list) else []


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"

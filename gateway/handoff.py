"""Asking for a person, and telling the truth about what happens next."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

from conversations.log import Draft, utc_now
from conversations.models import Conversation, Escalation, Json, Message, Owner, Priority, Role
from conversations.store import Store
from gateway import person_wording, wording
from gateway.elsewhere import Elsewhere
from gateway.languages import foreign
from gateway.person_wording import how_long, next_here

#: How many of the person's last messages a summary holds. The adviser sees the whole chat beside it.
_MOST_ASKED = 8

#: Buttons that say nothing about what the person wants to know.
_NO_QUESTION = frozenset(
    {
        wording.HUMAN_REQUEST,
        wording.TRY_AGAIN,
        wording.ANSWER_QUESTION,
        wording.STOP_WAITING,
        person_wording.YES_PERSON,
        person_wording.NO_PERSON,
        person_wording.RATE_COMMENT,
        person_wording.CALL_BACK_NO_NAME,
    }
)
_NO_QUESTION_BEGINNINGS = (wording.CALL_BACK, person_wording.RATE)

_YES = re.compile(
    r"\s*(?:yes|yeah|yep|yup|ok|okay|sure|fine|please do|go ahead|pass it on|"
    r"that(?:'s| is) (?:fine|ok(?:ay)?|all ?right))"
    r"(?:[\s,]+(?:please|thanks?|thank you|pass it on|that(?:'s| is) (?:fine|ok(?:ay)?)))*\W*",
    re.IGNORECASE,
)
_NO = re.compile(
    r"\s*(?:no|nope|nah|not now|do not|don'?t)(?:[\s,]+(?:please|thanks?|thank you))*\W*", re.IGNORECASE
)

#: How somebody asks to be spoken to.
_PLAIN = re.compile(
    r"\b(?:plain|simple|simpler|easy|easier) (?:words|english|language|terms)\b", re.IGNORECASE
)
_SLOW = re.compile(
    r"\bslow(?:ly|er)?\b|\bone (?:thing|question|step) at a time\b|\btoo (?:much|fast)\b", re.IGNORECASE
)


#: Asking for a person in so many words.
_ASKS_FOR_A_PERSON = re.compile(
    r"\b(?:talk|speak|chat|spoken)\b.{0,20}\b(?:person|human|some(?:one|body)|advis[eo]r|people)\b"
    r"|\b(?:real|actual) (?:person|human)\b|\b(?:advis[eo]r|human)\b.{0,10}\bplease\b",
    re.IGNORECASE,
)


def asks_for_person(text: str) -> bool:
    """Whether ``text`` plainly asks for a person; for where the dialogue model cannot be asked."""
    return bool(_ASKS_FOR_A_PERSON.search(text))


async def offer_person(
    store: Store,
    elsewhere: Elsewhere,
    conversation: Conversation,
    *,
    reason: str,
    priority: Priority,
    summary: Json,
    who: str,
    call_back_after: timedelta,
) -> Draft:
    """Say what asking for a person means now, and ask whether to. Nothing is passed on yet.

    What would be passed on is kept with the offer. Who waits already, or has a person, is told that instead.
    Raises ``StoreUnavailable`` or ``NotFound``.
    """
    owner = (await store.get(conversation.id)).owner
    if owner in (Owner.QUEUED, Owner.ADVISER):
        return await ask_for_person(
            store,
            elsewhere,
            conversation,
            reason=reason,
            priority=priority,
            summary=summary,
            who=who,
            call_back_after=call_back_after,
        )
    on_duty = await store.advisers_present()
    places = [] if on_duty else await elsewhere.near(summary.get("area") or conversation.area)
    return person_wording.offer(
        on_duty=on_duty,
        ahead=await store.queue_length(),
        expected=await store.expected_wait(),
        state=await store.service_state(),
        now=utc_now(),
        elsewhere=[place.name for place in places],
        cards=[place.card for place in places],
        meta={"handoff": {"reason": reason, "priority": priority, "summary": summary, "who": who}},
    )


async def ask_whether_a_person(
    store: Store, conversation: Conversation, history: Sequence[Message], *, because: str
) -> Draft | None:
    """Ask whether somebody would like a person, who got less than an answer; None when they know of that.

    Once a chat: nobody is asked who was offered a person before (``history`` is the whole of it), or for whom
    one is on the way. ``because`` is a code of ``conversations.reasons``. Raises ``StoreUnavailable``.
    """
    if conversation.owner is not Owner.BOT:
        return None
    if any(message.meta.get("offers_person") or message.meta.get("handoff") for message in history):
        return None
    return person_wording.ask_whether_a_person(
        on_duty=await store.advisers_present(),
        state=await store.service_state(),
        now=utc_now(),
        because=because,
    )


async def answer_offer(
    store: Store,
    elsewhere: Elsewhere,
    conversation: Conversation,
    history: Sequence[Message],
    text: str,
    payload: str | None,
    *,
    call_back_after: timedelta,
) -> list[Draft] | None:
    """What follows a yes or a no to the offer; None when the message is something else.

    A typed yes or no counts only right after the offer; the buttons count as long as they are there.
    """
    offers = [message for message in history if message.meta.get("kind") == "consent"]
    if payload is None:
        before = next((m for m in reversed(history[:-1]) if not m.private), None)
        if before is None or before.meta.get("kind") != "consent":
            return None
        is_yes, is_no = bool(_YES.fullmatch(text)), bool(_NO.fullmatch(text))
    else:
        is_yes, is_no = payload == person_wording.YES_PERSON, payload == person_wording.NO_PERSON
    if is_no:
        return [person_wording.not_passed_on()]
    if not is_yes:
        return None
    if not offers:
        return [person_wording.nothing_to_pass_on()]
    offered = offers[-1].meta["handoff"]
    return [
        await ask_for_person(
            store,
            elsewhere,
            conversation,
            reason=offered["reason"],
            priority=Priority(offered["priority"]),
            summary=offered["summary"],
            who=offered["who"],
            call_back_after=call_back_after,
        )
    ]


def offered_because(history: Sequence[Message]) -> str | None:
    """Why a person was offered in the answer right before the last message; None when nobody was."""
    because = [message.meta.get("offers_person") for message in _answer_before(history)]
    return next((str(found) for found in reversed(because) if found), None)


def is_yes_to_a_person(history: Sequence[Message], text: str) -> bool:
    """Whether the last message, ``text``, says yes to a person who was offered right before it."""
    before = _answer_before(history)
    return bool(before and before[-1].meta.get("offers_person") and _YES.fullmatch(text))


def _answer_before(history: Sequence[Message]) -> list[Message]:
    """What was said to the person between their last message and the one before it."""
    shown = [message for message in history[:-1] if not message.private]
    theirs = [place for place, message in enumerate(shown) if message.role is Role.USER]
    return shown[theirs[-1] + 1 if theirs else 0 :]


async def ask_for_person(
    store: Store,
    elsewhere: Elsewhere,
    conversation: Conversation,
    *,
    reason: str,
    priority: Priority,
    summary: Json,
    who: str,
    call_back_after: timedelta,
) -> Draft:
    """Put the chat in the queue and return what to tell the person.

    ``who`` asked: "user" or "assistant". They are told that after
    ``call_back_after`` a call back is offered. Raises ``StoreUnavailable`` or ``NotFound``.
    """
    escalation = await store.escalate(
        conversation.id, reason=reason, priority=priority, summary=summary, who=who
    )
    name = await store.adviser_name(conversation.id)
    if name is not None:
        return wording.adviser_has_it(name)
    if await store.advisers_present():
        position = await store.queue_position(conversation.id) or 1
        return wording.waiting_with_adviser_here(escalation.reference, position, how_long(call_back_after))
    places = await elsewhere.near(summary.get("area") or conversation.area)
    return wording.waiting_with_nobody_here(
        escalation.reference,
        next_here(await store.service_state(), utc_now()),
        [place.name for place in places],
        [place.card for place in places],
    )


async def mark_urgent(
    store: Store,
    conversation: Conversation,
    *,
    danger: str,
    reason: str,
    summary: Json,
    answered: bool = False,
) -> Draft | None:
    """Record that the chat speaks of danger; what to tell the person, or None when they were told before.

    ``answered``: danger is only likely, and the answer to what was asked follows.
    """
    before = await store.escalation(conversation.id)
    escalation = await store.escalate(
        conversation.id,
        reason=danger,
        priority=Priority.CRISIS,
        summary={**summary, "danger": danger, "safety_reason": reason},
        who="system",
    )
    if (before is not None and before.priority is Priority.CRISIS) or await _with_person(store, escalation):
        return None
    present = await store.advisers_present() > 0
    return wording.after_crisis(present, escalation.reference, in_case=answered)


async def _with_person(store: Store, escalation: Escalation) -> bool:
    return (await store.get(escalation.conversation_id)).owner is Owner.ADVISER


def summary_of(conversation: Conversation, messages: Sequence[Message]) -> Json:
    """What the log tells an adviser before they read it; the bot adds what it knows.

    ``wants`` is the last thing asked but for a person, ``shown_titles`` what was shown, ``communication`` how
    the person likes to be written to, ``safety`` what the safety check saw.
    """
    asked = [
        message.text[:300]
        for message in messages
        if message.role is Role.USER and message.text.strip() and _asks(message)
    ]
    topics = [message.topic for message in messages if message.topic]
    return {
        "asked": asked[-_MOST_ASKED:],
        "wants": next((text for text in reversed(asked) if not asks_for_person(text)), None),
        "area": conversation.area,
        "age": conversation.age,
        "writer_is_under_18": conversation.young,
        "last_topic": topics[-1] if topics else None,
        "shown_titles": _shown_titles(messages),
        "communication": _communication(messages),
        "safety": _safety(messages),
    }


def _asks(message: Message) -> bool:
    payload = str(message.meta.get("payload") or "")
    return (
        payload not in _NO_QUESTION
        and not payload.startswith(_NO_QUESTION_BEGINNINGS)
        and "kept_apart" not in message.meta
        and not _YES.fullmatch(message.text)
    )


def _shown_titles(messages: Sequence[Message]) -> list[str]:
    shown: dict[str, None] = {}
    for message in messages:
        if message.role is Role.ASSISTANT:
            for item in (*message.cards, *message.sources):
                if title := str(item.get("title") or ""):
                    shown[title] = None
    return list(shown)[-12:]


def _communication(messages: Sequence[Message]) -> list[str]:
    """Such as ["plain words", "slowly", "Urdu"]. Easy Read is the dialogue's to know: ``easy_read``."""
    likes: dict[str, None] = {}
    for message in messages:
        if message.role is not Role.USER or message.meta.get("payload"):
            continue
        if _PLAIN.search(message.text):
            likes["plain words"] = None
        if _SLOW.search(message.text):
            likes["slowly, one thing at a time"] = None
        other = foreign(message.text)
        if other is not None:
            likes[other.language.name if other.language else "a language other than English"] = None
    return list(likes)


def _safety(messages: Sequence[Message]) -> list[str]:
    """The topics of crisis replies that were given, and "distress"."""
    flags: dict[str, None] = {}
    for message in messages:
        if message.meta.get("kind") == "distress":
            flags["distress"] = None
        if message.topic and any(card.get("kind") == "crisis" for card in message.cards):
            flags[message.topic] = None
    return list(flags)

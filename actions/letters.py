"""Letters: which one is wanted, and handing it over to be filled in. What is filled in never comes here."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from typing import Any

from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Action, Tracker
from rasa_sdk.types import DomainDict
from sqlalchemy.orm import Session

from actions.context import Context, read_context
from actions.replies import Button, Reply, button
from actions.store import read_store, search
from knowledge.dates import say_date
from knowledge.letters import FilledLetter, fill, voice_for
from knowledge.models import Letter
from knowledge.periods import say_period
from knowledge.queries.areas import area_named, areas_from_near_to_wide
from knowledge.queries.letters import all_letters, letter_about, letter_by_id, limits_by_id
from knowledge.queries.services import services_by_id

#: The message that asks for a letter; with the entity ``letter``, for a certain one.
_ASK = "/letter_request"

#: A letter this close to the person's words may be the one they mean, and others nearly as close too. Set by
#: reading the scores of messages like those in tests/actions.
_CLOSE = 0.42
_NEARLY = 0.08

#: Every request for a letter has these words: they do not tell which.
_LETTER_WORDS = re.compile(
    r"\b(?:writ(?:e|es|ing|ten)|wrote|letters?|e-?mails?|templates?|draft(?:s|ing)?|sample|example|standard)\b",
    re.IGNORECASE,
)

_NOT_KEPT = "We do not keep what you write here."


class ActionLetter(Action):
    """Gives a letter to fill in, or asks which."""

    def name(self) -> str:
        return "action_letter"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> list[EventType]:
        """Give the letter that a button names, or that the words mean."""
        message: dict[str, Any] = tracker.latest_message or {}
        named = [one["value"] for one in message.get("entities") or [] if one.get("entity") == "letter"]
        wanted = str(named[-1]) if named else None
        return await asyncio.to_thread(_give, dispatcher, read_context(tracker), wanted)


def offer_letter(reply: Reply, session: Session, topic: str) -> None:
    """A button under an answer, if there is a letter for its topic."""
    letter = letter_about(session, topic)
    if letter is not None:
        reply.offer(_button("Write a letter about this", letter))


def _button(title: str, letter: Letter) -> Button:
    return button(title, f"{_ASK}{json.dumps({'letter': letter.id})}")


def _give(dispatcher: CollectingDispatcher, context: Context, wanted: str | None) -> list[EventType]:
    reply = Reply(context.topic, context.easy_read)
    with read_store() as session:
        letter = letter_by_id(session, wanted) if wanted else _meant(session, context)
        if letter is None:
            _ask_which(reply, session)
        else:
            _say_letter(reply, context, session, letter)
    reply.send(dispatcher, context.person())
    return replace(context, shown=tuple(reply.shown), misunderstood=0).slots()


def _meant(session: Session, context: Context) -> Letter | None:
    """The letter that the words mean, or that of the topic they go on from; None when it is not clear."""
    if not context.text:
        return None
    areas = areas_from_near_to_wide(session, context.store_area)
    words = " ".join(_LETTER_WORDS.sub(" ", context.text).split())
    scores = {match.record_id: match.score for match in search().closest(words, ["letter"], areas, limit=20)}
    best = max(scores.values(), default=0.0)
    close = [one for one, score in scores.items() if score >= max(_CLOSE, best - _NEARLY)]
    if len(close) == 1:
        return letter_by_id(session, close[0])
    going_on = letter_about(session, context.topic) if context.topic else None
    return going_on if going_on is not None and (not close or going_on.id in close) else None


def _ask_which(reply: Reply, session: Session) -> None:
    reply.say(
        "I can help you write a letter. What should it do?",
        easy_read="I can help you write a letter.\nWhat is the letter for?",
    )
    reply.offer(*(_button(letter.title, letter) for letter in all_letters(session)))


def _say_letter(reply: Reply, context: Context, session: Session, letter: Letter) -> None:
    voice = voice_for(letter, context.audience)
    known = _known(session, context)
    given = {field["name"]: known[field["known"]] for field in letter.fields if field["known"] in known}
    filled = fill(session, letter, given, voice)
    parts = [
        letter.about,
        "Fill in what you want. You can leave anything out. Then copy the letter or save it. "
        "We do not keep what you write in it.",
        letter.caveat,
        filled.note,
    ]
    reply.say("\n\n".join(part for part in parts if part), easy_read=letter.easy_read)
    reply.show(_as_text(filled), filled.records, letter_card(session, letter, voice, given))
    reply.offer(button("Another letter", _ASK))


def _as_text(filled: FilledLetter) -> str:
    """The letter for a channel without cards: with its blanks, and what to put into them."""
    blanks = [f"- {blank}" for blank in filled.blanks]
    return "\n".join([filled.text, "Put in yourself:", *blanks]) if blanks else filled.text


def _known(session: Session, context: Context) -> dict[str, str]:
    """What the chat knows already, by the names of ``content_schema.LetterField.known``."""
    known: dict[str, str] = {}
    area = area_named(session, context.store_area) if context.store_area else None
    # The council itself runs its Local Offer.
    offers = services_by_id(session, [area.local_offer]) if area is not None and area.local_offer else []
    if offers:
        known["council"] = offers[0].organization.name
    if context.event == "request-received" and context.event_date:
        known["request-received"] = say_date(context.event_date)
    if context.referred:
        known["referral"] = say_period(context.referred).removeprefix("on ").removeprefix("in ")
    return known


def letter_card(session: Session, letter: Letter, voice: str, given: dict[str, str]) -> dict[str, Any]:
    """The letter as a form: nothing in it must be filled in."""
    return {
        "kind": "letter",
        "id": letter.id,
        "title": letter.title,
        "note": _NOT_KEPT,
        "voice": voice,
        "voices": [{"id": one["id"], "label": one["label"]} for one in letter.voices],
        "limits": [{"id": rule.id, "title": rule.title} for rule in limits_by_id(session, letter.limits)],
        "fields": [
            {
                "name": field["name"],
                "label": field["label"],
                "hint": field["hint"],
                "multiline": field["multiline"],
                "value": given.get(field["name"], ""),
            }
            for field in letter.fields
        ],
    }

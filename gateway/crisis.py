"""The crisis reply as a message."""

from __future__ import annotations

import re

from conversations.log import Draft
from conversations.models import Conversation
from gateway import wording
from gateway.ports import Crisis

#: Taken when the check saw danger but not which: the reply that holds the most general help.
GENERAL_DANGER = "crisis_self_harm_suicide"

#: The topics of crisis replies, whether the safety check or the dialogue model saw the danger.
DANGERS = frozenset(
    {
        "crisis_self_harm_suicide",
        "crisis_abuse_safeguarding",
        "crisis_violence_danger",
        "crisis_missing",
        "medical_emergency",
    }
)

CARD_TITLE = "Get help now"

_OWN_AGE = re.compile(
    r"\b(?:i['’]?m|i am)\s+(?:only\s+|just\s+)?(\d{1,2})\b"
    r"(?!\s*(?:min|hour|hr|day|week|wk|month|mile|km|%|st|kg))",
    re.IGNORECASE,
)


def check_complete(cards: Crisis) -> None:
    """Raise ``RuntimeError`` unless there is a reply with a number to call for every danger.

    Asked at the start: better no helpline than one that finds out in an emergency that it has nothing to say.
    """
    for danger in sorted(DANGERS):
        try:
            reply = cards.reply(danger, None, None, False)
        except KeyError:
            raise RuntimeError(f"the knowledge content has no crisis reply for {danger}") from None
        if not any(contact.get("phone") for contact in reply.contacts):
            raise RuntimeError(f"the knowledge content has no crisis number for {danger}")


def own_age(text: str) -> int | None:
    """The age a person states of themselves ("I'm 13"), in years."""
    found = _OWN_AGE.search(text)
    return int(found.group(1)) if found else None


def crisis_message(cards: Crisis, danger: str | None, conversation: Conversation, text: str) -> Draft:
    """The reply to a message that speaks of danger. ``text`` is that message: it may say how old they are."""
    topic = danger if danger in DANGERS else GENERAL_DANGER
    age = own_age(text)
    young = conversation.young or (age is not None and age < 18)
    # An age kept from before may be the child's that a parent writes about; it counts for the writer only
    # when the writer is young.
    if age is None and conversation.young:
        age = conversation.age
    reply = cards.reply(topic, conversation.area, age, young)
    missing = [
        f"- {contact['name']}: {contact['phone']}"
        for contact in reply.contacts
        if contact.get("phone") and str(contact["phone"]) not in reply.text
    ]
    return Draft(
        text="\n".join([reply.text, *missing]),
        easy_read=reply.easy_read,
        buttons=(wording.TALK_TO_A_PERSON,),
        cards=({"kind": "crisis", "title": CARD_TITLE, "contacts": reply.contacts},),
        sources=reply.sources,
        topic=topic,
        meta={"kind": "crisis"},
    )

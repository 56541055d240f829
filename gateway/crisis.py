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

#: Where the words of a reply end and its contacts begin.
_FIRST_CONTACT = "\n- "

_OWN_AGE = re.compile(
    r"\b(?:i['’]?m|i am)\s+(?:only\s+|just\s+)?(\d{1,2})\b"
    r"(?!\s*(?:min|hour|hr|day|week|wk|month|mile|km|%|st|kg))",
    re.IGNORECASE,
)


#: The writer is the one who left, or who thinks of leaving ...
_LEFT_THEMSELVES = re.compile(
    r"\b(?:i|i['’]?ve|i['’]?m|im|ive|i have|i am|thinking (?:of|about)|want to|going to)\s+(?:\w+\s+){0,2}?"
    r"(?:(?:ran|run|running)\s+(?:away|off)|(?:left|leaving)\s+home)\b",
    re.IGNORECASE,
)
#: ... and speaks of nobody else: then it may be the other one who is missing.
_SOMEBODY_ELSE = re.compile(
    r"\b(?:he|she|they|him|her|them|his|their|s?he['’]s|they['’](?:re|ve)|(?:step|grand)?(?:son|daughter|child)"
    r"|(?:grand)?children|kids?|boys?|girls?|baby|toddler|teen(?:ager)?|brother|sister|sibling|twins?|friend"
    r"|nephew|niece|cousin|husband|wife|partner|pupil|student)s?\b",
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


def _left_themselves(text: str, age: int | None) -> bool:
    adult = age is not None and age >= 18
    return not adult and bool(_LEFT_THEMSELVES.search(text)) and not _SOMEBODY_ELSE.search(text)


def emergency_lines(cards: Crisis, area: str | None, *, young: bool) -> str:
    """The two most urgent contacts in as few words as can be, for somebody whose message we cannot read."""
    contacts = cards.reply(GENERAL_DANGER, area, None, young).contacts
    return "\n".join(_in_short(one["name"], one["phone"]) for one in contacts[:2] if one.get("phone"))


def _in_short(name: str, phone: str) -> str:
    """A name and its number: "NHS 111" says it once."""
    return name if phone in name.split() or f"{phone}," in name.split() else f"{name}: {phone}"


def crisis_message(cards: Crisis, danger: str | None, conversation: Conversation | None, text: str) -> Draft:
    """The reply to a message that speaks of danger. ``text`` is that message: it may say how old they are.

    Without a ``conversation`` (the log cannot be read) it is the reply for anybody, anywhere.
    """
    topic = danger if danger in DANGERS else GENERAL_DANGER
    area = conversation.area if conversation else None
    age = own_age(text)
    if age is not None:
        young = age < 18  # what they say of themselves now counts for more than what was kept
    else:
        # An age kept from before may be the child's that a parent writes about; it counts for the writer
        # only when the writer is young.
        young = conversation.young if conversation else False
        age = conversation.age if conversation and young else None
    reply = cards.reply(topic, area, age, young)
    says = reply.text
    if topic == "crisis_missing" and not young and _left_themselves(text, age):
        # The words for somebody who left, not for somebody who looks for them; the contacts stay as they are.
        to_them = cards.reply(topic, area, None, True).text
        says = to_them.partition(_FIRST_CONTACT)[0] + "".join(says.partition(_FIRST_CONTACT)[1:])
    missing = [
        f"- {contact['name']}: {contact['phone']}"
        for contact in reply.contacts
        if contact.get("phone") and str(contact["phone"]) not in says
    ]
    return Draft(
        text="\n".join([says, *missing]),
        easy_read=reply.easy_read,
        buttons=(wording.TALK_TO_A_PERSON,),
        cards=({"kind": "crisis", "title": CARD_TITLE, "contacts": reply.contacts},),
        sources=reply.sources,
        topic=topic,
        meta={"kind": "crisis"},
    )

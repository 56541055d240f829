"""How to contact a service: the one that is named, or the one that was shown last."""

from __future__ import annotations

import re

from rasa_sdk.events import EventType
from sqlalchemy import select
from sqlalchemy.orm import Session

from actions.answering import MOST_CARDS, say_general, say_nothing_known
from actions.cards import say_phone, service_card
from actions.context import Context
from actions.replies import Reply
from actions.store import search
from actions.subject import SubjectAction, answers
from knowledge.models import CrisisContact, Service
from knowledge.queries.areas import areas_from_near_to_wide
from knowledge.queries.common import published
from knowledge.queries.services import all_services, services_about, services_by_id

#: A service this close in meaning is taken to be the one that is meant.
_SAME_SERVICE = 0.5

#: Names of services that are everyday words too: "how do I contact them" does not mean the charity Contact.
_ORDINARY_WORDS = {"arc", "art", "contact", "cop", "mat", "mats", "sat", "steps", "wish", "yes"}

#: Words that ask for a contact without saying whose: "what's their phone number please".
_ONLY_ASKS = re.compile(
    r"\b(?:a|an|any|are|call|can|contact|details|do|does|email|for|get|give|have|hello|hi|hours|how|i|in|is|it|line"
    r"|me|my|need|number|of|on|open|opening|phone|please|reach|ring|s|talk|tel|telephone|the|their|them|there"
    r"|they|this|times|to|touch|us|want|we|web|website|address|what|when|where|which|who|with|you|your)\b",
    re.I,
)


class ActionContact(SubjectAction):
    """Answers how to reach a service."""

    def name(self) -> str:
        return "action_contact"


@answers("service_contact")
def answer_contact(
    reply: Reply, context: Context, session: Session, topic: str
) -> tuple[Context, list[EventType]]:
    """Phone, email, address and hours, each only as far as it is confirmed."""
    if lines := _crisis_lines(session, context):
        for contact in lines:
            reply.say(_say_line(contact), records=[contact])
        return context, []
    services = (
        _named(session, context)
        or services_by_id(session, context.shown, context.store_area)[:MOST_CARDS]
        or _like_the_shown(session, context)
        or _meant(session, context)
    )
    if not services:
        if not say_general(reply, context, session, topic):
            say_nothing_known(reply, "How to contact that service")
        return context, []
    for service in services:
        reply.say(
            say_contact(service),
            easy_read=service.easy_read,
            records=[service],
            cards=[service_card(service)],
        )
    return context, []


def say_contact(service: Service) -> str:
    """Everything that is confirmed about reaching a service, in plain text."""
    lines = [service.name]
    for phone in service.phones:
        check = " (check this number first, it may have changed)" if phone.freshness == "check" else ""
        lines.append(f"- Phone: {say_phone(phone)}{check}")
    if service.email:
        lines.append(f"- Email: {service.email}")
    if service.url:
        lines.append(f"- Website: {service.url}")
    if service.hours_text:
        lines.append(f"- Open: {service.hours_text}")
    for place in service.service_at_locations:
        lines.extend(f"- Address: {address.address_1}" for address in place.location.addresses)
    lines.append(f"- How to use it: {service.application_process}")
    return "\n".join([*lines, *([service.caveat] if service.caveat else [])])


def _crisis_lines(session: Session, context: Context) -> list[CrisisContact]:
    """Crisis contacts that are named in the message: "samaritans number"."""
    words = _plain(context.text)
    rows = session.scalars(select(CrisisContact).where(published())).unique()
    return [row for row in rows if _plain(row.name) in words]


def _say_line(contact: CrisisContact) -> str:
    ways = [f"- Phone: {contact.phone}"] if contact.phone else []
    ways += [f"- {contact.text}"] if contact.text else []
    ways += [f"- Website: {contact.url}"] if contact.url else []
    ways += [f"- Open: {contact.hours}"] if contact.hours else []
    return "\n".join([contact.name, *ways, f"- {contact.says}"])


def _like_the_shown(session: Session, context: Context) -> list[Service]:
    """What does the same in the person's own area, when what was shown holds elsewhere."""
    elsewhere = services_by_id(session, context.shown)
    area = context.store_area
    if not elsewhere or area is None or not elsewhere[0].topics:
        return []
    found = services_about(session, elsewhere[0].topics[0].topic, area, context.age)
    return [service for service in found if area in {link.area_id for link in service.areas}][:MOST_CARDS]


def _plain(words: str) -> str:
    """Lower case words with one space around each."""
    return f" {re.sub(r'[^a-z0-9]+', ' ', words.lower()).strip()} "


def _named(session: Session, context: Context) -> list[Service]:
    """Services whose name or abbreviation stands in the message; the longest name wins."""
    words = _plain(context.text)
    found: list[tuple[int, Service]] = []
    for service in all_services(session, context.store_area):
        names = [service.name, *(service.alternate_name or "").split("; ")]
        length = max((len(name) for name in names if _is_named(name, context.text, words)), default=0)
        if length:
            found.append((length, service))
    longest = max((length for length, _ in found), default=0)
    return [service for length, service in found if length == longest][:MOST_CARDS]


def _is_named(name: str, text: str, words: str) -> bool:
    """Whether a name stands in the text, however it is written; ``words`` is the text in plain words."""
    plain = _plain(name).strip()
    if plain in _ORDINARY_WORDS:
        # Only as the name is written, and not where any word has a capital.
        return re.search(rf"(?<=\S\s){re.escape(name)}\b", text) is not None
    return bool(plain) and f" {plain} " in words


def _meant(session: Session, context: Context) -> list[Service]:
    if not re.search(r"\w", _ONLY_ASKS.sub("", context.text)):
        return []
    areas = areas_from_near_to_wide(session, context.store_area)
    matches = search().closest(context.text, ["service"], areas, limit=1)
    return services_by_id(session, [match.record_id for match in matches if match.score >= _SAME_SERVICE])

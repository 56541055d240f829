"""How to contact a service: the one that is named, or the one that was shown last."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rasa_sdk.events import EventType
from sqlalchemy import select
from sqlalchemy.orm import Session

from actions.answering import MOST_CARDS, ask_for_area, say_general, say_nothing_known, say_outside
from actions.cards import say_cost, say_phone, service_card
from actions.closest import service_described
from actions.context import Context
from actions.ellipsis import WHAT_THEY_DO
from actions.named import asks_for_no_one, asks_how_to_reach, means_them, plain, services_named
from actions.reading import ELSEWHERE
from actions.replies import Reply
from actions.store import search
from actions.subject import SubjectAction, answers
from knowledge.models import CrisisContact, Service
from knowledge.queries.areas import areas_from_near_to_wide, covered_areas
from knowledge.queries.common import published
from knowledge.queries.services import services_about, services_by_id

#: A service this close in meaning is taken to be the one that is meant.
_SAME_SERVICE = 0.5

#: By its name this close, it does in its area what the other does there. Of the shipped services nearly all
#: that are as close do, and "DIASS" is just as close to the two SENDIASS.
_SAME_NAME = 0.78


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
    named = services_named(session, context.text, context.store_area, context.place)
    described = None if named.services else service_described(context, session)
    names_nobody = asks_for_no_one(context.text, context.place)
    # "What's the number of housing options" does not ask about the carers' services that were shown.
    means_the_shown = names_nobody or means_them(context.text)
    services = (
        # The same question for another place: what was shown there has a fellow here.
        (_fellow(session, context) if context.settled else [])
        or list(named.services)
        or ([described] if described else [])
        or _somebody_at_the_council(session, context)
        or (_shown(session, context) if means_the_shown else [])
        or ([] if names_nobody else _meant(session, context))
    )
    if not services:
        if not means_the_shown:
            reply.say("I have no contact details for that.", easy_read="I do not know that number.")
        if not say_general(reply, context, session, topic):
            say_nothing_known(reply, "How to contact that service")
        return context, []
    if len(services) > 1 and _one_an_area(session, services):
        # Whose is it? A list of every area's would be a wall.
        if context.area == ELSEWHERE:
            say_outside(reply, context, session)
            return context, []
        if context.area is None and not context.area_declined:
            names = "\n".join(f"- {service.name}" for service in services)
            reply.say(f"Each area has its own:\n{names}", records=services)
            return context, ask_for_area(context, session, topic, falls_short=True)
    what_it_is = (named.only or described) and not asks_how_to_reach(context.text)
    if what_it_is or context.text == WHAT_THEY_DO:
        say_about(reply, services)
        return context, []
    for service in services[:MOST_CARDS]:
        reply.say(
            say_contact(service),
            easy_read=service.easy_read,
            records=[service],
            cards=[service_card(service)],
        )
    return context, []


def _one_an_area(session: Session, services: Sequence[Service]) -> bool:
    """Whether services of one name are each for another of our areas."""
    covered = {area.id for area in covered_areas(session)}
    own = [frozenset(link.area_id for link in service.areas) & covered for service in services]
    return all(own) and len(set(own)) == len(own)


def say_about(reply: Reply, services: Sequence[Service]) -> None:
    """What services are, for whom, and how to reach them: asked by name and about nothing else."""
    for service in services[:MOST_CARDS]:
        who_for = (
            f"Who it is for: {service.eligibility_description}" if service.eligibility_description else None
        )
        parts = [f"{service.name}: {service.description}", who_for, say_contact(service)]
        reply.say(
            "\n\n".join(part for part in parts if part),
            easy_read=service.easy_read,
            records=[service],
            cards=[service_card(service)],
        )


def say_contact(service: Service) -> str:
    """Everything that is confirmed about reaching a service, in plain text."""
    lines = [service.name]
    if service.organization.name != service.name:
        lines.append(f"- Run by: {service.organization.name}")
    for phone in service.phones:
        check = " (check this number first, it may have changed)" if phone.freshness == "check" else ""
        lines.append(f"- Phone: {say_phone(phone)}{check}")
    if service.email:
        lines.append(f"- Email: {service.email}")
    if service.url:
        lines.append(f"- Website: {service.url}")
    if service.hours_text:
        lines.append(f"- Open: {service.hours_text}")
    lines.extend(f"- Cost: {say_cost(cost.option, cost.amount)}" for cost in service.cost_options)
    for place in service.service_at_locations:
        lines.extend(f"- Address: {address.address_1}" for address in place.location.addresses)
    lines.append(f"- How to use it: {service.application_process}")
    return "\n".join([*lines, *([service.caveat] if service.caveat else [])])


def _crisis_lines(session: Session, context: Context) -> list[CrisisContact]:
    """Crisis contacts that are named in the message: "samaritans number"."""
    words = plain(context.text)
    rows = session.scalars(select(CrisisContact).where(published())).unique()
    return [row for row in rows if plain(row.name) in words]


def _say_line(contact: CrisisContact) -> str:
    ways = [f"- Phone: {contact.phone}"] if contact.phone else []
    ways += [f"- {contact.text}"] if contact.text else []
    ways += [f"- Website: {contact.url}"] if contact.url else []
    ways += [f"- Open: {contact.hours}"] if contact.hours else []
    return "\n".join([contact.name, *ways, f"- {contact.says}"])


def _shown(session: Session, context: Context) -> list[Service]:
    """What was shown last; where that holds elsewhere, what does the same in the person's own area."""
    if shown := services_by_id(session, context.shown, context.store_area)[:MOST_CARDS]:
        return shown
    if fellow := _fellow(session, context):
        return fellow
    elsewhere = services_by_id(session, context.shown)
    area = context.store_area
    if not elsewhere or area is None or not elsewhere[0].topics:
        return []
    found = services_about(session, elsewhere[0].topics[0].topic, area, context.age)
    return [service for service in found if area in {link.area_id for link in service.areas}][:MOST_CARDS]


def _fellow(session: Session, context: Context) -> list[Service]:
    """The service of the own area that is called as the one shown: each has a SENDIASS."""
    area, shown = context.store_area, services_by_id(session, context.shown)
    if area is None or not shown or services_by_id(session, context.shown, area):
        return []
    matches = search().closest(shown[0].name, ["service"], [area], limit=1)
    return services_by_id(session, [match.record_id for match in matches if match.score >= _SAME_NAME])


#: Somebody of the council, whoever it is that is responsible.
_SOMEBODY_AT_THE_COUNCIL = re.compile(
    r"\b(?:who|some ?(?:one|body)|any ?(?:one|body)|a person)\b(?: else)? (?:at|in|from)"
    r" (?:the |our |my )?(?:council|local authority|la)\b",
    re.I,
)


_COUNCIL = re.compile(r"\bcouncil\b", re.I)

#: A service is looked for among so many.
_MANY = 20


def _somebody_at_the_council(session: Session, context: Context) -> list[Service]:
    """Who answers, in the own area, for what was spoken of: "who at the council do I email about it"."""
    area, topic = context.store_area, context.topic_before
    if area is None or topic is None or not _SOMEBODY_AT_THE_COUNCIL.search(context.text):
        return []
    words = f"{context.before or ''} {context.text}"
    matches = search().closest(words, ["service"], [area], topic=topic, limit=_MANY, age=context.age)
    found = services_by_id(session, [match.record_id for match in matches])
    return [service for service in found if _COUNCIL.search(service.organization.name)][:1]


def _meant(session: Session, context: Context) -> list[Service]:
    areas = areas_from_near_to_wide(session, context.store_area)
    matches = search().closest(context.text, ["service"], areas, limit=1)
    return services_by_id(session, [match.record_id for match in matches if match.score >= _SAME_SERVICE])

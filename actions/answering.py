"""The general way to answer a topic: the record that fits the person's words, then the topic's own answer.

Each subject adds what only it has (figures, pathways, dates) and uses these steps for the rest.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rasa_sdk.events import EventType, FollowupAction, SlotSet
from rasa_sdk.forms import REQUESTED_SLOT
from sqlalchemy.orm import Session

from actions.cards import service_card
from actions.closest import closest_record, questions_nearby, term_asked_for
from actions.context import Context
from actions.reading import ELSEWHERE
from actions.replies import Button, Reply, button
from actions.store import once
from knowledge import models
from knowledge.queries.areas import area_named, covered_areas
from knowledge.queries.guidance import general_answer, guidance_by_id
from knowledge.queries.services import services_about, services_by_id

#: More cards than this are a wall.
MOST_CARDS = 3

#: Said where there is no answer: which part can be helped with.
WHAT_I_KNOW = (
    "I can help with four things: getting a diagnosis, waiting times, support near you, and your rights."
)
WHAT_I_KNOW_EASY = "I know about:\ngetting a diagnosis\nwaiting times\nhelp near you\nyour rights."

#: So many other questions are offered beside an answer.
_MOST_QUESTIONS = 2

#: Groups whose answers depend on where somebody lives.
_LOCAL_GROUPS = {"diagnosis", "waits", "support"}


def words_for(context: Context, record: models.Guidance | models.Pathway | models.Entitlement) -> str:
    """A record's answer in the voice for who is asking."""
    return record.young_person if context.young and record.young_person else record.answer


#: A verdict belongs to the question as the record puts it.
_VERDICT = re.compile(r"(?:yes|no)\b[.,:;]", re.IGNORECASE)


def _after_question(guidance: models.Guidance, words: str) -> str:
    return f"{guidance.question} {words}" if _VERDICT.match(words) else words


def say_guidance(reply: Reply, context: Context, guidance: models.Guidance, session: Session) -> None:
    """Say a guidance record with its caveat, next step and service cards.

    A verdict ("Yes.") follows the record's question: the person's may be the opposite one ("they said there
    is no help, right?") or quite another ("can I give him my tablets?").
    """
    parts = [_after_question(guidance, words_for(context, guidance))]
    if guidance.caveat:
        parts.append(guidance.caveat)
    if guidance.next_step:
        parts.append(f"What you can do next: {guidance.next_step}")
    services = services_by_id(session, guidance.services, context.store_area)[:MOST_CARDS]
    reply.say(
        "\n\n".join(parts),
        easy_read=_after_question(guidance, guidance.easy_read or "") or None,
        records=[guidance, *services],
        cards=[service_card(service) for service in services],
    )


def say_entitlement(reply: Reply, context: Context, entitlement: models.Entitlement) -> None:
    """Say a right, how to use it, and the law that gives it."""
    law = "; ".join(f"{basis['name']}, {basis['section']}" for basis in entitlement.legal_basis)
    parts = [words_for(context, entitlement), f"How to use it: {entitlement.how_to_use}", f"The law: {law}."]
    if entitlement.caveat:
        parts.append(entitlement.caveat)
    reply.say("\n\n".join(parts), easy_read=entitlement.easy_read, records=[entitlement])


def say_closest(reply: Reply, context: Context, session: Session, topic: str) -> bool:
    """Say the record that answers the person's very question; False when none is close enough."""
    record = closest_record(context, session, topic)
    if record is None or record.id in reply.shown or not _is_about(record, topic):
        return False
    if isinstance(record, models.Entitlement):
        say_entitlement(reply, context, record)
    else:
        say_guidance(reply, context, record, session)
    return True


def say_term(reply: Reply, context: Context, session: Session) -> bool:
    """Say what a hard word means when the person asks for that; False when they ask something else."""
    term = term_asked_for(context, session)
    if term is None:
        return False
    reply.say(f"{term.term}: {term.meaning}", easy_read=term.easy_read, records=[term])
    return True


def _is_about(record: models.Guidance | models.Entitlement, topic: str) -> bool:
    return any(link.topic == topic for link in record.topics)


def say_general(reply: Reply, context: Context, session: Session, topic: str) -> bool:
    """Say the topic's general answer; False when the store has none."""
    guidance = general_answer(session, topic, context.store_area, context.audience)
    if guidance is None or guidance.id in reply.shown:
        return guidance is not None
    say_guidance(reply, context, guidance, session)
    return True


def say_services(reply: Reply, context: Context, session: Session, topic: str) -> bool:
    """Show services for a topic beside those shown already, few in all; False when none is added."""
    services = [service for service in _services(session, context, topic) if service.id not in reply.shown][
        : max(0, MOST_CARDS - reply.cards("service"))
    ]
    if not services:
        return False
    names = ", ".join(service.name for service in services)
    reply.say(
        f"You can look at: {names}.",
        easy_read="\n".join(service.easy_read or service.name for service in services),
        records=services,
        cards=[service_card(service) for service in services],
    )
    return True


def say_outside(reply: Reply, context: Context, session: Session) -> None:
    """Answer a question about a place that is not covered: say so, and where to look; a person may know."""
    say_not_covered(reply, context, session)
    reply.falls_short("not_covered")


def say_not_covered(reply: Reply, context: Context, session: Session) -> None:
    """Say plainly that the place is not covered, and where to look instead."""
    names = [area.name for area in covered_areas(session)]
    covered = f"{', '.join(names[:-1])} and {names[-1]}"
    place = context.place or "that area"
    reply.say(
        f"I do not have local information for {place}. I only cover {covered}.",
        easy_read=f"I do not know about {place}.\nI know about {covered}.",
    )
    if where := guidance_by_id(session, ["outside-our-areas"]).get("outside-our-areas"):
        say_guidance(reply, context, where, session)


def say_nothing_known(reply: Reply, title: str) -> None:
    """Say that the store is silent, what there are answers about, and offer a person."""
    reply.say(
        f"I do not have an answer I can trust about this: {title[:1].lower()}{title[1:]}. "
        f"I would rather say so than guess. A person can help you with it.\n\n{WHAT_I_KNOW}",
        easy_read=f"I do not know.\nI do not want to guess.\nA person can help you.\n{WHAT_I_KNOW_EASY}",
    )
    reply.nothing_known = True
    reply.offer_person("nothing_known")


def topic_title(session: Session, topic: str) -> str:
    """What a topic is called."""
    row = session.get(models.Topic, topic)
    return row.title if row else topic


def offer_questions(reply: Reply, context: Context, session: Session) -> None:
    """Buttons for what the person may have meant besides: one press asks that question."""
    for question in questions_nearby(context, session, reply.shown, _MOST_QUESTIONS):
        reply.offer(button(question, question))


def answer_topic(reply: Reply, context: Context, session: Session, topic: str) -> None:
    """The steps that most topics need and no more."""
    if context.area == ELSEWHERE and is_local(session, topic):
        say_outside(reply, context, session)
    exact = say_closest(reply, context, session, topic)
    # Somebody who said where they live sees what is near before what holds everywhere.
    cards = not exact and _has_local(session, context, topic) and say_services(reply, context, session, topic)
    general = not exact and say_general(reply, context, session, topic)
    if not cards and context.area != ELSEWHERE:
        cards = say_services(reply, context, session, topic)
    if not (exact or general or cards):
        say_nothing_known(reply, topic_title(session, topic))


def _has_local(session: Session, context: Context, topic: str) -> bool:
    """Whether services, but no general answer, are known for the person's own area."""
    area = context.store_area
    if area is None:
        return False
    guidance = general_answer(session, topic, area, context.audience)
    if guidance is not None and area in {link.area_id for link in guidance.areas}:
        return False
    return any(
        area in {link.area_id for link in service.areas} for service in _services(session, context, topic)
    )


def _services(session: Session, context: Context, topic: str) -> list[models.Service]:
    area, age = context.store_area, context.age
    return once(session, ("services", topic, area, age), lambda: services_about(session, topic, area, age))


def is_local(session: Session, topic: str) -> bool:
    """Whether answers to this topic depend on where somebody lives."""
    row = session.get(models.Topic, topic)
    return row is not None and row.group in _LOCAL_GROUPS


def ask_for_area(
    context: Context, session: Session, topic: str, *, falls_short: bool = False
) -> list[EventType]:
    """Go on to ask where the person lives, if the answer depends on it and they have not said or declined.

    It is asked once. The form waits on in silence, so that a place that is named later is still taken.

    Args:
        falls_short: without the place the answer is none: then it is asked again.
    """
    if context.area is not None or context.area_declined or not is_local(session, topic):
        return []
    if not context.area_was_asked:
        return [FollowupAction("area_form")]
    # The form speaks again when it does not know that it has asked.
    return [SlotSet(REQUESTED_SLOT, None), FollowupAction("area_form")] if falls_short else []


def ask_area(context: Context, session: Session) -> tuple[str, list[Button]]:
    """The question for the area and its buttons: for a place on a border, only its two sides."""
    names = {area.id: area.name for area in covered_areas(session)}
    offered = [area for area in names if not context.unsure_areas or area in context.unsure_areas]
    buttons = [button(names[area], f'/inform{{"area": "{area}"}}') for area in offered]
    if not context.unsure_areas or ELSEWHERE in context.unsure_areas:
        buttons.append(button("Somewhere else", f'/inform{{"area": "{ELSEWHERE}"}}'))
    if not context.unsure_areas:
        return (
            "Which area do you live in? You can also type your town or the first part of your postcode.",
            buttons,
        )
    sides = " and ".join(names.get(area, "another council's area") for area in context.unsure_areas)
    return f"{context.place} is partly in {sides}. Which council do you pay council tax to?", buttons


def area_name(session: Session, area_id: str) -> str:
    """An area as people call it."""
    area = area_named(session, area_id)
    return area.name if area else area_id


def topic_buttons(session: Session, topics: Sequence[str]) -> list[dict[str, str]]:
    """Buttons that ask about topics, called by their titles."""
    rows = {row.name: row for row in session.query(models.Topic).where(models.Topic.name.in_(topics))}
    return [button(rows[topic].title, f"/{topic}") for topic in topics if topic in rows]

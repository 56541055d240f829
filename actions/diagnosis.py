"""Diagnosis: how to get an assessment, who can refer, what happens in it."""

from __future__ import annotations

import re

from rasa_sdk.events import EventType, FollowupAction
from sqlalchemy.orm import Session

from actions.answering import (
    MOST_CARDS,
    answer_topic,
    ask_for_area,
    say_closest,
    say_general,
    say_outside,
    topic_buttons,
    words_for,
)
from actions.cards import service_card, steps_card
from actions.context import Context
from actions.progress import waits
from actions.reading import ADULT_AGE, ELSEWHERE
from actions.replies import Reply
from actions.subject import SubjectAction, answers
from knowledge.models import Pathway
from knowledge.queries.pathways import pathways_for
from knowledge.queries.services import services_by_id

#: Pathways are long: two are said one after the other.
_MOST_PATHWAYS = 2

#: The pathway itself tells whether they may.
_MAY_I_REFER = re.compile(
    r"\b(?:can|could|may) (?:i|we)(?: just)? (?:self[- ]?refer"
    r"|refer (?:myself|ourselves|my|our|him|her|them))\b",
    re.I,
)

#: A pathway's word on it -> the verdict, for those who ask for one, and the sentence.
_SELF_REFERRAL = {
    "yes": ("Yes. ", "You can refer yourself."),
    "no": ("No. ", "You cannot refer yourself here. Somebody has to refer you."),
    "not-stated": ("", "Our source does not say if you can refer yourself."),
}


class ActionDiagnosis(SubjectAction):
    """Answers the diagnosis topics."""

    def name(self) -> str:
        return "action_diagnosis"


@answers("diagnosis_route_child", "diagnosis_route_adult", "referral_who")
def answer_route(
    reply: Reply, context: Context, session: Session, topic: str
) -> tuple[Context, list[EventType]]:
    """Who assesses, who can refer, step by step, for this person's area and age."""
    if context.area == ELSEWHERE:
        say_outside(reply, context, session)
    pathways = _pathways(context, session)
    # What was asked may have an answer of its own ("they sent the referral back").
    own_question = not (pathways and topic == "referral_who" and _MAY_I_REFER.search(context.text))
    exact = own_question and say_closest(reply, context, session, topic)
    if exact and topic == "referral_who":
        return context, ask_for_area(context, session, topic)
    if not pathways:
        say_general(reply, context, session, topic)
        return context, _ask_for_what_is_missing(context, session, topic, falls_short=not exact)
    if context.cohort is None and len(pathways) > _MOST_PATHWAYS:
        # All of them at once are a wall; who it is about leaves one or two.
        titles = "\n".join(f"- {pathway.title}" for pathway in pathways)
        reply.say(
            f"It depends on the age. There is:\n{titles}",
            easy_read="It depends on how old the person is.",
            records=pathways,
        )
        return context, [FollowupAction("cohort_form")]
    # Of two pathways it is not known which one they are on.
    waiting = len(pathways) == 1 and waits(context)
    for pathway in pathways:
        _say_pathway(reply, context, session, pathway, topic, waiting)
    reply.offer(*topic_buttons(session, ["wait_time", "wait_support"]))
    return context, _ask_for_what_is_missing(context, session, topic)


@answers("diagnosis_process", "diagnosis_private_rtc")
def answer_process(
    reply: Reply, context: Context, session: Session, topic: str
) -> tuple[Context, list[EventType]]:
    """What the store says; the same nearly everywhere, so the area is not asked for."""
    answer_topic(reply, context, session, topic)
    return context, []


def _pathways(context: Context, session: Session) -> list[Pathway]:
    if context.store_area is None:
        return []
    # Sixteen and seventeen stand between the services: neither cohort is taken for granted.
    between = context.age is not None and 16 <= context.age < ADULT_AGE
    cohort = None if between else context.cohort
    found = pathways_for(session, context.store_area, cohort, context.age)
    found = found or pathways_for(session, context.store_area, cohort, None)
    # The child's route says what is known about these two years; the adult's would contradict it.
    return found[:1] if between else found


def _say_pathway(
    reply: Reply, context: Context, session: Session, pathway: Pathway, topic: str, waiting: bool
) -> None:
    text = words_for(context, pathway)
    if topic == "referral_who" and not text.startswith(("Yes", "No")):
        verdict, sentence = _SELF_REFERRAL[pathway.self_referral]
        # "Who can refer?" is answered by the pathway; "No." would be the answer to another question. What was
        # asked before a form asked for the area counts too.
        if _MAY_I_REFER.search(context.text or context.question or ""):
            text = f"{verdict}{sentence}\n\n{text}"
        else:
            text = f"{text}\n\n{sentence}"
    services = services_by_id(session, dict.fromkeys([*pathway.assessed_by, *pathway.check_with]))
    assessing = ", ".join(service.name for service in services if service.id in pathway.assessed_by)
    checking = ", ".join(service.name for service in services if service.id not in pathway.assessed_by)
    last = [f"Who assesses: {assessing}."] if assessing else []
    last += [pathway.caveat] if pathway.caveat else []
    last += [f"Where to check: {checking}."] if checking else []
    text = "\n\n".join([text, "\n".join(last)])
    reply.say(
        text,
        easy_read=pathway.easy_read,
        records=[pathway, *services[:MOST_CARDS]],
        cards=[steps_card(pathway, waiting), *(service_card(service) for service in services[:MOST_CARDS])],
    )


def _ask_for_what_is_missing(
    context: Context, session: Session, topic: str, *, falls_short: bool = False
) -> list[EventType]:
    asking = ask_for_area(context, session, topic, falls_short=falls_short)
    if not asking and context.cohort is None and context.store_area is not None and topic != "referral_who":
        return [FollowupAction("cohort_form")]
    return asking

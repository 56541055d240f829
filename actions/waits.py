"""Waits: how long, what to do meanwhile, being forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import groupby

from rasa_sdk.events import EventType
from sqlalchemy.orm import Session

from actions.answering import (
    answer_topic,
    area_name,
    ask_for_area,
    say_closest,
    say_general,
    say_outside,
    topic_buttons,
)
from actions.context import ELSEWHERE, Context
from actions.replies import Reply
from actions.subject import SubjectAction, answers
from knowledge.dates import say_partial, today
from knowledge.models import Wait
from knowledge.queries.waits import newest_waits, standards

_WHO = {"child": "Children and young people", "adult": "Adults", "all": "People"}

#: A figure older than this is said to be old.
_OLD_AFTER_YEARS = 1


class ActionWaits(SubjectAction):
    """Answers the wait topics."""

    def name(self) -> str:
        return "action_waits"


@answers("wait_time")
def answer_wait_time(
    reply: Reply, context: Context, session: Session, topic: str
) -> tuple[Context, list[EventType]]:
    """The newest figures for this area and cohort, each with its date; never a figure of another area."""
    if context.area == ELSEWHERE:
        say_outside(reply, context, session)
        _say_standards(reply, session, context)
        return context, []
    waits = newest_waits(session, context.store_area, context.cohort)
    for subject, figures in groupby(waits, key=lambda wait: wait.subject):
        _say_figures(reply, context, session, subject, list(figures))
    if not waits and not say_closest(reply, context, session, topic):
        say_general(reply, context, session, topic)
    reply.offer(*topic_buttons(session, ["wait_support", "wait_status_chase"]))
    return context, ask_for_area(context, session, topic)


@answers("wait_support", "wait_status_chase")
def answer_meanwhile(
    reply: Reply, context: Context, session: Session, topic: str
) -> tuple[Context, list[EventType]]:
    """What the store says about waiting."""
    answer_topic(reply, context, session, topic)
    return context, ask_for_area(context, session, topic)


def _say_figures(
    reply: Reply, context: Context, session: Session, subject: str, waits: Sequence[Wait]
) -> None:
    """The average and the longest wait for one thing, of each cohort."""
    place = area_name(session, str(context.store_area))
    sentences, easy = [], []
    for cohort, group in groupby(waits, key=lambda wait: wait.cohort):
        figures = {wait.measure: wait for wait in group}
        who = _WHO[cohort]
        if average := figures.get("average-wait"):
            when = say_partial(average.as_of)
            sentences.append(f"{who} in {place} waited {_amount(average)} on average ({subject}, {when}).")
            easy.append(f"{who} waited about {_amount(average)}.\nThis was in {when}.")
        if longest := figures.get("longest-wait"):
            when = say_partial(longest.as_of)
            waited = f"The longest wait was {_amount(longest)}"
            sentences.append(f"{waited} ({when})." if average else f"{who}: {waited} ({subject}, {when}).")
            easy.append(f"{waited}.")
    notes = list(dict.fromkeys(wait.note for wait in waits if wait.note))
    reply.say(
        "\n\n".join([" ".join(sentences), " ".join([_say_age(waits), *notes[:1]])]),
        easy_read="\n".join([*easy, "The wait may be different now."]),
        records=waits,
    )


def _amount(wait: Wait) -> str:
    return f"{wait.value.normalize():f} {wait.unit}"


def _say_age(waits: Sequence[Wait]) -> str:
    newest = max(wait.as_of for wait in waits)
    parts = [int(part) for part in newest.split("-")] + [1, 1]
    years = (today() - date(parts[0], parts[1], parts[2])).days // 365
    if years < _OLD_AFTER_YEARS:
        return "This is the newest figure I have."
    old = f"more than {years} years" if years > 1 else "more than a year"
    return f"This is the newest figure I have, but it is {old} old. The wait may be longer or shorter now."


def _say_standards(reply: Reply, session: Session, context: Context) -> None:
    """What a wait should be, said as a standard and not as what to expect."""
    rows = standards(session, context.store_area)
    if not rows:
        return
    lines = [f"- {wait.subject}: {_amount(wait)}" for wait in rows]
    reply.say(
        "\n".join(["These are the standards for England. Most people wait longer.", *lines]),
        easy_read="\n".join(["Most people wait longer than they should.", *lines]),
        records=rows,
    )

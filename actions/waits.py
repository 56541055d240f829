"""Waits: how long, how long already, what to do meanwhile, being forgotten."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from rasa_sdk.events import EventType, FollowupAction
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
from actions.cards import wait_chart_card
from actions.context import Context
from actions.reading import ELSEWHERE
from actions.replies import Reply
from actions.subject import SubjectAction, answers
from knowledge.dates import say_partial, today
from knowledge.models import Wait
from knowledge.periods import Period, say_period
from knowledge.queries.waits import WaitSeries, standards, wait_series
from knowledge.waits import WAIT_UNITS, SoFar, in_weeks, say_amount, say_weeks, so_far

_WHO = {"child": "Children and young people", "adult": "Adults", "all": "People"}

#: A figure older than this is said to be old.
_OLD_AFTER_YEARS = 1

#: More older figures than this are a wall.
_MOST_OLDER = 3

_ADHD = re.compile(r"\badhd\b|\battention deficit", re.IGNORECASE)
_AUTISM = re.compile(r"\bautis|\basd\b", re.IGNORECASE)


class ActionWaits(SubjectAction):
    """Answers the wait topics."""

    def name(self) -> str:
        return "action_waits"


@answers("wait_time")
def answer_wait_time(
    reply: Reply, context: Context, session: Session, topic: str
) -> tuple[Context, list[EventType]]:
    """The newest figures for this area and cohort, each with its date; never a figure of another area.

    With the day of a referral: how long that is, and when the figures would be reached.
    """
    wait = so_far(context.referred, today()) if context.referred else None
    if context.referred and wait is None:
        _say_not_yet(reply, context.referred)
    if context.area == ELSEWHERE:
        if wait:
            _say_so_far(reply, wait)
        say_outside(reply, context, session)
        _say_standards(reply, session, context)
        return context, []
    all_series = wait_series(session, context.store_area, context.cohort, context.age)
    series = _about_what_is_asked(reply, context, session, all_series)
    cohorts = {one.cohort for one in series}
    if wait:
        _say_so_far(reply, wait, None if series else _no_figure(context, session))
    for subject, group in groupby(series, key=lambda one: one.subject):
        if wait and len(cohorts) == 1:
            _say_your_wait(reply, context, session, list(group), wait)
        else:
            _say_figures(reply, context, session, subject, list(group))
    exact = not series and say_closest(reply, context, session, topic)
    if not series and not exact:
        say_general(reply, context, session, topic)
    if series and not context.referred:
        reply.say(
            "Are you waiting now? Tell me the day or the month of the referral. I can count the weeks.",
            easy_read="Are you waiting now?\nTell me the date of the referral.\nI can count the weeks.",
        )
    reply.offer(*topic_buttons(session, ["wait_support", "wait_status_chase"]))
    if wait and len(cohorts) > 1:
        return context, [FollowupAction("cohort_form")]
    return context, ask_for_area(context, session, topic, falls_short=not exact)


@answers("wait_support", "wait_status_chase")
def answer_meanwhile(
    reply: Reply, context: Context, session: Session, topic: str
) -> tuple[Context, list[EventType]]:
    """What the store says about waiting."""
    answer_topic(reply, context, session, topic)
    if context.referred:
        reply.offer(*topic_buttons(session, ["wait_time"]))
    return context, ask_for_area(context, session, topic)


def _about_what_is_asked(
    reply: Reply, context: Context, session: Session, series: list[WaitSeries]
) -> list[WaitSeries]:
    """The figures for ADHD if that is asked about, else those for autism; says so when there are none."""
    autism = [one for one in series if _AUTISM.search(one.subject)]
    if not _asks_about_adhd(context):
        return autism or series
    adhd = [one for one in series if _ADHD.search(one.subject)]
    if adhd or not series:
        return adhd
    place = area_name(session, str(context.store_area))
    reply.say(
        f"I have no figure for ADHD in {place}. What I have is for: {series[0].subject}. "
        "The wait for ADHD may be different.",
        easy_read="I have no number for ADHD.\nThe numbers I have are for autism.",
    )
    return series


def _asks_about_adhd(context: Context) -> bool:
    """What the newest message that names either is about."""
    for text in reversed(context.asked):
        if _ADHD.search(text):
            return True
        if _AUTISM.search(text):
            return False
    return False


def _no_figure(context: Context, session: Session) -> str | None:
    """That there is nothing to compare a wait with; None while the area is not known."""
    if context.store_area is None:
        return None
    who = {"child": " for children", "adult": " for adults", None: ""}[context.cohort]
    return f"I have no figure{who} in {area_name(session, context.store_area)} to compare it with."


def _say_not_yet(reply: Reply, referred: Period) -> None:
    reply.say(
        f"You told me that the referral was {say_period(referred)}. That day has not come yet. "
        "Please tell me the date again, with the year.",
        easy_read="That date has not come yet.\nPlease tell me the date again.",
    )


def _say_so_far(reply: Reply, wait: SoFar, then: str | None = None) -> None:
    """How long it has been."""
    sentences = f"The referral was {say_period(wait.told)}. That is {say_weeks(wait.least, wait.most)} ago."
    parts = [part for part in (sentences, then) if part]
    reply.say("\n\n".join(parts), easy_read="\n".join(part.replace(". ", ".\n") for part in parts))


def _say_your_wait(
    reply: Reply, context: Context, session: Session, group: Sequence[WaitSeries], wait: SoFar
) -> None:
    """When the average and the longest reported wait would be reached, for each pathway."""
    place = area_name(session, str(context.store_area))
    for one in group:
        figures = [figure for figure in one.newest if figure.unit in WAIT_UNITS]
        if not figures:
            continue
        parts, easy = [], []
        for figure in figures:
            said, easily = _say_reported(figure, one, place, named=len(group) > 1)
            reached, easily_reached = _say_reached(figure, wait)
            parts.append(f"{said} {reached}")
            easy += [easily, easily_reached]
        longest = one.longest[0] if one.longest else None
        if longest in figures and longest is not None and wait.least > in_weeks(longest.value, longest.unit):
            parts.append(
                "This wait is longer than the longest wait in that figure. "
                "Ask the service if the referral is still on its list."
            )
            easy += ["This wait is longer than that.", "Ask the team if the referral is still on its list."]
        parts.append(f"This does not tell when your turn is. {_say_age(figures)}")
        easy += ["I do not know when your turn is.", "The wait may be different now."]
        reply.say(
            "\n\n".join(parts),
            easy_read="\n".join(easy),
            records=figures,
            cards=[wait_chart_card(one, figures, wait)],
        )
        notes = [figure.note for figure in figures if figure.note]
        if notes and not context.easy_read:
            reply.say(notes[0])
        _say_change(reply, one)


def _say_reported(figure: Wait, one: WaitSeries, place: str, named: bool) -> tuple[str, str]:
    """One figure with its date, in usual words and in Easy Read."""
    when, amount = say_partial(figure.as_of), say_amount(figure)
    subject = one.pathway.title if named else one.subject
    if figure.measure == "average-wait":
        return (
            f"{_WHO[one.cohort]} in {place} waited {amount} on average ({subject}, {when}).",
            f"In {when} the usual wait was {amount}.",
        )
    about = f"{when}" if one.averages else f"{subject}, {when}"
    return f"The longest wait was {amount} ({about}).", f"The longest wait was {amount}."


def _say_reached(figure: Wait, wait: SoFar) -> tuple[str, str]:
    """When a wait is as long as a figure, in usual words and in Easy Read."""
    amount, reached = say_amount(figure), wait.reaches(figure)
    when = say_period(reached).removeprefix("on ")
    if reached.last < wait.on:
        passed = "That day has" if reached.first == reached.last else "Those days have"
        return f"{amount} from the referral was {when}. {passed} passed.", f"That was {when}."
    return f"{amount} from the referral is {when}.", f"That is {when}."


def _say_change(reply: Reply, one: WaitSeries) -> None:
    """How the figure was before, and whether it went up or down."""
    older = one.older[:_MOST_OLDER]
    if not older:
        return
    newest = one.newest[0]
    name = "average" if newest.measure == "average-wait" else "longest wait"
    before = older[0]
    was, now = in_weeks(before.value, before.unit), in_weeks(newest.value, newest.unit)
    went = "did not change" if was == now else f"went {'up' if now > was else 'down'}"
    times = f"between {say_partial(before.as_of)} and {say_partial(newest.as_of)}"
    lines = [f"- {say_partial(figure.as_of)}: {say_amount(figure)}" for figure in (newest, *older)]
    reply.say(
        "\n".join([f"The {name} {went} {times}.", *lines]),
        easy_read="\n".join([f"The {name} {went}.", *(line.removeprefix("- ") for line in lines)]),
        superseded=[newest, *older],
    )


def _say_figures(
    reply: Reply, context: Context, session: Session, subject: str, group: Sequence[WaitSeries]
) -> None:
    """The average and the longest wait for one thing, of each cohort and pathway."""
    place = area_name(session, str(context.store_area))
    paragraphs, easy = [], []
    for one in group:
        several = sum(other.cohort == one.cohort for other in group) > 1
        said = [_say_reported(figure, one, place, several) for figure in one.newest]
        paragraphs.append(" ".join(words for words, _ in said))
        if len(group) > 1:
            easy.append(f"{one.pathway.title if several else _WHO[one.cohort]}:")
        easy += [easily for _, easily in said]
    waits = [figure for one in group for figure in one.newest]
    notes = list(dict.fromkeys(wait.note for wait in waits if wait.note))
    reply.say(
        "\n\n".join([*paragraphs, " ".join([_say_age(waits), *notes[:1]])]),
        easy_read="\n".join([*easy, "The wait may be different now."]),
        records=waits,
    )
    for one in group:
        _say_change(reply, one)


def _say_age(waits: Sequence[Wait]) -> str:
    newest = max(wait.as_of for wait in waits)
    years = (today() - Period.of(newest).first).days // 365
    if years < _OLD_AFTER_YEARS:
        return "This is the newest figure I have."
    old = f"more than {years} years" if years > 1 else "more than a year"
    return f"This is the newest figure I have, but it is {old} old. The wait may be longer or shorter now."


def _say_standards(reply: Reply, session: Session, context: Context) -> None:
    """What a wait should be, said as a standard and not as what to expect."""
    rows = standards(session, context.store_area)
    if not rows:
        return
    lines = [f"- {wait.subject}: {say_amount(wait)}" for wait in rows]
    notes = list(dict.fromkeys(wait.note for wait in rows if wait.note))
    reply.say(
        "\n\n".join(["\n".join(["These are the standards for England:", *lines]), *notes]),
        easy_read="\n".join(["These are the standards for England:", *lines]),
        records=rows,
    )

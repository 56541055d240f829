"""Rights: what the law gives, by when, and what to do when it does not happen."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

from rasa_sdk.events import EventType, FollowupAction
from sqlalchemy.orm import Session

from actions.answering import (
    answer_topic,
    say_closest,
    say_entitlement,
    say_general,
    say_nothing_known,
    topic_buttons,
    topic_title,
)
from actions.context import Context
from actions.event_dates import EventDate, asks_about_a_day, counts_from, event_dates
from actions.replies import Reply
from actions.subject import SubjectAction, answers
from knowledge.calendar_file import query_of
from knowledge.dates import say_date, today
from knowledge.deadlines import EVENTS, Due, Summary, say_event, say_period, summary_of
from knowledge.models import Deadline
from knowledge.queries.rights import deadlines_from, entitlements_about

#: "How long have we got to appeal" is answered by the limits first.
_ASKS_FOR_LIMITS = re.compile(
    r"\bhow (?:long|many (?:days|weeks|months))\b.*\b(?:appeal|got|have)\b|\bdeadline"
    r"|\btime limit|\bby when\b",
    re.I,
)


#: Asks for a day. Once the dates were told, what asks for none is another question.
_ASKS_WHEN = re.compile(
    r"\bwhen\b|\b(?:what|which|last) (?:date|day)\b|\bdates?\b|\bdeadline|\btime limit"
    r"|\bhow (?:long|soon|late)\b|\bhow (?:many|much) (?:days|weeks|months|time|longer)\b|\bdue\b"
    r"|\b(?:too|very|so) late\b|\bby then\b"
    r"|\b(?:in|out of) time\b|\boverdue\b|\b(?:days?|weeks?|months?)\b|\bstill\b|\bmissed\b",
    re.I,
)


class ActionRights(SubjectAction):
    """Answers the rights topics."""

    def name(self) -> str:
        return "action_rights"


@answers(
    "ehcp_request",
    "ehcp_review_content",
    "sen_support_funding",
    "exclusion_attendance",
    "reasonable_adjustments",
    "benefits_money",
    "social_care_assessment",
    "transition_adulthood",
)
def answer_right(
    reply: Reply, context: Context, session: Session, topic: str
) -> tuple[Context, list[EventType]]:
    """The record that fits the question; else the topic's answer, or the entitlement itself."""
    if topic == "ehcp_request" and counts_from(context, "ehcp_timescale"):
        # "I asked on 3 March": what they want to know is what comes next, and by when.
        return answer_time_limits(reply, context.about("ehcp_timescale"), session, "ehcp_timescale")
    if not say_closest(reply, context, session, topic) and not say_general(reply, context, session, topic):
        entitlements = entitlements_about(session, topic, context.store_area)
        if entitlements:
            say_entitlement(reply, context, entitlements[0])
    if not reply:
        answer_topic(reply, context, session, topic)
    if topic == "ehcp_request":
        reply.offer(*topic_buttons(session, ["ehcp_timescale", "ehcp_refused_appeal"]))
    return context, []


@answers("ehcp_timescale", "ehcp_refused_appeal")
def answer_time_limits(
    reply: Reply, context: Context, session: Session, topic: str
) -> tuple[Context, list[EventType]]:
    """Every date, worked out from the person's own; without one, the rules, and the question for the date."""
    if asks_about_a_day(context):
        # "So not 12 December then?": the dates again, from the day that is known.
        context = replace(context, text="", said="", day=None)
        told = [EventDate(context.event, None)] if context.event else event_dates(context, topic)
    else:
        told = event_dates(context, topic)
    *earlier, newest = told
    if earlier:
        context = replace(context, event=earlier[0].event, event_date=earlier[0].day)
    event, day = newest.event, newest.day
    same_event = event == context.event
    start = day or (context.event_date if same_event else None)
    rules = deadlines_from(session, event)
    asks_else = context.text and not context.settled and not _ASKS_WHEN.search(context.text)
    if start and day is None and asks_else:
        known = replace(context, event=event, event_date=start)
        if say_closest(reply, known, session, topic):
            return known, []
    if start and rules:
        starts = {event: start}
        if context.event and context.event_date and not same_event:
            # Of the letter and the certificate the later day counts: what was told before is not forgotten.
            before = [rule for rule in deadlines_from(session, context.event) if _goes_with(rule, rules)]
            if before:
                starts = {context.event: context.event_date, **starts}
                rules = [*before, *rules]
        summary = summary_of(rules, starts)
        _say_dates(reply, summary, starts)
        # Of two ways to count one limit, that which gives longer is gone on from.
        longer = next((due.rule.trigger for due in summary.dues if due.rule.later_of), event)
        return replace(context, event=longer, event_date=starts[longer]), []
    context = replace(context, event=event, event_date=start)
    if context.day and rules:
        reply.say(f"I cannot count from that day. Tell me this, and I can: {EVENTS[event]} ...")
    asks_for_limits = bool(rules) and topic != "ehcp_timescale" and _ASKS_FOR_LIMITS.search(context.text)
    if asks_for_limits:
        _say_rules(reply, rules)
    said = say_closest(reply, context, session, topic) or say_general(reply, context, session, topic)
    if rules and topic == "ehcp_timescale":
        _say_rules(reply, rules)
    elif not said:
        say_nothing_known(reply, topic_title(session, topic))
    return context, [FollowupAction("deadline_form")] if event == "request-received" else []


def _goes_with(rule: Deadline, rules: list[Deadline]) -> bool:
    """Whether a rule and one of others are one limit with two ways to count it."""
    return rule.later_of is not None and rule.later_of in {other.later_of for other in rules}


def _say_dates(reply: Reply, summary: Summary, starts: dict[str, date]) -> None:
    lines = [
        f"- {due.rule.title}: by {say_date(due.ends)} ({say_period(due.rule)}).{_passed(due)}"
        for due in summary.dues
    ] + [f"- {rule.title}: within {say_period(rule)}." for rule in summary.uncounted]
    rules = [*(due.rule for due in summary.dues), *summary.uncounted]
    dates = [
        {
            "id": due.rule.id,
            "title": due.rule.title,
            "date": due.ends.isoformat(),
            "said": say_date(due.ends),
            "period": say_period(due.rule),
            "passed": due.ends < today(),
        }
        for due in summary.dues
    ]
    happened = " and ".join(say_event(event, day) for event, day in starts.items())
    newest = list(starts.values())[-1]
    reply.say(
        "\n".join([f"If {happened}:", *lines]),
        easy_read="\n".join(f"{due.rule.title}: {say_date(due.ends)}.{_passed(due)}" for due in summary.dues),
        records=list({rule.entitlement.id: rule.entitlement for rule in rules}.values()),
        cards=[{"kind": "deadlines", "title": "Your dates", "start": newest.isoformat(), "dates": dates}],
    )
    if any(due.ends >= today() for due in summary.dues):
        url = f"/calendar.ics?{query_of(starts)}"
        reply.attach("calendar", url, "Add these dates to your calendar")
    passed = [due for due in summary.dues if due.ends < today()]
    # The first broken limit and the last: what lies between is on the way from one to the other.
    for due in dict.fromkeys(passed[:1] + passed[-1:]):
        reply.say(f"{due.rule.title}: {say_date(due.ends)} has passed. {due.rule.if_missed}")
    reply.say("\n\n".join([_say_law(rules), *_say_exceptions(rules)]))


def _passed(due: Due) -> str:
    return " This day has passed." if due.ends < today() else ""


def _say_exceptions(rules: list[Deadline]) -> list[str]:
    """Each exception once, with the limit it is for when it is not for all of them.

    Exceptions that differ only in the number of their regulation are said once, by the first.
    """
    named: dict[str, list[Deadline]] = {}
    for rule in rules:
        if rule.exceptions:
            named.setdefault(re.sub(r"\d+\(\d+\)", "", rule.exceptions), []).append(rule)
    return [
        str(of[0].exceptions) if len(of) == len(rules) else f"{of[0].title}: {of[0].exceptions}"
        for of in named.values()
    ]


def _say_rules(reply: Reply, rules: list[Deadline]) -> None:
    lines = [f"- {rule.title}: within {say_period(rule)}." for rule in rules]
    event = EVENTS[rules[0].trigger].removesuffix(" on")
    reply.say(
        "\n".join([f"The time limits, if {event} today or later:", *lines]) + f"\n\n{_say_law(rules)}",
        easy_read="\n".join(line.removeprefix("- ") for line in lines),
        records=list({rule.entitlement.id: rule.entitlement for rule in rules}.values()),
    )


def _say_law(rules: list[Deadline]) -> str:
    """The law behind rules, each act named once: "... Regulations 2014, regulation 5(1)"."""
    sections: dict[str, list[str]] = {}
    for rule in rules:
        sections.setdefault(rule.legal_name, []).append(rule.legal_section)
    acts = [f"{name}, {', '.join(dict.fromkeys(found))}" for name, found in sections.items()]
    return f"The law: {'; '.join(acts)}."

"""Messages that carry on: "and for adults?", "no, Herefordshire", "say that again", "simpler"."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Action, Tracker
from rasa_sdk.types import DomainDict
from sqlalchemy import select
from sqlalchemy.orm import Session

from actions.answering import area_name, ask_area, say_general, say_not_covered, say_services, topic_buttons
from actions.asking_again import FIRST_TOPICS, LIKELY
from actions.context import Context, read_context
from actions.reading import ELSEWHERE
from actions.replies import Reply
from actions.store import read_store
from actions.subject import ANSWERS, asks_of_its_own, give_answer, only_tells, topic_meant, topic_told
from knowledge import models
from knowledge.sources import sources_of


class ActionFollowUp(Action):
    """Answers the last topic again with what is known now."""

    def name(self) -> str:
        return "action_follow_up"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> list[EventType]:
        """Answer again; with no topic yet, offer some."""
        if tracker.latest_action_name == "area_form" and asks_of_its_own(tracker):
            # The form has ended with the place that this question told; it was answered before that.
            return []
        context = read_context(tracker)
        if topic_told(tracker, context) == "wait_time":
            context = replace(context, topic="wait_time")
        elif meant := await asyncio.to_thread(topic_meant, context):
            return await asyncio.to_thread(give_answer, dispatcher, *meant)
        elif asked := _asks_something_new(tracker):
            return await asyncio.to_thread(give_answer, dispatcher, context, asked)
        # With nothing to carry on from, "I'm 33, in Derby, can I refer myself?" is a question after all.
        topic = context.topic or next_best_topic(tracker)
        if context.topic is None and topic is not None:
            return await asyncio.to_thread(give_answer, dispatcher, context, topic)
        if topic in ANSWERS and context.before and not _tells_something(tracker):
            # "And when?": what it carries on is known, what it is about is not.
            context = replace(context, understood_well=False)
            return await asyncio.to_thread(give_answer, dispatcher, context, topic)
        return await asyncio.to_thread(carry_on, dispatcher, context, only_another_place(tracker))


#: So sure of its topic a message has to be to be more than the answer to a form's question.
_SURELY_ASKS = 0.6


def _asks_something_new(tracker: Tracker) -> str | None:
    """The topic of a new question that also tells what a form asked: "how long is the wait in Derby?"."""
    intent = (tracker.latest_message or {}).get("intent") or {}
    name, sure = str(intent.get("name")), float(intent.get("confidence") or 0.0) >= _SURELY_ASKS
    return name if name in ANSWERS and sure and not only_tells(tracker) else None


def _tells_something(tracker: Tracker) -> bool:
    """Whether a message says where, how old, who or when."""
    message = tracker.latest_message or {}
    return bool(message.get("entities")) or str(message.get("text") or "").startswith("/")


def only_another_place(tracker: Tracker) -> bool:
    """Whether a message names a place and tells nothing else: "what about Herefordshire?"."""
    kinds = {entity.get("entity") for entity in (tracker.latest_message or {}).get("entities") or []}
    return "area" in kinds and not kinds & {"cohort", "age", "date_phrase"}


class ActionRepeat(Action):
    """Says the last answer again."""

    def name(self) -> str:
        return "action_repeat"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> list[EventType]:
        """Answer the last question again, as it was asked."""
        return await asyncio.to_thread(carry_on, dispatcher, read_context(tracker), True)


def next_best_topic(tracker: Tracker) -> str | None:
    """The likeliest topic that can be answered, if it is likely at all."""
    for guess in (tracker.latest_message or {}).get("intent_ranking") or []:
        if guess.get("name") in ANSWERS and guess.get("confidence", 0.0) >= LIKELY:
            return str(guess["name"])
    return None


def carry_on(
    dispatcher: CollectingDispatcher, context: Context, same_question: bool = False
) -> list[EventType]:
    """Answer the last topic again, or ask what to answer. Blocking: run it in a thread.

    Args:
        same_question: the very question is answered again, and not its topic in general.
    """
    topic = _topic_for(context)
    if topic in ANSWERS:
        # The elliptical words ("and for adults?") say nothing of their own to search for, and the question
        # that they go on from may speak of somebody else; another place does not change what was asked.
        text = context.question or "" if same_question else ""
        return give_answer(
            dispatcher,
            replace(context, text=text, before=None, topic=topic, questions=(), likely={}, settled=True),
            topic,
        )
    return _offer_topics(dispatcher, context)


def _topic_for(context: Context) -> str | None:
    """The last topic; when it is about the other cohort by itself, its counterpart."""
    routes = {"child": "diagnosis_route_child", "adult": "diagnosis_route_adult"}
    if context.topic in routes.values() and context.cohort is not None:
        return routes[context.cohort]
    return context.topic


def _offer_topics(dispatcher: CollectingDispatcher, context: Context) -> list[EventType]:
    reply = Reply(None, context.easy_read)
    with read_store() as session:
        known = area_name(session, context.area) if context.area and context.area != ELSEWHERE else None
        if context.area == ELSEWHERE:
            say_not_covered(reply, context, session)
        if context.unsure_areas:
            text, buttons = ask_area(context, session)
            reply.say(text)
            reply.offer(*buttons)
        else:
            start = f"Thank you. I will look for answers for {known}." if known else "Thank you."
            reply.say(
                f"{start} What would you like to know?", easy_read="Thank you.\nWhat do you want to know?"
            )
            reply.offer(*topic_buttons(session, FIRST_TOPICS))
    reply.send(dispatcher, context.person())
    return context.slots()


class ActionElaborate(Action):
    """More on the last topic: what has not been shown yet."""

    def name(self) -> str:
        return "action_elaborate"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> list[EventType]:
        """Show more services, or the topic's general answer if that was not shown."""
        return await asyncio.to_thread(_elaborate, dispatcher, read_context(tracker))


def _elaborate(dispatcher: CollectingDispatcher, context: Context) -> list[EventType]:
    if context.topic is None:
        return _offer_topics(dispatcher, context)
    reply = Reply(context.topic, context.easy_read)
    reply.shown.extend(context.shown)
    with read_store() as session:
        said = say_general(reply, context, session, context.topic) and bool(reply)
        said = say_services(reply, context, session, context.topic) or said
        if not said:
            reply.say("That is all I have on this.", easy_read="That is all I know about this.")
    reply.send(dispatcher, context.person())
    return replace(context, shown=tuple(reply.shown)).slots()


class ActionSources(Action):
    """Where the last answer comes from and how old it is."""

    def name(self) -> str:
        return "action_sources"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> list[EventType]:
        """List the sources of what was shown last."""
        return await asyncio.to_thread(_sources, dispatcher, read_context(tracker))


def _sources(dispatcher: CollectingDispatcher, context: Context) -> list[EventType]:
    reply = Reply(context.topic, context.easy_read)
    with read_store() as session:
        records = _records(session, context)
        lines = [
            f"- {source['title']} ({source['publisher']}), {_dated(source)}" for source in sources_of(records)
        ]
        if lines:
            reply.say("\n".join(["The last answer comes from:", *lines]), records=records)
        else:
            reply.say("I have not given you an answer from a source yet.")
    reply.send(dispatcher, context.person())
    return context.slots()


def _dated(source: dict[str, Any]) -> str:
    return f"as of {source['as_of_said']}" if source["as_of_said"] else "no date shown"


def _records(session: Session, context: Context) -> list[models.Record]:
    found = session.scalars(select(models.Record).where(models.Record.id.in_(list(context.shown)))).unique()
    by_id = {record.id: record for record in found}
    return [by_id[record_id] for record_id in context.shown if record_id in by_id]


class ActionEasyReadOn(Action):
    """Easy Read from now on, starting with the last answer."""

    def name(self) -> str:
        return "action_easy_read_on"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> list[EventType]:
        """Say the last answer again in Easy Read."""
        context = replace(read_context(tracker), easy_read=True)
        return await asyncio.to_thread(_simply, dispatcher, context)


def _simply(dispatcher: CollectingDispatcher, context: Context) -> list[EventType]:
    """The last answer in Easy Read, said to be so and how to switch it off."""
    dispatcher.utter_message(response="utter_easy_read_on")
    return carry_on(dispatcher, context, same_question=True)


class ActionEasyReadOff(Action):
    """Back to the usual words."""

    def name(self) -> str:
        return "action_easy_read_off"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> list[EventType]:
        """Confirm it, and say the last answer again in full."""
        context = replace(read_context(tracker), easy_read=False)
        dispatcher.utter_message(response="utter_easy_read_off")
        if context.topic is None:
            return context.slots()
        return await asyncio.to_thread(carry_on, dispatcher, context, True)

"""No topic was understood: the store may know; else what was meant is asked twice, then comes a person."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Action, Tracker
from rasa_sdk.types import DomainDict

from actions.answering import say_term, topic_buttons
from actions.asking_again import ask_what_was_meant, topics_thought_of
from actions.closest import service_described, topic_by_meaning
from actions.context import Context
from actions.named import services_named
from actions.replies import Reply
from actions.store import keep_unanswered, read_store
from actions.subject import (
    ANSWERS,
    answer_pressed,
    answered_in,
    give_answer,
    questions_to_answer,
    read_question,
    send_answer,
    topic_meant,
    topic_told,
)


class ActionNotUnderstood(Action):
    """Asks what was meant, first with the likeliest topics and then with the four parts; offers a person."""

    def name(self) -> str:
        return "action_not_understood"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> list[EventType]:
        """Answer if the store knows; else say that it was not understood and what can be done."""
        context = read_question(tracker)
        if topic_told(tracker, context) == "wait_time":
            return await asyncio.to_thread(give_answer, dispatcher, replace(context, text=""), "wait_time")
        guesses = topics_thought_of(tracker, ANSWERS)
        return await asyncio.to_thread(_answer_or_ask, dispatcher, context, guesses)


class ActionOutOfScope(Action):
    """For what is not about autism or SEND."""

    def name(self) -> str:
        return "action_out_of_scope"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> list[EventType]:
        """Answer about a service that the store has by that name; else say what this helpline is for."""
        context = read_question(tracker)
        return await asyncio.to_thread(_answer_or_refuse, dispatcher, context)


def _answer_or_refuse(dispatcher: CollectingDispatcher, context: Context) -> list[EventType]:
    if asked := questions_to_answer(context):
        return give_answer(dispatcher, context, asked[0].topic)
    with read_store() as session:
        if pressed := answer_pressed(session, context, None):
            return send_answer(dispatcher, str(pressed[1].topic), *pressed)
        named = services_named(session, context.text, context.store_area, context.place)
        is_one = named.only or service_described(context, session) is not None
        answered = answered_in(session, context, "service_contact") if is_one else None
    if answered is not None:
        return send_answer(dispatcher, "service_contact", *answered)
    dispatcher.utter_message(
        response="utter_out_of_scope",
        json_message={"person": context.person(), "falls_short": "out_of_scope"},
    )
    keep_unanswered(context, "out_of_scope", None)
    return context.slots()


def _answer_or_ask(dispatcher: CollectingDispatcher, context: Context, guesses: list[str]) -> list[EventType]:
    """The store may know the very question even where the dialogue model is unsure of its topic."""
    with read_store() as session:
        pressed = answer_pressed(session, context, None)
    if pressed is not None:
        return send_answer(dispatcher, str(pressed[1].topic), *pressed)
    if meant := topic_meant(context):
        return give_answer(dispatcher, *meant)
    if asked := questions_to_answer(context):
        return give_answer(dispatcher, context, asked[0].topic)
    with read_store() as session:
        if services_named(session, context.text, context.store_area, context.place).only:
            topic: str | None = "service_contact"
        else:
            topic = topic_by_meaning(context, session, None)
            reply = Reply(None, context.easy_read)
            if topic not in ANSWERS and say_term(reply, context, session):
                reply.offer(*topic_buttons(session, guesses[:2]))
                reply.send(dispatcher, context.person())
                return replace(context, shown=tuple(reply.shown), misunderstood=0).slots()
        answered = answered_in(session, context, topic) if topic in ANSWERS else None
    if topic is not None and answered is not None:
        return send_answer(dispatcher, topic, *answered)
    return ask_what_was_meant(dispatcher, context, guesses)

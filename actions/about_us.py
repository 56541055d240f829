"""What is asked or said of the assistant itself: who sees this, what it is, and words meant to hurt it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Action, Tracker
from rasa_sdk.types import DomainDict

from actions.closest import leans, topic_by_meaning
from actions.context import Context, read_context
from actions.store import read_store
from actions.subject import ANSWERS, answered_in, give_answer, send_answer

#: So many insults in a row, and the boundary is said; before that, that it is heard.
_BOUNDARY_AT = 2


class ActionAboutUs(Action):
    """Says what the assistant is and who can read a chat, and answers what was asked besides."""

    def name(self) -> str:
        return "action_about_us"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> list[EventType]:
        """Use the domain's words; a second question in the message is answered after them."""
        context = read_context(tracker)
        if (carried_on := await asyncio.to_thread(_carry_on, dispatcher, context)) is not None:
            return carried_on
        dispatcher.utter_message(response=f"utter_{tracker.get_intent_of_latest_message()}")
        others = [question for question in context.questions if question.topic in ANSWERS]
        if not others:
            return context.slots()
        context = replace(context, text=others[0].text, questions=others if others[1:] else ())
        return await asyncio.to_thread(give_answer, dispatcher, context, others[0].topic)


def _carry_on(dispatcher: CollectingDispatcher, context: Context) -> list[EventType] | None:
    """Answer what is hardly about us and carries a question on: "can we get told why"; None otherwise."""
    if context.understood_well or not context.before:
        return None
    with read_store() as session:
        topic = topic_by_meaning(context, session, None) if leans(context, session) else None
        if topic not in ANSWERS:
            return None
        answered = answered_in(session, context, str(topic))
    return send_answer(dispatcher, str(topic), *answered)


class ActionInsult(Action):
    """Meets abuse calmly, and the second time in a row with a boundary."""

    def name(self) -> str:
        return "action_insult"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> list[EventType]:
        """Hear it, offer help; then say what is not answered."""
        context = read_context(tracker)
        context = replace(context, insults=context.insults + 1)
        boundary = context.insults >= _BOUNDARY_AT
        dispatcher.utter_message(response="utter_boundary" if boundary else "utter_insult")
        return context.slots()

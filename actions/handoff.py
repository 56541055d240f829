"""Asking for a person: passes on what an adviser needs so that nobody has to tell it twice."""

from __future__ import annotations

from typing import Any

from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Action, Tracker
from rasa_sdk.types import DomainDict

from actions.context import Context, read_context


class ActionHandoff(Action):
    """Hands the chat over: the gateway acts on the ``handoff`` payload and says what happens next."""

    def name(self) -> str:
        return "action_handoff"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> list[EventType]:
        """Send the payload with a summary of the chat."""
        context = read_context(tracker)
        dispatcher.utter_message(
            text="Yes. You can talk to a person.",
            json_message={
                "topic": "human_request",
                "handoff": {"reason": "asked", "priority": "normal", "summary": summary(context)},
            },
        )
        return context.slots()


def summary(context: Context) -> dict[str, Any]:
    """What an adviser sees first: what was asked, where, for whom, what was shown."""
    return {
        "asked": list(context.own.asked),
        "area": context.own.area,
        "place": context.own.place,
        "age": context.own.age,
        "about": context.own.cohort,
        "writer_is_under_18": context.own.young,
        "last_topic": context.topic,
        "shown": list(context.shown),
        "easy_read": context.easy_read,
    }

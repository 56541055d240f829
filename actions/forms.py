"""Forms: each asks for the one thing that an answer needs, and nothing more."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.forms import REQUESTED_SLOT, FormValidationAction
from rasa_sdk.interfaces import Action, Tracker
from rasa_sdk.types import DomainDict

from actions.answering import ask_area
from actions.context import Context, read_context
from actions.event_dates import day_of_request
from actions.follow_up import carry_on, next_best_topic
from actions.replies import Button, button
from actions.store import read_store
from actions.subject import asks_of_its_own, give_answer


class ActionAskArea(Action):
    """Asks where the person lives, once.

    While the form waits Rasa calls it after every message: then it says nothing, unless the message was an
    answer that was not understood, or named a place on a border. An answer that falls short asks anew
    (``actions.answering.ask_for_area``).
    """

    def name(self) -> str:
        return "action_ask_area"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> list[EventType]:
        """Offer the covered areas as buttons; for a place on a border, only those on its two sides."""
        context = read_context(tracker).own
        if context.area_was_asked and not context.unsure_areas and not _tells(tracker):
            return []
        text, buttons = await asyncio.to_thread(_ask_area, context)
        dispatcher.utter_message(text=text, buttons=[*buttons, button("I would rather not say", "/decline")])
        return []


def _tells(tracker: Tracker) -> bool:
    """Whether the newest message was typed and taken to tell something, as an answer does."""
    intent = tracker.get_intent_of_latest_message(skip_fallback_intent=False)
    return intent == "inform" and not str((tracker.latest_message or {}).get("text") or "").startswith("/")


def _ask_area(context: Context) -> tuple[str, list[Button]]:
    with read_store() as session:
        return ask_area(context, session)


class ValidateAreaForm(FormValidationAction):
    """Takes the area from the person's words."""

    def name(self) -> str:
        return "validate_area_form"

    async def extract_area(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> dict[str, Any]:
        """The area that the newest message names, if it does little else.

        A question of its own goes its way: it is answered and its place noted, and the form then ends.
        """
        if asks_of_its_own(tracker):
            return {}
        context = read_context(tracker).own
        return {"area": context.area} if context.area else {}


class ValidateCohortForm(FormValidationAction):
    """Takes from the person's words whether it is about a child or an adult."""

    def name(self) -> str:
        return "validate_cohort_form"

    async def extract_cohort(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> dict[str, Any]:
        """Who it is about; the action that follows reads the age, if it was said."""
        context = read_context(tracker).own
        return {"cohort": context.cohort} if context.cohort else {}


class ValidateDeadlineForm(FormValidationAction):
    """Takes the day of the request from the person's words."""

    def name(self) -> str:
        return "validate_deadline_form"

    async def extract_event_date(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> dict[str, Any]:
        """The day that the newest message names, as an ISO date; none before the form has asked for it.

        Rasa asks this also when the form begins, of the message that it began with: a day in that one was not
        counted from, because it is not that of the request.
        """
        if tracker.get_slot(REQUESTED_SLOT) != "event_date":
            return {}
        day = day_of_request(read_context(tracker).own)
        return {"event_date": day.isoformat()} if day else {}


class ActionAreaDeclined(Action):
    """The person would rather not say where they live, or is done: it is not asked again."""

    def name(self) -> str:
        return "action_area_declined"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> list[EventType]:
        """Say that this is fine; to who would rather not say it, with the answer that holds everywhere."""
        dispatcher.utter_message(response="utter_declined")
        context = replace(read_context(tracker), area_declined=True)
        # "Ok" or "no thanks" after an answer asks for none.
        declines = tracker.get_intent_of_latest_message(skip_fallback_intent=False) == "decline"
        if context.topic is None or not (declines or context.topic == "service_contact"):
            return context.slots()
        # Of services their names alone were shown, to ask which.
        same_question = context.topic != "service_contact"
        return await asyncio.to_thread(carry_on, dispatcher, context, same_question)


class ActionDecline(Action):
    """Somebody declines though nothing was asked: a question that sounds so, or a fear of being told on."""

    def name(self) -> str:
        return "action_decline"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> list[EventType]:
        """Answer the next likely topic, or say who can see the chat; "that is fine" would promise secrecy."""
        context = read_context(tracker)
        topic = next_best_topic(tracker)
        if topic is not None:
            return await asyncio.to_thread(give_answer, dispatcher, context, topic)
        dispatcher.utter_message(response="utter_privacy_data")
        return context.slots()

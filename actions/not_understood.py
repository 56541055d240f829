"""When the message was not understood: say so, help once, then offer a person."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Action, Tracker
from rasa_sdk.types import DomainDict

from actions.answering import topic_buttons
from actions.closest import topic_by_meaning
from actions.context import Context, read_context
from actions.follow_up import FIRST_TOPICS
from actions.replies import TALK_TO_A_PERSON, Reply
from actions.store import read_store
from actions.subject import ANSWERS, give_answer, topic_told

#: After so many in a row a person is offered first.
_OFFER_A_PERSON_AFTER = 2


class ActionNotUnderstood(Action):
    """Asks with buttons what was meant; the second time in a row a person is offered."""

    def name(self) -> str:
        return "action_not_understood"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> list[EventType]:
        """Say that it was not understood and what can be done."""
        context = read_context(tracker)
        if topic_told(tracker, context) == "wait_time":
            return await asyncio.to_thread(give_answer, dispatcher, replace(context, text=""), "wait_time")
        ranking = (tracker.latest_message or {}).get("intent_ranking") or []
        guesses = [str(guess.get("name")) for guess in ranking if guess.get("name") in ANSWERS][:2]
        return await asyncio.to_thread(_answer_or_ask, dispatcher, context, guesses)


def _answer_or_ask(dispatcher: CollectingDispatcher, context: Context, guesses: list[str]) -> list[EventType]:
    """The store may know the very question even where the dialogue model is unsure of its topic."""
    with read_store() as session:
        topic = topic_by_meaning(context, session, None)
    if topic in ANSWERS:
        return give_answer(dispatcher, context, topic)
    return _ask_again(dispatcher, context, guesses)


def _ask_again(dispatcher: CollectingDispatcher, context: Context, guesses: list[str]) -> list[EventType]:
    context = replace(context, misunderstood=context.misunderstood + 1)
    reply = Reply(None, context.easy_read)
    with read_store() as session:
        if context.misunderstood >= _OFFER_A_PERSON_AFTER:
            reply.say(
                "Sorry, I still do not understand. That is not your fault. A person can help you, or you can "
                "ask me in other words.",
                easy_read="Sorry.\nI do not understand.\nA person can help you.",
            )
            reply.offer(TALK_TO_A_PERSON, *topic_buttons(session, guesses))
        else:
            reply.say(
                "Sorry, I am not sure what you mean. Is it about one of these? "
                "You can also ask in other words.",
                easy_read="Sorry.\nI am not sure what you mean.\nIs it one of these?",
            )
            reply.offer(*topic_buttons(session, guesses or FIRST_TOPICS), TALK_TO_A_PERSON)
    reply.send(dispatcher, context.person())
    return context.slots()

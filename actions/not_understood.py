"""No topic was understood: the store may know; else what was meant is asked twice, then comes a person."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Action, Tracker
from rasa_sdk.types import DomainDict
from sqlalchemy.orm import Session

from actions.answering import WHAT_I_KNOW, WHAT_I_KNOW_EASY, offer_questions, say_term, topic_buttons
from actions.closest import topic_by_meaning
from actions.context import Context, read_context
from actions.follow_up import FIRST_TOPICS, LIKELY
from actions.named import services_named
from actions.replies import TALK_TO_A_PERSON, Reply, button
from actions.store import keep_unanswered, read_store
from actions.subject import ANSWERS, give_answer, topic_meant, topic_told
from knowledge import models

#: After so many in a row a person is offered first.
_OFFER_A_PERSON_AFTER = 3

#: "Is it about A or about B?": more than this is a menu.
_MOST_GUESSES = 3


class ActionNotUnderstood(Action):
    """Asks what was meant, first with the likeliest topics and then with the four parts; offers a person."""

    def name(self) -> str:
        return "action_not_understood"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> list[EventType]:
        """Answer if the store knows; else say that it was not understood and what can be done."""
        context = read_context(tracker)
        if topic_told(tracker, context) == "wait_time":
            return await asyncio.to_thread(give_answer, dispatcher, replace(context, text=""), "wait_time")
        ranking = (tracker.latest_message or {}).get("intent_ranking") or []
        return await asyncio.to_thread(_answer_or_ask, dispatcher, context, _guesses(ranking))


class ActionOutOfScope(Action):
    """For what is not about autism or SEND."""

    def name(self) -> str:
        return "action_out_of_scope"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> list[EventType]:
        """Answer about a service that the store has by that name; else say what this helpline is for."""
        context = read_context(tracker)
        return await asyncio.to_thread(_answer_or_refuse, dispatcher, context)


def _answer_or_refuse(dispatcher: CollectingDispatcher, context: Context) -> list[EventType]:
    if context.questions:
        return give_answer(dispatcher, context, context.questions[0].topic)
    with read_store() as session:
        named = services_named(session, context.text, context.store_area, context.place)
    if named.only:
        return give_answer(dispatcher, context, "service_contact")
    dispatcher.utter_message(response="utter_out_of_scope")
    keep_unanswered(context, "out_of_scope", None)
    return context.slots()


def _guesses(ranking: list[dict[str, Any]]) -> list[str]:
    """The topics that were thought of, the likeliest first; some always, however unlikely."""
    found = [guess for guess in ranking if guess.get("name") in ANSWERS]
    likely = [guess for guess in found if float(guess.get("confidence") or 0.0) >= LIKELY]
    return [str(guess["name"]) for guess in (likely or found)[:_MOST_GUESSES]]


def _answer_or_ask(dispatcher: CollectingDispatcher, context: Context, guesses: list[str]) -> list[EventType]:
    """The store may know the very question even where the dialogue model is unsure of its topic."""
    if meant := topic_meant(context):
        return give_answer(dispatcher, *meant)
    if context.questions:
        return give_answer(dispatcher, context, context.questions[0].topic)
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
    if topic is not None and topic in ANSWERS:
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
            reply.offer(TALK_TO_A_PERSON)
        elif context.misunderstood > 1 or not guesses:
            reply.say(
                f"Sorry, I am not sure what you mean. {WHAT_I_KNOW} Which is nearest?",
                easy_read=f"Sorry.\nI am not sure what you mean.\n{WHAT_I_KNOW_EASY}\nWhich one is it?",
            )
            reply.offer(*topic_buttons(session, FIRST_TOPICS), TALK_TO_A_PERSON)
        else:
            titles = _titles(session, guesses)
            about = " or about ".join([", ".join(titles[:-1]), titles[-1]] if titles[:-1] else titles)
            reply.say(
                f"Sorry, I am not sure what you mean. Is it about {about}? You can also ask in other words.",
                easy_read=f"Sorry.\nI am not sure what you mean.\nIs it about {about}?",
            )
            offer_questions(reply, context, session)
            something_else = button("Something else", "/start_again")
            reply.offer(*topic_buttons(session, guesses), something_else, TALK_TO_A_PERSON)
    reply.send(dispatcher, context.person())
    keep_unanswered(context, "not_understood", guesses[0] if guesses else None)
    return context.slots()


def _titles(session: Session, topics: list[str]) -> list[str]:
    """What topics are called inside a sentence: "getting an autism assessment", "EHC time limits"."""
    rows = [session.get(models.Topic, topic) for topic in topics]
    titles = [row.title for row in rows if row is not None]
    return [title if title[1:2].isupper() else title[:1].lower() + title[1:] for title in titles]

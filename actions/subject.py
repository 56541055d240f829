"""What every answering action does: read, answer one topic, remember, ask for what is missing."""

from __future__ import annotations

import asyncio
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Action, Tracker
from rasa_sdk.types import DomainDict
from sqlalchemy.orm import Session

from actions.answering import say_term
from actions.closest import topic_by_meaning
from actions.context import Context, read_context
from actions.letters import offer_letter
from actions.referral import WAIT_TOPICS, is_bare_date, only_tells_a_referral
from actions.replies import TALK_TO_A_PERSON, Reply
from actions.store import read_store

#: Fills a reply for one topic; gives events that come after it (a form that asks for what is missing) and
#: the context as it is then.
Answer = Callable[[Reply, Context, Session, str], tuple[Context, list[EventType]]]

#: Said besides a question, it is not what the message was taken to be about, and must not be lost.
_ALSO_ASKS_FOR_A_PERSON = re.compile(
    r"\b(?:talk|speak|chat) (?:to|with) (?:an? |some)(?:real |actual )?(?:person|human|one|body|advis[eo]r)",
    re.I,
)

#: Topic -> how to answer it, filled by the subjects' modules.
ANSWERS: dict[str, Answer] = {}


def answers(*topics: str) -> Callable[[Answer], Answer]:
    """Mark the function that answers these topics."""

    def register(answer: Answer) -> Answer:
        for topic in topics:
            ANSWERS[topic] = answer
        return answer

    return register


def give_answer(dispatcher: CollectingDispatcher, context: Context, topic: str) -> list[EventType]:
    """Answer a topic and give the events that remember it. Blocking: run it in a thread.

    The topic gives way to another when a record of that one answers the person's very words.
    """
    with read_store() as session:
        by_meaning = topic_by_meaning(context, session, topic)
        topic = by_meaning if by_meaning in ANSWERS else topic
        context = context.about(topic)
        reply = Reply(topic, context.easy_read)
        if say_term(reply, context, session):
            # What is said of the word's topic is the general: the words were about the word.
            context = replace(context, text="")
        context, events = ANSWERS[topic](reply, context, session, topic)
        offer_letter(reply, session, topic)
        if _ALSO_ASKS_FOR_A_PERSON.search(context.text):
            reply.say("You also asked for a person. Press the button and I will ask one to join.")
            reply.offer(TALK_TO_A_PERSON)
    reply.send(dispatcher, context.person())
    return [*replace(context, shown=tuple(reply.shown), misunderstood=0).slots(), *events]


class SubjectAction(Action, ABC):
    """An action that answers the topics of one subject; which one is the message's intent."""

    @abstractmethod
    def name(self) -> str:
        """Rasa's name for the action."""

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> list[EventType]:
        """Answer the topic that the message was understood to be about."""
        topic = str(tracker.get_intent_of_latest_message(skip_fallback_intent=False))
        context = read_context(tracker)
        if told := topic_told(tracker, context):
            context, topic = replace(context, text=""), told
        return await asyncio.to_thread(give_answer, dispatcher, context, topic)


def topic_told(tracker: Tracker, context: Context) -> str | None:
    """The topic that a message is for when it only tells something; None when it asks.

    "HR9", "Kington" or "in May 2025" alone only tells something, whatever the classifier makes of it.
    """
    message: dict[str, Any] = tracker.latest_message or {}
    if only_tells_a_referral(context.text, message.get("entities") or []):
        return "wait_time"
    if context.topic in WAIT_TOPICS and is_bare_date(context.text):
        return "wait_time"
    return context.topic if context.topic in ANSWERS and only_tells(tracker) else None


#: Words around a place or an age that ask nothing.
_FILLERS = frozenset(("i", "m", "we", "re", "it", "its", "s", "is", "are", "in", "at", "near", "the", "live"))


def only_tells(tracker: Tracker) -> bool:
    """Whether a message is nothing but a place, an age or a date."""
    message: dict[str, Any] = tracker.latest_message or {}
    text = str(message.get("text") or "")
    if text.startswith("/"):
        return False
    left = list(text)
    for entity in message.get("entities") or []:
        start, end = entity.get("start"), entity.get("end")
        if entity.get("entity") in ("area", "age", "date_phrase") and isinstance(start, int):
            left[start:end] = " " * (end - start)
    words = re.findall(r"[a-z]+", "".join(left).lower())
    return "".join(left) != text and all(word in _FILLERS for word in words)

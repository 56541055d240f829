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

from actions.answering import (
    offer_questions,
    say_entitlement,
    say_guidance,
    say_nothing_known,
    say_services,
    say_term,
    topic_buttons,
    topic_title,
)
from actions.asking_again import ask_what_was_meant, topics_thought_of
from actions.closest import (
    is_guesswork,
    leans,
    record_pressed,
    says_too_little,
    topic_by_meaning,
    words_asked,
)
from actions.context import MOST_REMEMBERED, Context, Question, read_context
from actions.ellipsis import meant_by
from actions.event_dates import WITH_LIMITS, is_of_a_benefit
from actions.letters import offer_letter
from actions.named import asks_how_to_reach, services_named
from actions.referral import WAIT_TOPICS, is_bare_date, only_tells_a_referral
from actions.replies import Reply
from actions.store import keep_unanswered, read_store
from knowledge.models import Entitlement
from knowledge.queries.services import services_by_id

#: Fills a reply for one topic; gives events that come after it (a form that asks for what is missing) and
#: the context as it is then.
Answer = Callable[[Reply, Context, Session, str], tuple[Context, list[EventType]]]

#: Said besides a question, it is not what the message was taken to be about, and must not be lost.
_ALSO_ASKS_FOR_A_PERSON = re.compile(
    r"\b(?:talk|speak|chat) (?:to|with) (?:an? |some)(?:real |actual )?(?:person|human|one|body|advis[eo]r)",
    re.I,
)

#: "How do I get assessed" sounds grown-up from whoever asks. Sixteen and seventeen stand between
#: the services.
_CHILD_BELOW = 16

#: What joins a second question to the first.
_LEADS_IN = re.compile(r"^(?:(?:and|also|plus|but|then)\b[\s,]*)+", re.I)

#: "How do I complain about CAMHS" and the like name a service and ask about something else.
_OWN_WAY_WITH_NAMES = frozenset(("service_contact", "complaint"))

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

    The topic gives way to another when a record of that one answers the person's very words. A message with
    several questions gets an answer to each: the first in full, the others shortly, with a button for more.
    """
    with read_store() as session:
        answered = answered_in(session, context, topic)
    return send_answer(dispatcher, topic, *answered)


def answered_in(session: Session, context: Context, topic: str) -> tuple[Reply, Context, list[EventType]]:
    """The reply to all that a message asks, the context after it, and what is to be asked back.

    For who has looked into the store in this ``session``, which remembers what was searched for; then
    ``send_answer``, when the session is over.
    """
    if (pressed := answer_pressed(session, context, topic)) is not None:
        return pressed
    asked = questions_to_answer(context)
    reply, context, events = _answer(
        session,
        replace(context, text=asked[0].text, likely={}) if asked else context,
        asked[0].topic if asked else topic,
    )
    for question in asked[1:]:
        context, events = _answer_also(reply, session, context, question, events)
    if _ALSO_ASKS_FOR_A_PERSON.search(context.text):
        reply.say("You also asked for a person. Press the button and I will ask one to join.")
        reply.offer_person("asked")
    return reply, context, events


def answer_pressed(
    session: Session, context: Context, understood: str | None
) -> tuple[Reply, Context, list[EventType]] | None:
    """The answer to a suggestion that was pressed, whatever its words are taken for.

    None when nothing was pressed, and for a topic's general answer, which has its own way: with figures, a
    pathway, what is near, and the question where somebody lives.
    """
    record = record_pressed(context, session)
    if record is None:
        return None
    topics = [str(link.topic) for link in record.topics]
    if any(link.general and link.topic in ANSWERS for link in record.topics):
        return None
    topic = understood if understood in topics else topics[0]
    if topic in ANSWERS:
        in_its_way = _answer(session, context, topic)
        if in_its_way[0].shown[:1] == [record.id]:
            return in_its_way
    context = replace(context.about(topic), question=context.text)
    reply = Reply(topic, context.easy_read)
    if isinstance(record, Entitlement):
        say_entitlement(reply, context, record)
    else:
        say_guidance(reply, context, record, session)
    say_services(reply, context, session, topic)
    offer_letter(reply, session, topic)
    offer_questions(reply, context, session)
    return reply, context, []


def send_answer(
    dispatcher: CollectingDispatcher, topic: str, reply: Reply, context: Context, events: list[EventType]
) -> list[EventType]:
    """Send what ``answered_in`` gave, and give the events that remember it."""
    reply.send(dispatcher, context.person())
    if reply.nothing_known:
        keep_unanswered(context, "nothing_known", topic)
    return [*replace(context, shown=tuple(reply.shown), misunderstood=0).slots(), *events]


def questions_to_answer(context: Context) -> tuple[Question, ...]:
    """A message's questions, those with an answer first; none when no action answers any of them.

    "When are the bins collected? And how do I apply?": the second is answered, whichever comes first.
    """
    asked = sorted(context.questions, key=lambda question: question.topic not in ANSWERS)
    return tuple(asked) if asked and asked[0].topic in ANSWERS else ()


def _answer(session: Session, context: Context, topic: str) -> tuple[Reply, Context, list[EventType]]:
    """One question's reply, the context after it, and what is to be asked back."""
    named = services_named(session, context.text, context.store_area, context.place)
    if named.services and named.only and topic not in _OWN_WAY_WITH_NAMES:
        topic = "service_contact"
    elif not context.settled:
        if topic in WITH_LIMITS and is_of_a_benefit(context):
            topic = "benefits_money"
        by_meaning = topic_by_meaning(context, session, topic)
        topic = by_meaning if by_meaning in ANSWERS else topic
    if topic == "diagnosis_route_adult" and context.young and (context.age or _CHILD_BELOW) < _CHILD_BELOW:
        topic = "diagnosis_route_child"
    context = context.about(topic)
    reply = Reply(topic, context.easy_read)
    if context.text:
        context = replace(context, question=words_asked(context, session)[-MOST_REMEMBERED:])
    if say_term(reply, context, session) and topic not in _OWN_WAY_WITH_NAMES:
        # What is said of the word's topic is the general: the words were about the word.
        context = replace(context, text="")
    context, events = ANSWERS[topic](reply, context, session, topic)
    if not reply and not events:
        say_nothing_known(reply, topic_title(session, topic))
    offer_letter(reply, session, topic)
    offer_questions(reply, context, session)
    return reply, context, events


def _answer_also(
    reply: Reply, session: Session, context: Context, question: Question, events: list[EventType]
) -> tuple[Context, list[EventType]]:
    """Add a further question's answer; who is asked back for, the talk goes on about."""
    asked = _LEADS_IN.sub("", question.text)
    if meant := meant_by(question.text, reply.topic):
        # "How do I appeal? How long have I got?": the second leans on the first.
        question = Question(meant.question or question.text, meant.topic)
    if question.topic not in ANSWERS:
        reply.offer(*topic_buttons(session, [question.topic]))
        return context, events
    second, after, asks_back = _answer(
        session, replace(context, text=question.text, likely={}), question.topic
    )
    if second.topic == reply.topic and set(second.shown) <= set(reply.shown):
        return context, events
    reply.also(second, f"You also asked: {asked}")
    reply.offer(*topic_buttons(session, [second.topic] if second.topic else []))
    # Only one thing is asked back at a time.
    return (context, events) if events else (after, asks_back)


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
        context = read_question(tracker)
        if told := topic_told(tracker, context):
            context, topic = replace(context, text=""), told
        elif meant := topic_meant(context):
            context, topic = meant
        else:
            return await answer_or_ask(dispatcher, tracker, context, topic)
        return await asyncio.to_thread(give_answer, dispatcher, context, topic)


async def answer_or_ask(
    dispatcher: CollectingDispatcher, tracker: Tracker, context: Context, topic: str
) -> list[EventType]:
    """Answer a message about a topic, or ask what was meant where that would be guesswork."""
    guesses = topics_thought_of(tracker, ANSWERS)
    return await asyncio.to_thread(_answer_or_ask, dispatcher, context, topic, guesses)


def _answer_or_ask(
    dispatcher: CollectingDispatcher, context: Context, topic: str, guesses: list[str]
) -> list[EventType]:
    # In one session, which remembers what was searched for.
    with read_store() as session:
        topic = _carried_on(context, session, topic)
        unclear = topic != "service_contact" and (
            says_too_little(context, session) or is_guesswork(context, session, topic)
        )
        answered = None if unclear else answered_in(session, context, topic)
    if answered is None:
        return ask_what_was_meant(dispatcher, context, guesses)
    return send_answer(dispatcher, topic, *answered)


def _carried_on(context: Context, session: Session, topic: str) -> str:
    """The topic of a message that carries a question on and asks for no contact, whatever it sounds like.

    "Who would do that?" is taken for a contact, but the question before it says what is asked.
    """
    if topic != "service_contact" or asks_how_to_reach(context.text) or not leans(context, session):
        return topic
    if services_named(session, context.text, context.store_area, context.place).services:
        return topic
    by_meaning = topic_by_meaning(context, session, None)
    return by_meaning if by_meaning in ANSWERS else topic


def topic_meant(context: Context) -> tuple[Context, str] | None:
    """A short question that leans on the last answer, put into full words, and its topic; else None."""
    meant = None if context.questions else meant_by(context.text, context.topic)
    if meant is None:
        return None
    if meant.topic == "service_contact":
        with read_store() as session:
            if not services_by_id(session, context.shown):
                return None
    return replace(context, text=meant.question, likely={}), meant.topic


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


#: What a message is taken for that answers or carries on; it asks nothing of its own.
_ANSWERS_OR_CARRIES_ON = frozenset(("inform", "correct", "follow_up", "affirm_deny", "decline", "stop"))

#: An answer to a form's question has no more words than these beside what it tells.
_MOST_WORDS_OF_AN_ANSWER = 5

#: Somebody asks, in the middle of a message and with no question mark too.
_ASKS = re.compile(
    r"\?|\b(?:how|why|can|could|should|does|did)\b|\bdo (?:i|we|you|they)\b"
    r"|\b(?:is|are) (?:it|that|this|there)\b",
    re.I,
)


def asks_of_its_own(tracker: Tracker) -> bool:
    """Whether a message asks something of its own, whatever else it tells that a form waits for.

    "We moved from Leicester to Derby and she had a plan, does Derby have to do it" is no answer to "Which
    area do you live in?".
    """
    intent = tracker.get_intent_of_latest_message(skip_fallback_intent=False)
    text = str((tracker.latest_message or {}).get("text") or "")
    if text.startswith("/") or intent in _ANSWERS_OR_CARRIES_ON:
        return False
    words = [word for word in _words(_beside_what_is_told(tracker)) if word not in _FILLERS]
    return len(words) > _MOST_WORDS_OF_AN_ANSWER and (intent in ANSWERS or _ASKS.search(text) is not None)


def read_question(tracker: Tracker) -> Context:
    """The context of a message that may ask something.

    One that names the place that was asked for, and asks something of its own, leans on nothing before it:
    the place alone ties it to the question that was open.
    """
    context = read_context(tracker)
    names_the_place = context.area_was_asked and context.area is not None
    return replace(context, before=None) if names_the_place and asks_of_its_own(tracker) else context


def only_tells(tracker: Tracker) -> bool:
    """Whether a message is nothing but a place, an age or a date."""
    text = str((tracker.latest_message or {}).get("text") or "")
    if text.startswith("/"):
        return False
    left = _beside_what_is_told(tracker)
    return left != text and all(word in _FILLERS for word in _words(left))


def _beside_what_is_told(tracker: Tracker) -> str:
    """A message with blanks for its places, ages and dates."""
    message: dict[str, Any] = tracker.latest_message or {}
    left = list(str(message.get("text") or ""))
    for entity in message.get("entities") or []:
        start, end = entity.get("start"), entity.get("end")
        if entity.get("entity") in ("area", "age", "date_phrase") and isinstance(start, int):
            left[start:end] = " " * (end - start)
    return "".join(left)


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())

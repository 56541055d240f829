"""Nothing was understood well enough to answer: what was meant is asked twice, then comes a person."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace
from typing import Any

from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Tracker
from sqlalchemy.orm import Session

from actions.answering import WHAT_I_KNOW, WHAT_I_KNOW_EASY, offer_questions, topic_buttons
from actions.closest import questions_meant
from actions.context import MOST_REMEMBERED, Context
from actions.replies import TALK_TO_A_PERSON, Reply, button
from actions.store import keep_unanswered, read_store
from knowledge import models

#: Offered to somebody who has asked nothing yet, or nothing that was understood.
FIRST_TOPICS = ("diagnosis_route_child", "wait_time", "support_no_diagnosis", "ehcp_request")

#: Fewer words tell nothing that could be carried on.
_TELLS_WORDS = 4

#: A topic less likely than this is not answered unasked.
LIKELY = 0.05

#: After so many in a row a person is offered first.
_OFFER_A_PERSON_AFTER = 3

#: "Is it about A or about B?": more than this is a menu.
_MOST_GUESSES = 3

#: So many questions to choose from, and so many topics beside them.
_MOST_QUESTIONS, _MOST_TOPICS_BESIDE = 3, 2

_SOMETHING_ELSE = button("Something else", "/start_again")


def topics_thought_of(tracker: Tracker, answered: Container[str]) -> list[str]:
    """The topics of ``answered`` that the newest message may be about, the likeliest first; some always."""
    ranking: list[dict[str, Any]] = (tracker.latest_message or {}).get("intent_ranking") or []
    found = [guess for guess in ranking if guess.get("name") in answered]
    likely = [guess for guess in found if float(guess.get("confidence") or 0.0) >= LIKELY]
    return [str(guess["name"]) for guess in (likely or found)[:_MOST_GUESSES]]


def ask_what_was_meant(
    dispatcher: CollectingDispatcher, context: Context, guesses: list[str]
) -> list[EventType]:
    """Ask with the likeliest topics, then with the four parts; then offer a person. Blocking: use a thread.

    Args:
        guesses: the topics that were thought of, the likeliest first.
    """
    context = replace(context, misunderstood=context.misunderstood + 1)
    if len(context.text.split()) >= _TELLS_WORDS:
        # What comes next carries it on, though it was not understood.
        context = replace(context, question=context.text[-MOST_REMEMBERED:])
    reply = Reply(None, context.easy_read)
    with read_store() as session:
        if context.misunderstood >= _OFFER_A_PERSON_AFTER:
            reply.say(
                "Sorry, I still do not understand. That is not your fault. A person can help you, or you can "
                "ask me in other words.",
                easy_read="Sorry.\nI do not understand.\nA person can help you.",
            )
            reply.offer_person("not_understood")
        elif context.misunderstood > 1:
            reply.say(
                f"Sorry, I am still not sure what you mean. {WHAT_I_KNOW} Which is nearest? "
                "Or you can talk to a person.",
                easy_read=(
                    f"Sorry.\nI am not sure what you mean.\n{WHAT_I_KNOW_EASY}\nWhich one is it?\n"
                    "Or you can talk to a person."
                ),
            )
            reply.offer(*topic_buttons(session, FIRST_TOPICS))
            reply.offer_person("not_understood")
        elif len(questions := questions_meant(context, session, _MOST_QUESTIONS)) > 1:
            reply.say(
                "Sorry, I am not sure what you mean, and I want to get this right. "
                "Is one of these your question? You can also ask in other words.",
                easy_read="Sorry.\nI am not sure what you mean.\nIs one of these your question?",
            )
            reply.offer(*(button(question, question) for question in questions))
            reply.offer(
                *topic_buttons(session, guesses[:_MOST_TOPICS_BESIDE]), _SOMETHING_ELSE, TALK_TO_A_PERSON
            )
        elif not guesses:
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
            reply.offer(*topic_buttons(session, guesses), _SOMETHING_ELSE, TALK_TO_A_PERSON)
    reply.send(dispatcher, context.person())
    keep_unanswered(context, "not_understood", guesses[0] if guesses else None)
    return context.slots()


def _titles(session: Session, topics: list[str]) -> list[str]:
    """What topics are called inside a sentence: "getting an autism assessment", "EHC time limits"."""
    rows = [session.get(models.Topic, topic) for topic in topics]
    titles = [row.title for row in rows if row is not None]
    return [title if title[1:2].isupper() else title[:1].lower() + title[1:] for title in titles]

"""Support: what there is, for whom, and what autism is. Help that needs no diagnosis comes first."""

from __future__ import annotations

from rasa_sdk.events import EventType
from sqlalchemy.orm import Session

from actions.answering import answer_topic, ask_for_area
from actions.context import Context
from actions.replies import Reply
from actions.subject import SubjectAction, answers


class ActionSupport(SubjectAction):
    """Answers the support topics and the general ones that the store holds answers to."""

    def name(self) -> str:
        return "action_support"


@answers(
    "support_no_diagnosis",
    "support_post_diagnosis",
    "support_school",
    "support_peer_social",
    "support_mental_health",
    "support_short_breaks",
    "support_carer",
    "support_employment",
    "support_housing_transport",
    "support_training",
    "what_is_autism",
)
def answer_support(
    reply: Reply, context: Context, session: Session, topic: str
) -> tuple[Context, list[EventType]]:
    """The record that fits the question, then services near the person."""
    answer_topic(reply, context, session, topic)
    return context, ask_for_area(context, session, topic)


@answers("complaint")
def answer_complaint(
    reply: Reply, context: Context, session: Session, topic: str
) -> tuple[Context, list[EventType]]:
    """How to complain, and a person who can help with it."""
    answer_topic(reply, context, session, topic)
    reply.say("You can also talk to a person about this.", easy_read="You can also talk to a person.")
    reply.offer_person("complaint")
    return context, []

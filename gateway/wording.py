"""Every sentence the gateway says itself, with its Easy Read form. No facts and no numbers live here.

Plain words, one idea a sentence, what happens next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from conversations.log import UNTOLD, Draft
from conversations.models import Json, Message, Role
from conversations.opening import LOCAL_TIME, Opening, clock
from gateway.languages import Language

#: The button that is always there.
HUMAN_REQUEST = "/human_request"
#: Payloads the gateway acts on itself; they never reach the bot.
TRY_AGAIN = "/try_again"
STOP_WAITING = "/stop_waiting"
ANSWER_QUESTION = "/answer_my_question"
CALL_BACK = "/call_back"

#: True on the web page only; a channel says something else in its place.
KEEP_PAGE_OPEN = "Keep this page open if you can: we cannot reach you anywhere else. "

TALK_TO_A_PERSON: Json = {"title": "Talk to a person", "payload": HUMAN_REQUEST}
CALL_ME_BACK: Json = {"title": "Ask for a call back", "payload": CALL_BACK}
ANSWER_MY_QUESTION: Json = {"title": "Now answer my question", "payload": ANSWER_QUESTION}
_TRY_AGAIN: Json = {"title": "Try again", "payload": TRY_AGAIN}
_STOP_WAITING: Json = {"title": "I no longer need a person", "payload": STOP_WAITING}

#: What a first question may be; the payloads are topics of the dialogue model.
_FIRST_QUESTIONS: tuple[Json, ...] = (
    {"title": "How do I get an assessment?", "payload": "/diagnosis_route_child"},
    {"title": "How long is the wait?", "payload": "/wait_time"},
    {"title": "What help is there without a diagnosis?", "payload": "/support_no_diagnosis"},
    {"title": "What are my rights at school?", "payload": "/ehcp_request"},
    TALK_TO_A_PERSON,
)


def welcome(retention_days: int, emergency: str) -> list[Draft]:
    """What a chat begins with: what this is and is not, what is kept, and what can be asked.

    ``emergency`` holds a contact a line, for somebody who should not wait for us.
    """
    contacts = "\n".join(f"- {line}" for line in emergency.splitlines())
    return [
        Draft(
            text=(
                "Hello. I am an automated assistant, not a person. "
                "I can tell you how to get an assessment, how long people wait, what help there is, "
                "and what your rights are.\n"
                "I am not for emergencies. If someone is in danger now, contact:\n"
                f"{contacts}\n"
                "You do not need to tell me your name. "
                f"This chat is kept for {retention_days} days, and you can delete it at any time.\n"
                "Ask in your own words, or choose a question."
            ),
            easy_read=(
                "Hello.\nI am a computer helper. I am not a person.\n"
                "I know about autism and help at school.\n"
                "I am not for emergencies. If you are in danger:\n"
                f"{contacts}\n"
                "You do not have to say your name.\n"
                f"We keep this chat for {retention_days} days. You can delete it.\n"
                "Type your question. Or press a button."
            ),
            buttons=_FIRST_QUESTIONS,
        ),
    ]


def hours(opening: Opening, now: datetime) -> str | None:
    """When people answer, for beside "Talk to a person"; None while no hours are set. ``now`` is aware."""
    if not opening.is_known:
        return None
    when = f"People answer {opening.in_words()}."
    closes = opening.closes_at(now)
    if closes is not None:
        return f"{when} They are here today until {clock(closes.time())}."
    because = opening.closed_because(now.astimezone(LOCAL_TIME).date())
    return f"{when} They are not here now{f' ({because})' if because else ''}."


def no_answer() -> Draft:
    """The bot did not answer: say so, never be silent."""
    return Draft(
        text=(
            "Sorry, I could not work out an answer just now. Your message is saved. "
            "You can try again, or talk to a person."
        ),
        easy_read="Sorry.\nI could not answer.\nYour message is saved.\nYou can try again.",
        buttons=(_TRY_AGAIN, TALK_TO_A_PERSON),
    )


def nothing_to_try_again() -> Draft:
    """ "Try again" was pressed, and there is no earlier message."""
    return Draft(text="Please type your question again.", easy_read="Please type your question again.")


def empty() -> Draft:
    """A message without anything in it."""
    return Draft(
        text="Your message was empty. What would you like to ask?",
        easy_read="Your message was empty.\nWhat do you want to ask?",
        buttons=(TALK_TO_A_PERSON,),
    )


def no_words() -> Draft:
    """Only emoji or signs."""
    return Draft(
        text=(
            "I can only read words, so I may have missed what you mean. "
            "Could you say it in a few words? If things are hard right now, you can talk to a person."
        ),
        easy_read="I can only read words.\nPlease type some words.\nOr you can talk to a person.",
        buttons=(TALK_TO_A_PERSON,),
    )


def too_long(characters: int, most: int) -> Draft:
    """More than the assistant can read at once."""
    return Draft(
        text=(
            f"Thank you for telling me all this. Your message is saved whole, and a person can read it. "
            f"It has {characters} characters, and I can only work with {most} at a time. "
            "What is the one thing you want to know first?"
        ),
        easy_read="Your message is saved.\nIt is too long for me.\nWhat do you want to know first?",
        buttons=(TALK_TO_A_PERSON,),
    )


def only_markup() -> Draft:
    """Computer code without words."""
    return Draft(
        text="That looks like computer code. I keep it as plain text. What would you like to ask, in words?",
        easy_read="That looks like computer code.\nPlease type your question in words.",
        buttons=(TALK_TO_A_PERSON,),
    )


def other_language(language: Language | None) -> Draft:
    """Another language: say how to reach a person, in that language when we know it."""
    named = f"I think you are writing in {language.name}. " if language else ""
    english = (
        f"{named}I can only read English. A person can read what you wrote. "
        "Press the button, and ask them for an interpreter if you need one."
    )
    return Draft(
        text=f"{language.line}\n{english}" if language else english,
        easy_read=f"{language.line}\n{english}" if language else english,
        buttons=(TALK_TO_A_PERSON,),
        meta={"language": language.tag} if language else {},
    )


def distress() -> Draft:
    """One warm line before the answer."""
    return Draft(
        text="That sounds very hard. Thank you for telling me. You can talk to a person if you want to.",
        easy_read="That sounds very hard.\nYou can talk to a person.",
        buttons=(TALK_TO_A_PERSON,),
        meta={"kind": "distress", "offers_person": "distress"},
    )


def waiting_with_adviser_here(reference: str, position: int, call_back_after: str) -> Draft:
    """A person was asked for, and somebody is signed in. After ``call_back_after`` a call back is offered."""
    return Draft(
        role=Role.SYSTEM,
        text=(
            f"An adviser is here and has been told. You are number {position} in the queue. "
            f"Your reference is {reference}. They will answer in this chat. "
            "You can keep asking me meanwhile. "
            f"If nobody has come after {call_back_after}, you can ask for a call back instead."
        ),
        easy_read=(
            f"A person is here.\nYou are number {position} in the queue.\n"
            "They will write to you in this chat.\nYou can keep asking me.\n"
            f"If nobody comes after {call_back_after}, we can call you back."
        ),
        buttons=(_STOP_WAITING,),
    )


def waiting_with_nobody_here(
    reference: str, next_here: str | None, elsewhere: Sequence[str], cards: Sequence[Json]
) -> Draft:
    """A person was asked for, and nobody is signed in.

    ``next_here``: when advisers are, if that is known. ``elsewhere`` names services that may help sooner.
    """
    back = f"Advisers are next here {next_here}. " if next_here else ""
    back_easy = f"People are here {next_here}.\n" if next_here else ""
    text = (
        f"Nobody is here to answer right now. Your request is saved with the reference {reference}.\n"
        f"{back}The next adviser who signs in will see it, with this whole chat, and will answer here. "
        f"{KEEP_PAGE_OPEN}\n"
        "Or ask for a call back: an adviser then phones, texts or emails you.\n"
        "You can keep asking me meanwhile."
    )
    easy_read = (
        f"No person is here now.\n{back_easy}We saved your request.\n"
        f"Your reference is {reference}.\nA person will write to you in this chat.\n"
        "Or we can call you back.\nYou can keep asking me."
    )
    if elsewhere:
        names = " or ".join(elsewhere)
        text += f"\nIf you do not want to wait, you can also contact {names}."
        easy_read += f"\nYou can also contact {names}."
    return Draft(
        role=Role.SYSTEM,
        text=text,
        easy_read=easy_read,
        cards=cards,
        buttons=(CALL_ME_BACK, _STOP_WAITING),
        meta={"kind": "nobody_here"},
    )


def is_waiting(message: Message) -> bool:
    """Whether a message says that a person was asked for and nobody is here."""
    return message.meta.get("kind") == "nobody_here"


def ask_anything() -> Draft:
    """A new start: what can be asked."""
    return Draft(
        text="What do you want to know? Ask in your own words, or choose a question.",
        easy_read="What do you want to know?\nType your question. Or press a button.",
        buttons=_FIRST_QUESTIONS,
    )


def adviser_has_it(name: str) -> Draft:
    """A person was asked for, and a person already has the chat."""
    return Draft(
        role=Role.SYSTEM,
        text=f"Adviser {name} has this chat and can see your message.",
        easy_read=f"Adviser {name} is in this chat.\nThey can see your message.",
    )


def stopped_waiting() -> Draft:
    """The request for a person was withdrawn."""
    return Draft(
        role=Role.SYSTEM,
        text="You are no longer waiting for a person. You can ask for one again at any time.",
        easy_read="You are not waiting for a person now.\nYou can ask again at any time.",
        buttons=(TALK_TO_A_PERSON,),
    )


def not_waiting() -> Draft:
    """A withdrawal, and there was no request."""
    return Draft(
        role=Role.SYSTEM,
        text="You are not waiting for a person at the moment.",
        easy_read="You are not waiting for a person now.",
    )


def adviser_lost() -> Draft:
    """The adviser's connection died; the chat is in the queue again."""
    return Draft(
        role=Role.SYSTEM,
        text=(
            "The adviser's connection was lost. Your chat is back in the queue and keeps its place. "
            "Nothing you wrote is lost. You can keep asking me meanwhile, or ask for a call back."
        ),
        easy_read=(
            "The adviser's connection was lost.\nYou are back in the queue.\nNothing is lost.\n"
            "You can keep asking me.\nOr we can call you back."
        ),
        buttons=(CALL_ME_BACK, _STOP_WAITING),
    )


#: Over the contacts, where danger is only likely. The page always shows contacts under the same words.
_IN_CASE_TITLE = "If someone is in danger now"


def before_the_answer(reply: Draft) -> Draft:
    """The crisis reply where danger is only likely and the answer to a question follows.

    Nothing of it is left out: it is told as what to do in case.
    """
    return replace(
        reply,
        text=(
            "I will answer your question below. First, in case you or somebody else is in danger now:\n\n"
            f"{reply.text}"
        ),
        easy_read=(
            f"I will answer your question.\nFirst: is someone in danger now?\n{reply.easy_read or reply.text}"
        ),
        cards=tuple({**card, "title": _IN_CASE_TITLE} for card in reply.cards),
    )


def after_crisis(adviser_present: bool, reference: str, *, in_case: bool = False) -> Draft:
    """What follows the crisis reply: who knows of it, and not to wait for them.

    ``in_case``: danger is only likely, and the answer to what was asked comes after this.
    """
    if in_case:
        return _told_in_case(adviser_present, reference)
    if adviser_present:
        return Draft(
            role=Role.SYSTEM,
            text=(
                f"An adviser has been told that this chat is urgent (reference {reference}). "
                "If there is danger now, please do not wait for them: use the contacts above."
            ),
            easy_read="We told a person that this is urgent.\nDo not wait for them.\nUse the contacts above.",
        )
    return Draft(
        role=Role.SYSTEM,
        text=(
            f"No adviser is here right now. This chat is marked as urgent (reference {reference}). "
            "Please do not wait for us: use the contacts above."
        ),
        easy_read="No person is here now.\nDo not wait for us.\nUse the contacts above.",
    )


def _told_in_case(adviser_present: bool, reference: str) -> Draft:
    if adviser_present:
        return Draft(
            role=Role.SYSTEM,
            text=(
                f"I have told an adviser too, in case someone needs help now (reference {reference}). "
                "If there is danger now, please do not wait for them: use the contacts above."
            ),
            easy_read="I told a person too.\nIn danger now? Do not wait for them.\nUse the contacts above.",
        )
    return Draft(
        role=Role.SYSTEM,
        text=(
            f"No adviser is here right now. I have marked this chat for them, in case someone needs help now "
            f"(reference {reference}). "
            "If there is danger now, please do not wait for us: use the contacts above."
        ),
        easy_read="No person is here now.\nIn danger now? Do not wait for us.\nUse the contacts above.",
    )


def alert(danger: str, reason: str) -> Draft:
    """For the adviser who has the chat, never for the family."""
    return Draft(
        role=Role.SYSTEM,
        private=True,
        text="Safety alert: the last message may speak of danger. The crisis contacts were shown.",
        meta={"kind": "safety_alert", "danger": danger, "reason": reason, UNTOLD: True},
    )


def rest_adviser_line(name: str | None) -> str:
    """What a REST client is told while a person has the chat."""
    return f"Adviser {name} has this chat." if name else "An adviser has this chat."

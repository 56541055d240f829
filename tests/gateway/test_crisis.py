"""Whose words and whose contacts a crisis reply has, with the shipped content."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from conversations.log import Draft
from conversations.models import Conversation
from gateway.crisis import crisis_message
from knowledge.crisis import CrisisCards

#: Only in the words for young people.
_FOR_THE_ONE_WHO_LEFT = "you are not in trouble"


@pytest.fixture(scope="module")
def cards() -> CrisisCards:
    return CrisisCards.load("sqlite:////nowhere/at-all.sqlite3")


def reply_to(
    cards: CrisisCards, text: str, danger: str = "crisis_missing", young: bool = False, age: int | None = None
) -> Draft:
    person: Any = SimpleNamespace(area=None, age=age, young=young)
    return crisis_message(cards, danger, cast("Conversation", person), text)


@pytest.mark.parametrize(
    "text",
    [
        "I ran away",
        "I've run away from home and I'm cold",
        "im running away tonight",
        "I have left home and I have nowhere to go",
        "thinking of running away",
    ],
)
def test_somebody_who_left_gets_the_words_for_them_and_the_same_contacts(
    cards: CrisisCards, text: str
) -> None:
    reply = reply_to(cards, text)

    assert _FOR_THE_ONE_WHO_LEFT in reply.text
    everybody = cards.reply("crisis_missing", None, None, False)
    assert reply.cards[0]["contacts"] == everybody.contacts
    for contact in everybody.contacts:
        assert str(contact["phone"] or contact["text"]) in reply.text


@pytest.mark.parametrize(
    "text",
    [
        "I left my son for one minute and now he is missing",
        "I ran away to get help and now my daughter is missing",
        "I'm running late and she has run away",
        "I think he has run away",
        "I'm 42 and I have left home",
    ],
)
def test_somebody_who_looks_for_another_does_not_get_the_words_for_the_one_who_left(
    cards: CrisisCards, text: str
) -> None:
    assert _FOR_THE_ONE_WHO_LEFT not in reply_to(cards, text).text


def test_an_adult_in_a_chat_that_was_a_childs_gets_an_adults_reply(cards: CrisisCards) -> None:
    danger = "crisis_self_harm_suicide"

    reply = reply_to(cards, "I'm 42, his mum, and I want to die", danger, young=True, age=14)

    assert reply.cards[0]["contacts"] == cards.reply(danger, None, 42, False).contacts
    assert reply.text.startswith(cards.reply(danger, None, 42, False).text)

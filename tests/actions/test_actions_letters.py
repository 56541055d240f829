"""Letters in the chat: the right one for the words, with what the chat knows, and nothing else filled in."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.actions.conftest import ROOT, Talk, Turn

LETTERS = {
    "letter-ehc-request",
    "letter-ehc-overdue",
    "letter-school-adjustments",
    "letter-right-to-choose",
    "letter-waiting-list",
    "letter-carers-assessment",
    "letter-complaint",
}


def letter(turn: Turn) -> dict[str, Any]:
    [card] = [card for card in turn.cards if card["kind"] == "letter"]
    return card


def values(turn: Turn) -> dict[str, str]:
    return {field["name"]: field["value"] for field in letter(turn)["fields"] if field["value"]}


#: What somebody asks for -> the letter.
ASKED = {
    "can you write a letter to ask for an EHC assessment": "letter-ehc-request",
    "I need a letter asking the council for an ehcp": "letter-ehc-request",
    "write to the council, their EHC decision is late": "letter-ehc-overdue",
    "letter to school for reasonable adjustments": "letter-school-adjustments",
    "help me write to my GP about right to choose": "letter-right-to-choose",
    "write a letter to find out where she is on the waiting list": "letter-waiting-list",
    "a letter asking for a carer's assessment please": "letter-carers-assessment",
    "write a complaint letter": "letter-complaint",
}


@pytest.mark.parametrize("text", ASKED)
async def test_the_letter_that_is_asked_for(talk: Talk, text: str) -> None:
    turn = await talk.say(text, "letter_request")

    assert letter(turn)["id"] == ASKED[text]
    assert turn.sources
    assert turn.easy_read
    assert "We do not keep what you write" in turn.text


@pytest.mark.parametrize(
    "text", ["can you write a letter", "I need a template", "I am bad at writing letters"]
)
async def test_when_it_is_not_clear_all_seven_are_offered(talk: Talk, text: str) -> None:
    turn = await talk.say(text, "letter_request")

    assert turn.cards == []
    offered = {re.search(r'"letter": "(.+?)"', payload)[1] for payload in turn.buttons.values()}  # type: ignore[index]
    assert offered == LETTERS


@pytest.mark.parametrize("letter_id", sorted(LETTERS))
async def test_each_letter_is_there_behind_its_button(talk: Talk, letter_id: str) -> None:
    turn = await talk.press(f'/letter_request{{"letter": "{letter_id}"}}')
    card = letter(turn)

    assert card["id"] == letter_id
    assert card["note"] == "We do not keep what you write here."
    assert all(field["label"] for field in card["fields"])
    assert {voice["id"] for voice in card["voices"]} >= {card["voice"]}
    assert values(turn) == {}  # nothing is known, so nothing is filled in
    # In a channel without cards the text is the letter, with what to put in.
    text = "\n".join(turn.texts)
    assert "[your name]" in text
    assert "Put in yourself:\n- your name" in text


async def test_what_the_chat_knows_is_filled_in_and_nothing_else(talk: Talk) -> None:
    await talk.say(
        "I asked for an EHC needs assessment on 3 March 2026, in Buxton",
        "ehcp_timescale",
        ("date_phrase", "3 March 2026"),
        ("area", "Buxton", "derbyshire"),
    )
    turn = await talk.press('/letter_request{"letter": "letter-ehc-overdue"}')

    assert values(turn) == {"council": "Derbyshire County Council", "request_date": "3 March 2026"}
    assert "14 April 2026" in turn.text
    assert "regulation 5(1) of the Special Educational Needs and Disability Regulations 2014" in turn.text


async def test_the_day_of_a_referral_is_filled_in(talk: Talk) -> None:
    await talk.say("I was referred on 14 May 2025, Derby", "wait_time", ("area", "Derby", "derby-city"))
    turn = await talk.press('/letter_request{"letter": "letter-waiting-list"}')

    assert values(turn) == {"referral_date": "14 May 2025"}


async def test_a_limit_that_has_not_run_out_is_told(talk: Talk) -> None:
    await talk.say("they got my request today", "ehcp_timescale", ("date_phrase", "today"))
    turn = await talk.press('/letter_request{"letter": "letter-ehc-overdue"}')

    assert "The time has not run out yet." in turn.text


async def test_a_young_person_gets_their_own_words(talk: Talk) -> None:
    await talk.say("I'm 16 and want an EHC plan for myself", "ehcp_request")
    turn = await talk.press('/letter_request{"letter": "letter-ehc-request"}')

    assert letter(turn)["voice"] == "young-person"
    assert "assessment for me" in turn.text
    assert "my child" not in turn.text.split("Dear SEND team", 1)[1]


async def test_an_adult_gets_their_own_words(talk: Talk) -> None:
    await talk.say("I'm 33 and want an assessment", "diagnosis_private_rtc")
    turn = await talk.press('/letter_request{"letter": "letter-right-to-choose"}')

    assert letter(turn)["voice"] == "myself"


async def test_that_for_me_goes_on_from_the_last_answer(talk: Talk) -> None:
    await talk.say("do school have to make adjustments", "reasonable_adjustments")
    turn = await talk.say("can you write that for me", "letter_request")

    assert letter(turn)["id"] == "letter-school-adjustments"


#: Topic -> the letter that is offered with its answers.
OFFERED = {
    "ehcp_request": "letter-ehc-request",
    "ehcp_timescale": "letter-ehc-overdue",
    "reasonable_adjustments": "letter-school-adjustments",
    "diagnosis_private_rtc": "letter-right-to-choose",
    "wait_status_chase": "letter-waiting-list",
    "support_carer": "letter-carers-assessment",
    "social_care_assessment": "letter-carers-assessment",
    "complaint": "letter-complaint",
}


@pytest.mark.parametrize("topic", OFFERED)
async def test_related_answers_offer_a_letter(talk: Talk, topic: str) -> None:
    turn = await talk.press(f"/{topic}")
    payload = turn.buttons["Write a letter about this"]
    assert letter(await talk.press(payload))["id"] == OFFERED[topic]


async def test_other_answers_offer_none(talk: Talk) -> None:
    turn = await talk.press("/what_is_autism")

    assert "Write a letter about this" not in turn.buttons


async def test_an_unknown_letter_is_asked_about(talk: Talk) -> None:
    turn = await talk.press('/letter_request{"letter": "letter-to-santa"}')

    assert len(turn.buttons) == len(LETTERS)


def test_the_examples_teach_no_other_intent_too() -> None:
    """An example stands under one intent only."""
    yaml = YAML(typ="safe")
    stands: dict[str, set[str]] = {}
    for path in sorted((ROOT / "data" / "nlu").glob("*.yml")):
        for block in yaml.load(path.read_text(encoding="utf-8"))["nlu"]:
            if "intent" in block:
                for line in block["examples"].splitlines():
                    stands.setdefault(line.removeprefix("- ").strip().casefold(), set()).add(block["intent"])
    ours = {text: intents for text, intents in stands.items() if "letter_request" in intents}

    assert len(ours) >= 40
    assert [text for text, intents in ours.items() if len(intents) > 1] == []

"""Where somebody is on the way to an assessment: marked when they said so, and never on a guess."""

from __future__ import annotations

import pytest

from actions.progress import told_to_wait
from tests.actions.conftest import Entity, Talk, Turn

WAITING = (
    "we were referred in May, what happens next?",
    "My GP referred us for autism in March 2026",
    "he's been referred by school",
    "She has just been referred. What now?",
    "I've referred myself",
    "I'm on the waiting list for an autism assessment",
    "we've been waiting since last summer",
    "the school sent the form and the referral was accepted, who assesses him",
    "we are waiting for an assessment in Derby",
    "she was referred a year ago and hasn't been assessed yet",
    "still waiting for an appointment",
    "i was referred by my gp 6 months ago and heard nothing",
)
OVER_OR_NOT_BEGUN = (
    "they rejected the referral",
    "the referral was sent back",
    "we haven't been referred yet",
    "he was referred but they turned him down",
    "She was referred in May. They sent it back.",
    "she was diagnosed last year",
    "nobody has referred us",
    "we've got the diagnosis now",
    "he was assessed in June",
    "the GP refused to refer us",
    "she's not on the waiting list",
)
SAYS_NOTHING = (
    "how do we get referred?",
    "can I refer myself?",
    "has she been referred?",
    "if he is referred how long is the wait",
    "who can refer my son",
    "how long is the waiting list in Derby",
    "my friend was referred last year",
    "do I need to be referred by a GP?",
    "what happens after we are referred",
    "how long are people waiting for an assessment",
    "we want to be referred",
    "I asked the council for an EHC plan and am waiting for an answer",
    "he was referred to speech therapy",
    "she needs to be put on the waiting list",
    "is there a waiting list for autism assessments",
    "the wait for an assessment is too long",
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        *((text, True) for text in WAITING),
        *((text, False) for text in OVER_OR_NOT_BEGUN),
        *((text, None) for text in SAYS_NOTHING),
    ],
)
def test_only_what_somebody_says_of_themselves_counts(text: str, told: bool | None) -> None:
    assert told_to_wait([text]) is told


def test_the_newest_message_that_tells_decides() -> None:
    assert told_to_wait(["we were referred in May", "how long is the wait"])
    assert not told_to_wait(["we were referred in May", "they sent it back"])
    assert told_to_wait(["they sent it back", "we were referred again last week"])


def marked(turn: Turn) -> list[str]:
    """The titles of the marked steps."""
    return [
        step["title"]
        for card in turn.cards
        if card["kind"] == "steps"
        for step in card["steps"]
        if step["here"]
    ]


async def route(talk: Talk, text: str, *entities: Entity) -> Turn:
    return await talk.say(text, "diagnosis_route_child", *entities)


@pytest.mark.parametrize(
    ("area", "age"),
    [("derby-city", 7), ("derbyshire", 7), ("herefordshire", 7), ("herefordshire", 13)],
)
async def test_a_child_who_was_referred_is_marked_as_waiting(talk: Talk, area: str, age: int) -> None:
    talk.area_of_page = area
    turn = await route(
        talk, f"My child is {age} and was referred by school. What happens?", ("age", str(age))
    )

    assert marked(turn) == ["While you wait"]
    [card] = [card for card in turn.cards if card["kind"] == "steps"]
    assert "you said that the referral has gone in" in card["here_because"]


@pytest.mark.parametrize("area", ["derby-city", "derbyshire", "herefordshire"])
async def test_an_adult_who_waits_is_marked_too(talk: Talk, area: str) -> None:
    talk.area_of_page = area
    await talk.say("I'm 33 and was referred in March 2025", "wait_time", ("age", "33"))
    turn = await talk.say("how does it work for adults", "diagnosis_route_adult")

    assert marked(turn) == ["While you wait"]


async def test_a_date_of_the_referral_is_enough(talk: Talk) -> None:
    talk.area_of_page = "derbyshire"
    await talk.say("how long is the wait for my 7 year old", "wait_time", ("age", "7 year old"))
    await talk.say("it was in May 2025", "inform")
    assert marked(await route(talk, "and what are the steps?")) == ["While you wait"]


@pytest.mark.parametrize(
    "text",
    [
        "how does my 7 year old get assessed",
        "My 7 year old was referred, it was sent back, how does he get assessed",
    ],
)
async def test_nothing_is_marked_on_a_guess(talk: Talk, text: str) -> None:
    talk.area_of_page = "derbyshire"
    turn = await route(talk, text, ("age", "7 year old"))

    [card] = [card for card in turn.cards if card["kind"] == "steps"]
    assert marked(turn) == []
    assert card["here_because"] is None


async def test_a_referral_that_was_sent_back_is_answered_and_nothing_is_marked(talk: Talk) -> None:
    talk.area_of_page = "derbyshire"
    turn = await route(
        talk, "My 7 year old was referred. They sent it back. What now?", ("age", "7 year old")
    )

    assert turn.slots["shown"][0] == "referral-sent-back"
    assert turn.card_ids("steps") == []


async def test_of_two_pathways_none_is_marked(talk: Talk) -> None:
    talk.area_of_page = "herefordshire"
    turn = await route(
        talk, "my child was referred by school, what are the steps?", ("cohort", "child", "child")
    )

    assert len(turn.card_ids("steps")) == 2
    assert marked(turn) == []

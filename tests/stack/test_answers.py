"""What people ask first, over the running helpline. Facts: the fact sheet of 21 November 2026 and the law."""

from __future__ import annotations

import re
import uuid

import pytest

from tests.stack.running import Stack


def test_a_wait_is_given_with_its_date_and_source(stack: Stack) -> None:
    sender = uuid.uuid4().hex
    replies = stack.say(
        sender, "how long is the wait for an autism assessment for my 7 year old? we live in Chesterfield"
    )
    text = "\n".join(reply.get("text", "") for reply in replies)
    assert re.search(r"\b33 weeks\b", text)
    assert re.search(r"\b53 weeks\b", text)
    assert "December 2022" in text
    sources = [source for reply in replies for source in reply.get("custom", {}).get("sources", [])]
    assert any("Autism Strategy 2023-2028" in source["title"] for source in sources)
    assert any(source["as_of"] == "2022-12" for source in sources)

    adults = "\n".join(reply.get("text", "") for reply in stack.say(sender, "and for adults?"))
    assert re.search(r"\b73 weeks\b", adults)
    assert re.search(r"\b204 weeks\b", adults)
    assert "December 2022" in adults
    assert not re.search(r"which area", adults, re.IGNORECASE)


# Chats whose last reply must and must not hold something, each with the reason.
CHATS = [
    # An adult may refer themselves in Derby; a service is named.
    (["can I refer myself? I'm 33, in Derby"], [r"\byes\b", "Derbyshire Healthcare"], []),
    # The 2018 description: said to be old, with where to check.
    (
        ["my daughter is 13 and we're in Ross-on-Wye, how does she get assessed"],
        ["CAMHS", "2018", "may have changed", "check"],
        ["Bristol"],
    ),
    # A correction replaces the age; nothing is asked again.
    (
        ["We're near Hereford, daughter aged 12. Who assesses her?", "sorry, she's actually 8"],
        ["child development centre"],
        [r"which area"],
    ),
    # 6 and 20 weeks from 3 March 2026 (SEND Regulations 2014, regulations 5(1) and 13(2)).
    (
        ["I asked for an EHC needs assessment on 3 March 2026, when must they answer?"],
        ["14 April 2026", "21 July 2026", r"Regulations 2014"],
        [],
    ),
    # The day of a meeting in a long story is not the day of the request: nothing is counted from it.
    (
        [
            "We sat down with school and the SEN lady on 4 October about his plan, and there were biscuits. "
            "His needs have shot up since his grandad died and I have had neither a yes nor a no. What are "
            "the time limits now?"
        ],
        ["20 weeks", "On which day did the council get your request"],
        ["4 October", "If your request reached the council on"],
    ),
    # The date is remembered within the chat.
    (
        [
            "The council received our request on 2 February 2026. When must it decide whether to assess?",
            "when is the finished plan due?",
        ],
        ["22 June 2026"],
        ["17 March"],
    ),
    # A place we know nothing of: no figure of another area, and where to look.
    (["what's the wait in Leicester?"], ["Leicester", "Local Offer"], [r"\b33 weeks", r"\b73 weeks"]),
    # No figure for Herefordshire exists in our sources.
    (["how long do adults wait in Hereford for an autism assessment"], ["do not have"], [r"\b73 weeks"]),
    # The area is asked for, and then used.
    (["how long is the wait for a child?"], ["Which area"], []),
    (["how long is the wait for a child?", "Buxton"], [r"\b33 weeks"], []),
    (["when are my bins collected"], ["autism", "cannot help"], []),
    # A person is asked before anything is passed on.
    (["can I talk to a real person"], ["pass on this whole chat", "all right"], [r"reference (is )?HL-"]),
    (["can I talk to a real person", "yes please"], ["adviser", r"reference (is )?HL-"], []),
    (["/restart"], [r"\w"], ["Traceback"]),
]


@pytest.mark.parametrize(("messages", "holds", "lacks"), CHATS, ids=[chat[0][-1][:40] for chat in CHATS])
def test_the_last_reply(stack: Stack, messages: list[str], holds: list[str], lacks: list[str]) -> None:
    said = stack.chat(*messages)[-1]
    for wanted in holds:
        assert re.search(wanted, said, re.IGNORECASE | re.DOTALL), f"{wanted!r} not in: {said}"
    for unwanted in lacks:
        assert not re.search(unwanted, said, re.IGNORECASE), f"{unwanted!r} in: {said}"


def test_a_crisis_message_gets_the_numbers_first(stack: Stack) -> None:
    first = stack.say(uuid.uuid4().hex, "i dont want to be here anymore")[0]
    for number in ("999", "111", "116 123", "0800 1111"):
        assert number in first["text"]
    assert first["text"].index("999") < first["text"].index("116 123")


def test_a_form_survives_a_question_in_the_middle(stack: Stack) -> None:
    first, middle, last = stack.chat(
        "how long is the wait for a child?", "are you a real person?", "Chesterfield"
    )
    assert "Which area" in first
    assert "automated" in middle
    assert "33 weeks" in last


def test_declining_to_say_where_still_leaves_an_answer_and_is_not_asked_again(stack: Stack) -> None:
    first, declined, again = stack.chat(
        "how long is the wait for a child?", "I'd rather not say", "what help is there while we wait?"
    )
    assert "weeks" in first or "months" in first
    assert "fine" in declined
    assert "Which area" not in again


def test_easy_read_says_the_last_answer_again_in_short_lines(stack: Stack) -> None:
    usual, easy = stack.chat("How long do children in Derbyshire wait?", "can you say it in easy read")
    assert "33 weeks" in easy
    assert max(len(line) for line in easy.splitlines()) < max(len(line) for line in usual.splitlines())


def test_a_chat_over_the_public_api_carries_sources_and_resumes(stack: Stack) -> None:
    answer = stack.command("ask", "how long is the wait for my son", "--area", "derbyshire", "--json")
    assert answer.returncode == 0, answer.stderr
    assert '"topic": "wait_time"' in answer.stdout
    assert "33 weeks" in answer.stdout
    assert "Autism Strategy 2023-2028" in answer.stdout

"""Dates that follow from an event: all of them, the later of two, and a calendar file to keep them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

import actions.rights
from tests.actions.conftest import Talk, Turn

#: The day on which these talks take place.
NOW = date(2026, 4, 1)


@pytest.fixture(autouse=True)
def in_april_2026(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a date has passed is judged by this day."""
    monkeypatch.setattr(actions.rights, "today", lambda: NOW)


def attachments(turn: Turn) -> list[dict[str, Any]]:
    return [one for custom in turn.custom for one in custom.get("attachments") or []]


def dates(turn: Turn) -> dict[str, str]:
    """Id of each rule on the card -> its last day."""
    return {
        row["id"]: row["date"] for card in turn.cards if card["kind"] == "deadlines" for row in card["dates"]
    }


async def test_the_dates_can_be_put_into_a_calendar(talk: Talk) -> None:
    turn = await talk.say(
        "I asked for an EHC needs assessment on 3 March 2026, when must they answer?",
        "ehcp_timescale",
        ("date_phrase", "3 March 2026"),
    )

    assert attachments(turn) == [
        {
            "kind": "calendar",
            "url": "/calendar.ics?request-received=2026-03-03",
            "title": "Add these dates to your calendar",
        }
    ]
    # It goes with the bubble that shows the dates.
    [custom] = [custom for custom in turn.custom if custom["attachments"]]
    assert custom["cards"][0]["kind"] == "deadlines"


async def test_days_that_have_all_passed_are_no_use_in_a_calendar(talk: Talk) -> None:
    turn = await talk.say(
        "I asked for an EHC needs assessment on 3 March 2025",
        "ehcp_timescale",
        ("date_phrase", "3 March 2025"),
    )

    assert dates(turn)
    assert attachments(turn) == []


async def test_the_school_holiday_exception_is_named(talk: Talk) -> None:
    turn = await talk.say(
        "request went in on 3 March 2026, by when", "ehcp_timescale", ("date_phrase", "3 March 2026")
    )

    assert "Regulation 5(4)" in turn.text
    assert "shut for four weeks or more, as in the summer holiday" in turn.text


async def test_the_later_of_letter_and_certificate(talk: Talk) -> None:
    first = await talk.say(
        "they refused to assess, letter dated 18 March 2026",
        "ehcp_refused_appeal",
        ("date_phrase", "18 March 2026"),
    )
    assert dates(first)["appeal-from-letter"] == "2026-05-18"

    second = await talk.say(
        "the mediation certificate is dated 20 April 2026",
        "ehcp_refused_appeal",
        ("date_phrase", "20 April 2026"),
    )
    assert dates(second) == {"appeal-from-certificate": "2026-05-20"}
    assert "letter is dated 18 March 2026 and the mediation certificate is dated 20 April 2026" in second.text
    assert attachments(second)[0]["url"] == (
        "/calendar.ics?decision-letter=2026-03-18&mediation-certificate=2026-04-20"
    )


async def test_an_early_certificate_does_not_make_the_time_shorter(talk: Talk) -> None:
    await talk.say(
        "they refused to assess, letter dated 18 March 2026",
        "ehcp_refused_appeal",
        ("date_phrase", "18 March 2026"),
    )
    turn = await talk.say(
        "the mediation certificate is dated 25 March 2026",
        "ehcp_refused_appeal",
        ("date_phrase", "25 March 2026"),
    )

    assert dates(turn) == {"appeal-from-letter": "2026-05-18"}


async def test_what_the_later_limit_was_counted_from_is_gone_on_from(talk: Talk) -> None:
    told = "decision letter dated 18 March 2026, mediation certificate dated 25 March 2026, by when"
    await talk.say(told, "ehcp_refused_appeal", ("date_phrase", "25 March 2026"))
    again = await talk.say("when must the appeal be there", "ehcp_refused_appeal")

    assert dates(again)["appeal-from-letter"] == "2026-05-18"


@pytest.mark.parametrize("topic", ["ehcp_refused_appeal", "ehcp_timescale"])
async def test_a_day_that_is_asked_about_is_no_day_that_is_told(talk: Talk, topic: str) -> None:
    told = "decision letter dated 5 November 2026, mediation certificate dated 12 November 2026, by when"
    first = await talk.say(told, "ehcp_refused_appeal", ("date_phrase", "12 November 2026"))
    turn = await talk.say(
        "so not 12 december then?", topic, ("date_phrase", "12 december"), answerability=0.4
    )

    assert dates(turn)["appeal-from-letter"] == dates(first)["appeal-from-letter"] == "2027-01-05"


@pytest.mark.parametrize(
    "text",
    ["not 5 March, 15 March 2026, by when then?", "it's 15 March 2026, when is the deadline?"],
)
async def test_a_day_that_is_put_right_is_told(talk: Talk, text: str) -> None:
    told = "decision letter dated 5 March 2026, by when"
    await talk.say(told, "ehcp_refused_appeal", ("date_phrase", "5 March 2026"))
    turn = await talk.say(text, "ehcp_refused_appeal", ("date_phrase", "15 March 2026"))

    assert dates(turn)["appeal-from-letter"] == "2026-05-15"


@pytest.mark.parametrize(
    "text",
    [
        "the draft came on 3 March 2026, when is the final one due",
        "certificate dated 3 March 2026, by when must we appeal",
    ],
)
async def test_after_a_benefit_a_plan_is_still_a_plan(talk: Talk, text: str) -> None:
    await talk.say("what benefits can we claim for our son", "benefits_money")
    turn = await talk.say(text, "ehcp_refused_appeal", ("date_phrase", "3 March 2026"))

    assert dates(turn)


async def test_a_benefit_that_is_named_has_no_date_of_a_plan(talk: Talk) -> None:
    turn = await talk.say(
        "turned down his DLA, school sent evidence, letter is dated 9 November 2026",
        "ehcp_refused_appeal",
        ("date_phrase", "9 November 2026"),
    )

    assert dates(turn) == {}


async def test_another_meeting_is_no_review(talk: Talk) -> None:
    await talk.say("the plan has not been reviewed since 2024, is that allowed?", "ehcp_review_content")
    turn = await talk.say(
        "had a meeting with camhs on 5 October 2026, when do they have to tell us",
        "ehcp_timescale",
        ("date_phrase", "5 October 2026"),
    )

    assert dates(turn) == {}


async def test_once_the_dates_were_told_another_question_gets_another_answer(talk: Talk) -> None:
    await talk.say(
        "mediation certificate is dated 30 November 2026, by when must I appeal",
        "ehcp_refused_appeal",
        ("date_phrase", "30 November 2026"),
    )
    turn = await talk.say("do we have to go to mediation?", "ehcp_refused_appeal")

    assert dates(turn) == {}
    assert "You can say no to the meeting" in turn.text
    assert dates(await talk.say("and by what date?", "ehcp_refused_appeal"))


async def test_the_meeting_is_that_of_the_review_that_was_spoken_of(talk: Talk) -> None:
    await talk.say("the plan has not been reviewed since 2024, is that allowed?", "ehcp_review_content")
    turn = await talk.say(
        "say they hold the meeting on 5 October 2026, when do they have to tell us",
        "ehcp_timescale",
        ("date_phrase", "5 October 2026"),
    )

    assert dates(turn)["decision-after-review"] == "2026-11-02"


async def test_what_was_refused_is_the_benefit_that_was_spoken_of(talk: Talk) -> None:
    await talk.say("what benefits can we claim for our son", "benefits_money")
    turn = await talk.say(
        "got turned down, decision letter is dated 9 November 2026. by when must we appeal",
        "ehcp_refused_appeal",
        ("date_phrase", "9 November 2026"),
    )

    assert dates(turn) == {}
    assert "SEND Tribunal" not in turn.text


async def test_a_request_told_before_adds_nothing_to_an_appeal(talk: Talk) -> None:
    await talk.say("I asked on 2 February 2026", "ehcp_timescale", ("date_phrase", "2 February 2026"))
    turn = await talk.say(
        "they refused to assess, letter dated 18 March 2026",
        "ehcp_refused_appeal",
        ("date_phrase", "18 March 2026"),
    )

    assert set(dates(turn)) == {"appeal-from-letter", "contact-mediation-adviser"}


#: What is said with a date -> the first date that follows, by hand.
OTHER_EVENTS = {
    "we won our appeal, the tribunal order is dated 18 May 2026": ("order-to-assess", "2026-06-01"),
    "the tribunal ordered them to assess on 18 May 2026": ("order-to-assess", "2026-06-01"),
    "the mediation agreement is dated 4 May 2026": ("mediation-agreement-done", "2026-05-18"),
    "we asked them for mediation on 4 May 2026": ("mediation-meeting", "2026-06-03"),
    "we moved house on 4 May 2026, plan with the new council": ("told-of-transfer", "2026-06-15"),
    "I found out on 4 May 2026, when must the ombudsman have it": ("ombudsman-complaint", "2027-05-03"),
    "the review meeting was on 4 May 2026": ("review-report", "2026-05-18"),
    "they sent the draft on 4 May 2026": ("comment-on-draft", "2026-05-18"),
}


@pytest.mark.parametrize("text", OTHER_EVENTS)
async def test_a_date_belongs_to_the_event_that_is_named(talk: Talk, text: str) -> None:
    day = "18 May 2026" if "18 May" in text else "4 May 2026"
    turn = await talk.say(text, "ehcp_timescale", ("date_phrase", day))

    rule_id, due = OTHER_EVENTS[text]
    assert dates(turn)[rule_id] == due


#: Two dates in one message, each with its own event -> the appeal's last day, by hand.
TWO_DATES = {
    "mediation certificate is dated 10 November 2026 and the decision letter is dated 1 October 2026, "
    "when must i appeal?": ("1 October 2026", "appeal-from-certificate", "2026-12-10"),
    "decision letter came 15 august 2026, mediation certificate 30 september 2026, appeal deadline": (
        "30 september 2026",
        "appeal-from-certificate",
        "2026-10-30",
    ),
    "certificate dated 31 January 2026, their letter was dated 10 November 2025": (
        "10 November 2025",
        "appeal-from-certificate",
        "2026-03-02",  # 28 February is a Saturday
    ),
    "asked for ehc assessment on 1 june 2026, they refused on 10 july 2026. when is the appeal deadline": (
        "10 july 2026",
        "appeal-from-letter",
        "2026-09-10",
    ),
}


@pytest.mark.parametrize("text", TWO_DATES)
async def test_each_of_two_dates_belongs_to_its_own_event(talk: Talk, text: str) -> None:
    day, rule_id, due = TWO_DATES[text]
    turn = await talk.say(text, "ehcp_refused_appeal", ("date_phrase", day))

    assert dates(turn)[rule_id] == due


@pytest.mark.parametrize(
    "text",
    [
        "they refused to assess, letter dated 18 March 2026, what's the deadline to appeal?",
        "what's the deadline to appeal, their letter is dated 18 March 2026",
    ],
)
async def test_asking_for_the_deadline_is_not_telling_it(talk: Talk, text: str) -> None:
    turn = await talk.say(text, "ehcp_refused_appeal", ("date_phrase", "18 March 2026"))

    assert dates(turn)["appeal-from-letter"] == "2026-05-18"


@pytest.mark.parametrize(
    "text",
    ["the deadline is 18 March 2026", "18 March 2026 is the deadline", "the hearing is on 18 March 2026"],
)
async def test_nothing_is_counted_from_the_deadline_itself(talk: Talk, text: str) -> None:
    turn = await talk.say(text, "ehcp_refused_appeal", ("date_phrase", "18 March 2026"))

    assert dates(turn) == {}


async def test_the_first_broken_limit_is_spoken_of_too(talk: Talk) -> None:
    turn = await talk.say(
        "asked for ehc assessment on 5 march 2025, no answer",
        "ehcp_timescale",
        ("date_phrase", "5 march 2025"),
    )

    assert "The council must say whether it will assess: 16 April 2025 has passed." in turn.text
    assert "The council must send the final EHC plan: 23 July 2025 has passed." in turn.text
    assert turn.text.count("the only reasons to take longer") == 1


async def test_an_exception_is_said_with_the_limit_it_is_for(talk: Talk) -> None:
    turn = await talk.say(
        "they refused to assess, letter dated 18 March 2026",
        "ehcp_refused_appeal",
        ("date_phrase", "18 March 2026"),
    )

    assert "You must contact the mediation adviser: Not needed for an appeal" in turn.text


#: A long story, with a day that has nothing to do with a request.
STORY = (
    "We sat down with school and the SEN lady on 4 October about his plan, and there were biscuits. His "
    "needs have shot up since his grandad died and I have had neither a yes nor a no. What are the time "
    "limits now?"
)


async def test_a_day_in_a_long_story_is_not_taken_for_the_day_of_the_request(talk: Talk) -> None:
    turn = await talk.say(STORY, "ehcp_timescale", ("date_phrase", "4 October"))

    assert dates(turn) == {}
    assert "If your request reached the council" not in turn.text
    assert turn.follow_ups == ["deadline_form"]

    # The form begins with the same message, and asks.
    form = await talk.say(
        STORY,
        "ehcp_timescale",
        ("date_phrase", "4 October"),
        action="validate_deadline_form",
        loop="deadline_form",
        loop_has_asked=False,
    )
    assert form.slots.get("event_date") is None


@pytest.mark.parametrize(
    "told",
    ["We asked the council on 4 October.", "It's been 22 weeks and we have heard nothing at all."],
)
async def test_in_a_long_story_that_speaks_of_a_request_or_of_waiting_the_day_counts(
    talk: Talk, told: str
) -> None:
    story = f"{told} {STORY.replace('on 4 October ', '')}"
    turn = await talk.say(
        story, "ehcp_timescale", *([("date_phrase", "4 October")] if "4 Oct" in told else [])
    )

    assert dates(turn)

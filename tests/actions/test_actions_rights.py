"""Rights: the dates that the law gives a person, counted from the event their date belongs to."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from rasa_sdk.executor import ActionExecutor

import actions.rights
from knowledge.dates import today
from tests.actions.conftest import Talk, Turn

#: The day on which these talks take place.
NOW = date(2026, 4, 1)


@pytest.fixture(autouse=True)
def in_april_2026(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a date has passed is judged by this day."""
    monkeypatch.setattr(actions.rights, "today", lambda: NOW)


async def asked_on(talk: Talk, day: str) -> Turn:
    return await talk.say(
        f"I asked for an EHC needs assessment on {day}, when must they answer?",
        "ehcp_timescale",
        ("date_phrase", day),
    )


async def test_the_dates_of_a_request(talk: Talk) -> None:
    turn = await asked_on(talk, "3 March 2026")

    assert "3 March 2026" in turn.text
    assert "14 April 2026" in turn.text
    assert "21 July 2026" in turn.text
    assert "Special Educational Needs and Disability Regulations 2014" in turn.text  # the legal basis
    assert "regulation 5(1)" in turn.text
    assert "regulation 13(2)" in turn.text
    assert turn.sources
    # The record rests mainly on its first source; the others show dates of their own, or none.
    assert next(iter(turn.sources.values())) == "2026-11"
    assert turn.slots["event_date"] == "2026-03-03"
    assert turn.follow_ups == []
    assert "has passed" not in turn.text
    [card] = [card for card in turn.cards if card["kind"] == "deadlines"]
    assert {row["date"] for row in card["dates"]} >= {"2026-04-14", "2026-07-21"}


async def test_the_other_worked_example(talk: Talk) -> None:
    turn = await asked_on(talk, "2 February 2026")

    assert "16 March 2026" in turn.text
    assert "22 June 2026" in turn.text
    assert "16 March 2026 has passed" in turn.text
    assert "regulation 5(1)" in turn.text.split("16 March 2026 has passed", 1)[1]  # what to do about it
    # The dates themselves say so too: they are read first.
    [card] = [card for card in turn.cards if card["kind"] == "deadlines"]
    assert [row["date"] for row in card["dates"] if row["passed"]] == ["2026-03-16"]
    assert "by 16 March 2026 (6 weeks). This day has passed." in turn.text
    assert "16 March 2026. This day has passed." in turn.easy_read
    assert turn.text.count("This day has passed") == 1


async def test_the_day_comes_before_the_month(talk: Talk) -> None:
    turn = await asked_on(talk, "03/04/2026")

    assert "3 April 2026" in turn.text
    assert "15 May 2026" in turn.text


async def test_dates_in_easy_read(talk: Talk) -> None:
    turn = await asked_on(talk, "3 March 2026")

    assert "14 April 2026" in turn.easy_read
    assert "21 July 2026" in turn.easy_read
    assert "regulation" not in turn.easy_read


async def test_without_a_date_the_rules_and_a_question(talk: Talk) -> None:
    turn = await talk.say("how long does the council have to answer", "ehcp_timescale")

    assert "6 weeks" in turn.text
    assert "20 weeks" in turn.text
    assert turn.follow_ups == ["deadline_form"]
    assert turn.slots["event_date"] is None


#: Answers to "on which day?": marked by the model, or bare -> the day.
ANSWERS_TO_THE_FORM = {
    "3 March 2026": "2026-03-03",
    "03/03/2026": "2026-03-03",
    "2026-03-03": "2026-03-03",
    "on 3rd March 2026": "2026-03-03",
}


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("text", ANSWERS_TO_THE_FORM)
async def test_the_form_takes_the_day(talk: Talk, text: str, marked: bool) -> None:
    await talk.say("how long does the council have to answer", "ehcp_timescale")
    entities = [("date_phrase", text)] if marked else []
    form = await talk.say(text, "inform", *entities, action="validate_deadline_form", loop="deadline_form")
    assert form.slots["event_date"] == ANSWERS_TO_THE_FORM[text]

    answer = await talk.say(text, "inform", *entities)
    assert "14 April 2026" in answer.text
    assert "21 July 2026" in answer.text


@pytest.mark.parametrize("text", ["I don't know", "my son is 7", "about 20 weeks?"])
async def test_the_form_takes_nothing_from_what_is_no_day(talk: Talk, text: str) -> None:
    form = await talk.say(text, "inform", action="validate_deadline_form", loop="deadline_form")

    assert form.slots.get("event_date") is None


async def test_a_date_given_before_is_remembered(talk: Talk) -> None:
    await asked_on(talk, "3 March 2026")
    await talk.say("and what help is there at school", "support_school")
    turn = await talk.say("when is the final plan due", "ehcp_timescale")

    assert "21 July 2026" in turn.text


#: What a date belongs to, by the words around it -> the dates that follow, and those that must not.
BELONGS_TO: list[tuple[str, str, str, set[str], set[str]]] = [
    (
        "they refused to assess, the decision letter is dated 5 May 2026",
        "5 May 2026",
        "ehcp_refused_appeal",
        {"5 July 2026"},
        {"16 June 2026"},  # 6 weeks
    ),
    (
        "mediation certificate dated 20 July 2026, by when must I appeal",
        "20 July 2026",
        "ehcp_refused_appeal",
        {"1 September 2026"},  # 20 August: the Tribunal's August
        {"20 August 2026", "20 September 2026"},
    ),
    (
        "the annual review was on 2 June 2026, when will they decide",
        "2 June 2026",
        "ehcp_timescale",
        {"30 June 2026", "25 August 2026"},
        {"14 July 2026", "20 October 2026"},  # counted as a request
    ),
    (
        "they sent the amendment notice on 1 June 2026",
        "1 June 2026",
        "ehcp_timescale",
        {"15 June 2026", "27 July 2026"},
        {"16 June 2026"},
    ),
    (
        "the draft plan came on 1 June 2026, how long do I have",
        "1 June 2026",
        "ehcp_timescale",
        {"15 June 2026"},
        {"27 July 2026", "13 July 2026", "19 October 2026"},  # a change, or a request
    ),
    (
        "I sent a letter asking for an assessment on 3 March 2026",
        "3 March 2026",
        "ehcp_timescale",
        {"14 April 2026", "21 July 2026"},
        {"3 May 2026"},  # two months: that is an appeal
    ),
]


#: Days that nothing may be counted from, and the dates that would be wrong.
COUNTS_FOR_NOTHING: list[tuple[str, str, str, str]] = [
    (
        "we had a meeting on 5 May 2026 and they said no, how long to appeal",
        "5 May 2026",
        "ehcp_refused_appeal",
        "5 July 2026",
    ),
    ("on 5 May 2026 we met the panel and they refused", "5 May 2026", "ehcp_refused_appeal", "5 July 2026"),
    ("their refusal letter came on 5 May 2026", "5 May 2026", "ehcp_refused_appeal", "5 July 2026"),
    ("got the decision letter on 5 May 2026, can I appeal", "5 May 2026", "ehcp_refused_appeal", "5 July"),
    (
        "he starts school on 3 March 2026, is there time for a plan",
        "3 March 2026",
        "ehcp_timescale",
        "14 April",
    ),
    ("we asked for a plan in March 2026, what now", "March 2026", "ehcp_timescale", "2026"),
    ("how long does it take? he goes up to secondary in September", "September", "ehcp_timescale", "2026"),
]


@pytest.mark.parametrize(("text", "day", "topic", "wrong"), COUNTS_FOR_NOTHING)
async def test_no_deadline_is_counted_from_another_day(
    talk: Talk, text: str, day: str, topic: str, wrong: str
) -> None:
    turn = await talk.say(text, topic, ("date_phrase", day))

    assert wrong not in turn.text
    assert not [card for card in turn.cards if card["kind"] == "deadlines"]
    assert turn.texts


#: Days and lengths of time that are no request's and no letter's.
OF_SOMETHING_ELSE: list[tuple[str, str, str | None]] = [
    (
        "We've been waiting 2 years for an autism diagnosis, can I apply for an EHCP now?",
        "ehcp_request",
        None,
    ),
    ("He's been refusing school for 6 weeks, can I apply for an EHCP?", "ehcp_request", None),
    ("He has been out of school for 6 weeks, do we get a plan?", "ehcp_timescale", None),
    ("School refused to apply on 3 May 2026, can I ask myself?", "ehcp_request", "3 May 2026"),
    ("We sent our appeal on 2 October 2026, when is the hearing?", "ehcp_refused_appeal", "2 October 2026"),
    ("we appealed on 2 October 2026, what now", "ehcp_refused_appeal", "2 October 2026"),
]


@pytest.mark.parametrize(("text", "topic", "day"), OF_SOMETHING_ELSE)
async def test_what_is_no_request_and_no_letter_counts_for_nothing(
    talk: Talk, text: str, topic: str, day: str | None
) -> None:
    turn = await talk.say(text, topic, *([("date_phrase", day)] if day else []))

    assert not [card for card in turn.cards if card["kind"] == "deadlines"]
    assert turn.slots["event_date"] is None
    assert turn.texts


async def test_of_two_lengths_of_time_the_one_that_has_passed_counts(talk: Talk) -> None:
    turn = await talk.say(
        "The council has 6 weeks to decide but we've been waiting 11 weeks", "ehcp_timescale"
    )

    assert turn.slots["event_date"] == (today() - timedelta(weeks=11)).isoformat()


async def test_the_day_a_letter_came_counts_for_nothing_in_a_later_message_either(talk: Talk) -> None:
    await talk.say("they refused to assess, how do we appeal", "ehcp_refused_appeal")
    turn = await talk.say("we got it on 5 May 2026", "inform", ("date_phrase", "5 May 2026"))

    assert not [card for card in turn.cards if card["kind"] == "deadlines"]
    assert "I cannot count from that day" in turn.text


#: Answers to "On which day did the council get your request?", and the day that is taken.
AMONG_OTHERS_IN_THE_FORM: list[tuple[str, list[str], str | None]] = [
    ("3 March 2026", ["3 March 2026"], "2026-03-03"),
    (
        "school sent it 3 March 2026, the meeting was 10 March 2026",
        ["3 March 2026", "10 March 2026"],
        "2026-03-03",
    ),
    ("3 March 2026, no sorry, the 5th of March 2026", ["3 March 2026", "5th of March 2026"], "2026-03-05"),
    ("not sure. we've been waiting 2 years for his diagnosis, is there help meanwhile?", [], None),
    ("the review was on 3 March 2026", ["3 March 2026"], None),
]


@pytest.mark.parametrize(("text", "days", "taken"), AMONG_OTHERS_IN_THE_FORM)
async def test_the_form_takes_the_day_of_the_request_and_no_other(
    talk: Talk, text: str, days: list[str], taken: str | None
) -> None:
    await talk.say("how long does an ehcp take", "ehcp_timescale")
    turn = await talk.say(
        text,
        "inform",
        *(("date_phrase", day) for day in days),
        action="validate_deadline_form",
        loop="deadline_form",
    )
    assert turn.slots.get("event_date") == taken


#: Messages with a second day or event, and the day that counts.
AMONG_OTHERS: list[tuple[str, list[str], str]] = [
    (
        "The refusal letter is dated 1 March 2026, it came on 5 March 2026, by when must we appeal?",
        ["1 March 2026", "5 March 2026"],
        "2026-03-01",
    ),
    ("The council refused on 3 March 2026, how long have we got to appeal?", ["3 March 2026"], "2026-03-03"),
    ("they refused our request on 5 May 2026, can we appeal", ["5 May 2026"], "2026-05-05"),
]


@pytest.mark.parametrize(("text", "days", "start"), AMONG_OTHERS)
async def test_the_right_day_is_found_among_others(
    talk: Talk, text: str, days: list[str], start: str
) -> None:
    turn = await talk.say(text, "ehcp_refused_appeal", *(("date_phrase", day) for day in days))

    [card] = [card for card in turn.cards if card["kind"] == "deadlines"]
    assert card["start"] == start


async def test_the_day_of_a_request_is_not_the_day_of_a_refusal(talk: Talk) -> None:
    turn = await talk.say(
        "I applied on 3 March 2026 and they refused, how long to appeal?",
        "ehcp_refused_appeal",
        ("date_phrase", "3 March 2026"),
    )
    assert "May 2026" not in turn.text
    assert not [card for card in turn.cards if card["kind"] == "deadlines"]


async def test_a_day_that_does_not_count_is_asked_for(talk: Talk) -> None:
    turn = await talk.say(
        "their refusal letter came on 5 May 2026", "ehcp_refused_appeal", ("date_phrase", "5 May 2026")
    )
    assert "the council's letter is dated" in turn.texts[0]

    turn = await talk.say("it is dated 1 May 2026", "inform", ("date_phrase", "1 May 2026"))
    assert "1 July 2026" in turn.text


async def test_the_date_on_a_letter_counts_and_not_the_day_it_came(talk: Talk) -> None:
    turn = await talk.say(
        "the refusal letter dated 1 May 2026 came on Monday",
        "ehcp_refused_appeal",
        ("date_phrase", "1 May 2026"),
        ("date_phrase", "Monday"),
    )
    assert "1 July 2026" in turn.text


@pytest.mark.parametrize(("text", "day", "topic", "said", "not_said"), BELONGS_TO)
async def test_a_date_counts_for_its_own_event(
    talk: Talk, text: str, day: str, topic: str, said: set[str], not_said: set[str]
) -> None:
    turn = await talk.say(text, topic, ("date_phrase", day))

    for expected in said:
        assert expected in turn.text
    for wrong in not_said:
        assert wrong not in turn.text


async def test_an_appeals_date_is_not_taken_for_the_requests(talk: Talk) -> None:
    await talk.say(
        "they refused us, the letter is dated 5 May 2026",
        "ehcp_refused_appeal",
        ("date_phrase", "5 May 2026"),
    )
    turn = await talk.say("how long does an assessment take", "ehcp_timescale")

    assert "16 June 2026" not in turn.text
    assert "22 September 2026" not in turn.text


async def test_an_appeal_names_no_law_of_exclusions(talk: Talk) -> None:
    # Both begin with a decision letter.
    turn = await talk.say(
        "they refused us, letter dated 5 May 2026", "ehcp_refused_appeal", ("date_phrase", "5 May 2026")
    )

    assert "rule 20(1)(c)(i)" in turn.text
    assert "Exclusion" not in turn.text
    assert "school-days" not in turn.text
    assert not [title for title in turn.sources if "xclusion" in title]


async def test_the_sentence_about_a_letter_reads_well(talk: Talk) -> None:
    turn = await talk.say(
        "they refused us, letter dated 5 May 2026", "ehcp_refused_appeal", ("date_phrase", "5 May 2026")
    )

    assert turn.texts[0].startswith("If the council's letter is dated 5 May 2026:")


#: Questions about rights -> the topic, and what the law says that the reply must hold.
RIGHTS: list[tuple[str, str, str]] = [
    (
        "can I ask for an EHC assessment myself",
        "ehcp_request",
        r"[Aa] parent, a young person over 16, or a school or college",
    ),
    ("what should be in the plan", "ehcp_review_content", r"plan"),
    (
        "do school have to make reasonable adjustments",
        "reasonable_adjustments",
        r"disabled person being at a disadvantage",
    ),
    ("they sent him home early again", "exclusion_attendance", r"exclu|suspen"),
    ("what is DLA", "benefits_money", r"DLA|Disability Living Allowance"),
]


@pytest.mark.parametrize(("text", "topic", "holds"), RIGHTS)
async def test_an_answer_about_a_right(executor: ActionExecutor, text: str, topic: str, holds: str) -> None:
    turn = await Talk(executor).say(text, topic)

    assert re.search(holds, turn.text)
    assert turn.sources
    assert turn.follow_ups == []  # the law is the same in all of England

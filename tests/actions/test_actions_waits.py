"""A person's own wait: counted from their referral, compared with dated figures, never promising a turn."""

from __future__ import annotations

import re
from collections.abc import Generator
from datetime import date
from pathlib import Path

import pytest
from rasa_sdk.executor import ActionExecutor
from sqlalchemy import delete, select

import actions.store
from actions import referral, waits
from knowledge import dates, models, periods
from knowledge.database import open_engine, sessions
from knowledge.waits_csv import read_table
from knowledge.waits_import import ORIGIN, import_waits
from tests.actions.conftest import Entity, Talk, Turn

#: The day on which these talks take place: a Sunday.
NOW = date(2026, 11, 22)

DERBY: Entity = ("area", "Derby", "derby-city")
CHILD: Entity = ("cohort", "child")

STRATEGY = re.compile(r"Autism Strategy 2023-2028")


@pytest.fixture(autouse=True)
def on_a_sunday_in_november(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits are counted to this day."""
    for module in (waits, referral, dates, periods):
        monkeypatch.setattr(module, "today", lambda: NOW)


def charts(turn: Turn) -> list[dict[str, object]]:
    return [card for card in turn.cards if card["kind"] == "wait_chart"]


def bars(turn: Turn) -> list[tuple[str, str]]:
    [chart] = charts(turn)
    return [(bar["label"], bar["said"]) for bar in chart["bars"]]  # type: ignore[attr-defined]


async def referred_in_derby(talk: Talk) -> Turn:
    return await talk.say("I was referred on 14 May 2025, Derby, child", "wait_time", DERBY, CHILD)


# --- everything in one message ---


async def test_a_referral_a_place_and_a_child_are_all_that_is_needed(talk: Talk) -> None:
    turn = await referred_in_derby(talk)

    assert turn.texts[0] == "The referral was on 14 May 2025. That is 79 weeks ago."
    assert "33 weeks on average (autism assessment, December 2022)" in turn.text
    assert "33 weeks from the referral was 31 December 2025. That day has passed." in turn.text
    assert "The longest wait was 53 weeks (December 2022)" in turn.text
    assert "53 weeks from the referral was 20 May 2026" in turn.text
    assert "does not tell when your turn is" in turn.text
    assert "more than 3 years old" in turn.text
    assert not re.search(r"\b(73|204) weeks", turn.text)  # adults
    assert all(STRATEGY.search(title) for title in turn.sources)
    assert turn.follow_ups == []


async def test_the_chart_says_the_same_as_the_text(talk: Talk) -> None:
    turn = await referred_in_derby(talk)

    assert bars(turn) == [("So far", "79 weeks"), ("Average", "33 weeks"), ("Longest", "53 weeks")]
    [chart] = charts(turn)
    for _, said in bars(turn):
        assert said in str(chart["text_alternative"])
        assert said in turn.text
    assert "December 2022" in str(chart["caption"])
    assert "does not tell when your turn is" in str(chart["text_alternative"])


async def test_past_the_longest_wait_the_next_step_is_said(talk: Talk) -> None:
    turn = await referred_in_derby(talk)

    assert "longer than the longest wait" in turn.text
    assert "still on its list" in turn.text
    assert "Finding out where you are on the list" in turn.buttons


async def test_a_wait_that_is_not_over_has_days_to_come(talk: Talk) -> None:
    turn = await talk.say("referred 1 October 2026, Derby, child", "wait_time", DERBY, CHILD)

    assert "That is 7 weeks ago" in turn.texts[0]
    assert "33 weeks from the referral is 20 May 2027." in turn.text
    assert "has passed" not in turn.text
    assert "longer than the longest" not in turn.text


async def test_easy_read_says_it_too(talk: Talk) -> None:
    turn = await referred_in_derby(talk)

    for words in ("79 weeks", "33 weeks", "31 December 2025", "do not know when your turn is"):
        assert words in turn.easy_read


@pytest.mark.parametrize(
    ("intent", "topic"),
    [
        ("diagnosis_route_child", None),
        ("nlu_fallback", None),
        ("inform", "support_school"),
        ("ehcp_request", None),
    ],
)
async def test_whatever_it_was_taken_for_a_told_referral_is_counted(
    talk: Talk, intent: str, topic: str | None
) -> None:
    if topic:
        await talk.say("what help is there at school", topic)
    turn = await talk.say("I was referred on 14 May 2025, Derby, child", intent, DERBY, CHILD)

    assert "79 weeks ago" in turn.text
    assert turn.slots["topic"] == "wait_time"


# --- over several turns ---


async def test_asked_told_where_told_who_and_then_the_month(talk: Talk) -> None:
    first = await talk.say("how long is the wait", "wait_time")
    assert first.follow_ups == ["area_form"]
    second = await talk.say("Derby", "inform", DERBY)
    assert "Tell me the day or the month of the referral" in second.text
    await talk.say("child", "inform", CHILD)
    turn = await talk.say("I was referred in May 2025", "inform")

    assert turn.texts[0] == "The referral was in May 2025. That is 77 to 81 weeks ago."
    assert "between 18 December 2025 and 17 January 2026. Those days have passed." in turn.text
    assert bars(turn)[0] == ("So far", "77 to 81 weeks")


async def test_a_bare_date_answers_the_question_for_it(talk: Talk) -> None:
    await talk.say("how long is the wait for a child in Derby", "wait_time", DERBY, CHILD)
    turn = await talk.say("14/05/2025", "ehcp_timescale", ("date_phrase", "14/05/2025"))

    assert "79 weeks ago" in turn.texts[0]
    assert turn.slots["event_date"] is None  # nothing of a plan was asked


async def test_who_it_is_about_is_asked_when_it_is_not_known(talk: Talk) -> None:
    turn = await talk.say("referred 14 May 2025 in Derby", "wait_time", DERBY)
    assert turn.follow_ups == ["cohort_form"]
    assert charts(turn) == []

    turn = await talk.say("an adult", "inform", ("cohort", "adult"))

    assert bars(turn)[1:] == [("Average", "73 weeks"), ("Longest", "204 weeks")]


async def test_an_age_tells_whether_it_is_an_adult(talk: Talk) -> None:
    turn = await talk.say("I'm 32, Derby, referred in March 2026", "wait_time", DERBY, ("age", "I'm 32"))

    assert "73 weeks" in turn.text
    assert "33 weeks on average" not in turn.text
    assert turn.follow_ups == []


async def test_the_area_is_asked_and_the_weeks_are_told_meanwhile(talk: Talk) -> None:
    turn = await talk.say("I was referred on 14 May 2025", "wait_time")
    assert "79 weeks ago" in turn.texts[0]
    assert turn.follow_ups == ["area_form"]

    await talk.say("Derby", "inform", DERBY)
    turn = await talk.say("child", "inform", CHILD)

    assert "33 weeks from the referral was 31 December 2025" in turn.text


@pytest.mark.parametrize("intent", ["correct", "inform", "nlu_fallback"])
@pytest.mark.parametrize(
    ("correction", "then"),
    [
        ("no, 2024", "on 14 May 2024"),
        ("it was in March", "in March 2025"),
        ("it's not 2025 it's 2024", "on 14 May 2024"),
        ("wrong, it was 5 June 2025", "on 5 June 2025"),
    ],
)
async def test_a_corrected_date(talk: Talk, correction: str, then: str, intent: str) -> None:
    await referred_in_derby(talk)
    turn = await talk.say(correction, intent)

    assert turn.texts[0].startswith(f"The referral was {then}.")
    assert turn.slots["area"] == "derby-city"


async def test_another_correction_leaves_the_date(talk: Talk) -> None:
    await referred_in_derby(talk)
    turn = await talk.say("no, an adult", "correct", ("cohort", "adult"))

    assert turn.texts[0].startswith("The referral was on 14 May 2025.")
    assert bars(turn)[1] == ("Average", "73 weeks")


async def test_the_date_is_remembered_while_something_else_is_asked(talk: Talk) -> None:
    await referred_in_derby(talk)
    chase = await talk.say("nobody has got back to me", "wait_status_chase")
    assert "How long is the wait" in " ".join(chase.buttons) or "/wait_time" in chase.buttons.values()

    turn = await talk.press("/wait_time")

    assert "79 weeks ago" in turn.texts[0]


# --- what is no referral, or none that can be counted ---


@pytest.mark.parametrize(
    "text",
    [
        "is the wait in Derby longer than last year",
        "they said we'd be waiting 18 months, Derby",
        "how long is the wait in Derby, my son was born on 3 May 2018",
        "if I got referred today in Derby when would I be seen",
        "He's been struggling since September. How many months is the wait for an assessment in Derby?",
        "We've been in Derby since 2021, about 5 years. How long is the wait?",
    ],
)
async def test_other_dates_are_not_taken_for_a_referral(talk: Talk, text: str) -> None:
    turn = await talk.say(text, "wait_time", DERBY)

    assert turn.slots["referred"] is None
    assert "The referral was" not in turn.text


@pytest.mark.parametrize(
    "text",
    [
        "it's been 18 months now, in Derby, how much longer?",
        "it has been nearly two years in Derby, any news?",
    ],
)
async def test_a_wait_that_has_gone_on_so_long_began_with_a_referral(talk: Talk, text: str) -> None:
    turn = await talk.say(text, "wait_time", DERBY)

    assert turn.slots["referred"] is not None


async def test_a_request_for_a_plan_is_no_referral(talk: Talk) -> None:
    turn = await talk.say(
        "it's been 22 weeks since I asked the council for an EHC assessment", "ehcp_timescale"
    )

    assert turn.slots["referred"] is None


async def test_a_day_to_come_is_asked_again_and_can_be_corrected(talk: Talk) -> None:
    turn = await talk.say("referred 14 May 2027, Derby, child", "wait_time", DERBY, CHILD)
    assert "That day has not come yet" in turn.texts[0]
    assert charts(turn) == []

    turn = await talk.say("sorry, 2025", "correct")

    assert turn.texts[0].startswith("The referral was on 14 May 2025.")


async def test_no_figure_no_comparison(talk: Talk) -> None:
    turn = await talk.say(
        "my son is 8, Hereford, referred in September 2026",
        "wait_time",
        ("area", "Hereford", "herefordshire"),
        ("age", "son is 8"),
    )

    assert "That is 7 to 11 weeks ago" in turn.texts[0]
    assert "no figure for children in Herefordshire" in turn.text
    assert charts(turn) == []
    assert not re.search(r"\b(33|53|73|204) weeks", turn.text)


async def test_elsewhere_is_counted_but_compared_with_nothing_local(talk: Talk) -> None:
    turn = await talk.say(
        "referred 14 May 2025, Leicester, child", "wait_time", ("area", "Leicester", "elsewhere"), CHILD
    )

    assert "79 weeks ago" in turn.texts[0]
    assert not re.search(r"\b(33|53|73|204) weeks", turn.text)
    assert charts(turn) == []


async def test_what_a_standard_says_of_people_comes_from_its_record(talk: Talk) -> None:
    turn = await talk.say("what's the wait in Leicester?", "wait_time", ("area", "Leicester", "elsewhere"))

    with actions.store.read_store() as session:
        notes = session.scalars(select(models.Wait.note).where(models.Wait.measure == "standard")).all()
    about_people = [text for text in turn.texts if "people wait longer" in text.lower()]
    assert all(any(text in str(note) for note in notes) for text in about_people)


async def test_a_figure_for_autism_is_not_given_as_one_for_adhd(talk: Talk) -> None:
    turn = await talk.say("my ADHD referral was in March 2026, Derby, child", "wait_time", DERBY, CHILD)

    assert "no figure for ADHD in Derby" in turn.text
    assert "autism assessment" in turn.texts[0]
    later = await talk.say("and for adults?", "follow_up", ("cohort", "adults", "adult"))
    assert "no figure for ADHD in Derby" in later.text
    autism = await talk.say("and the wait for autism?", "wait_time")
    assert "ADHD" not in autism.text


# --- figures over time ---

HISTORY = """\
pathway,measure,subject,value,as_of,source_title,source_publisher
derby-city-child,average-wait,autism assessment,41,2026-09,Waits,A council
derby-city-child,average-wait,autism assessment,38,2026-08,Waits,A council
derby-city-child,longest-wait,autism assessment,80,2026-09,Waits,A council
derby-city-child,average-wait,ADHD assessment,60,2026-09,Waits,A council
herefordshire-child-under-11,average-wait,autism assessment,20,2026-09,Waits,A council
herefordshire-child-11-plus,average-wait,autism assessment,50,2026-09,Waits,A council
"""


@pytest.fixture
def with_history(store_url: str, tmp_path: Path) -> Generator[None]:
    """Invented figures of later months, taken out again."""
    file = tmp_path / "waits.csv"
    file.write_text(HISTORY)
    engine = open_engine(store_url)
    with sessions(engine).begin() as session:
        report = import_waits(session, read_table(file), {}, now=NOW)
        assert report.created == 6, report
    yield
    with sessions(engine).begin() as session:
        for wait in session.scalars(select(models.Wait).where(models.Wait.origin == ORIGIN)).unique():
            session.delete(wait)
        session.execute(delete(models.Revision).where(models.Revision.record_id.like(f"{ORIGIN}%")))
    engine.dispose()


async def test_the_newest_figure_comes_first_and_the_change_is_told_with_dates(
    talk: Talk, with_history: None
) -> None:
    turn = await referred_in_derby(talk)

    assert "41 weeks on average (autism assessment, September 2026)" in turn.text
    assert "The average went up between August 2026 and September 2026." in turn.text
    order = [
        turn.text.index(words) for words in ("September 2026: 41", "August 2026: 38", "December 2022: 33")
    ]
    assert order == sorted(order)
    assert turn.text.index("41 weeks on average") < order[0]
    assert "This is the newest figure I have." in turn.text
    assert "more than" not in turn.text
    assert bars(turn)[1:] == [("Average", "41 weeks"), ("Longest", "80 weeks")]
    assert set(turn.sources.values()) >= {"2026-09", "2022-12"}


async def test_an_older_figure_does_not_ask_to_be_checked_again(talk: Talk, with_history: None) -> None:
    turn = await referred_in_derby(talk)

    assert "We meant to check this again" not in turn.text


async def test_a_figure_for_adhd_is_given_when_there_is_one(talk: Talk, with_history: None) -> None:
    turn = await talk.say("my ADHD referral was in March 2026, Derby, child", "wait_time", DERBY, CHILD)
    plain = await Talk(talk.executor).say(
        "how long is the wait in Derby for a child", "wait_time", DERBY, CHILD
    )

    assert "60 weeks on average (ADHD assessment" in turn.text
    assert "41 weeks" not in turn.text
    assert "no figure" not in turn.text
    assert "60 weeks" not in plain.text


async def test_pathways_of_one_cohort_are_told_apart(executor: ActionExecutor, with_history: None) -> None:
    hereford: Entity = ("area", "Hereford", "herefordshire")
    both = await Talk(executor).say("wait for a child in Hereford", "wait_time", hereford, CHILD)
    young = await Talk(executor).say(
        "he is 8, Hereford, referred 14 May 2025", "wait_time", hereford, ("age", "he is 8")
    )

    assert "20 weeks" in both.text
    assert "50 weeks" in both.text
    assert "20 weeks" in young.text
    assert "50 weeks" not in young.text

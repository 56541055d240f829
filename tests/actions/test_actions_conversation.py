"""How a talk goes on: what is asked, remembered, corrected, repeated, said simply, handed to a person."""

from __future__ import annotations

import re
import shutil
from collections.abc import Generator
from pathlib import Path

import pytest
from rasa_sdk.executor import ActionExecutor
from sqlalchemy import update

from conversations.reasons import REASONS
from knowledge.database import open_engine, sessions
from knowledge.models import Record
from tests.actions.conftest import ACTION_FOR, DOMAIN, Talk, Turn, fell_short, forget
from tests.knowledge.conftest import shipped_content


@pytest.fixture
def silent_store(store_url: str, tmp_path: Path) -> Generator[None]:
    """A store in which everything has been withdrawn: areas and topics, and no answer to anything."""
    url = f"sqlite:///{shutil.copy(store_url.removeprefix('sqlite:///'), tmp_path / 'silent.sqlite3')}"
    engine = open_engine(url)
    with sessions(engine).begin() as session:
        session.execute(update(Record).values(status="withdrawn"))
    engine.dispose()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HELPLINE_KNOWLEDGE_URL", url)
        forget()
        yield
        forget()


# --- the rules, the domain and the actions fit together ---


def test_every_action_the_project_names_is_there(executor: ActionExecutor) -> None:
    named = {action for action in ACTION_FOR.values() if action.startswith("action_")} - {"action_restart"}

    assert set(DOMAIN["actions"]) <= set(executor.actions)
    assert named <= set(executor.actions)


def test_every_topic_has_a_rule() -> None:
    assert {topic.name for topic in shipped_content().topics} <= set(ACTION_FOR)


async def test_every_slot_the_actions_set_is_in_the_domain(talk: Talk) -> None:
    turn = await talk.say("how long is the wait?", "wait_time")

    assert set(turn.slots) <= set(DOMAIN["slots"])


async def test_every_button_leads_somewhere(executor: ActionExecutor) -> None:
    intents = {next(iter(intent)) if isinstance(intent, dict) else intent for intent in DOMAIN["intents"]}
    for intent in ACTION_FOR:
        if ACTION_FOR[intent] in executor.actions:
            for title, payload in (await Talk(executor).press(f"/{intent}")).buttons.items():
                found = re.fullmatch(r"/(\w+)(\{.*\})?", payload)
                assert found, (title, payload)
                assert found[1] in intents, (title, payload)


# --- where somebody lives ---


async def test_an_unknown_area_gets_the_general_answer_and_the_question(talk: Talk) -> None:
    turn = await talk.say("how do I get my son assessed", "diagnosis_route_child", ("cohort", "son", "child"))

    assert "SENCO" in turn.text  # what holds everywhere
    assert turn.follow_ups == ["area_form"]
    assert turn.slots["area"] is None
    assert turn.card_ids("steps") == []  # nobody else's local route


async def test_the_question_offers_the_areas_and_a_way_out(talk: Talk) -> None:
    turn = await talk.say("", "inform", action="action_ask_area", loop="area_form")

    payloads = "\n".join(turn.buttons.values())
    for area in ("derby-city", "derbyshire", "herefordshire", "elsewhere"):
        assert f'"{area}"' in payloads
    assert turn.buttons["I would rather not say"] == "/decline"


async def test_the_form_takes_the_area_and_the_answer_follows(talk: Talk) -> None:
    await talk.say("how do I get my son assessed", "diagnosis_route_child", ("cohort", "son", "child"))
    town = ("area", "Chesterfield", "derbyshire")
    form = await talk.say("Chesterfield", "inform", town, action="validate_area_form", loop="area_form")
    assert form.slots["area"] == "derbyshire"

    turn = await talk.say("Chesterfield", "inform", town)
    assert turn.card_ids("steps") == ["derbyshire-child"]
    assert turn.slots["place"] == "Chesterfield"
    assert turn.slots["topic"] == "diagnosis_route_child"
    assert turn.follow_ups == []


async def test_the_form_takes_nothing_from_other_words(talk: Talk) -> None:
    form = await talk.say("not sure yet", "inform", action="validate_area_form", loop="area_form")

    assert form.slots.get("area") is None


async def test_a_button_answers_the_form(talk: Talk) -> None:
    await talk.say("how long is the wait", "wait_time")
    turn = await talk.press('/inform{"area": "herefordshire"}')

    assert "Herefordshire" in turn.text
    assert turn.slots["area"] == "herefordshire"


async def test_a_declined_area_is_not_asked_again(talk: Talk) -> None:
    await talk.say("how long is the wait", "wait_time")
    declined = await talk.say(
        "I'd rather not say", "decline", action="action_area_declined", loop="area_form"
    )
    again = await talk.say("what help is there now", "support_no_diagnosis")

    assert declined.templates == ["utter_declined"]
    assert declined.slots["area_declined"] is True
    assert again.text
    assert again.follow_ups == []


async def test_whoever_declined_may_still_say_it(talk: Talk) -> None:
    talk.slots["area_declined"] = True
    turn = await talk.say("how long is the wait in Derby", "wait_time", ("area", "Derby", "derby-city"))

    assert "33 weeks" in turn.text


async def test_the_area_is_asked_once_under_complete_answers(talk: Talk) -> None:
    first = await talk.say("what help is there without a diagnosis", "support_no_diagnosis")
    assert first.follow_ups == ["area_form"]

    for text, intent in (
        ("can we get a short break", "support_short_breaks"),
        ("are you a person?", "bot_identity"),
    ):
        turn = await talk.say(text, intent, loop="area_form")
        assert turn.follow_ups == []
        assert "requested_slot" not in turn.slots
        # While the form waits, Rasa has it ask after whatever was answered.
        goes_on = await talk.say(text, intent, action="action_ask_area", loop="area_form")
        assert goes_on.text == ""


async def test_the_area_is_asked_again_when_there_is_no_answer_without_it(talk: Talk) -> None:
    await talk.say("what help is there without a diagnosis", "support_no_diagnosis")
    for text, intent in (("how long is the wait", "wait_time"), ("camhs number?", "service_contact")):
        turn = await talk.say(text, intent, loop="area_form")
        assert turn.follow_ups == ["area_form"]
        assert turn.slots["requested_slot"] is None  # the form asks as if for the first time
        asked = await talk.say(text, intent, action="action_ask_area", loop="area_form", loop_has_asked=False)
        assert "Which area" in asked.text


async def test_who_was_not_understood_saying_where_is_asked_again(talk: Talk) -> None:
    asked = await talk.say("in Littleton", "inform", action="action_ask_area", loop="area_form")
    assert "Which area" in asked.text


async def test_a_question_that_names_a_place_is_no_answer_to_the_question_for_the_area(talk: Talk) -> None:
    await talk.say("can we get a short break", "support_short_breaks")
    moved = "we moved from leicester to derby in august and she had a plan there does derby have to do it"
    said = (
        moved,
        "ehcp_review_content",
        ("area", "leicester", "elsewhere"),
        ("area", "derby", "derby-city"),
        ("date_phrase", "in august"),
    )

    form = await talk.say(*said, action="validate_area_form", loop="area_form")
    assert form.slots.get("area") is None  # so that Rasa goes to the question's own rule

    turn = await talk.say(*said, loop="area_form", confidence=0.15, answerability=0.25)
    assert "short break" not in turn.text
    assert "The plan moves with you" in turn.text
    assert turn.slots["area"] == "derby-city"

    # The form has its place now and hands on: nothing is said twice.
    ended = await talk.say(*said, action="action_follow_up", after="area_form")
    assert ended.responses == []


@pytest.mark.parametrize(
    ("text", "intent", "place"),
    [
        ("Derby", "inform", "Derby"),
        ("we live in Derby near the town centre", "support_housing_transport", "Derby"),
        ("yes we're in Derby and he was referred", "wait_time", "Derby"),
        ("hi sorry yes I live in Derby, well just outside it in a village", "correct", "Derby"),
    ],
)
async def test_a_place_and_little_else_answers_the_question_for_the_area(
    talk: Talk, text: str, intent: str, place: str
) -> None:
    await talk.say("can we get a short break", "support_short_breaks")
    said = (text, intent, ("area", place, "derby-city"))

    form = await talk.say(*said, action="validate_area_form", loop="area_form")
    assert form.slots["area"] == "derby-city"

    turn = await talk.say(*said, action="action_follow_up", after="area_form", confidence=0.3)
    assert {custom["topic"] for custom in turn.custom} == {"support_short_breaks"}


# --- what a suggestion says of somebody ---

_SUGGESTED = "My child is 10 and going into Year 6 in Herefordshire. Which team?"
_SAYS = [
    ("cohort", "child"),
    ("age", "child is 10"),
    ("age", "Year 6"),
    ("area", "Herefordshire", "herefordshire"),
]
_PERSON = ("area", "place", "age", "cohort", "young", "referred", "asked")


@pytest.mark.parametrize(
    "known", [{}, {"area": "derbyshire", "place": "Buxton", "age": 33, "cohort": "adult"}]
)
async def test_what_a_pressed_suggestion_says_of_somebody_is_not_the_persons(
    talk: Talk, known: dict[str, object]
) -> None:
    talk.slots.update(known)
    before = {name: talk.slots[name] or None for name in _PERSON}
    turn = await talk.say(_SUGGESTED, "diagnosis_route_child", *_SAYS, pressed=True)

    assert "Herefordshire" in turn.text  # it serves this one answer
    assert {name: turn.slots[name] or None for name in _PERSON} == before
    assert {
        (told["area"], told["age"], told["young"]) for told in (custom["person"] for custom in turn.custom)
    } == {(known.get("area"), known.get("age"), False)}
    handed = (await talk.press("/human_request")).custom[0]["handoff"]["summary"]
    assert (handed["area"], handed["age"], handed["about"]) == (
        known.get("area"),
        known.get("age"),
        known.get("cohort"),
    )
    assert handed["asked"] == []
    assert "Herefordshire" not in (await talk.say("how long is the wait", "wait_time")).text


async def test_the_same_words_typed_are_the_persons(talk: Talk) -> None:
    turn = await talk.say(_SUGGESTED, "diagnosis_route_child", *_SAYS)

    assert (turn.slots["area"], turn.slots["age"], turn.slots["cohort"]) == ("herefordshire", 11, "child")


async def test_a_form_takes_nothing_from_a_pressed_suggestion(talk: Talk) -> None:
    for form, slot in (("area_form", "area"), ("cohort_form", "cohort"), ("deadline_form", "event_date")):
        turn = await talk.say(
            f"{_SUGGESTED} We asked on 3 March 2026.",
            "diagnosis_route_child",
            *_SAYS,
            ("date_phrase", "3 March 2026"),
            action=f"validate_{form}",
            loop=form,
            pressed=True,
        )
        assert turn.slots.get(slot) is None, form


async def test_the_day_asked_for_after_a_suggestion_is_counted_from(talk: Talk) -> None:
    asked = await talk.say("How long may the council take over a plan?", "ehcp_timescale", pressed=True)
    assert asked.follow_ups == ["deadline_form"]
    talk.slots["event_date"] = "2026-03-03"  # as the form takes it from the next message

    assert "14 April 2026" in (await talk.say("3 March 2026", "inform", ("date_phrase", "3 March 2026"))).text


async def test_the_area_of_the_councils_own_page_is_not_asked(talk: Talk) -> None:
    talk.area_of_page = "derbyshire"
    turn = await talk.say("how long is the wait for my child", "wait_time", ("cohort", "child"))

    assert "33 weeks" in turn.text
    assert turn.follow_ups == []


async def test_what_is_said_counts_more_than_the_page(talk: Talk) -> None:
    talk.area_of_page = "derbyshire"
    turn = await talk.say(
        "how long is the wait in Leicester", "wait_time", ("area", "Leicester", "elsewhere")
    )

    assert "do not have local information for Leicester" in turn.text


async def test_a_right_does_not_depend_on_the_area(talk: Talk) -> None:
    turn = await talk.say("can I ask for an EHC plan", "ehcp_request")

    assert turn.follow_ups == []


# --- who it is about ---


#: What somebody says of whom it is about -> the cohort.
COHORTS = {"a child": "child", "an adult": "adult"}


@pytest.mark.parametrize("text", COHORTS)
async def test_the_form_takes_who_it_is_about(talk: Talk, text: str) -> None:
    form = await talk.say(
        text, "inform", ("cohort", text, COHORTS[text]), action="validate_cohort_form", loop="cohort_form"
    )

    assert form.slots["cohort"] == COHORTS[text]


async def test_an_age_answers_who_it_is_about(talk: Talk) -> None:
    await talk.say("who can refer, in Hereford", "referral_who", ("area", "Hereford", "herefordshire"))
    form = await talk.say("she's 8", "inform", action="validate_cohort_form", loop="cohort_form")
    turn = await talk.say("she's 8", "inform")

    assert form.slots["cohort"] == "child"
    assert (turn.slots["cohort"], turn.slots["age"]) == ("child", 8)
    assert turn.card_ids("steps") == ["herefordshire-child-under-11"]


async def test_somebody_of_15_is_spoken_to_directly(talk: Talk) -> None:
    turn = await talk.say(
        "I'm 15 and think I'm autistic, how do I get tested? in Hereford",
        "diagnosis_route_child",
        ("age", "I'm 15"),
        ("area", "Hereford", "herefordshire"),
    )
    parent = await Talk(talk.executor).say(
        "my son is 15, how does he get tested? in Hereford",
        "diagnosis_route_child",
        ("age", "son is 15"),
        ("cohort", "son", "child"),
        ("area", "Hereford", "herefordshire"),
    )

    assert turn.slots["young"] is True
    assert "if you are autistic" in turn.text
    assert "your child" not in turn.text
    assert parent.slots["young"] is False
    assert "if you are autistic" not in parent.text
    assert "CAMHS" in turn.text
    assert "CAMHS" in parent.text


async def test_somebody_in_year_10_is_spoken_to_directly(talk: Talk) -> None:
    turn = await talk.say("I’m in year 10, can I get an EHC plan", "ehcp_request", ("age", "year 10"))

    assert turn.slots["young"] is True
    assert (turn.slots["age"], turn.slots["cohort"]) == (15, "child")


async def test_a_young_person_stays_one(talk: Talk) -> None:
    await talk.say("I'm 15", "inform", ("age", "I'm 15"))
    turn = await talk.say("how do I get assessed", "diagnosis_route_child", ("area", "I", "derby-city"))

    assert turn.slots["young"] is True
    assert "your child" not in turn.text


async def test_the_gateway_is_told_what_a_crisis_reply_needs(talk: Talk) -> None:
    turn = await talk.say("I'm 15, in Derby", "inform", ("age", "I'm 15"), ("area", "Derby", "derby-city"))

    assert turn.custom[-1]["person"] == {"area": "derby-city", "age": 15, "young": True}


async def test_a_place_outside_is_no_area_of_the_store(talk: Talk) -> None:
    turn = await talk.say("help for carers in Leicester", "support_carer", ("area", "Leicester", "elsewhere"))

    assert turn.custom[-1]["person"]["area"] is None


# --- going on ---


async def test_telling_something_first_offers_what_can_be_asked(talk: Talk) -> None:
    turn = await talk.say("we live in Derby", "inform", ("area", "Derby", "derby-city"))

    assert "Derby" in turn.text
    assert "/wait_time" in turn.buttons.values()
    assert turn.slots["area"] == "derby-city"


async def test_a_question_that_was_taken_for_telling_is_answered(talk: Talk) -> None:
    turn = await talk.say(
        "I'm 33, in Derby, can I refer myself?",
        "inform",
        ("age", "I'm 33"),
        ("area", "Derby", "derby-city"),
        also_likely=["referral_who"],
    )

    assert turn.texts[0].startswith("Yes")


async def test_a_route_for_the_other_cohort(talk: Talk) -> None:
    await talk.say(
        "how does my son get assessed in Derby",
        "diagnosis_route_child",
        ("cohort", "son", "child"),
        ("area", "Derby", "derby-city"),
    )
    turn = await talk.say("and for adults?", "follow_up", ("cohort", "adults", "adult"))

    assert turn.card_ids("steps") == ["derby-derbyshire-adult"]
    assert turn.slots["topic"] == "diagnosis_route_adult"


async def test_said_again_it_is_the_same(talk: Talk) -> None:
    first = await talk.say("how long is the wait in Derby", "wait_time", ("area", "Derby", "derby-city"))
    again = await talk.say("say that again", "repeat")

    assert again.texts == first.texts


async def test_easy_read_says_the_last_answer_in_easy_words_and_goes_on_so(talk: Talk) -> None:
    plain = await talk.say("how long is the wait in Derby", "wait_time", ("area", "Derby", "derby-city"))
    easy = await talk.say("simpler please", "easy_read_on")
    after = await talk.say("what help is there at school", "support_school")
    off = await talk.say("normal words please", "easy_read_off")
    last = await talk.say("how long is the wait", "wait_time")

    assert plain.easy_read == easy.text == easy.easy_read
    assert easy.slots["easy_read"] is True
    assert "33 weeks" in easy.text  # the facts stay
    assert max(len(line) for line in easy.text.splitlines()) <= 70  # one short sentence a line
    assert after.text == after.easy_read
    assert off.templates == ["utter_easy_read_off"]
    assert off.slots["easy_read"] is False
    assert last.texts == plain.texts


async def test_easy_read_before_anything_was_asked(talk: Talk) -> None:
    turn = await talk.say("easy read please", "easy_read_on")

    assert turn.slots["easy_read"] is True
    assert turn.text == turn.easy_read


async def test_more_shows_what_was_not_shown(talk: Talk) -> None:
    first = await talk.say("help at school in Derby", "support_school", ("area", "Derby", "derby-city"))
    more = await talk.say("tell me more", "elaborate")

    assert more.card_ids()
    assert set(more.card_ids()).isdisjoint(first.card_ids())


async def test_more_comes_to_an_end_and_says_so(talk: Talk) -> None:
    await talk.say("courses near Hereford", "support_training", ("area", "Hereford", "herefordshire"))
    seen: set[str] = set()
    for _ in range(30):
        turn = await talk.say("more", "elaborate")
        if not turn.card_ids():
            break
        assert seen.isdisjoint(turn.card_ids())
        seen |= set(turn.card_ids())

    assert "all I have on this" in turn.text


async def test_where_it_comes_from(talk: Talk) -> None:
    await talk.say("how long is the wait in Derby", "wait_time", ("area", "Derby", "derby-city"))
    turn = await talk.say("where did you get that", "sources")

    assert "Derbyshire Integrated Care All Age Autism Strategy 2023-2028" in turn.text
    assert "December 2022" in turn.text
    assert turn.slots["topic"] == "wait_time"


async def test_before_any_answer_there_is_no_source(talk: Talk) -> None:
    turn = await talk.say("where did you get that", "sources")

    assert "not given you an answer from a source yet" in turn.text
    assert turn.sources == {}


async def test_sources_are_those_of_the_last_answer(talk: Talk) -> None:
    await talk.say("how long is the wait in Derby", "wait_time", ("area", "Derby", "derby-city"))
    await talk.say("can I ask for an EHC plan myself", "ehcp_request")
    turn = await talk.say("source?", "sources")

    assert "All Age Autism Strategy" not in turn.text
    assert turn.sources


# --- not understood ---


async def not_understood(talk: Talk) -> Turn:
    return await talk.say("qwe rty", "nlu_fallback", also_likely=["wait_time", "support_carer"])


def person_offered(turn: Turn) -> str | None:
    """Why a person is offered at the end of the answer, for the gateway; None when none is."""
    offers = [custom.get("offers_person") for custom in turn.custom]
    assert not any(offers[:-1])
    because: str | None = offers[-1]
    assert because is None or because in REASONS
    return because


async def test_not_understood_asks_twice_and_then_offers_a_person(talk: Talk) -> None:
    first = await not_understood(talk)
    second = await not_understood(talk)
    third = await not_understood(talk)

    assert "Is it about how long the wait is or about " in first.text
    assert list(first.buttons.values())[:2] == ["/wait_time", "/support_carer"]
    assert list(first.buttons.values())[-1] == "/human_request"
    for part in ("diagnosis", "waiting times", "support", "rights"):
        assert part in second.text
    assert len(second.buttons) == 5
    assert "talk to a person" in second.text
    assert next(iter(third.buttons.values())) == "/human_request"
    assert "not your fault" in third.text
    assert [turn.slots["misunderstood"] for turn in (first, second, third)] == [1, 2, 3]
    assert [person_offered(turn) for turn in (first, second, third)] == [
        None,
        "not_understood",
        "not_understood",
    ]


#: Whatever is understood in between -> the intent.
IN_BETWEEN = ("wait_time", "sources", "elaborate", "human_request", "inform", "easy_read_off")


@pytest.mark.parametrize("intent", IN_BETWEEN)
async def test_only_twice_in_a_row_is_twice(talk: Talk, intent: str) -> None:
    first = await not_understood(talk)
    await talk.say("something clear", intent)
    again = await not_understood(talk)

    assert again.text == first.text


async def test_with_no_idea_the_main_topics_are_offered(talk: Talk) -> None:
    turn = await talk.say("asdf", "nlu_fallback")

    assert "/wait_time" in turn.buttons.values()
    assert "/human_request" in turn.buttons.values()


# --- a person ---


async def test_a_person_hears_the_story_so_far(talk: Talk) -> None:
    await talk.say(
        "how long is the wait for my 7 year old? we live in Chesterfield",
        "wait_time",
        ("age", "7 year old"),
        ("area", "Chesterfield", "derbyshire"),
    )
    await talk.press("/wait_support")
    turn = await talk.say("can I talk to a real person", "human_request")

    assert turn.texts == ["Yes. You can talk to a person."]
    [custom] = turn.custom
    assert custom["topic"] == "human_request"
    handoff = custom["handoff"]
    assert (handoff["reason"], handoff["priority"]) == ("asked", "normal")
    summary = handoff["summary"]
    # What they wrote themselves, without the buttons.
    assert summary["asked"] == [
        "how long is the wait for my 7 year old? we live in Chesterfield",
        "can I talk to a real person",
    ]
    assert (summary["area"], summary["place"]) == ("derbyshire", "Chesterfield")
    assert (summary["age"], summary["about"], summary["writer_is_under_18"]) == (7, "child", False)
    assert summary["last_topic"] == "wait_support"
    assert summary["shown"]


async def test_a_person_can_be_asked_for_at_once(talk: Talk) -> None:
    turn = await talk.press("/human_request")

    assert turn.custom[0]["handoff"]["summary"]["asked"] == []


async def test_a_long_talk_is_told_by_its_last_questions(talk: Talk) -> None:
    for number in range(12):
        await talk.say(f"question {number} " + "x" * 400, "sources")
    turn = await talk.say("a person please", "human_request")

    asked = turn.custom[0]["handoff"]["summary"]["asked"]
    assert asked[-1] == "a person please"
    assert asked[0].startswith("question 5 ")
    assert max(len(text) for text in asked) <= 300


async def test_a_complaint_offers_a_person(talk: Talk) -> None:
    turn = await talk.say("I want to complain", "complaint")

    assert "/human_request" in turn.buttons.values()
    assert "talk to a person about this" in turn.text
    assert person_offered(turn) == "complaint"


async def test_who_also_asks_for_a_person_is_offered_one(talk: Talk) -> None:
    turn = await talk.say("how long is the wait, and can I talk to a person?", "wait_time")

    assert person_offered(turn) == "asked"


@pytest.mark.parametrize(
    "topic",
    ["wait_time", "diagnosis_route_child", "referral_who", "support_carer", "ehcp_refused_appeal"],
)
async def test_where_the_store_is_silent_it_is_said_and_a_person_is_offered(
    silent_store: None, talk: Talk, topic: str
) -> None:
    talk.slots.update(area="derby-city", cohort="child")
    turn = await talk.say("how long have carers waited for their plan?", topic)

    assert "I do not have an answer I can trust" in turn.text
    assert "A person can help you with it" in turn.text
    assert "A person can help you" in turn.easy_read
    assert "/human_request" in turn.buttons.values()
    assert person_offered(turn) == "nothing_known"
    assert not turn.sources


# --- what the domain says itself ---


async def test_out_of_scope_is_kind_and_says_what_it_can_do(talk: Talk) -> None:
    [response] = DOMAIN["responses"]["utter_out_of_scope"]
    turn = await talk.say("when are my bins collected", "out_of_scope")

    assert turn.templates == ["utter_out_of_scope"]
    assert fell_short(turn) == "out_of_scope"
    assert "Sorry" in response["text"]
    for can in ("autism", "SEND", "diagnosis", "waiting times", "support", "rights"):
        assert can in response["text"]
    assert response["buttons"]


def test_it_says_that_it_is_a_machine() -> None:
    text = DOMAIN["responses"]["utter_bot_identity"][0]["text"]

    assert "automated assistant" in text
    assert "not a person" in text


# --- whatever is typed ---


@pytest.mark.parametrize("intent", ["wait_time", "support_carer", "service_contact", "ehcp_timescale"])
@pytest.mark.parametrize(
    "text", ["", "???", "<b>hi</b>", "😀", "a" * 5000, "'; DROP TABLE record; --", "%s {0}"]
)
async def test_odd_words_are_answered(executor: ActionExecutor, intent: str, text: str) -> None:
    turn = await Talk(executor).say(text, intent)

    assert turn.text.strip()
    assert text == "" or text not in turn.text

"""Holding a conversation: two questions at once, questions that lean on the last answer, names, places."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.orm import Session

import actions.store
from knowledge.database import writing
from knowledge.load import add_revision
from knowledge.models import Service
from knowledge.unanswered import unanswered_questions
from tests.actions.conftest import Talk, Turn, fell_short

# --- two questions in one message ---


async def test_both_questions_of_a_message_are_answered(talk: Talk) -> None:
    turn = await talk.say(
        "how long is the wait in Derbyshire for my 7 year old, and can I claim DLA for him?",
        "benefits_money",
        ("area", "Derbyshire", "derbyshire"),
        ("age", "7 year old"),
        questions=[
            ("how long is the wait in Derbyshire for my 7 year old", "wait_time"),
            ("can I claim DLA for him?", "benefits_money"),
        ],
    )

    assert "33 weeks" in turn.text
    assert "DLA" in turn.text.split("You also asked")[1]
    assert turn.text.index("33 weeks") < turn.text.index("You also asked: can I claim DLA")
    assert {custom["topic"] for custom in turn.custom} == {"wait_time", "benefits_money"}
    assert "/benefits_money" in turn.buttons.values()


async def test_the_second_answer_is_short_and_keeps_its_source(talk: Talk) -> None:
    alone = await talk.say("how do I ask for an EHC needs assessment", "ehcp_request")
    both = await talk.say(
        "what is masking? and how do I ask for an EHC needs assessment",
        "what_is_autism",
        questions=[
            ("what is masking?", "what_is_autism"),
            ("how do I ask for an EHC needs assessment", "ehcp_request"),
        ],
    )

    second = [custom for custom in both.custom if custom["topic"] == "ehcp_request"]
    assert 2 <= len(second) <= 4  # what was asked, and at most three bubbles
    titles = {source["title"] for custom in second for source in custom["sources"]}
    assert titles == {
        source["title"]
        for custom in alone.custom
        if custom["topic"] == "ehcp_request"
        for source in custom["sources"]
    }


async def test_the_second_question_may_lean_on_the_first(talk: Talk) -> None:
    turn = await talk.say(
        "How do I ask for a plan? What if they say no?",
        "ehcp_request",
        questions=[("How do I ask for a plan?", "ehcp_request"), ("What if they say no?", "wait_time")],
    )

    assert {custom["topic"] for custom in turn.custom} == {"ehcp_request", "ehcp_refused_appeal"}


async def test_only_one_thing_is_asked_back(talk: Talk) -> None:
    turn = await talk.say(
        "how long is the wait and what support groups are there",
        "wait_time",
        questions=[
            ("how long is the wait", "wait_time"),
            ("what support groups are there", "support_peer_social"),
        ],
    )

    assert turn.follow_ups == ["area_form"]
    assert turn.slots["topic"] == "wait_time"


async def test_one_question_in_two_halves_is_answered_once(talk: Talk) -> None:
    halves = [("how long is the wait", "wait_time"), ("how many weeks would it be", "wait_time")]
    turn = await talk.say("how long is the wait, how many weeks would it be", "wait_time", questions=halves)

    assert "You also asked" not in turn.text


async def test_a_question_about_the_assistant_does_not_swallow_the_other(talk: Talk) -> None:
    turn = await talk.say(
        "do my parents have to know and how do I get assessed",
        "privacy_data",
        questions=[
            ("do my parents have to know", "privacy_data"),
            ("how do I get assessed", "diagnosis_route_child"),
        ],
    )

    assert turn.templates == ["utter_privacy_data"]
    assert "SENCO" in turn.text


#: A message of two questions, one with no answer of its own -> what the whole was taken for, its questions,
#: and what is answered.
HALF_ANSWERED = [
    (
        "When are the bins collected? And how do I apply for an EHCP?",
        "out_of_scope",
        [
            ("When are the bins collected?", "out_of_scope"),
            ("And how do I apply for an EHCP?", "ehcp_request"),
        ],
        "ehcp_request",
    ),
    (
        "When are the bins collected? And how do I apply for an EHCP?",
        "nlu_fallback",
        [
            ("When are the bins collected?", "out_of_scope"),
            ("And how do I apply for an EHCP?", "ehcp_request"),
        ],
        "ehcp_request",
    ),
    (
        "Can you help me write a letter? How long does the council have to answer?",
        "ehcp_timescale",
        [
            ("Can you help me write a letter?", "letter_request"),
            ("How long does the council have to answer?", "ehcp_timescale"),
        ],
        "ehcp_timescale",
    ),
    (
        "Can you help me write a letter? Hello? How long does the council have to answer?",
        "ehcp_timescale",
        [("Can you help me write a letter?", "letter_request"), ("Hello?", "greeting")],
        "ehcp_timescale",
    ),
]


@pytest.mark.parametrize(("text", "intent", "questions", "topic"), HALF_ANSWERED)
async def test_a_question_without_an_answer_does_not_stop_the_other(
    talk: Talk, text: str, intent: str, questions: list[tuple[str, str]], topic: str
) -> None:
    turn = await talk.say(text, intent, questions=questions)

    assert turn.slots["topic"] == topic
    assert turn.sources


async def test_two_questions_without_an_answer_are_out_of_scope(talk: Talk) -> None:
    turn = await talk.say(
        "When are the bins collected? Can you help me write a letter?",
        "out_of_scope",
        questions=[
            ("When are the bins collected?", "out_of_scope"),
            ("Can you help me write a letter?", "letter_request"),
        ],
    )

    assert turn.templates == ["utter_out_of_scope"]


# --- short questions that lean on the last answer ---

#: After this topic, this question -> the topic that it is about.
LEANING = [
    ("ehcp_request", "what if they say no?", "ehcp_refused_appeal"),
    ("ehcp_timescale", "and if the council refuses", "ehcp_refused_appeal"),
    ("diagnosis_route_child", "what if the gp says no", "referral_who"),
    ("ehcp_refused_appeal", "how long have we got?", "ehcp_refused_appeal"),
    ("ehcp_request", "how long does it take?", "ehcp_timescale"),
    ("ehcp_timescale", "and the finished plan?", "ehcp_timescale"),
    ("referral_who", "and how long will it be", "wait_time"),
    ("wait_time", "and privately?", "diagnosis_private_rtc"),
    ("diagnosis_route_child", "what do we do in the meantime?", "wait_support"),
    ("referral_who", "ok, what happens next?", "diagnosis_process"),
]


@pytest.mark.parametrize(("last", "text", "topic"), LEANING, ids=[text for _, text, _ in LEANING])
async def test_a_short_question_is_about_what_was_answered_last(
    talk: Talk, last: str, text: str, topic: str
) -> None:
    await talk.press(f"/{last}")
    # However the dialogue model takes the few words.
    for intent in ("wait_time", "follow_up", "nlu_fallback", "diagnosis_process"):
        again = Talk(talk.executor, dict(talk.slots))
        turn = await again.say(text, intent)
        assert turn.slots["topic"] == topic, intent


async def test_after_a_refusal_the_time_to_appeal_is_told(talk: Talk) -> None:
    await talk.press("/ehcp_request")
    await talk.say("what if they say no?", "diagnosis_process")
    turn = await talk.say("how long have we got?", "wait_time")

    assert "2 months" in turn.text or "two months" in turn.text


async def test_at_the_start_of_a_chat_they_stand_for_themselves(talk: Talk) -> None:
    turn = await talk.say("what if they say no?", "ehcp_request")

    assert turn.slots["topic"] == "ehcp_request"


async def test_a_pronoun_is_the_service_that_was_shown(talk: Talk) -> None:
    talk.slots["area"] = "derby-city"
    shown = await talk.press("/support_carer")
    for text in ("how do I contact them?", "whats their number", "who runs it?", "when are they open"):
        again = Talk(talk.executor, dict(talk.slots))
        turn = await again.say(text, "bot_identity", action="action_support")
        assert set(turn.card_ids()) <= set(shown.card_ids())
        assert turn.card_ids(), text


@pytest.mark.parametrize("intent", ["service_contact", "out_of_scope"])
async def test_who_runs_a_service_is_told(talk: Talk, intent: str) -> None:
    turn = await talk.say("who runs the lighthouse in Derby", intent, ("area", "Derby", "derby-city"))

    assert "Run by: " in turn.text


async def test_another_place_keeps_the_question(talk: Talk) -> None:
    first = await talk.say("can school make us wait for two cycles first?", "ehcp_request")
    turn = await talk.say(
        "what about Herefordshire?", "follow_up", ("area", "Herefordshire", "herefordshire")
    )

    assert "so? No. The law sets no number" in first.texts[0]
    assert turn.texts[0] == first.texts[0]


# --- names ---


@pytest.mark.parametrize("intent", ["nlu_fallback", "out_of_scope", "what_is_autism"])
async def test_a_service_is_found_by_its_abbreviation(talk: Talk, intent: str) -> None:
    talk.slots["area"] = "derbyshire"
    turn = await talk.say("what is DIASS?", intent)

    assert "diass" in turn.card_ids()


async def test_a_name_alone_is_enough(talk: Talk) -> None:
    turn = await talk.say("IPSEA", "nlu_fallback")

    assert turn.card_ids() == ["ipsea"]
    assert turn.slots["misunderstood"] == 0


async def test_one_name_in_three_areas_asks_which_and_then_shows_that_one(talk: Talk) -> None:
    first = await talk.say("camhs number?", "service_contact")
    assert first.follow_ups == ["area_form"]
    assert first.text.count("CAMHS in") == 3

    turn = await talk.say("Hereford", "inform", ("area", "Hereford", "herefordshire"))

    assert turn.card_ids() == ["herefordshire-camhs"]


async def test_who_will_not_say_where_gets_all_three(talk: Talk) -> None:
    await talk.say("camhs number?", "service_contact")
    turn = await talk.say("I'd rather not say", "decline", action="action_area_declined")

    assert len(turn.card_ids()) == 3


async def test_a_new_service_is_understood_without_training(talk: Talk) -> None:
    with writing(actions.store.engine()).begin() as session:
        _copy_of(session, "ipsea", "quiet-garden", "Quiet Garden Project", "QGP; the quiet garden")
    try:
        for text in ("qgp?", "what is the quiet garden", "Quiet Garden Project phone number please"):
            turn = await Talk(talk.executor).say(text, "nlu_fallback")
            assert turn.card_ids() == ["quiet-garden"], text
    finally:
        with writing(actions.store.engine()).begin() as session:
            session.delete(session.get(Service, "quiet-garden"))


def _copy_of(session: Session, service_id: str, new_id: str, name: str, aliases: str) -> None:
    """A new record like another one, under another name."""
    old = session.get(Service, service_id)
    assert old is not None
    left_out = {"id", "name", "alternate_name", "kind"}
    columns: dict[str, Any] = {
        attribute.key: getattr(old, attribute.key)
        for attribute in Service.__mapper__.column_attrs
        if attribute.key not in left_out
    }
    session.add(Service(id=new_id, name=name, alternate_name=aliases, **columns))
    session.flush()
    add_revision(session, new_id, "created", {})


# --- places on a border, and places that are not ours ---


async def test_a_postcode_on_a_border_asks_which_side(talk: Talk) -> None:
    entity = ("area", "DE73", "derby-city or derbyshire")
    first = await talk.say("how long is the wait, we're in DE73", "wait_time", entity)
    assert first.slots["area"] is None
    assert first.follow_ups == ["area_form"]

    asked = await talk.say(
        "how long is the wait, we're in DE73", "wait_time", entity, action="action_ask_area"
    )
    assert "DE73 is partly in Derby and Derbyshire" in asked.text
    assert list(asked.buttons) == ["Derby", "Derbyshire", "I would rather not say"]


async def test_a_postcode_on_a_border_alone_asks_too(talk: Talk) -> None:
    turn = await talk.say("HR5", "inform", ("area", "HR5", "herefordshire or elsewhere"))

    assert list(turn.buttons) == ["Herefordshire", "Somewhere else"]


async def test_a_postcode_on_a_border_does_not_unsay_the_area(talk: Talk) -> None:
    talk.slots["area"] = "derby-city"
    turn = await talk.say("DE73", "inform", ("area", "DE73", "derby-city or derbyshire"))

    assert turn.slots["area"] == "derby-city"


async def test_a_place_elsewhere_as_first_message_is_said_not_to_be_ours(talk: Talk) -> None:
    turn = await talk.say("we live in Leicester", "inform", ("area", "Leicester", "elsewhere"))

    assert "I only cover" in turn.text
    assert "What would you like to know?" in turn.text  # one question, and no other after it
    assert fell_short(turn) is None


# --- again, simpler, and back ---


async def test_repeat_says_the_very_answer_again(talk: Talk) -> None:
    first = await talk.say("can school make us wait for two cycles first?", "ehcp_request")
    await talk.say("thanks", "affirm_deny", action="action_sources")
    again = await talk.say("say that again", "repeat")

    assert again.texts == first.texts


async def test_simpler_and_back_are_of_the_very_answer(talk: Talk) -> None:
    first = await talk.say("can school make us wait for two cycles first?", "ehcp_request")
    simple = await talk.say("explain it like I'm 12", "easy_read_on")
    back = await talk.say("normal words please", "easy_read_off")

    assert simple.templates == ["utter_easy_read_on"]
    assert max(map(len, simple.text.splitlines())) < max(map(len, first.text.splitlines()))
    assert back.texts == first.texts
    assert back.slots["young"] is False  # "like I'm 12" tells no age


# --- the voice of a young person ---

YOUNG = [
    "will my parents find out if I ask for an assessment",
    "my head of year says I should get tested",
    "my mum doesn't believe I'm autistic",
    "I'm doing my GCSEs next year and can't cope in exams",
]
NOT_YOUNG = [
    "my mum is 70 and I think she is autistic",
    "how do I tell my parents that I am diagnosed at 45",
    "my son's head of year says no",
    "my daughter is doing her GCSEs",
]


@pytest.mark.parametrize("text", YOUNG)
async def test_who_writes_like_a_young_person_is_spoken_to_as_one(talk: Talk, text: str) -> None:
    turn = await talk.say(text, "diagnosis_route_child")
    assert turn.slots["young"] is True

    later = await talk.say("and how long is it", "follow_up")
    assert later.slots["young"] is True


@pytest.mark.parametrize("text", NOT_YOUNG)
async def test_a_grown_up_is_not_spoken_to_as_a_child(talk: Talk, text: str) -> None:
    assert (await talk.say(text, "diagnosis_route_adult")).slots["young"] is False


async def test_a_grown_up_who_seemed_young_can_say_so(talk: Talk) -> None:
    await talk.say(YOUNG[0], "diagnosis_route_child")
    turn = await talk.say("I'm 42", "correct", ("age", "I'm 42"))

    assert turn.slots["young"] is False


# --- abuse ---


async def test_abuse_is_met_calmly_and_then_with_a_boundary(talk: Talk) -> None:
    first = await talk.say("you stupid robot", "insult")
    second = await talk.say("i said you are thick", "insult")
    answer = await talk.say(
        "how long is the wait in Derbyshire", "wait_time", ("area", "Derbyshire", "derbyshire")
    )

    assert first.templates == ["utter_insult"]
    assert second.templates == ["utter_boundary"]
    assert "33 weeks" in answer.text
    assert answer.slots["insults"] == 0


# --- what had no answer is kept for the editors ---


def _kept() -> list[tuple[str, str]]:
    return [(one.question, one.reason) for one in unanswered_questions(actions.store.engine(), limit=1000)]


async def test_a_question_without_an_answer_is_kept_without_who_asked(talk: Talk) -> None:
    await talk.say(
        "zxcv Jamie Bloggs qwer, ring me on 07700 900123", "nlu_fallback", ("PERSON", "Jamie Bloggs")
    )
    await talk.say("who will win the cup", "out_of_scope")

    kept = _kept()
    assert ("zxcv [name] qwer, ring me on [phone]", "not_understood") in kept
    assert ("who will win the cup", "out_of_scope") in kept


async def test_an_answered_question_is_not_kept(talk: Talk) -> None:
    before = len(_kept())
    turn: Turn = await talk.say("how do I get DLA", "benefits_money")

    assert turn.sources
    assert len(_kept()) == before


# --- the very question ---

#: A gatekeeper's claim, taken to be about this -> the verdict.
CLAIMS = [
    ("school say we need two cycles first, is that right?", "referral_who", "No."),
    (
        "school say we need two cycles first before they refer, is that right? we live in Derby",
        "referral_who",
        "No.",
    ),
    ("is that right? school say we need two cycles first", "referral_who", "No."),
    ("School says she has to have a diagnosis before an EHCP. Is that true?", "ehcp_request", "No."),
    ("they say he's too bright for a plan is that right?", "sen_support_funding", "No."),
    ("they told me I can't apply for DLA without a diagnosis, is that right?", "benefits_money", "Yes."),
]


@pytest.mark.parametrize(("text", "intent", "verdict"), CLAIMS, ids=[text[:30] for text, _, _ in CLAIMS])
async def test_a_gatekeepers_claim_is_answered_with_the_verdict_first(
    talk: Talk, text: str, intent: str, verdict: str
) -> None:
    turn = await talk.say(text, intent)

    # To a claim that something cannot be done a bare "Yes" would say that it cannot.
    question, _, rest = turn.texts[0].partition("? ")
    assert question
    assert rest.startswith(verdict)


async def test_somebody_of_fifteen_is_not_sent_the_way_of_adults(talk: Talk) -> None:
    turn = await talk.say("im 15, how do i get assessed", "diagnosis_route_adult", ("age", "im 15"))

    assert turn.slots["topic"] == "diagnosis_route_child"
    assert turn.slots["young"] is True


async def test_who_it_is_about_is_asked_before_many_routes_are_told(talk: Talk) -> None:
    talk.slots["area"] = "herefordshire"
    turn = await talk.say("who can refer in Herefordshire?", "referral_who")
    assert turn.follow_ups == ["cohort_form"]
    assert len(turn.texts) == 1

    child = await talk.say("a child", "inform", ("cohort", "child"))
    assert len(child.card_ids("steps")) == 2


async def test_the_time_to_appeal_leads_when_it_is_asked_for(talk: Talk) -> None:
    turn = await talk.say("how long have we got to appeal?", "ehcp_refused_appeal")

    assert "within 2 months" in turn.texts[0]


async def test_a_new_question_that_names_the_place_is_answered_and_not_only_heard_as_the_place(
    talk: Talk,
) -> None:
    asked = await talk.say(
        "how do I get my son assessed", "diagnosis_route_child", ("cohort", "son", "child")
    )
    assert asked.follow_ups == ["area_form"]

    # The form takes the place from the message and hands on to the follow-up.
    turn = await talk.say(
        "how long is the wait in Derbyshire",
        "wait_time",
        ("area", "Derbyshire", "derbyshire"),
        action="action_follow_up",
    )

    assert turn.slots["topic"] == "wait_time"
    assert "33 weeks" in turn.text


async def test_a_verdict_never_stands_without_the_question_it_answers(talk: Talk) -> None:
    """ "They said no help, so no help?" is not answered by a bare "Yes."."""
    turn = await talk.say("woman on the phone said no diagnosis = no help", "support_no_diagnosis")

    assert not turn.texts[0].lower().startswith(("yes", "no."))


# --- messages that lean on the question before ---


async def test_a_short_question_is_asked_of_what_was_spoken_of(talk: Talk) -> None:
    alone = await Talk(talk.executor).say("do i have to pay", "social_care_assessment", answerability=0.4)
    await talk.say("what is right to choose in plain english", "diagnosis_private_rtc")
    after = await talk.say("do i have to pay", "social_care_assessment", answerability=0.4)

    assert {custom["topic"] for custom in alone.custom} == {"social_care_assessment"}
    assert {custom["topic"] for custom in after.custom} == {"diagnosis_private_rtc"}


async def test_a_question_that_stands_for_itself_begins_something_new(talk: Talk) -> None:
    await talk.say("do I have to sit in a mediation meeting with them first", "ehcp_refused_appeal")
    turn = await talk.say("can school make her wear the blazer", "reasonable_adjustments")

    assert "uniform" in turn.text.lower()
    assert "mediation" not in turn.text.lower()


async def test_what_says_too_little_is_asked_about_and_not_answered_by_chance(talk: Talk) -> None:
    await talk.say("how long is the wait for an assessment?", "wait_time")
    turn = await talk.say(
        "purple tractor seventeen", "diagnosis_process", also_likely=["complaint"], answerability=0.3
    )

    assert "I am not sure what you mean" in turn.text
    assert "/diagnosis_process" in turn.buttons.values()


LATE = "they said no to his dla and i only opened the letter now. is it too late to challenge it"
SIGNED_OFF = (
    "we were handed the report and they discharged us the same day. is that it or does somebody ring us"
)


async def test_a_record_that_stands_out_is_said_in_place_of_a_guess(talk: Talk) -> None:
    turn = await talk.say(LATE, "ehcp_timescale", confidence=0.47, answerability=0.35)

    assert {custom["topic"] for custom in turn.custom} == {"benefits_money"}
    assert "13 months" in turn.text


async def test_a_date_does_not_tie_a_guess_to_the_time_limits_of_a_plan(talk: Talk) -> None:
    turn = await talk.say(
        "dla turned down again, the letter came 3 weeks ago. how long do you get to challenge it",
        "ehcp_timescale",
        ("date_phrase", "3 weeks ago"),
        confidence=0.47,
        answerability=0.35,
    )

    assert {custom["topic"] for custom in turn.custom} == {"benefits_money"}


async def test_what_is_understood_well_is_not_given_up_for_a_record_elsewhere(talk: Talk) -> None:
    turn = await talk.say(SIGNED_OFF, "wait_status_chase")

    assert {custom["topic"] for custom in turn.custom} == {"wait_status_chase"}


async def test_where_a_friend_lives_does_not_move_the_family(talk: Talk) -> None:
    talk.area_of_page = "derbyshire"
    turn = await talk.say(
        "My friend in Leeds got her son seen in five months. He is 9 and how long is the wait for us?",
        "wait_time",
        ("area", "Leeds", "elsewhere"),
    )

    assert turn.slots["area"] == "derbyshire"
    assert "I do not have local information" not in turn.text


async def test_guesswork_is_asked_about_with_the_questions_it_may_be(talk: Talk) -> None:
    turn = await talk.say(SIGNED_OFF, "wait_status_chase", confidence=0.48, answerability=0.47)

    assert "Is one of these your question?" in turn.text
    assert "They diagnosed us and closed the case. Is that normal?" in turn.buttons
    assert "/wait_status_chase" in turn.buttons.values()


async def test_guesswork_after_guesswork_is_offered_the_parts_and_then_a_person(talk: Talk) -> None:
    texts = []
    for _ in range(3):
        turn = await talk.say(SIGNED_OFF, "wait_status_chase", confidence=0.48, answerability=0.47)
        texts.append(turn.text)

    assert "four things" in texts[1]
    assert "A person can help you" in texts[2]

"""What people are told, by subject: the worked examples, with their sources and dates."""

from __future__ import annotations

import re
from datetime import date

import pytest
from rasa_sdk.executor import ActionExecutor

import actions.replies
from knowledge.dates import parse_date, say_partial
from tests.actions.conftest import ACTION_FOR, DOMAIN, Entity, Talk, Turn, fell_short
from tests.knowledge.conftest import shipped_content

STRATEGY = "Derbyshire Integrated Care All Age Autism Strategy 2023-2028"

#: Figures of the strategy that belong to Derby and Derbyshire alone.
DERBYSHIRE_FIGURES = re.compile(r"\b(33|53|73|204) weeks")

CHILD_IN_CHESTERFIELD: list[Entity] = [
    ("age", "7 year old"),
    ("area", "Chesterfield", "derbyshire"),
]


async def wait_in_chesterfield(talk: Talk) -> Turn:
    return await talk.say(
        "how long is the wait for an autism assessment for my 7 year old? we live in Chesterfield",
        "wait_time",
        *CHILD_IN_CHESTERFIELD,
    )


# --- waits ---


async def test_the_wait_of_a_child_in_chesterfield(talk: Talk) -> None:
    turn = await wait_in_chesterfield(talk)

    assert "33 weeks on average" in turn.text
    assert re.search(r"longest wait was 53 weeks", turn.text)
    assert "December 2022" in turn.text
    assert not re.search(r"\b(73|204)\b", turn.text)
    assert turn.sources == {STRATEGY: "2022-12"}
    assert "years old" in turn.text  # an old figure says so
    assert turn.follow_ups == []
    assert turn.slots["area"] == "derbyshire"
    assert turn.slots["age"] == 7
    assert turn.slots["cohort"] == "child"


async def test_and_for_adults(talk: Talk) -> None:
    await wait_in_chesterfield(talk)
    turn = await talk.say("and for adults?", "follow_up", ("cohort", "adults", "adult"))

    assert "73 weeks on average" in turn.text
    assert "204 weeks" in turn.text
    assert "December 2022" in turn.text
    assert not re.search(r"\b(33|53) weeks\b", turn.text)
    assert turn.follow_ups == []  # the area is not asked again
    assert turn.slots["area"] == "derbyshire"
    assert turn.slots["age"] is None  # 7 was the child's


async def test_both_cohorts_when_nobody_is_named(talk: Talk) -> None:
    turn = await talk.say("how long is the wait in Derby", "wait_time", ("area", "Derby", "derby-city"))

    for figure in ("33", "53", "73", "204"):
        assert f"{figure} weeks" in turn.text
    assert "Children" in turn.text
    assert "Adults" in turn.text


async def test_no_figure_is_made_up_for_herefordshire(talk: Talk) -> None:
    turn = await talk.say(
        "how long is the wait in Hereford for a child",
        "wait_time",
        ("area", "Hereford", "herefordshire"),
        ("cohort", "child"),
    )

    assert "do not have a figure for Herefordshire" in turn.text
    assert not re.search(r"\d+ weeks", turn.text)
    assert STRATEGY not in turn.sources


async def test_a_correction_takes_the_other_areas_figures_back(talk: Talk) -> None:
    await wait_in_chesterfield(talk)
    turn = await talk.say("no sorry, Herefordshire", "correct", ("area", "Herefordshire", "herefordshire"))

    assert not DERBYSHIRE_FIGURES.search(turn.text)
    assert "Herefordshire" in turn.text
    assert turn.slots["area"] == "herefordshire"
    assert turn.slots["age"] == 7  # what was not corrected stays
    assert turn.slots["topic"] == "wait_time"


async def test_a_corrected_age(talk: Talk) -> None:
    await talk.say(
        "how does my daughter, 13, get assessed in Ross-on-Wye",
        "diagnosis_route_child",
        ("cohort", "daughter", "child"),
        ("age", "13"),
        ("area", "Ross-on-Wye", "herefordshire"),
    )
    turn = await talk.say("no, she's actually 8", "correct")

    assert turn.slots["age"] == 8
    assert turn.slots["area"] == "herefordshire"
    assert "child development centre" in turn.text
    assert turn.card_ids("steps") == ["herefordshire-child-under-11"]


async def test_leicester_is_not_covered(talk: Talk) -> None:
    turn = await talk.say("what's the wait in Leicester?", "wait_time", ("area", "Leicester", "elsewhere"))

    assert "do not have local information for Leicester" in turn.text
    for covered in ("Derby", "Derbyshire", "Herefordshire"):
        assert covered in turn.text
    assert "Local Offer" in turn.text  # where to look
    assert not DERBYSHIRE_FIGURES.search(turn.text)
    assert turn.follow_ups == []  # it has been said where they live
    assert turn.card_ids() == []  # nothing of another area
    assert fell_short(turn) == "not_covered"


async def test_an_answer_in_parts_has_its_easy_read_once(talk: Talk) -> None:
    turn = await talk.say("how long is the wait in Derby", "wait_time", ("area", "Derby", "derby-city"))

    forms = [custom["easy_read"] for custom in turn.custom]
    assert len(forms) > 2
    first = next(place for place, form in enumerate(forms) if form)
    assert forms[first + 1] == ""  # said above: the page shows it once


@pytest.mark.parametrize(
    "topic", ["diagnosis_route_child", "support_carer", "support_school", "wait_support"]
)
async def test_elsewhere_never_gets_a_local_service(talk: Talk, topic: str) -> None:
    turn = await talk.say("what about Leicester", topic, ("area", "Leicester", "elsewhere"))

    local = {
        service.id
        for service in shipped_content().services
        if not {"england", "uk"} & {area.value for area in service.areas}
    }
    assert "do not have local information for Leicester" in turn.text
    assert local.isdisjoint(turn.card_ids())
    assert local.isdisjoint(turn.slots["shown"])
    assert fell_short(turn) == "not_covered"


# --- diagnosis ---


async def test_an_adult_in_derby_may_refer_themselves(talk: Talk) -> None:
    turn = await talk.say(
        "can I refer myself? I'm 33, in Derby",
        "referral_who",
        ("age", "I'm 33"),
        ("area", "Derby", "derby-city"),
    )

    assert turn.texts[0].startswith("Yes")
    assert "adults" in turn.text
    assert "Derbyshire Healthcare" in turn.text  # a named service
    assert "dhcft-autism-assessment" in turn.card_ids()
    assert STRATEGY in turn.sources
    assert turn.slots["cohort"] == "adult"


async def test_a_parent_in_derby_may_not(talk: Talk) -> None:
    turn = await talk.say(
        "can I refer my son who is 7",
        "referral_who",
        ("cohort", "son", "child"),
        ("age", "7"),
        ("area", "son", "derby-city"),
    )

    assert re.match(r"No\b", turn.texts[0])


@pytest.mark.parametrize("text", ["who can refer?", "Can the nursery refer my 3 year old?"])
async def test_whoever_asks_who_may_refer_gets_no_verdict_on_themselves(talk: Talk, text: str) -> None:
    talk.slots.update(area="derby-city", cohort="child", age=3)
    turn = await talk.say(text, "referral_who")

    assert turn.texts[0].startswith("A health worker")
    assert "You cannot refer yourself here. Somebody has to refer you." in turn.texts


async def test_the_verdict_comes_first_too_when_the_area_is_told_afterwards(talk: Talk) -> None:
    asked = await talk.say("can I refer my son?", "referral_who", ("cohort", "son", "child"))
    turn = await talk.say("Derby", "inform", ("area", "Derby", "derby-city"))

    assert asked.follow_ups == ["area_form"]
    assert turn.texts[0].startswith("No. You cannot refer yourself here.")


async def test_a_girl_of_13_in_ross_on_wye(talk: Talk) -> None:
    turn = await talk.say(
        "my daughter is 13 and we're in Ross-on-Wye, how does she get assessed",
        "diagnosis_route_child",
        ("cohort", "daughter", "child"),
        ("age", "daughter is 13"),
        ("area", "Ross-on-Wye", "herefordshire"),
    )

    assert "CAMHS" in turn.text
    assert "child development centre" not in turn.text
    assert "2018" in turn.text
    assert "may have changed" in turn.text
    assert "Where to check: Herefordshire Local Offer" in turn.text
    assert "2018-10-18" in turn.sources.values()
    assert "herefordshire-camhs" in turn.card_ids()


async def test_a_boy_of_8_in_hereford(talk: Talk) -> None:
    turn = await talk.say(
        "my son is 8, Hereford, where do we start",
        "diagnosis_route_child",
        ("cohort", "son", "child"),
        ("age", "son is 8"),
        ("area", "Hereford", "herefordshire"),
    )

    assert "child development centre" in turn.text
    assert "CAMHS" not in turn.text


async def test_an_adult_in_herefordshire_is_not_sent_to_bristol(talk: Talk) -> None:
    turn = await talk.say(
        "how do I get assessed, I'm 40 in Leominster",
        "diagnosis_route_adult",
        ("age", "I'm 40"),
        ("area", "Leominster", "herefordshire"),
    )

    assert "GP" in turn.text
    assert "Bristol" not in turn.text


async def test_seventeen_is_promised_no_single_service(talk: Talk) -> None:
    turn = await talk.say(
        "my daughter is 17, in Derby, who assesses her",
        "diagnosis_route_child",
        ("cohort", "daughter", "child"),
        ("age", "daughter is 17"),
        ("area", "Derby", "derby-city"),
    )

    assert "16 or 17" in turn.text
    assert "ask your GP" in turn.text


async def test_whoever_does_not_say_for_whom_is_asked(talk: Talk) -> None:
    turn = await talk.say("how do we get a diagnosis", "diagnosis_route_child", ("area", "we", "derbyshire"))
    adult = await Talk(talk.executor).say("how do I get assessed", "diagnosis_process")

    assert turn.slots["cohort"] == "child"  # the topic says it
    assert turn.follow_ups == []
    assert adult.follow_ups == []  # what happens is the same nearly everywhere


async def test_the_topic_says_who_it_is_about(talk: Talk) -> None:
    await wait_in_chesterfield(talk)
    turn = await talk.say("and how do I get assessed myself?", "diagnosis_route_adult")

    assert turn.slots["cohort"] == "adult"
    assert turn.slots["age"] is None
    assert turn.card_ids("steps") == ["derby-derbyshire-adult"]


# --- support ---


async def test_help_that_needs_no_diagnosis_comes_first(talk: Talk) -> None:
    for area, place in (("derby-city", "Derby"), ("herefordshire", "Hereford")):
        turn = await talk.say(f"what help is there in {place}", "support_no_diagnosis", ("area", place, area))
        cards = [card for card in turn.cards if card["kind"] == "service"]
        assert cards
        assert all(card["needs_diagnosis"] != "You need a diagnosis" for card in cards)


async def test_a_card_holds_what_is_confirmed(talk: Talk) -> None:
    turn = await talk.say(
        "help for carers in Chesterfield", "support_carer", ("area", "Chesterfield", "derbyshire")
    )
    cards = {card["id"]: card for card in turn.cards}

    carers = cards["derbyshire-carers-association"]
    assert [phone["number"] for phone in carers["phones"]] == ["01773 833833"]
    assert carers["how_to_reach"]
    assert carers["checked"]
    assert carers["organization"]


@pytest.mark.parametrize(
    "intent", sorted(set(ACTION_FOR) & {topic.name for topic in shipped_content().topics})
)
@pytest.mark.parametrize("area", [None, "derby-city", "herefordshire"])
async def test_every_topic_has_an_answer_everywhere(
    executor: ActionExecutor, intent: str, area: str | None
) -> None:
    if not ACTION_FOR[intent].startswith("action_"):
        assert ACTION_FOR[intent] in DOMAIN["responses"]
        return
    talk = Talk(executor)
    talk.slots["area"] = area

    turn = await talk.press(f"/{intent}")

    if turn.templates:
        assert set(turn.templates) <= set(DOMAIN["responses"])
        return
    assert turn.text.strip()
    assert "None" not in turn.text
    assert "I do not have an answer I can trust" not in turn.text
    if intent not in ("human_request",):
        assert turn.sources, intent
        assert turn.easy_read, intent


async def test_a_reply_is_not_a_wall(executor: ActionExecutor) -> None:
    # Simple words and a slow pace were asked for: one idea a bubble, few cards.
    for intent, action in ACTION_FOR.items():
        if action in ("action_support", "action_rights", "action_waits"):
            turn = await Talk(executor, slots={**dict.fromkeys(DOMAIN["slots"]), "area": "derbyshire"}).press(
                f"/{intent}"
            )
            assert len(turn.card_ids()) <= 3, intent
            assert max(len(text) for text in turn.texts) <= 700, intent


async def test_sources_carry_their_dates(talk: Talk) -> None:
    turn = await wait_in_chesterfield(talk)

    [source] = [source for custom in turn.custom for source in custom["sources"]]
    assert source["title"] == STRATEGY
    assert say_partial(source["as_of"]) == "December 2022"
    assert "207-211" in source["locator"]


# --- contacts ---


async def test_the_contact_of_a_named_service(talk: Talk) -> None:
    turn = await talk.say(
        "phone number for Derbyshire Carers Association?",
        "service_contact",
        ("area", "Derbyshire", "derbyshire"),
    )

    assert "01773 833833" in turn.text
    assert turn.card_ids() == ["derbyshire-carers-association"]


async def test_a_short_name_will_do(talk: Talk) -> None:
    turn = await talk.say("how do i ring DIASS", "service_contact")

    assert turn.card_ids() == ["diass"]


async def test_a_number_that_is_not_confirmed_is_not_given(talk: Talk) -> None:
    # Fact sheet: no phone or email of Derby SENDIASS could be confirmed.
    turn = await talk.say("number for Derby SENDIASS", "service_contact", ("area", "Derby", "derby-city"))

    assert turn.card_ids() == ["derby-sendiass"]
    assert "no confirmed phone number" in turn.text
    assert not re.search(r"\d{5} ?\d{6}", turn.text)


async def test_the_contact_of_what_was_shown_last(talk: Talk) -> None:
    shown = await talk.say("help for carers in Derby", "support_carer", ("area", "Derby", "derby-city"))
    turn = await talk.say("how do I contact them?", "service_contact")

    assert set(turn.card_ids()) <= set(shown.card_ids())
    assert turn.card_ids()
    assert len(turn.card_ids()) == len(set(turn.card_ids()))  # each once
    assert "derby-universal-services-for-carers" in turn.card_ids()
    assert "01332 228777" in turn.text


async def test_another_service_than_the_shown_is_not_taken_for_them(talk: Talk) -> None:
    shown = await talk.say("help for carers in Derby", "support_carer", ("area", "Derby", "derby-city"))
    assert "derby-universal-services-for-carers" in shown.card_ids()
    unknown = await talk.say(
        "what's the phone number for Derby housing options?",
        "service_contact",
        ("area", "Derby", "derby-city"),
    )

    assert unknown.texts[0] == "I have no contact details for that."
    assert "derby-universal-services-for-carers" not in unknown.card_ids()


#: Everyday words that are names of services too -> whether the service is meant.
EVERYDAY = {
    "how do I contact them": False,
    "Contact details please": False,
    "yes give me the number": False,
    "what are the steps to reach them": False,
    "ok and what's the number of the first one in Derby?": False,
    "what's the number of the charity Contact": True,
}


@pytest.mark.parametrize("text", EVERYDAY)
async def test_an_everyday_word_is_not_taken_for_a_name(talk: Talk, text: str) -> None:
    shown = await talk.say("help for carers in Derby", "support_carer", ("area", "Derby", "derby-city"))
    turn = await talk.say(text, "service_contact")

    if EVERYDAY[text]:
        assert turn.card_ids() == ["contact-charity"]
    else:
        assert turn.card_ids() == shown.card_ids()


async def test_when_no_service_is_named_it_is_told_where_to_look(talk: Talk) -> None:
    turn = await talk.say("phone number", "service_contact", ("area", "phone", "derby-city"))

    assert turn.slots["shown"][0] == "general-service-contact-derby"


async def test_a_number_to_check_says_so(talk: Talk) -> None:
    # Fact dx-dby-south-ndpathway: from pages of 2021; to be checked before it is relied on.
    turn = await talk.say(
        "number of the neurodevelopmental pathway in Derby",
        "service_contact",
        ("area", "Derby", "derby-city"),
    )

    line = next(line for line in turn.text.splitlines() if "01332 623726" in line)
    assert "check" in line


# --- in danger ---


async def test_danger_that_only_the_dialogue_model_saw(talk: Talk) -> None:
    turn = await talk.say("i dont want to be here anymore", "crisis_self_harm_suicide")

    for number in ("999", "111", "option 2", "116 123", "0800 1111"):
        assert number in turn.text, number
    assert turn.text.index("999") < turn.text.index("116 123")
    assert turn.custom[0]["topic"] == "crisis_self_harm_suicide"
    assert "Talk to a person" in turn.buttons


async def test_a_parent_in_danger_is_not_spoken_to_as_a_child(talk: Talk) -> None:
    # The age that is known is the child's.
    await wait_in_chesterfield(talk)
    parent = await talk.say("i cant go on anymore", "crisis_self_harm_suicide")
    young = await Talk(talk.executor).say(
        "I'm 15 and i cant go on", "crisis_self_harm_suicide", ("age", "I'm 15")
    )

    assert "tell an adult near you" not in parent.text
    assert "tell an adult near you" in young.text
    assert young.text.index("Childline") < young.text.index("Samaritans")


async def test_danger_that_is_hardly_seen_does_not_frighten(talk: Talk) -> None:
    turn = await talk.say(
        "he runs off to the shops, any help",
        "crisis_missing",
        also_likely=["support_short_breaks"],
        confidence=0.35,
    )

    # The store has an answer to these very words, of a topic that is no danger either.
    assert turn.custom[0]["topic"] == "support_no_diagnosis"
    assert "not safe outside" in turn.text
    assert "Call 999 now" not in turn.text


async def test_danger_that_is_hardly_seen_and_nothing_else_is_danger(talk: Talk) -> None:
    turn = await talk.say("gone", "crisis_missing", confidence=0.35)

    assert "999" in turn.text


async def test_danger_that_is_hardly_seen_where_a_record_answers_is_none(talk: Talk) -> None:
    turn = await talk.say("he is not sleeping", "medical_emergency", confidence=0.41, answerability=0.47)

    assert turn.slots["shown"][0] == "child-does-not-sleep"
    assert "999" not in turn.text


# --- past the review date ---


async def test_an_answer_whose_review_is_due_says_so(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("my child hardly sleeps, what helps?", "support_no_diagnosis")
    said = re.compile(r"We meant to check this again by (.+?) and have not yet\.")

    monkeypatch.setattr(actions.replies, "today", lambda: date(2099, 1, 1))
    after = await talk.say(*words)
    talk.slots["easy_read"] = True
    easy = await talk.say(*words)
    talk.slots["easy_read"] = None
    due = [day for day in map(parse_date, said.findall(after.text)) if day]
    assert due
    last_day = min(due)
    monkeypatch.setattr(actions.replies, "today", lambda: last_day)
    on_the_day = await talk.say(*words)

    assert after.easy_read.endswith("This may be old.\nCheck it before you use it.")
    assert easy.text == after.easy_read
    assert not said.search(on_the_day.text)
    assert "may be old" not in on_the_day.easy_read


async def test_a_letter_whose_review_is_due_says_so(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions.replies, "today", lambda: date(2099, 1, 1))

    turn = await talk.press('/letter_request{"letter": "letter-ehc-request"}')

    letter = next(text for text in turn.texts if "[your name]" in text)
    assert "We meant to check" not in letter
    assert any(text.startswith("We meant to check this again by") for text in turn.texts)


# --- other questions beside an answer ---


async def test_what_a_person_may_have_meant_is_one_press_away(talk: Talk) -> None:
    turn = await talk.say("who is above the SENCO? she never replies to me", "support_school")
    questions = {title for title, payload in turn.buttons.items() if title == payload}

    assert 0 < len(questions) <= 2
    known = {record.question for record in shipped_content().guidance}
    known |= {right.title for right in shipped_content().entitlements}
    assert questions <= known


#: The name of a service, of a word, of somebody else's topic: each was once taken for more than it says.
PRESSED = [
    *(right.title for right in shipped_content().entitlements),
    "What is a SENCO?",
    "How do I see my own records?",
    "How do I write a good email to a service?",
    "What is a social prescriber?",
    "Two services each say it is the other one's job. What do I do?",
]


@pytest.mark.parametrize("suggestion", PRESSED)
@pytest.mark.parametrize(
    ("topic", "action"),
    [
        ("nlu_fallback", "action_not_understood"),
        ("out_of_scope", "action_out_of_scope"),
        ("support_carer", None),
        ("service_contact", None),
    ],
)
async def test_a_suggestion_that_is_pressed_is_answered_whatever_it_is_taken_for(
    talk: Talk, suggestion: str, topic: str, action: str | None
) -> None:
    named = {right.title: right.id for right in shipped_content().entitlements}
    named |= {record.question: record.id for record in shipped_content().guidance}
    talk.slots.update(area="derby-city", topic="wait_time", question="how long is the wait")
    await talk.say(suggestion, topic, action=action, pressed=True)

    assert talk.slots["shown"][0] == named[suggestion]


async def test_what_is_typed_is_taken_for_what_it_asks(talk: Talk) -> None:
    talk.slots.update(area="derby-city")
    await talk.say("A carer's assessment", "support_carer")

    assert talk.slots["shown"][0] == "term-carers-assessment"


async def test_a_question_that_was_answered_is_not_offered_again(talk: Talk) -> None:
    asked = "School rings every day and tells me to fetch him at lunch. Can they?"
    turn = await talk.say(asked, "exclusion_attendance")

    assert "No. Sending a child home" in turn.text
    assert asked not in turn.buttons

"""Whoever is sent to school in the school holidays is told so, in a line, and that a person is here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from conversations.log import Draft
from conversations.models import Conversation, Json, Message, Role, SchoolHoliday
from conversations.opening import LOCAL_TIME
from conversations.school_holidays import school_holiday_on
from gateway import wording
from gateway.channels import voice
from gateway.channels.base import Capabilities
from gateway.channels.presenting import View, needs_link, present
from gateway.channels.school import sends_to_school
from gateway.channels.sms import Sms
from gateway.channels.telegram import Telegram
from gateway.keys import SERVICE_STATE
from tests.channels.conftest import OnTelegram, Person, World

UNTIL = date(2027, 1, 3)  # a Sunday
LINE = (
    "It's the school holidays until the end of Sunday 3 January, so school may not answer before then. "
    "Send PERSON to talk to a person here."
)
EASY_LINE = (
    "It is the school holidays. The last day is Sunday 3 January.\n"
    "School may not answer before it is over.\nSend PERSON to talk to a person here."
)
DATES = "https://www.example.gov.uk/term-dates"


# -- which words send somebody to school ------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "You can tell a teacher you trust.",
        "Ask the SENCO. That is the teacher in charge of extra help.",
        "Ask for the SENCO at your school.",
        "Ask the school's SENCO if this team can help.",
        "Ask the school office or your form tutor who it is.",
        "Talk to your doctor, a teacher, the school nurse or someone you trust.",
        "You can start by telling someone you trust: a teacher, the SENCO or your doctor.",
        "Speak to your head of year about it.",
        "See your tutor or the pastoral team.",
        "You can ask school for help now, and you do not need a diagnosis.",
        "Go back to your doctor or school and say what has got worse.",
        "Email the school each morning with the reason.",
        "Show the report to your doctor and your school.",
        "Give this to your head teacher.",
        "Let your teacher know what helps.",
        "Write to school: what has stopped, since when, what you need.",
        "Ask for help at school.",
        "At school ask for the SENCO.",
        "If that feels hard, ask a parent, a teacher or your doctor to ask for you.",
        "You are not alone.\nTalk to school, your GP or a health visitor.\nThey can help.",  # Easy Read
        "What you can do next: ask the SENCO for a meeting.",
    ],
)
def test_these_words_send_somebody_to_school(text: str) -> None:
    assert sends_to_school(text)


@pytest.mark.parametrize(
    "text",
    [
        "You wait 33 weeks on average. That was in December 2022.",
        "Your school can help you without an EHC plan.",
        "The SENCO is the teacher who sorts out extra help.",
        "If you cannot go to school, the council must set up other lessons for you.",
        "You can go back to school.",
        "They can ask your school or doctor.",
        "The council must ask you, your school, a psychologist, health and social care.",
        "You do not need your school to agree. You do not have to ask the school.",
        "I don't tell your family or your school. We never tell your teacher.",
        "If you tell a teacher, nobody has to know at home.",
        "You can ask for the school or college you want.",
        "You can ask for a school when your EHC plan is written.",
        "Ask DIASS about schools near you.",
        "Ask your GP if school will not help.",
        "Tell the council, and school must write it down.",
        "Ask me about bullying, exclusion or help at school.",
        "Ask your council about the school transport.",
        "You can ask the council for a school place.",
        "Tell them what is hard at home and at school.",
        "Look on the school's website for the SEN report.",
    ],
)
def test_these_words_do_not(text: str) -> None:
    assert not sends_to_school(text)


def test_nothing_that_is_said_in_channels_only_sends_anybody_to_school() -> None:
    chat = Conversation(channel="telegram", young=True)
    asides = [voice.aside(chat, text) for text in ("who sees this", "will you tell my mum", "🆘", "😢", "👋")]
    drafts: list[Draft | None] = [
        voice.intro("helpline", 30, "telegram", short=False),
        voice.intro("helpline", 30, "sms", short=True),
        voice.help_lines("helpline", "- Emergency: 000", web=True),
        voice.under_13(),
        voice.slow_down(),
        wording.ask_anything(),
        wording.no_answer(),
        *asides,
    ]
    assert None not in drafts
    said = [words for draft in drafts if draft for words in (draft.text, draft.easy_read or "")]
    assert [words for words in said if sends_to_school(words)] == []
    # The line itself must not bring about another.
    assert not sends_to_school(LINE)
    assert not sends_to_school(EASY_LINE)


# -- how it is shown --------------------------------------------------------------------------------


def message(text: str, *, role: Role = Role.ASSISTANT, **more: Any) -> Message:
    empty: Json = {"buttons": [], "cards": [], "sources": [], "attachments": [], "meta": {}}
    return Message(seq=5, role=role, text=text, **{**empty, **more})


def shown(messages: Sequence[Message], can: Capabilities = Telegram.can, **more: Any) -> list[str]:
    view = View(can=can, **{"no_school_until": UNTIL, **more})
    return [bubble.text for bubble in present(messages, view).bubbles]


def test_the_line_comes_once_with_the_last_bubble_that_fits() -> None:
    answer = [message("Ask the SENCO."), message("Tell a teacher too."), message("It takes 33 weeks.")]
    assert shown(answer) == ["Ask the SENCO.", f"Tell a teacher too.\n{LINE}", "It takes 33 weeks."]


def test_nothing_is_added_outside_the_holidays_or_when_nobody_is_sent_to_school() -> None:
    out = present([message("Ask the SENCO.")], View(can=Telegram.can))
    assert [bubble.text for bubble in out.bubbles] == ["Ask the SENCO."]
    assert shown([message("It takes 33 weeks.")]) == ["It takes 33 weeks."]


def test_easy_read_has_its_own_words_and_is_what_counts_when_it_is_shown() -> None:
    both = message("Someone there can help.", easy_read="Talk to your teacher.\nThey can help.")
    assert shown([both], easy_read=True) == [f"Talk to your teacher.\nThey can help.\n{EASY_LINE}"]
    assert shown([both]) == ["Someone there can help."]


def test_a_crisis_reply_and_an_advisers_words_are_left_as_they_are() -> None:
    cards = [{"kind": "crisis", "contacts": []}]
    assert shown([message("Call 000 now. Tell a teacher.", cards=cards)]) == ["Call 000 now. Tell a teacher."]
    # Also what comes with one.
    both = [message("Call 000 now.", cards=cards), message("Tell a teacher.")]
    assert shown(both) == ["Call 000 now.", "Tell a teacher."]
    adviser = message("Ask the SENCO.", role=Role.ADVISER, author="Sam")
    assert shown([adviser]) == ["Sam: Ask the SENCO."]


def test_who_waits_for_a_person_at_night_is_told_of_the_night_only() -> None:
    night = datetime(2026, 12, 27, 23, 30, tzinfo=UTC)
    waiting = message("Nobody is here.", role=Role.SYSTEM, meta={"kind": "nobody_here"})
    texts = shown([message("Ask the SENCO."), waiting], now=night)
    assert texts == ["Ask the SENCO.", f"Nobody is here.\n{voice.NIGHT}"]


@pytest.mark.parametrize("sentences", [5, 20, 40, 80])
def test_no_bubble_is_longer_for_it_and_nothing_is_lost_from_turn_to_turn(sentences: int) -> None:
    words = [f"Ask the SENCO about number {n}." for n in range(sentences)]
    answer = message(" ".join(words))
    heard: list[str] = []
    skip = 0
    while True:
        turn = shown([answer], skip=skip)
        if not turn:
            break
        assert max(map(len, turn)) <= Telegram.can.bubble
        assert [LINE in text for text in turn] == [False] * (len(turn) - 1) + [True]
        heard += turn
        skip += len(turn)
    said = " ".join(text.replace(f"\n{LINE}", "") for text in heard)
    assert said.split() == answer.text.split()


@pytest.mark.parametrize("before", [None, UNTIL])
def test_nothing_is_lost_when_a_holiday_begins_or_ends_before_more_is_shown(before: date | None) -> None:
    answer = message(" ".join(f"Ask the SENCO about number {n}." for n in range(80)))
    first = shown([answer], no_school_until=before)
    rest = shown([answer], no_school_until=None if before else UNTIL, skip=len(first), most=99)
    said = " ".join(text.replace(f"\n{LINE}", "") for text in first + rest)
    assert said.split() == answer.text.split()


def test_a_text_message_that_is_cut_keeps_the_line_and_its_length() -> None:
    view = View(can=Sms.can, no_school_until=UNTIL, public_url="https://helpline.example")
    # Short enough without the line; too long with it.
    answer = message("Ask the SENCO. " + "It helps. " * 39)
    assert len(answer.text) < Sms.can.bubble
    assert not needs_link([answer], View(can=Sms.can, public_url="https://helpline.example"))
    assert needs_link([answer], view)
    link = "https://helpline.example/continue/abc"
    [bubble] = present([answer], view, rest=link).bubbles
    assert bubble.text.endswith(f"It helps.\n{LINE}\nThe rest: {link}")
    assert len(bubble.text) <= Sms.can.bubble


def test_without_a_web_page_a_long_text_message_comes_in_parts_with_the_line_in_one() -> None:
    texts = shown([message("It helps. " * 60 + "Ask the SENCO.")], Sms.can)
    assert [LINE in text for text in texts] == [False, True]
    assert max(map(len, texts)) <= Sms.can.bubble


# -- which holiday it is ----------------------------------------------------------------------------


def holiday(first: str, last: str, area: str | None = None) -> SchoolHoliday:
    days = {"first_day": date.fromisoformat(first), "last_day": date.fromisoformat(last)}
    return SchoolHoliday(name="Holiday", area=area, source_url=DATES, **days)


def test_the_areas_own_holiday_comes_before_one_that_holds_everywhere() -> None:
    everywhere = holiday("2026-12-19", "2027-01-04")
    derby, hereford = (
        holiday("2026-12-21", "2027-01-03", "derby-city"),
        holiday("2026-12-19", "2027-01-05", "h"),
    )
    every = [everywhere, derby, hereford]
    day = date(2026, 12, 25)
    assert school_holiday_on(day, every, "derby-city") is derby
    assert school_holiday_on(day, every, "derbyshire") is everywhere
    assert school_holiday_on(day, every) is everywhere
    assert school_holiday_on(day, [derby]) is None
    assert school_holiday_on(date(2026, 12, 20), every, "derby-city") is everywhere


@pytest.mark.parametrize(
    ("day", "inside"),
    [("2026-12-20", False), ("2026-12-21", True), ("2027-01-03", True), ("2027-01-04", False)],
)
def test_both_ends_of_a_holiday_belong_to_it(day: str, inside: bool) -> None:
    found = school_holiday_on(date.fromisoformat(day), [holiday("2026-12-21", "2027-01-03")])
    assert (found is not None) is inside


def test_the_day_is_told_in_uk_time() -> None:
    late = datetime(2026, 7, 21, 23, 30, tzinfo=UTC)  # half past midnight there, in summer
    assert View(can=Telegram.can, now=late).today == date(2026, 7, 22)


# -- in a running gateway ---------------------------------------------------------------------------


async def record(world: World, *, area: str | None = None) -> SchoolHoliday:
    """A holiday that it is now, known to the gateway."""
    today = datetime.now(LOCAL_TIME).date()
    made = await world.store.add_school_holiday(
        today - timedelta(days=3),
        today + timedelta(days=3),
        "A holiday",
        source_url=DATES,
        area=area,
        by="boss",
    )
    await known(world, made.id)
    return made


async def known(world: World, *ids: int) -> None:
    await world.until(lambda: [one.id for one in world.app[SERVICE_STATE][0].school_holidays] == [*ids])


async def asks(person: Person, text: str) -> str:
    """The answer to a question, with all that came in its turn."""
    before = len(person.texts())
    await person.says(text)
    await person.hears("SENCO", before)
    await person.world.settled()
    return "\n".join(person.texts()[before:])


async def test_in_the_holidays_whoever_is_sent_to_school_hears_of_a_person_until_they_are_removed(
    world: World, person: Person
) -> None:
    world.bot.replies = [{"text": "Ask the SENCO."}]
    assert "school holidays" not in await asks(person, "who helps me")
    made = await record(world)
    heard = await asks(person, "who helps me at school")
    day = made.last_day
    assert f"until the end of {day:%A} {day.day} {day:%B}, so school may not answer" in heard
    assert heard.count("school holidays") == 1
    assert "Send PERSON to talk to a person here." in heard
    await world.store.remove_school_holiday(made.id, by="boss")
    await known(world)
    assert "school holidays" not in await asks(person, "and now")


async def test_the_holidays_of_another_area_are_not_told(world: World, on_telegram: OnTelegram) -> None:
    world.bot.replies = [{"text": "Ask the SENCO."}]
    await record(world, area="derbyshire")
    assert "school holidays" not in await asks(on_telegram, "somebody who has not said where they live")
    chat = await world.conversation(on_telegram)
    assert chat is not None
    await world.store.set_person(chat.id, area="herefordshire", age=None, young=True)
    assert "school holidays" not in await asks(on_telegram, "in Hereford")
    await world.store.set_person(chat.id, area="derbyshire", age=None, young=True)
    assert "school holidays" in await asks(on_telegram, "in Chesterfield")


async def test_what_it_costs_is_one_small_read_for_an_answer_of_many_bubbles_and_none_for_others(
    world: World, on_telegram: OnTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []
    get = world.store.get

    async def counted(conversation_id: str) -> Conversation:
        reads.append(conversation_id)
        return await get(conversation_id)

    async def reads_of(text: str) -> int:
        world.bot.replies = [{"text": text}, {"text": f"{text} Once more."}]
        before = len(reads)
        await asks(on_telegram, "who helps me")
        return len(reads) - before

    await asks_first(world, on_telegram)
    monkeypatch.setattr(world.store, "get", counted)
    usual = await reads_of("Ask the SENCO. It helps.")
    await record(world, area="derbyshire")
    assert await reads_of("Ask the SENCO. It helps.") == usual + 1
    assert await reads_of("The SENCO can help.") == usual


async def asks_first(world: World, person: Person) -> None:
    """The first message of all brings the introduction, and a new conversation."""
    world.bot.replies = [{"text": "Hello. The SENCO can help."}]
    await asks(person, "hello")


async def test_a_crisis_and_an_adviser_are_untouched_in_the_holidays(
    world: World, on_telegram: OnTelegram
) -> None:
    await record(world)
    await on_telegram.says("DANGER")
    await on_telegram.hears("Please get help now")
    chat, adviser = await world.with_adviser(on_telegram)
    await world.store.append_adviser(chat, adviser, "Ask the SENCO.")
    await on_telegram.hears("Sam: Ask the SENCO.")
    await world.settled()
    assert not any("school holidays" in text for text in on_telegram.texts())

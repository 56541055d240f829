"""Help in danger: 999 first, only confirmed contacts, whatever state the store is in."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

import knowledge.crisis
from knowledge.content import read_content
from knowledge.crisis import Contact, CrisisCards
from knowledge.database import migrate, open_engine, sessions
from tests.knowledge.conftest import DANGERS, Folder, crisis_contact, load, shipped_content

Files = dict[str, dict[str, Any]]

#: Every number and text line of the fact sheet that is verified and current (facts cr-*).
CONFIRMED = {
    "999",
    "111",
    "116 123",
    "0800 1111",
    "0808 2000 247",
    "Text SHOUT to 85258",
}

AREAS = (None, "derby-city", "derbyshire", "herefordshire", "elsewhere")
AGES = (None, 9, 15, 18, 40)


@pytest.fixture(scope="module")
def cards(shipped_engine: Engine) -> CrisisCards:
    """The cards of a store that holds what ships."""
    return CrisisCards.load(shipped_engine.url.render_as_string(hide_password=False))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What ships has been read already; reading it again takes seconds."""
    monkeypatch.setattr(knowledge.crisis, "read_content", shipped_content)


def test_the_cards_come_from_the_store(cards: CrisisCards) -> None:
    assert cards.origin == "store"


@pytest.mark.parametrize("danger", DANGERS)
def test_999_comes_first_wherever_and_whoever(cards: CrisisCards, danger: str) -> None:
    for area in AREAS:
        for age in AGES:
            contacts = cards.contacts(danger, area, age)
            assert contacts[0].phone == "999", (area, age)
            assert "999" in cards.reply(danger, area, age).text.splitlines()[0] or danger not in (
                "crisis_missing",
                "medical_emergency",
            )


def test_nhs_111_option_2_comes_before_anything_local(cards: CrisisCards) -> None:
    for age in AGES:
        contacts = cards.contacts("crisis_self_harm_suicide", "derbyshire", age)
        place = [contact.phone for contact in contacts].index("111")
        assert "option 2" in str(contacts[place].phone_note)
        # Only lines for the young and for those who would rather text come between, and only for the young.
        between = {contact.name for contact in contacts[1:place]}
        assert between <= ({"Childline", "Shout"} if age is not None and age < 18 else set())


@pytest.mark.parametrize("danger", DANGERS)
def test_only_confirmed_contacts_are_shown(cards: CrisisCards, danger: str) -> None:
    for area in AREAS:
        for contact in cards.contacts(danger, area, None):
            assert {way for way in (contact.phone, contact.text) if way} <= CONFIRMED


def test_the_numbers_for_somebody_who_does_not_want_to_be_here(cards: CrisisCards) -> None:
    text = cards.reply("crisis_self_harm_suicide").text

    for number in ("999", "111", "option 2", "116 123", "0800 1111"):
        assert number in text, number


@pytest.mark.parametrize("danger", ["crisis_self_harm_suicide", "crisis_abuse_safeguarding"])
def test_somebody_under_18_sees_childline_high(cards: CrisisCards, danger: str) -> None:
    def place(age: int | None) -> int:
        names = [contact.name for contact in cards.contacts(danger, None, age)]
        return names.index("Childline")

    assert place(15) == 1  # only the emergency number comes before
    assert place(None) >= place(15)
    assert cards.contacts(danger, None, 15)[2].text  # then a line that can be texted


def test_an_adult_is_not_sent_to_childline(cards: CrisisCards) -> None:
    for danger in DANGERS:
        assert "Childline" not in [contact.name for contact in cards.contacts(danger, None, 40)]
        assert "Childline" not in cards.reply(danger, None, 40).text


@pytest.mark.parametrize("danger", DANGERS)
def test_a_young_person_is_spoken_to_directly(cards: CrisisCards, danger: str) -> None:
    adult = cards.reply(danger, None, 40)
    by_age = cards.reply(danger, None, 15)
    as_far_as_known = cards.reply(danger, young=True)

    assert by_age.text.splitlines()[0] != adult.text.splitlines()[0]
    assert as_far_as_known.text == by_age.text


@pytest.mark.parametrize("danger", DANGERS)
def test_the_reply_is_whole_for_a_channel_that_shows_text_only(cards: CrisisCards, danger: str) -> None:
    for age in AGES:
        reply = cards.reply(danger, None, age)
        assert reply.contacts
        assert reply.sources
        for contact in reply.contacts:
            for form in (reply.text, reply.easy_read):
                assert contact["name"] in form
                assert str(contact["phone"] or contact["text"][5:]) in form


@pytest.mark.parametrize("danger", DANGERS)
def test_every_source_has_a_name_and_a_date(cards: CrisisCards, danger: str) -> None:
    for source in cards.reply(danger).sources:
        assert source["title"]
        assert re.fullmatch(r"20\d\d(-\d\d(-\d\d)?)?", source["as_of"])


#: What a careless join of sentences leaves behind.
BAD_PUNCTUATION = re.compile(r"\.\.|\?\.|!\.|\s[.,:;?!]|,\.|:\.|\s\s|[a-z]\s*$|\bNone\b")


@pytest.mark.parametrize("danger", DANGERS)
def test_every_line_reads_as_sentences(cards: CrisisCards, danger: str) -> None:
    for age in AGES:
        reply = cards.reply(danger, None, age)
        for line in [*reply.text.splitlines(), *reply.easy_read.splitlines()]:
            assert not BAD_PUNCTUATION.search(line), line
            assert not line.strip() or line.rstrip()[-1] in ".?!", line


def contact(**fields: Any) -> Contact:
    """A contact with an invented number."""
    values: dict[str, Any] = {
        "name": "A line",
        "phone": "01632 960001",
        "phone_note": None,
        "text": None,
        "url": None,
        "hours": None,
        "says": "It is free.",
        "dangers": frozenset(DANGERS),
        "areas": frozenset({"uk"}),
        "rank": 1,
        "minimum_age": None,
        "maximum_age": None,
        "source": {},
        **fields,
    }
    return Contact(**values)


#: Ways to write a contact -> its line.
LINES: list[tuple[dict[str, Any], str]] = [
    ({}, "A line: call 01632 960001. It is free."),
    ({"says": "It is free"}, "A line: call 01632 960001. It is free."),
    ({"says": "Are you safe?"}, "A line: call 01632 960001. Are you safe?"),
    ({"says": "Go now!"}, "A line: call 01632 960001. Go now!"),
    ({"phone_note": "choose option 2"}, "A line: call 01632 960001. It is free. Choose option 2."),
    ({"phone": None, "text": "Text HI to 1"}, "A line: text HI to 1. It is free."),
    ({"text": "Text HI to 1"}, "A line: call 01632 960001 or text HI to 1. It is free."),
]


@pytest.mark.parametrize(("fields", "line"), LINES)
def test_a_contact_in_one_line(fields: dict[str, Any], line: str) -> None:
    assert contact(**fields).line() == line


# --- the store changes ---


def first_number(cards: CrisisCards) -> str | None:
    return cards.contacts("medical_emergency")[0].phone


def new_number(files: Files) -> None:
    files["crisis.yml"]["crisis_contacts"][0]["phone"] = "01632 960777"


def test_a_changed_number_is_taken_up_without_a_restart(url: str, folder: Folder) -> None:
    engine = open_engine(url)
    migrate(engine)
    load(engine, folder())
    cards = CrisisCards.load(url)
    assert first_number(cards) == "01632 960001"

    assert not cards.refresh(url)  # nothing changed
    load(engine, folder(new_number))
    assert cards.refresh(url)
    assert first_number(cards) == "01632 960777"
    assert not cards.refresh(url)
    engine.dispose()


def test_what_is_held_stays_when_the_store_has_nothing_or_fails(
    url: str, folder: Folder, tmp_path: Path
) -> None:
    engine = open_engine(url)
    migrate(engine)
    load(engine, folder())
    cards = CrisisCards.load(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM crisis_contact")
        connection.exec_driver_sql("DELETE FROM revision")
    engine.dispose()

    assert not cards.refresh(url)
    assert not cards.refresh(no_database(tmp_path))
    assert first_number(cards) == "01632 960001"


def test_shipped_cards_give_way_to_the_store_once_it_is_there(url: str, folder: Folder, quick: None) -> None:
    cards = CrisisCards.load(url)
    assert cards.origin == "shipped content"

    engine = open_engine(url)
    migrate(engine)
    load(engine, folder(new_number))
    engine.dispose()

    assert cards.refresh(url)
    assert cards.origin == "store"
    assert first_number(cards) == "01632 960777"


# --- the store fails ---


def missing(folder: Path) -> str:
    return f"sqlite:///{folder}/nothing-here.sqlite3"


def no_database(folder: Path) -> str:
    (folder / "knowledge.sqlite3").write_text("This is a letter, not a database. " * 100)
    return f"sqlite:///{folder}/knowledge.sqlite3"


def without_content(folder: Path) -> str:
    url = f"sqlite:///{folder}/knowledge.sqlite3"
    engine = open_engine(url)
    migrate(engine)
    engine.dispose()
    return url


def a_folder(folder: Path) -> str:
    (folder / "knowledge.sqlite3").mkdir()
    return f"sqlite:///{folder}/knowledge.sqlite3"


def nobody_there(_folder: Path) -> str:
    return "postgresql+psycopg://helpline@127.0.0.1:9/helpline?connect_timeout=2"  # port 9: discard


def mistyped(_folder: Path) -> str:
    return "postgresq://helpline"


def no_url(_folder: Path) -> str:
    return "knowledge"


@pytest.mark.parametrize(
    "broken", [missing, no_database, without_content, a_folder, nobody_there, mistyped, no_url]
)
@pytest.mark.usefixtures("quick")
def test_with_no_store_the_shipped_contacts_are_shown(
    cards: CrisisCards, tmp_path: Path, broken: Callable[[Path], str]
) -> None:
    fallen_back = CrisisCards.load(broken(tmp_path))

    assert fallen_back.origin == "shipped content"
    for danger in DANGERS:
        for age in AGES:
            assert fallen_back.reply(danger, "derbyshire", age) == cards.reply(danger, "derbyshire", age)


def test_the_shipped_contacts_are_read_from_the_files(tmp_path: Path) -> None:
    # Once without help: the very files, as after an installation that never loaded anything.
    cards = CrisisCards.load(missing(tmp_path))

    assert cards.contacts("medical_emergency")[0].phone == "999"


@pytest.mark.usefixtures("quick")
def test_a_store_that_lacks_a_danger_is_not_trusted_with_it(engine: Engine, folder: Folder) -> None:
    # A reply that an editor withdrew must not leave somebody in danger with nothing.
    def withdraw(files: Files) -> None:
        files["crisis.yml"]["crisis_replies"][0]["status"] = "withdrawn"

    load(engine, folder(withdraw))
    cards = CrisisCards.load(engine.url.render_as_string(hide_password=False))

    assert "116 123" in cards.reply(DANGERS[0]).text


def test_a_withdrawn_or_draft_contact_is_never_shown(
    engine: Engine, folder: Folder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def change(files: Files) -> None:
        files["crisis.yml"]["crisis_contacts"] += [
            crisis_contact("Old line", status="withdrawn", phone="01632 960777"),
            crisis_contact("New line", status="draft", phone="01632 960888"),
        ]

    content = read_content(folder(change))
    load(engine, content)
    monkeypatch.setattr(knowledge.crisis, "read_content", lambda: content)
    stored = CrisisCards.load(engine.url.render_as_string(hide_password=False))
    from_files = CrisisCards.load(missing(tmp_path))

    assert (stored.origin, from_files.origin) == ("store", "shipped content")
    for cards in (stored, from_files):
        assert [found.name for found in cards.contacts("medical_emergency")] == ["Ambulance"]


def test_a_local_contact_is_shown_in_its_area_only(engine: Engine, folder: Folder) -> None:
    def change(files: Files) -> None:
        files["crisis.yml"]["crisis_contacts"].append(
            crisis_contact("Derby line", rank=2, areas=["derby-city"])
        )

    load(engine, folder(change))
    cards = CrisisCards.load(engine.url.render_as_string(hide_password=False))

    def names(area: str | None) -> list[str]:
        return [found.name for found in cards.contacts("medical_emergency", area)]

    assert names("derby-city") == ["Ambulance", "Derby line"]
    assert names("derbyshire") == ["Ambulance"]
    assert names(None) == ["Ambulance"]


def test_a_long_list_is_cut_from_its_end(engine: Engine, folder: Folder) -> None:
    def change(files: Files) -> None:
        files["crisis.yml"]["crisis_contacts"] += [
            crisis_contact(f"Line {rank}", rank=rank) for rank in range(2, 12)
        ]

    load(engine, folder(change))
    cards = CrisisCards.load(engine.url.render_as_string(hide_password=False))

    assert [found.rank for found in cards.contacts("medical_emergency")] == [1, 2, 3, 4, 5]


def test_no_connection_is_left_open(tmp_path: Path, quick: None) -> None:
    url = without_content(tmp_path)
    CrisisCards.load(url)

    (tmp_path / "knowledge.sqlite3").rename(tmp_path / "moved.sqlite3")
    assert not list(tmp_path.glob("knowledge.sqlite3-wal"))
    with sessions(open_engine(f"sqlite:///{tmp_path}/moved.sqlite3"))() as session:
        assert session.connection()

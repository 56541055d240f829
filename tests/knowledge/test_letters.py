"""Letters: filled in with what a person gives and no more, with the law as the store has it."""

from __future__ import annotations

import re
import zipfile
from datetime import date
from io import BytesIO

import pytest
from docx import Document
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from knowledge import models
from knowledge.content import ContentError, read_content
from knowledge.content_schema import Letter as Template
from knowledge.database import migrate, open_engine
from knowledge.letter_file import to_docx
from knowledge.letters import FilledLetter, clean, fill, voice_for
from knowledge.queries.letters import all_letters, letter_about, letter_by_id
from tests.knowledge.conftest import Folder, load, record, shipped_content

TODAY = date(2026, 4, 20)
LETTERS = [letter.id for letter in shipped_content().letters]
VOICES = [(letter.id, voice.id) for letter in shipped_content().letters for voice in letter.voices]

#: Texts that must stay text: for templates, spreadsheets, XML, HTML, terminals and other scripts.
HOSTILE = (
    "$law ${your_name} $$ {voice} %s {{ 7*7 }} <script>alert(1)</script> <w:p/> ]]> &amp; "
    "=1+1 '; DROP TABLE letter;--"
)


def filled(session: Session, letter_id: str, given: dict[str, str], **choices: str | None) -> FilledLetter:
    letter = letter_by_id(session, letter_id)
    assert letter is not None
    return fill(session, letter, given, now=TODAY, **choices)  # type: ignore[arg-type]


def template(letter_id: str) -> Template:
    return next(letter for letter in shipped_content().letters if letter.id == letter_id)


def words_of(docx: bytes) -> str:
    """What Word would show, paragraph by paragraph."""
    return "\n\n".join(paragraph.text for paragraph in Document(BytesIO(docx)).paragraphs) + "\n"


def test_the_seven_letters_ship() -> None:
    assert LETTERS == [
        "letter-ehc-request",
        "letter-ehc-overdue",
        "letter-school-adjustments",
        "letter-right-to-choose",
        "letter-waiting-list",
        "letter-carers-assessment",
        "letter-complaint",
    ]
    assert all(letter.sources for letter in shipped_content().letters)


@pytest.mark.parametrize(("letter_id", "voice"), VOICES)
def test_an_empty_letter_has_clear_blanks(shipped: Session, letter_id: str, voice: str) -> None:
    letter = filled(shipped, letter_id, {}, voice=voice)

    assert "$" not in letter.text
    assert letter.blanks
    for blank in letter.blanks:
        assert f"[{blank}]" in letter.text
    assert letter.text.count("[your name]") == 2  # at the top and at the end
    assert "20 April 2026" in letter.text
    assert "[the law]" not in letter.text


@pytest.mark.parametrize(("letter_id", "voice"), VOICES)
def test_a_whole_letter_holds_what_was_given_and_no_blank(
    shipped: Session, letter_id: str, voice: str
) -> None:
    given = {field.name: f"GIVEN {field.name}" for field in template(letter_id).fields}
    if "request_date" in given:
        given["request_date"] = "3 March 2026"
    letter = filled(shipped, letter_id, given, voice=voice)

    assert letter.blanks == []
    assert "[" not in letter.text
    body = next(one.body for one in template(letter_id).voices if one.id == voice)
    for name in set(re.findall(r"\$([a-z_]+)", body)) & set(given):
        assert given[name] in letter.text


@pytest.mark.parametrize("letter_id", LETTERS)
def test_hostile_text_stays_text_in_both_forms(shipped: Session, letter_id: str) -> None:
    given = {field.name: HOSTILE for field in template(letter_id).fields}
    letter = filled(shipped, letter_id, given)

    assert HOSTILE in letter.text
    assert HOSTILE in words_of(to_docx(letter))


@pytest.mark.parametrize("letter_id", LETTERS)
def test_word_opens_the_letter_and_it_says_the_same(shipped: Session, letter_id: str) -> None:
    given = {field.name: f"line one {field.name}\nline two" for field in template(letter_id).fields}
    letter = filled(shipped, letter_id, given)
    content = to_docx(letter)
    document = Document(BytesIO(content))

    assert words_of(content) == letter.text
    assert document.core_properties.author == ""
    assert document.core_properties.last_modified_by == ""
    assert document.core_properties.title == letter.title
    assert 'w:lang w:val="en-GB"' in zipfile.ZipFile(BytesIO(content)).read("word/styles.xml").decode()


@given(st.dictionaries(st.sampled_from(["your_name", "hard", "council", "birth"]), st.text(max_size=400)))
def test_any_text_at_all_makes_a_letter_that_word_opens(given_: dict[str, str]) -> None:
    letter = FilledLetter("A title", "A subject", [clean(text, True) for text in given_.values()], [], [])

    assert words_of(to_docx(letter)).replace("\t", " ") == letter.text.replace("\t", " ")


@pytest.mark.parametrize(
    ("text", "line", "lines"),
    [
        ("  a \t b  ", "a b", "a b"),
        ("one\r\ntwo\r\n\r\n\r\nthree", "one two three", "one\ntwo\nthree"),
        ("a\x00b\x1b[31mc\x7f", "ab[31mc", "ab[31mc"),
        ("good\u202eevil\u2066x\ufeff", "goodevilx", "goodevilx"),  # direction overrides, a byte order mark
        ("\ud800 alone \uffff", "alone", "alone"),
        (
            "Zoë Ó Súilleabháin 李 \U0001f642",
            "Zoë Ó Súilleabháin 李 \U0001f642",
            "Zoë Ó Súilleabháin 李 \U0001f642",
        ),
        (" \u2028 ", "", ""),
    ],
)
def test_what_no_letter_can_hold_is_taken_out(text: str, line: str, lines: str) -> None:
    assert clean(text, multiline=False) == line
    assert clean(text, multiline=True) == lines


@given(st.text())
def test_cleaned_text_is_clean(text: str) -> None:
    for multiline in (True, False):
        once = clean(text, multiline)
        assert clean(once, multiline) == once
        assert "\n\n" not in once
        assert multiline or "\n" not in once


#: Letter and voice -> the law it quotes, as in rights.yml.
LAWS = {
    ("letter-ehc-request", "parent"): "section 36 of the Children and Families Act 2014",
    ("letter-ehc-request", "young-person"): "section 36 of the Children and Families Act 2014",
    ("letter-school-adjustments", "parent"): "section 20 of the Equality Act 2010",
    ("letter-right-to-choose", "myself"): "regulation 39 of the NHS Commissioning Board and Clinical",
    ("letter-carers-assessment", "adult-carer"): "section 10 of the Care Act 2014",
    ("letter-carers-assessment", "parent-carer"): "section 97 of the Children and Families Act 2014",
    ("letter-carers-assessment", "young-carer"): "section 96 of the Children and Families Act 2014",
}


@pytest.mark.parametrize(("letter_id", "voice"), LAWS)
def test_the_law_comes_from_the_rights_of_the_store(shipped: Session, letter_id: str, voice: str) -> None:
    letter = filled(shipped, letter_id, {}, voice=voice)

    assert LAWS[letter_id, voice] in letter.text
    assert len(letter.records) >= 2  # the letter, and the right it quotes


def test_no_letter_names_a_law_of_its_own() -> None:
    for letter in shipped_content().letters:
        for voice in letter.voices:
            assert not re.search(r"\b(?:Act|section|regulation|weeks|months)\b", voice.body), letter.id


@pytest.mark.parametrize(
    ("limit", "quoted", "ended"),
    [
        ("decision-to-assess", "regulation 5(1)", "14 April 2026"),
        ("decision-not-to-issue", "regulation 10(1)", "23 June 2026"),
        ("final-plan", "regulation 13(2)", "21 July 2026"),
    ],
)
def test_the_late_letter_works_its_date_out(shipped: Session, limit: str, quoted: str, ended: str) -> None:
    letter = filled(shipped, "letter-ehc-overdue", {"request_date": "03/03/2026"}, limit=limit)

    assert quoted in letter.text
    assert f"The time ended on {ended}." in letter.text
    assert (letter.note is None) is (limit == "decision-to-assess")  # the others run on after 20 April


@pytest.mark.parametrize("day", ["some time in spring", "", "99 March 2026", "31 December 9999"])
def test_a_day_that_is_none_leaves_its_end_blank(shipped: Session, day: str) -> None:
    letter = filled(shipped, "letter-ehc-overdue", {"request_date": day}, limit="final-plan")

    assert "[day the time ended]" in letter.text
    assert day in letter.text


def test_an_unknown_voice_or_limit_is_an_error(shipped: Session) -> None:
    with pytest.raises(KeyError, match="nobody"):
        filled(shipped, "letter-complaint", {}, voice="nobody")
    with pytest.raises(KeyError, match="final-plan"):
        filled(shipped, "letter-complaint", {}, limit="final-plan")


@pytest.mark.parametrize(
    ("letter_id", "audience", "voice"),
    [
        ("letter-ehc-request", "families", "parent"),
        ("letter-ehc-request", "young-people", "young-person"),
        ("letter-right-to-choose", "adults", "myself"),
        ("letter-carers-assessment", "young-people", "young-carer"),
        ("letter-carers-assessment", "adults", "adult-carer"),
        ("letter-complaint", "young-people", "anyone"),
        ("letter-ehc-request", None, "parent"),
    ],
)
def test_the_voice_for_who_is_asking(shipped: Session, letter_id: str, audience: str, voice: str) -> None:
    letter = letter_by_id(shipped, letter_id)
    assert letter is not None
    assert voice_for(letter, audience) == voice


def test_what_somebody_writes_for_themselves_speaks_of_no_child(shipped: Session) -> None:
    for letter_id, voice in VOICES:
        if voice in ("young-person", "pupil", "myself", "young-carer"):
            assert "my child" not in filled(shipped, letter_id, {}, voice=voice).text


def test_letters_are_found_by_topic_in_the_order_to_offer(shipped: Session) -> None:
    assert [letter.id for letter in all_letters(shipped)] == LETTERS
    found = letter_about(shipped, "ehcp_request")
    assert found is not None
    assert found.id == "letter-ehc-request"
    assert letter_about(shipped, "what_is_autism") is None
    assert letter_by_id(shipped, "letter-to-santa") is None


def test_filling_writes_nothing(shipped: Session, shipped_engine: Engine) -> None:
    filled(shipped, "letter-complaint", {"your_name": "Marker Markerson"})

    assert not shipped.new
    assert not shipped.dirty
    stored = shipped.scalars(select(models.Revision.content)).all()
    assert "Markerson" not in repr(stored)


def test_a_letter_can_be_withdrawn(engine: Engine, folder: Folder) -> None:
    whole = folder(lambda files: files["base.yml"].update(letters=[letter()]))
    load(engine, whole)
    load(engine, folder())
    with Session(engine) as session:
        assert all_letters(session) == []


def test_the_migration_keeps_the_rules_that_were_there(url: str) -> None:
    engine = open_engine(url)
    migrate(engine, "0004")
    migrate(engine)
    with engine.connect() as connection:
        assert connection.execute(select(models.Letter.__table__)).all() == []
        assert connection.execute(select(models.Deadline.later_of)).all() == []
    engine.dispose()


# --- what editors may get wrong ---


def letter(**changes: object) -> dict[str, object]:
    values: dict[str, object] = {
        "id": "a-letter",
        "rank": 1,
        "title": "A letter",
        "about": "It asks.",
        "easy_read": "It asks.",
        "recipient": "The team",
        "subject": "A question",
        "fields": [{"name": "your_name", "label": "Your name", "blank": "your name"}],
        "voices": [{"id": "anyone", "label": "Me", "audiences": ["all"], "body": "I am $your_name."}],
    }
    return record(**{**values, **changes})


MISTAKES = {
    "no field, and no fact": {"subject": "About $nobody"},
    "a $ that begins no name": {"recipient": "Pay $5"},
    "the same name": {"fields": [{"name": "a", "label": "A", "blank": "a"}] * 2},
    "names no field": {"limit_from": "the_day"},
    "there is no deadline rule 'nonsense'": {"limits": ["nonsense"]},
    "there is no entitlement 'nonsense'": {
        "voices": [
            {"id": "x", "label": "X", "audiences": ["all"], "entitlement": "nonsense", "body": "Under $law."}
        ]
    },
    "$law is no field": {"voices": [{"id": "x", "label": "X", "audiences": ["all"], "body": "Under $law."}]},
}


@pytest.mark.parametrize("told", MISTAKES)
def test_a_mistake_in_a_letter_is_told(folder: Folder, told: str) -> None:
    broken = folder(lambda files: files["base.yml"].update(letters=[letter(**MISTAKES[told])]))
    with pytest.raises(ContentError, match=re.escape(told)):
        read_content(broken)

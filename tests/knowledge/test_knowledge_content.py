"""Content files: what ships is whole, and what is broken is refused with its file, line and field."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from sqlalchemy import Engine, func, select

from knowledge import models
from knowledge.check import check_content, said_badly
from knowledge.content import SHIPPED, Content, ContentError, Problem, read_content
from knowledge.content_schema import Confidence, Freshness, Status
from knowledge.database import sessions
from tests.knowledge.conftest import DANGERS, Folder, guidance, load, shipped_content

Files = dict[str, dict[str, Any]]
Change = Callable[[Files], object]


def problems_of(folder: Path) -> list[Problem]:
    """What is wrong with a folder."""
    with pytest.raises(ContentError) as refused:
        read_content(folder)
    return refused.value.problems


def line_of(folder: Path, file: str, text: str, occurrence: int = 1) -> int:
    """The line of a file where a text stands, counted from 1."""
    lines = (folder / file).read_text(encoding="utf-8").splitlines()
    return [number for number, line in enumerate(lines, start=1) if text in line][occurrence - 1]


# --- what ships ---


def test_every_shipped_file_is_read() -> None:
    content = shipped_content()

    for path in SHIPPED.glob("*.yml"):
        for kind, entries in YAML(typ="safe").load(path.read_text(encoding="utf-8")).items():
            key = "name" if kind == "topics" else "id"
            read = {getattr(entry, key) for entry in getattr(content, kind)}
            assert {entry[key] for entry in entries} <= read, f"{path.name}: {kind}"


def test_shipped_content_passes_its_own_checks() -> None:
    # The day the content was compiled: later a review may be due, which is told and is no fault of it.
    report = check_content(shipped_content(), now=date(2026, 11, 21))

    assert report.problems == []
    assert report.warnings == []


#: Agreed once and for all: a Rasa intent and a line of an evaluation file are named exactly as the topic.
TOPICS = {
    "diagnosis": "diagnosis_route_child diagnosis_route_adult diagnosis_process diagnosis_private_rtc "
    "referral_who",
    "waits": "wait_time wait_support wait_status_chase",
    "support": "support_no_diagnosis support_post_diagnosis support_school support_peer_social "
    "support_mental_health support_short_breaks support_carer support_employment support_housing_transport "
    "support_training service_contact",
    "rights": "ehcp_request ehcp_timescale ehcp_refused_appeal ehcp_review_content sen_support_funding "
    "exclusion_attendance reasonable_adjustments benefits_money social_care_assessment transition_adulthood",
    "general": "what_is_autism human_request complaint privacy_data bot_identity greeting thanks_bye "
    "affirm_deny out_of_scope",
    "crisis": " ".join(DANGERS),
}


def test_shipped_topics_are_the_agreed_ones() -> None:
    shipped: dict[str, set[str]] = {group: set() for group in TOPICS}
    for topic in shipped_content().topics:
        shipped[topic.group].add(topic.name)

    assert shipped == {group: set(names.split()) for group, names in TOPICS.items()}


def test_shipped_crisis_contacts_are_verified_and_current() -> None:
    for contact in shipped_content().crisis_contacts:
        assert contact.confidence in (Confidence.SEED, Confidence.PAGE), contact.id
        assert contact.freshness is Freshness.CURRENT, contact.id


def test_what_young_people_read_does_not_speak_of_them_as_somebodys_child() -> None:
    # Their own words come first; the caveat and the next step are shared with families.
    for record in shipped_content().records():
        if getattr(record, "young_person", None):
            for shared in (record.caveat, getattr(record, "next_step", None)):
                assert not re.search(r"\b(your|my) (child|son|daughter)\b|\bparents\b", shared or ""), (
                    record.id
                )


#: Numbers that the fact sheet says must not be shown: switched off, or confirmed by nobody.
NEVER_SHOWN = {
    "0800 028 0077": "Derbyshire Mental Health Helpline: a note of August 2026 says it is switched off",
    "01332 642855": "Derby safeguarding adults: from an unofficial copy only",
    "07860 039967": "PAPYRUS: an older text number",
}


@pytest.mark.parametrize("number", NEVER_SHOWN)
def test_a_number_that_nobody_confirmed_stands_nowhere(number: str) -> None:
    digits = number.replace(" ", "")
    for path in SHIPPED.glob("*.yml"):
        assert digits not in path.read_text(encoding="utf-8").replace(" ", ""), path.name


# --- broken files ---


def at(*keys: str | int) -> Callable[[Files], Any]:
    """The part of the small content at these keys."""

    def find(files: Files) -> Any:
        part: Any = files
        for key in keys:
            part = part[key]
        return part

    return find


def put(*keys: str | int, value: Any) -> Change:
    """Put a value at these keys."""
    *path, last = keys

    def change(files: Files) -> None:
        at(*path)(files)[last] = value

    return change


#: What an editor may get wrong -> (the change, file, field, words of the message, text on the named line).
BROKEN: dict[str, tuple[Change, str, str, str, str]] = {
    "a misspelt field": (
        put("records.yml", "services", 0, "telephone", value="x"),
        "records.yml",
        "services.0.telephone",
        "Extra inputs are not permitted",
        "telephone",
    ),
    "a kind of record that does not exist": (
        put("records.yml", "servces", value=[]),
        "records.yml",
        "servces",
        "Extra inputs are not permitted",
        "servces",
    ),
    "a review day that is none": (
        put("records.yml", "guidance", 0, "review_by", value="31/01/2027"),
        "records.yml",
        "guidance.0.review_by",
        "date",
        "31/01/2027",
    ),
    "a month that does not exist": (
        put("records.yml", "guidance", 0, "as_of", value="2026-13"),
        "records.yml",
        "guidance.0.as_of",
        "match",
        "2026-13",
    ),
    "a day that the month does not have": (
        put("records.yml", "guidance", 0, "as_of", value="2026-02-30"),
        "records.yml",
        "guidance.0.as_of",
        "day",
        "2026-02-30",
    ),
    "a number that nobody confirmed": (
        put("records.yml", "services", 0, "phones", 0, "confidence", value="commonly-known-not-verified"),
        "records.yml",
        "services.0.phones.0.confidence",
        "verified-in-seed",
        "commonly-known-not-verified",
    ),
    "a number that no longer holds": (
        put("records.yml", "services", 0, "phones", 0, "freshness", value="historic"),
        "records.yml",
        "services.0.phones.0",
        "no longer holds",
        "- confidence: verified-in-seed",
    ),
    "letters in a number": (
        put("records.yml", "services", 0, "phones", 0, "number", value="01632 HELP"),
        "records.yml",
        "services.0.phones.0.number",
        "match",
        "01632 HELP",
    ),
    "a crisis contact that may be out of date": (
        put("crisis.yml", "crisis_contacts", 0, "freshness", value="check"),
        "crisis.yml",
        "crisis_contacts.0",
        "must be current",
        "- areas:",
    ),
    "a crisis contact that cannot be contacted": (
        put("crisis.yml", "crisis_contacts", 0, "phone", value=None),
        "crisis.yml",
        "crisis_contacts.0",
        "phone number or a text line",
        "- areas:",
    ),
    "a source that does not exist": (
        put("records.yml", "guidance", 1, "sources", value=[{"source": "a-rumour"}]),
        "records.yml",
        "guidance.1.sources.0.source",
        "there is no source 'a-rumour'",
        "a-rumour",
    ),
    "no source at all": (
        put("records.yml", "guidance", 1, "sources", value=[]),
        "records.yml",
        "guidance.1.sources",
        "at least 1",
        "sources: []",
    ),
    "a topic that does not exist": (
        put("records.yml", "guidance", 0, "topics", value=["support_schol"]),
        "records.yml",
        "guidance.0.topics.0",
        "there is no topic 'support_schol'",
        "support_schol",
    ),
    "an organisation that does not exist": (
        put("records.yml", "services", 0, "organization", value="nobody"),
        "records.yml",
        "services.0.organization",
        "there is no organization 'nobody'",
        "nobody",
    ),
    "an assessor that does not exist": (
        put("records.yml", "pathways", 0, "assessed_by", value=["nobody"]),
        "records.yml",
        "pathways.0.assessed_by.0",
        "there is no service 'nobody'",
        "nobody",
    ),
    "a wait for a pathway that does not exist": (
        put("records.yml", "waits", 0, "pathway", value="nowhere"),
        "records.yml",
        "waits.0.pathway",
        "there is no pathway 'nowhere'",
        "nowhere",
    ),
    "a card for a service that does not exist": (
        put("records.yml", "guidance", 0, "services", value=["nobody"]),
        "records.yml",
        "guidance.0.services.0",
        "there is no service 'nobody'",
        "nobody",
    ),
    "an area that does not exist": (
        put("records.yml", "guidance", 0, "areas", value=["leicester"]),
        "records.yml",
        "guidance.0.areas.0",
        "derby-city",
        "leicester",
    ),
    "ages the wrong way round": (
        lambda files: at("records.yml", "services", 0)(files).update(min_age=18, max_age=11),
        "records.yml",
        "services.0",
        "min_age is greater than max_age",
        "- address:",
    ),
    "a way of counting that does not exist": (
        put("records.yml", "entitlements", 0, "deadlines", 0, "day_rule", value="from-the-night"),
        "records.yml",
        "entitlements.0.deadlines.0.day_rule",
        "from-the-day",
        "from-the-night",
    ),
}


@pytest.mark.parametrize("mistake", BROKEN)
def test_a_mistake_is_told_with_file_line_and_field(folder: Folder, mistake: str) -> None:
    change, file, field, words, text = BROKEN[mistake]
    broken = folder(change)

    [problem] = problems_of(broken)

    assert (problem.file, problem.field) == (file, field)
    assert words in problem.message
    assert problem.line == line_of(broken, file, text)
    assert str(problem).startswith(f"{file}, line {problem.line}, {field}: ")


def test_all_mistakes_are_told_at_once(folder: Folder) -> None:
    def change(files: Files) -> None:
        files["records.yml"]["services"][0]["telephone"] = "x"
        files["records.yml"]["guidance"][0]["as_of"] = "2026-13"
        files["crisis.yml"]["crisis_contacts"][0]["phone"] = "call us"

    assert {problem.field for problem in problems_of(folder(change))} == {
        "services.0.telephone",
        "guidance.0.as_of",
        "crisis_contacts.0.phone",
    }


def test_an_id_may_be_used_once_in_all_files(folder: Folder) -> None:
    def change(files: Files) -> None:
        files["second.yml"] = {"guidance": [guidance("lunch-club", "A second record of this name?")]}

    broken = folder(change)

    [problem] = problems_of(broken)
    assert problem.file == "second.yml"
    assert problem.field == "guidance.0.id"
    assert problem.line == line_of(broken, "second.yml", "id: lunch-club")
    first = line_of(broken, "records.yml", "- address:")
    assert problem.message == f"'lunch-club' is already used in records.yml, line {first}"


def test_a_topic_may_have_one_general_answer_for_an_area_and_audience(folder: Folder) -> None:
    def change(files: Files) -> None:
        files["records.yml"]["guidance"].append(
            guidance("help-again", "Is there more help in class?", general_for=["support_school"])
        )

    broken = folder(change)

    [problem] = problems_of(broken)
    assert (problem.file, problem.field) == ("records.yml", "guidance.3.general_for")
    assert "'help-in-class' is already the general answer to support_school for england" in problem.message
    assert problem.line == line_of(broken, "records.yml", "general_for", occurrence=2)


def test_general_answers_for_two_audiences_may_stand_side_by_side(folder: Folder) -> None:
    def change(files: Files) -> None:
        files["records.yml"]["guidance"].append(
            guidance("for-you", "What help can I get?", general_for=["support_school"])
            | {"audience": "young-people"}
        )

    assert len(read_content(folder(change)).guidance) == 4


def test_a_time_limit_may_be_named_once(folder: Folder) -> None:
    def change(files: Files) -> None:
        first = files["records.yml"]["entitlements"][0]
        files["records.yml"]["entitlements"].append({**first, "id": "help-at-college"})

    [problem] = problems_of(folder(change))

    assert problem.field == "entitlements.1.deadlines.0.id"
    assert problem.message == "'reply-in-time' is already used in 'help-at-school'"


def test_every_danger_needs_its_first_words(folder: Folder) -> None:
    [problem] = problems_of(folder(lambda files: files["crisis.yml"]["crisis_replies"].pop()))

    assert problem.field == "crisis_replies"
    assert "medical_emergency" in problem.message


def test_a_danger_may_have_one_reply(folder: Folder) -> None:
    # Which of two would be said is left to chance, and the store refuses it in the middle of a load.
    def change(files: Files) -> None:
        replies = files["crisis.yml"]["crisis_replies"]
        replies.append({**replies[0], "id": "another-reply"})

    [problem] = problems_of(folder(change))

    assert (problem.file, problem.field) == ("crisis.yml", "crisis_replies.5.danger")
    assert "reply-crisis-self-harm-suicide" in problem.message


#: Text that is no content file -> (the text, the line of the fault, a word that tells what is wrong).
NOT_CONTENT = {
    "a tab": ("guidance:\n  - id: a\n\tname: b\n", 3, "YAML"),
    "a bracket that never closes": ("guidance: [\n", 2, "YAML"),
    "a key twice": ("guidance: []\nguidance: []\n", 2, "YAML"),
    "prose": ("Ring the school and ask.\n", 1, "dictionary"),
    "a list": ("- id: a\n- id: b\n", 1, "dictionary"),
    "a control character": ("guidance: []\n# \x07\n", 2, "YAML"),
    "a day that does not exist, unquoted": ("guidance:\n  - review_by: 2027-02-30\n", 2, "date"),
}


@pytest.mark.parametrize("fault", NOT_CONTENT)
def test_a_file_that_is_no_content_is_told(folder: Folder, fault: str) -> None:
    text, line, word = NOT_CONTENT[fault]
    broken = folder()
    (broken / "bad.yml").write_text(text, encoding="utf-8")

    problems = problems_of(broken)

    assert {problem.file for problem in problems} == {"bad.yml"}
    assert any(problem.line == line and word in problem.message for problem in problems), problems


def test_a_file_in_another_encoding_is_told(folder: Folder) -> None:
    broken = folder()
    (broken / "bad.yml").write_bytes("guidance: [] # café\n".encode("latin-1"))

    [problem] = problems_of(broken)

    assert (problem.file, problem.line) == ("bad.yml", 1)
    assert "not readable" in problem.message


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    [problem] = problems_of(tmp_path)

    assert problem.file == str(tmp_path)
    assert "no content files" in problem.message


def test_a_date_may_stand_without_quotation_marks(folder: Folder) -> None:
    # YAML takes 2026-01-31 for a date and 2026 for a number; an editor should not have to know.
    good = folder()
    text = (good / "records.yml").read_text(encoding="utf-8").replace("as_of: 2026-01", "as_of: 2026-01-31")
    assert "as_of: 2026-01-31\n" in text
    (good / "records.yml").write_text(text, encoding="utf-8")

    assert read_content(good).guidance[0].as_of == "2026-01-31"


@pytest.mark.parametrize("mistake", ["a misspelt field", "a source that does not exist"])
def test_nothing_of_broken_content_is_loaded(engine: Engine, folder: Folder, mistake: str) -> None:
    load(engine, folder())
    change = BROKEN[mistake][0]

    def also_new(files: Files) -> None:
        change(files)
        files["new.yml"] = {"guidance": [guidance("brand-new", "What is new?")]}

    before = _everything(engine)
    with pytest.raises(ContentError):
        load(engine, folder(also_new))

    assert _everything(engine) == before


def _everything(engine: Engine) -> dict[str, int]:
    with sessions(engine)() as session:
        return {
            table.name: session.scalar(select(func.count()).select_from(table)) or 0
            for table in models.Base.metadata.sorted_tables
        }


# --- checks beyond the form ---


def _with(folder: Folder, **fields: Any) -> Content:
    """The small content with one answer's fields changed."""
    return read_content(folder(lambda files: files["records.yml"]["guidance"][0].update(fields)))


#: Each form in which a number is written in the facts or commonly in England.
NUMBERS_IN_PROSE = (
    "Ring 01332 623726 today.",
    "Ring 0300 7900 264 today.",
    "Ring 0808 2000 247 today.",
    "Ring 0800 1111 today.",
    "Ring 116 123 today.",
    "Ring 020 7946 0958 today.",
    "Ring (01632) 960 001 today.",
    "Ring +44 1632 960001 today.",
    "Text 07700 900123 today.",
)


@pytest.mark.parametrize("text", NUMBERS_IN_PROSE)
def test_a_number_in_prose_is_found(folder: Folder, text: str) -> None:
    report = check_content(_with(folder, answer=text))

    assert [problem for problem in report.problems if "prose" in problem and "answer" in problem], text


#: What has digits and is no number to ring; 999 and 111 are said in words on purpose.
NOT_NUMBERS = (
    "Since 2019 about 1905 people waited 204 weeks.",
    "Section 36(8) of the Act of 2014.",
    "Between 10.30 and 12.45 on 14 April 2026.",
    "Call 999 now, or NHS 111 and choose option 2.",
    "It costs £65 to £1,200.",
)


@pytest.mark.parametrize("text", NOT_NUMBERS)
def test_other_digits_are_no_number(folder: Folder, text: str) -> None:
    assert [p for p in check_content(_with(folder, answer=text)).problems if "prose" in p] == []


#: Where text is read by people besides the answer itself.
ELSEWHERE_IN_A_RECORD: dict[str, Change] = {
    "a step of a pathway": put("records.yml", "pathways", 0, "steps", 0, "text", value="Ring 01632 960001."),
    "what to do when a time limit passes": put(
        "records.yml", "entitlements", 0, "deadlines", 0, "if_missed", value="Ring 01632 960001."
    ),
    "opening hours": put("records.yml", "services", 0, "hours", value="Monday, ring 01632 960001"),
    "a next step": put("records.yml", "guidance", 0, "next_step", value="Ring 01632 960001."),
}


@pytest.mark.parametrize("place", ELSEWHERE_IN_A_RECORD)
def test_a_number_is_found_wherever_people_read(folder: Folder, place: str) -> None:
    content = read_content(folder(ELSEWHERE_IN_A_RECORD[place]))

    assert [problem for problem in check_content(content).problems if "01632 960001" in problem]


def test_a_number_in_its_own_field_is_right(folder: Folder) -> None:
    assert [p for p in check_content(read_content(folder())).problems if "prose" in p] == []


#: Pity, deficit and person-first words; autistic people asked for identity-first ones.
UNWANTED = (
    "She suffers from autism.",
    "An autism sufferer.",
    "People with autism can go.",
    "Your child with autism can go.",
    "For high-functioning adults.",
    "He is severely autistic.",
)


@pytest.mark.parametrize("text", UNWANTED)
def test_unwanted_words_are_found(folder: Folder, text: str) -> None:
    assert [p for p in check_content(_with(folder, answer=text)).problems if "how we speak" in p]


@pytest.mark.parametrize(
    "text", ["Autistic people can go.", 'Some say "person with autism"; most prefer "autistic person".']
)
def test_wanted_and_quoted_words_are_let_be(folder: Folder, text: str) -> None:
    assert [p for p in check_content(_with(folder, answer=text)).problems if "how we speak" in p] == []


def test_a_record_without_a_question_does_not_begin_with_a_verdict() -> None:
    """It is said to whoever asks about its topic: "can I give him a friend's tablets?", "Yes."."""
    right = shipped_content().entitlements[0].model_copy(update={"answer": "Yes. You can ask for one."})
    answer = shipped_content().guidance[0].model_copy(update={"answer": "Yes. You can ask for one."})

    assert [told for told in said_badly(right) if "begins with 'Yes.'" in told]
    assert list(said_badly(answer)) == []


def test_a_topic_without_an_answer_is_found(folder: Folder) -> None:
    def change(files: Files) -> None:
        files["records.yml"]["guidance"].pop()  # the wait figure is left, and that is for Derby only

    report = check_content(read_content(folder(change)))

    assert "the topic wait_time has no answer for herefordshire" in report.problems
    assert "the topic wait_time has no answer for derby-city" not in report.problems
    assert report.coverage["wait_time"] == {"derby-city": "local", "derbyshire": "-", "herefordshire": "-"}
    assert report.coverage["support_school"]["herefordshire"] == "national"


@pytest.mark.parametrize("status", ["draft", "withdrawn"])
def test_an_answer_that_is_not_shown_does_not_count(folder: Folder, status: str) -> None:
    def change(files: Files) -> None:
        files["records.yml"]["guidance"][2]["status"] = status

    problems = check_content(read_content(folder(change))).problems

    assert "the topic wait_time has no answer for herefordshire" in problems


def test_an_overdue_review_is_a_warning(folder: Folder) -> None:
    content = _with(folder, review_by="2026-05-31")

    assert check_content(content, now=date(2026, 5, 31)).warnings == []
    assert check_content(content, now=date(2026, 6, 1)).warnings == [
        "what-is-lunch-club: its review was due on 2026-05-31"
    ]


def test_the_review_of_a_withdrawn_record_is_not_asked_for(folder: Folder) -> None:
    content = _with(folder, review_by="2026-05-31", status=Status.WITHDRAWN.value)

    assert check_content(content, now=date(2026, 6, 1)).warnings == []

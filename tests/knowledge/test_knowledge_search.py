"""Search: the right record for what people really write, and new content without a restart."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, event

from knowledge.content import read_content
from knowledge.database import sessions
from knowledge.load import load_content
from knowledge.search import Search, _greatest
from tests.knowledge.conftest import WORDS, Folder, guidance, load, real_encoder, record, service

Files = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def search(shipped_engine: Engine) -> Search:
    """A search over what ships."""
    return Search(shipped_engine, real_encoder())


#: (topic, what somebody writes in their own words) -> the answer to just that, among the topic's first five.
#: None of these is the record's own question.
PARAPHRASED = {
    ("referral_who", "they returned the referral form to us, why would that happen"): "referral-sent-back",
    ("referral_who", "doctor refuses to refer us what now"): "gp-will-not-refer",
    ("diagnosis_process", "do me and her dad both need to be there on the day"): "both-parents-come",
    ("diagnosis_process", "they told us he isn't autistic, where do we go from here"): "not-autistic-result",
    ("ehcp_timescale", "its been more than 6 weeks and they havent answered"): "six-weeks-passed",
    ("ehcp_timescale", "council blames a lack of psychologists for being late"): "staff-shortage-delay",
    ("ehcp_refused_appeal", "am I too late to appeal"): "missed-appeal-deadline",
    ("ehcp_refused_appeal", "is mediation compulsory"): "must-we-mediate",
    ("ehcp_review_content", "the school ignores what his plan says"): "plan-not-followed",
    ("exclusion_attendance", "they keep phoning me to pick him up early"): "fetch-him-at-lunch",
    ("exclusion_attendance", "head says home schooling would be best for us"): "off-rolling",
    ("benefits_money", "can we get DLA before he has a diagnosis"): "dla-without-diagnosis",
    ("wait_status_chase", "no letter, no call, nothing for ages, are we still on the list"): (
        "have-we-been-forgotten"
    ),
    ("wait_status_chase", "if we move house do we start the queue again"): "moving-area-while-waiting",
    ("support_carer", "his sister is struggling too, anything for siblings"): "brothers-and-sisters",
    ("what_is_autism", "did something I did make my child autistic"): "vaccines-or-parenting",
}


@pytest.mark.parametrize(("topic", "words"), PARAPHRASED)
def test_the_very_question_in_other_words(search: Search, topic: str, words: str) -> None:
    found = search.closest(words, ["guidance"], ["england", "uk"], topic=topic, limit=5)

    assert PARAPHRASED[topic, words] in [match.record_id for match in found]


#: (area, what somebody calls a service) -> the service, the first or among the first three.
CALLED = {
    ("derbyshire", "the autism team that goes into schools"): "derbyshire-autism-outreach",
    ("derby-city", "someone independent who knows SEND law and helps parents"): "derby-sendiass",
    ("derbyshire", "money from the government for support at my job"): "access-to-work",
    ("derbyshire", "support for carers"): "derbyshire-carers-association",
    ("herefordshire", "a parking permit because my son runs off"): "blue-badge",
    (
        "herefordshire",
        "the centre in Hereford that assesses small children",
    ): "hereford-child-development-centre",
}


@pytest.mark.parametrize(("area", "words"), CALLED)
def test_a_service_that_is_described(search: Search, area: str, words: str) -> None:
    found = search.closest(words, ["service"], [area, "england", "uk"], limit=3)

    assert CALLED[area, words] in [match.record_id for match in found]


def test_the_best_comes_first(search: Search) -> None:
    found = search.closest(
        "how do I appeal to the tribunal", ["entitlement", "guidance"], ["england"], limit=9
    )

    assert len(found) == 9
    assert found[0].record_id == "ehc-appeal"
    # By meaning and words together; the score, meaning alone, only tells whether it is close at all.
    fits = [match.fit for match in found]
    assert fits == sorted(fits, reverse=True)


def test_only_the_kinds_asked_for(search: Search) -> None:
    found = search.closest("autism assessment", ["pathway"], ["derby-city"], limit=50)

    assert {match.kind for match in found} == {"pathway"}
    assert {match.record_id for match in found} == {"derby-city-child", "derby-derbyshire-adult"}


def test_only_the_areas_asked_for(search: Search) -> None:
    found = search.closest("CAMHS", ["service"], ["herefordshire"], limit=5)

    assert "herefordshire-camhs" in [match.record_id for match in found]
    assert not {"derby-camhs", "derbyshire-camhs"} & {match.record_id for match in found}


def test_only_the_topic_asked_for(engine: Engine, folder: Folder) -> None:
    load(engine, folder())
    search = Search(engine, WORDS)

    found = search.closest("why is the wait long", ["guidance"], ["england"], topic="wait_time")
    other = search.closest("why is the wait long", ["guidance"], ["england"], topic="support_school")

    assert [match.record_id for match in found] == ["long-waits"]
    assert "long-waits" not in [match.record_id for match in other]


def test_nothing_passes_the_filters(search: Search) -> None:
    assert search.closest("autism", ["guidance"], ["leicester"]) == []
    assert search.closest("autism", ["no such kind"], ["england"]) == []


def test_an_empty_store_has_nothing(engine: Engine) -> None:
    assert Search(engine, WORDS).closest("autism", ["guidance"], ["england"]) == []


def test_any_name_of_a_service_finds_it(engine: Engine, folder: Folder) -> None:
    def change(files: Files) -> None:
        files["records.yml"]["services"].append(
            service("Portage", alternate_names=["home visiting teacher"], description="Play at home.")
        )

    load(engine, folder(change))
    [match] = Search(engine, WORDS).closest("home visiting teacher", ["service"], ["england"], limit=1)

    assert match.record_id == "portage"
    assert match.score == pytest.approx(1, abs=0.01)


def test_new_content_is_seen_without_a_restart(engine: Engine, folder: Folder) -> None:
    search = Search(engine, WORDS)

    def ids(words: str) -> list[str]:
        return [match.record_id for match in search.closest(words, ["guidance"], ["england"], limit=1)]

    load(engine, folder())
    assert ids("what happens at the lunch club") == ["what-is-lunch-club"]

    def replace(files: Files) -> None:
        files["records.yml"]["guidance"][0] = guidance("swimming", "When is the swimming lesson?")

    load(engine, folder(replace))
    assert ids("when is the swimming lesson") == ["swimming"]
    assert ids("what happens at the lunch club") != ["what-is-lunch-club"]

    def edit(files: Files) -> None:
        replace(files)
        files["records.yml"]["guidance"][0]["question"] = "Where is the pool party?"

    load(engine, folder(edit))
    assert ids("where is the pool party") == ["swimming"]


def test_content_that_is_not_committed_is_not_found(engine: Engine, folder: Folder) -> None:
    load(engine, folder())
    search = Search(engine, WORDS)
    change = folder(lambda files: files["records.yml"]["guidance"][0].update(question="Where is the zoo?"))

    with sessions(engine)() as writing:
        load_content(writing, read_content(change), WORDS)
        [match] = search.closest("where is the zoo", ["guidance"], ["england"], limit=1)
        assert match.score < 0.9
        writing.commit()

    [match] = search.closest("where is the zoo", ["guidance"], ["england"], limit=1)
    assert match.score == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("kind", ["guidance", "services", "pathways", "entitlements"])
def test_another_wording_of_the_need_finds_it(engine: Engine, folder: Folder, kind: str) -> None:
    content = folder(
        lambda files: files["records.yml"][kind][0].update(also_asked=["he wont put his shoes on"])
    )
    load(engine, content)

    kinds = ["guidance", "service", "pathway", "entitlement"]
    [match] = Search(engine, WORDS).closest(
        "he wont put his shoes on", kinds, ["england", "derby-city"], limit=1
    )

    assert match.score == pytest.approx(1, abs=0.01)
    assert match.record_id == read_record_id(content, kind)


def read_record_id(content: Path, kind: str) -> str:
    """The id of the first record of a kind in a folder."""
    found: str = getattr(read_content(content), kind)[0].id
    return found


# --- words and meaning together ---


def test_an_exact_name_comes_first_even_when_its_meaning_is_unknown(search: Search) -> None:
    # No sentence encoder knows what the letters stand for; full text does.
    kinds = ["guidance", "service", "pathway", "entitlement", "glossary"]
    names = (("EBSA", "ebsa"), ("what does DIASS do", "diass"), ("MASH", "herefordshire-safeguarding"))
    for words, slug in names:
        found = search.closest(words, kinds, ["derbyshire", "herefordshire", "england"], limit=2)
        assert any(slug in match.record_id for match in found), words


@pytest.mark.parametrize(
    "words",
    [
        "assesment for my dauhgter",  # typing
        "assessment for my daughter, behavior problems",  # American spelling
        "ASSESSMENT FOR MY DAUGHTER",
    ],
)
def test_spelling_does_not_matter_much(search: Search, words: str) -> None:
    found = search.closest(words, ["pathway"], ["herefordshire", "england"], limit=2)

    assert {match.record_id for match in found} <= {
        "herefordshire-child-under-11",
        "herefordshire-child-11-plus",
    }


@pytest.mark.parametrize(
    "words",
    [
        "",
        " ",
        "?!",
        '"',
        '"unclosed AND (NEAR',
        "lunch OR NOT",
        "asked:lunch",
        "lunch*",
        "^lunch - club + {asked body} : x",
        "'; DROP TABLE record; --",
        "lunch & club | !school <-> :*",
        "\x00lunch",
        "🍎🍏",
        "ランチ",
        "lunch " * 5_000,
    ],
)
def test_whatever_is_written_is_words_and_never_syntax(engine: Engine, folder: Folder, words: str) -> None:
    load(engine, folder())

    found = Search(engine, WORDS).closest(words, ["guidance", "service"], ["england"], limit=9)

    assert {match.record_id for match in found} >= {"what-is-lunch-club", "lunch-club"}


def test_a_word_in_the_answer_decides_between_equals(engine: Engine, folder: Folder) -> None:
    def change(files: Files) -> None:
        files["records.yml"]["guidance"] = [
            guidance("one", "Where can we go?", answer="Try the town."),
            guidance("two", "Where can we go?", answer="Try the town.", next_step="See the kangaroo."),
            guidance("three", "Where can we go?", answer="Try the town."),
        ]

    load(engine, folder(change))
    found = Search(engine, WORDS).closest("kangaroo", ["guidance"], ["england"], limit=3)

    assert found[0].record_id == "two"
    assert found[0].score == pytest.approx(found[1].score)  # by meaning alone they are alike


# --- filters ---


def test_ages(engine: Engine, folder: Folder) -> None:
    def change(files: Files) -> None:
        files["records.yml"]["services"] += [
            service("Toddler club", max_age=4),
            service("Teenage club", min_age=13, max_age=19),
            service("Grown up club", min_age=18),
        ]

    load(engine, folder(change))
    search = Search(engine, WORDS)

    def clubs(age: int | None) -> set[str]:
        found = search.closest("club", ["service"], ["england"], limit=9, age=age)
        return {match.record_id for match in found}

    every = {"lunch-club", "toddler-club", "teenage-club", "grown-up-club"}
    assert clubs(None) == every
    assert clubs(4) == {"lunch-club", "toddler-club"}
    assert clubs(13) == {"lunch-club", "teenage-club"}
    assert clubs(18) == {"lunch-club", "teenage-club", "grown-up-club"}
    assert clubs(0) == {"lunch-club", "toddler-club"}


def test_audiences(engine: Engine, folder: Folder) -> None:
    def change(files: Files) -> None:
        files["records.yml"]["guidance"] = [
            guidance("for-all", "Where is the club?"),
            guidance("for-the-young", "Where is my club?", audience="young-people"),
            guidance("for-teachers", "Where is our club?", audience="professionals"),
        ]

    load(engine, folder(change))
    search = Search(engine, WORDS)

    def for_whom(audience: str | None) -> set[str]:
        found = search.closest("club", ["guidance"], ["england"], limit=9, audience=audience)
        return {match.record_id for match in found}

    assert for_whom(None) == {"for-all", "for-the-young", "for-teachers"}
    assert for_whom("young-people") == {"for-all", "for-the-young"}
    assert for_whom("families") == {"for-all"}


def test_without_a_diagnosis(engine: Engine, folder: Folder) -> None:
    def change(files: Files) -> None:
        files["records.yml"]["services"] += [
            service("Strict club", needs_diagnosis="yes"),
            service("Quiet club", needs_diagnosis="not-stated"),
        ]

    load(engine, folder(change))
    found = Search(engine, WORDS).closest(
        "club", ["service", "guidance"], ["england"], limit=9, no_diagnosis_needed=True
    )

    ids = {match.record_id for match in found}
    assert {"lunch-club", "what-is-lunch-club"} <= ids  # what asks for nothing stays
    assert not {"strict-club", "quiet-club"} & ids


# --- an index that follows ---


def test_an_index_that_follows_is_the_one_made_anew(engine: Engine, folder: Folder) -> None:
    def terms(count: int, meaning: str) -> list[dict[str, Any]]:
        return [
            record(id=f"term-{n}", term=f"Word{n}", meaning=f"{meaning} {n}.", easy_read="Word.")
            for n in range(count)
        ]

    words = ["word7", "what is word3", "lunch club", "kangaroo", "help in class"]
    kinds = ["guidance", "service", "glossary", "pathway", "entitlement"]
    following = Search(engine, WORDS)
    contents = [
        folder(),
        folder(lambda files: files["records.yml"].update(glossary=terms(60, "Some"))),
        folder(lambda files: files["records.yml"].update(glossary=terms(40, "Kangaroo"))),
        folder(lambda files: files["records.yml"]["guidance"][0].update(topics=["wait_time"])),
        folder(lambda files: files["records.yml"]["services"][0].update(areas=["derbyshire"])),
        folder(),
    ]
    for content in contents:
        load(engine, content)
        new = Search(engine, WORDS)
        for question in words:
            for topic in (None, "wait_time"):
                for area in ("england", "derbyshire"):
                    followed = following.closest(question, kinds, [area], topic, limit=99)
                    anew = new.closest(question, kinds, [area], topic, limit=99)
                    assert {m.record_id: m.score for m in followed} == pytest.approx(
                        {m.record_id: m.score for m in anew}
                    )


def test_one_change_does_not_read_the_others_again(engine: Engine, folder: Folder) -> None:
    load(engine, folder())
    search = Search(engine, WORDS)
    search.closest("club", ["guidance"], ["england"])
    read: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        read.append(statement)

    load(engine, folder(lambda files: files["records.yml"]["guidance"][0].update(question="Which zoo?")))
    event.listen(engine, "before_cursor_execute", note)
    try:
        [match] = search.closest("which zoo", ["guidance"], ["england"], limit=1)
    finally:
        event.remove(engine, "before_cursor_execute", note)

    assert match.record_id == "what-is-lunch-club"
    phrases = [statement for statement in read if "FROM search_phrase" in statement]
    assert phrases
    assert all("search_phrase.record_id IN" in statement for statement in phrases)


def test_many_ask_while_content_changes(engine: Engine, folder: Folder) -> None:
    contents = [
        folder(lambda files, n=n: files["records.yml"]["guidance"][0].update(question=f"Where is zoo{n}?"))
        for n in range(6)
    ]
    load(engine, contents[0])
    search = Search(engine, WORDS)

    def ask(n: int) -> str:
        return search.closest(f"where is zoo{n % 6}", ["guidance"], ["england"], limit=1)[0].record_id

    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(ask, n) for n in range(120)]
        for content in contents[1:]:
            load(engine, content)
        assert {future.result() for future in asked} == {"what-is-lunch-club"}
    [last] = search.closest("where is zoo5", ["guidance"], ["england"], limit=1)
    assert last.score == pytest.approx(1, abs=0.01)


@given(st.lists(st.integers(-3, 3), max_size=30), st.integers(1, 35))
def test_a_few_of_the_best_are_the_first_of_all_in_order(fits: list[int], most: int) -> None:
    values = np.array(fits, dtype=np.float32)
    assert _greatest(values, most).tolist() == sorted(range(len(fits)), key=lambda row: -fits[row])[:most]

"""Search: the right record for what people really write, and new content without a restart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from knowledge.content import read_content
from knowledge.database import sessions
from knowledge.load import load_content
from knowledge.search import Search
from tests.knowledge.conftest import WORDS, Folder, guidance, load, real_encoder, service

Files = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def search(shipped_engine: Engine) -> Search:
    """A search over what ships."""
    return Search(shipped_engine, real_encoder())


#: (topic, what somebody writes in their own words) -> the answer to just that, ahead of the topic's others.
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
    [match] = search.closest(words, ["guidance"], ["england", "uk"], topic=topic, limit=1)

    assert match.record_id == PARAPHRASED[topic, words]


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
    assert [match.score for match in found] == sorted((match.score for match in found), reverse=True)


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

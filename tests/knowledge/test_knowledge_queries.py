"""What the store answers: nearest first, for the right age and reader, and never another area's figure."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from knowledge.database import sessions
from knowledge.models import Wait
from knowledge.queries.areas import areas_from_near_to_wide, covered_areas
from knowledge.queries.guidance import general_answer
from knowledge.queries.pathways import pathways_for
from knowledge.queries.rights import deadlines_from, entitlements_about
from knowledge.queries.services import services_about, services_by_id
from knowledge.queries.waits import standards, wait_series
from tests.knowledge.conftest import Folder, guidance, load, record, service

Files = dict[str, dict[str, Any]]

AREAS = ("derby-city", "derbyshire", "herefordshire")


# --- the facts, from what ships ---


def newest(session: Session, area: str | None, cohort: str | None) -> list[Wait]:
    """The newest figures that are said of an area."""
    return [wait for series in wait_series(session, area, cohort) for wait in series.newest]


def figures(session: Session, area: str | None, cohort: str | None) -> dict[tuple[str, str], tuple[int, str]]:
    """(cohort, measure) -> (weeks, as of)."""
    found = newest(session, area, cohort)
    assert {wait.unit for wait in found} <= {"weeks"}
    return {(wait.cohort, wait.measure): (int(wait.value), wait.as_of) for wait in found}


#: The strategy of Derby and Derbyshire, lines 207 to 211 (fact waits-dby-2022).
DECEMBER_2022 = {
    ("child", "average-wait"): (33, "2022-12"),
    ("child", "longest-wait"): (53, "2022-12"),
    ("adult", "average-wait"): (73, "2022-12"),
    ("adult", "longest-wait"): (204, "2022-12"),
}


@pytest.mark.parametrize("area", ["derby-city", "derbyshire"])
def test_the_waits_of_derby_and_derbyshire(shipped: Session, area: str) -> None:
    assert figures(shipped, area, None) == DECEMBER_2022
    for cohort in ("child", "adult"):
        assert figures(shipped, area, cohort) == {
            key: value for key, value in DECEMBER_2022.items() if key[0] == cohort
        }


def test_the_source_of_a_wait_is_the_strategy(shipped: Session) -> None:
    for wait in newest(shipped, "derbyshire", "child"):
        assert "Autism Strategy 2023-2028" in wait.citations[0].source.title
        assert "207-211" in str(wait.citations[0].locator)


@pytest.mark.parametrize("area", ["herefordshire", "england", "uk", None, "leicester"])
def test_no_other_place_has_a_figure(shipped: Session, area: str | None) -> None:
    # No figure was found for Herefordshire; the figure of a neighbour or of England would mislead.
    assert newest(shipped, area, None) == []


def test_a_standard_is_no_wait(shipped: Session) -> None:
    # NICE says an assessment starts within 3 months; the NHS Constitution says 18 weeks (fact
    # nat-wait-standards).
    assert {(int(row.value), row.unit) for row in standards(shipped, "herefordshire")} == {
        (3, "months"),
        (18, "weeks"),
    }


#: Where, who, how old -> who assesses (facts dx-hfd-under10, dx-hfd-over10, dx-dby-*).
ASSESSED_BY = {
    ("herefordshire", "child", 8): {"hereford-child-development-centre"},
    ("herefordshire", "child", 10): {"hereford-child-development-centre"},
    ("herefordshire", "child", 13): {"herefordshire-camhs"},
    ("herefordshire", "adult", 40): set(),  # the route of 2018 is out of date: ask the GP
    ("derby-city", "adult", 33): {"dhcft-autism-assessment", "saans-sheffield"},
    ("derbyshire", "adult", 33): {"dhcft-autism-assessment", "saans-sheffield"},
}


@pytest.mark.parametrize(("area", "cohort", "age"), ASSESSED_BY)
def test_who_assesses(shipped: Session, area: str, cohort: str, age: int) -> None:
    [pathway] = pathways_for(shipped, area, cohort, age)

    assert set(pathway.assessed_by) == ASSESSED_BY[area, cohort, age]
    assert len(services_by_id(shipped, pathway.assessed_by)) == len(pathway.assessed_by)


def test_adults_in_derby_may_refer_themselves_and_parents_may_not(shipped: Session) -> None:
    # Fact dx-dby-adult-selfref: "for adults only".
    assert [row.self_referral for row in pathways_for(shipped, "derby-city", "adult", 33)] == ["yes"]
    assert [row.self_referral for row in pathways_for(shipped, "derby-city", "child", 7)] == ["no"]


def test_sixteen_and_seventeen_are_promised_no_single_service(shipped: Session) -> None:
    # Fact dx-dby-dhcft: the lists leave a gap at 16 and 17; both routes are shown.
    for age in (16, 17):
        assert {row.cohort for row in pathways_for(shipped, "derby-city", None, age)} == {"child", "adult"}


def test_a_young_child_is_not_sent_to_an_adult_service(shipped: Session) -> None:
    for area in AREAS:
        assert {row.cohort for row in pathways_for(shipped, area, None, 7)} == {"child"}


def test_an_unknown_area_has_no_local_pathway(shipped: Session) -> None:
    assert pathways_for(shipped, None, None, None) == []


#: How long and from when (Regulations 2014 regs 5, 10, 13; the Act 2014 s.51, tribunal rules; facts nat-*).
TIME_LIMITS = {
    "request-received": [
        ("decision-to-assess", 6, "weeks", "plain"),
        ("decision-not-to-issue", 16, "weeks", "plain"),
        ("final-plan", 20, "weeks", "plain"),
    ],
    "draft-plan": [("comment-on-draft", 15, "days", "from-the-day")],
    "mediation-certificate": [("appeal-from-certificate", 1, "months", "send-tribunal")],
    "mediation-request": [("mediation-meeting", 30, "days", "plain")],
    "review-meeting": [
        ("review-report", 2, "weeks", "plain"),
        ("decision-after-review", 4, "weeks", "plain"),
        ("changed-plan-after-review", 12, "weeks", "plain"),
    ],
    "amendment-notice": [
        ("comment-on-changes", 15, "days", "from-the-day"),
        ("final-changed-plan", 8, "weeks", "plain"),
    ],
    "discriminatory-act": [("discrimination-claim", 6, "months", "from-the-day")],
    "plan-issued": [("review-within-a-year", 12, "months", "from-the-day")],
    "plan-transferred": [
        ("told-of-transfer", 6, "weeks", "plain"),
        ("review-after-transfer", 3, "months", "from-the-day"),
    ],
    "mediation-declined": [("mediation-certificate-sent", 3, "working-days", "plain")],
    "mediation-agreement": [("mediation-agreement-done", 2, "weeks", "plain")],
    "tribunal-order": [
        ("order-to-assess", 2, "weeks", "plain"),
        ("order-to-change-school", 2, "weeks", "plain"),
        ("order-to-make-draft", 5, "weeks", "plain"),
        ("order-to-change-plan", 5, "weeks", "plain"),
        ("order-to-assess-no-plan", 10, "weeks", "plain"),
        ("order-to-make-plan", 11, "weeks", "plain"),
        ("order-to-assess-plan", 14, "weeks", "plain"),
    ],
    "governors-decision": [("independent-review", 15, "school-days", "plain")],
    "problem-known": [("ombudsman-complaint", 12, "months", "from-the-day")],
}


@pytest.mark.parametrize("trigger", TIME_LIMITS)
def test_the_time_limits_of_the_law(shipped: Session, trigger: str) -> None:
    rules = deadlines_from(shipped, trigger)

    assert [(rule.id, rule.count, rule.unit, rule.day_rule) for rule in rules] == TIME_LIMITS[trigger]
    assert all(rule.legal_name and rule.legal_section and rule.if_missed for rule in rules)


def test_rules_of_equal_length_come_in_the_same_order_every_time(shipped: Session) -> None:
    assert [rule.id for rule in deadlines_from(shipped, "decision-letter")] == [
        "appeal-from-letter",
        "contact-mediation-adviser",
    ]


def test_the_areas_that_are_covered(shipped: Session) -> None:
    assert {area.id for area in covered_areas(shipped)} == set(AREAS)


@pytest.mark.parametrize(
    ("area", "expected"),
    [
        ("derby-city", ["derby-city", "england", "uk"]),
        ("herefordshire", ["herefordshire", "england", "uk"]),
        (None, ["england", "uk"]),
        ("leicester", ["england", "uk"]),  # nothing known of it: only what holds everywhere
    ],
)
def test_where_to_look_nearest_first(shipped: Session, area: str | None, expected: list[str]) -> None:
    assert areas_from_near_to_wide(shipped, area) == expected


@pytest.mark.parametrize("area", AREAS)
@pytest.mark.parametrize("topic", ["wait_time", "support_no_diagnosis", "diagnosis_route_child"])
def test_a_local_answer_comes_before_the_general_one(shipped: Session, topic: str, area: str) -> None:
    local = general_answer(shipped, topic, area)
    everywhere = general_answer(shipped, topic, None)

    assert local is not None
    assert area in {link.area_id for link in local.areas}
    assert everywhere is not None
    assert {link.area_id for link in everywhere.areas} <= {"england", "uk"}


@pytest.mark.parametrize("area", AREAS)
def test_services_of_another_area_are_never_shown(shipped: Session, area: str) -> None:
    others = set(AREAS) - {area}
    for topic in ("support_school", "support_carer", "support_mental_health"):
        for found in services_about(shipped, topic, area):
            areas = {link.area_id for link in found.areas}
            assert areas & {area, "england", "uk"}, found.id
            assert not areas <= others, found.id


# --- the order and the filters, on content made for it ---


@pytest.fixture
def store(engine: Engine, folder: Folder) -> Any:
    """Loads a change of the small content and opens a session on it."""

    def fill(change: Any) -> Session:
        load(engine, folder(change))
        return sessions(engine)()

    return fill


def with_services(*services: dict[str, Any]) -> Any:
    """Besides the lunch club."""
    return lambda files: files["records.yml"]["services"].extend(services)


def names(services: Any) -> list[str]:
    return [found.name for found in services]


def test_near_comes_before_far_and_no_diagnosis_before_diagnosis(store: Any) -> None:
    change = with_services(
        service("Far and free to all"),
        service("Near with diagnosis", areas=["derby-city"], needs_diagnosis="yes"),
        service("Near not stated", areas=["derby-city"], needs_diagnosis="not-stated"),
        service("Near and free to all", areas=["derby-city"]),
        service("Next door", areas=["derbyshire"]),
    )
    with store(change) as session:
        found = names(services_about(session, "support_school", "derby-city"))

    assert found == [
        "Near and free to all",
        "Near not stated",
        "Near with diagnosis",
        "Far and free to all",
        "Lunch club",
    ]


def test_the_main_topic_comes_before_a_side_topic(store: Any) -> None:
    change = with_services(
        service("A side line", topics=["wait_time", "support_school"]),
        service("Mainly school", topics=["support_school", "wait_time"]),
    )
    with store(change) as session:
        found = names(services_about(session, "support_school", None))

    assert found == ["Lunch club", "Mainly school", "A side line"]


#: Age asked for -> the services shown; both ends of "11 to 16" belong to it.
BY_AGE = {
    None: {"Lunch club", "Teens", "Adults", "Under fives"},
    4: {"Lunch club", "Under fives"},
    5: {"Lunch club"},
    11: {"Lunch club", "Teens"},
    16: {"Lunch club", "Teens"},
    17: {"Lunch club"},
    18: {"Lunch club", "Adults"},
    90: {"Lunch club", "Adults"},
}


def test_services_for_an_age(store: Any) -> None:
    change = with_services(
        service("Teens", min_age=11, max_age=16),
        service("Adults", min_age=18),
        service("Under fives", max_age=4),
    )
    with store(change) as session:
        for age, expected in BY_AGE.items():
            assert set(names(services_about(session, "support_school", None, age))) == expected, age


def test_a_service_for_professionals_is_not_shown_to_families(store: Any) -> None:
    with store(with_services(service("Staff line", audience="professionals"))) as session:
        assert names(services_about(session, "support_school", None)) == ["Lunch club"]


def test_services_by_id_keep_the_order_asked_for(store: Any) -> None:
    change = with_services(service("Alpha"), service("Beta"), service("Near", areas=["derby-city"]))
    with store(change) as session:
        wanted = ["near", "beta", "no-such-thing", "alpha"]
        assert names(services_by_id(session, wanted)) == ["Near", "Beta", "Alpha"]
        assert names(services_by_id(session, ["beta", "near", "beta"])) == ["Beta", "Near"]
        assert names(services_by_id(session, wanted, area="derbyshire")) == ["Beta", "Alpha"]


def answers(*entries: tuple[str, dict[str, Any]]) -> Any:
    """General answers to support_school in place of the small content's one."""

    def change(files: Files) -> None:
        files["records.yml"]["guidance"][1] = guidance("plain", "Help?", topics=["wait_time"])
        for slug, fields in entries:
            values = {"general_for": ["support_school"], **fields}
            files["records.yml"]["guidance"].append(guidance(slug, f"What about {slug}?", **values))

    return change


#: Audience asked for -> the answer given, of one for all, one for families, one for young people.
BY_AUDIENCE = {
    None: {"for-all", "for-families"},  # nothing known of the person: a family is the likeliest
    "families": {"for-families"},
    "young-people": {"for-young-people"},
    "adults": {"for-all"},
}


def test_the_answer_written_for_who_asks(store: Any) -> None:
    change = answers(
        ("for-families", {"audience": "families"}),
        ("for-young-people", {"audience": "young-people"}),
        ("for-all", {"audience": "all"}),
    )
    with store(change) as session:
        for audience, expected in BY_AUDIENCE.items():
            found = general_answer(session, "support_school", None, audience)
            assert found is not None
            assert found.id in expected, audience


def test_a_near_answer_for_others_comes_before_a_far_one_for_the_reader(store: Any) -> None:
    # What holds where the person lives matters more than the voice it is written in.
    change = answers(
        ("far", {"audience": "families"}), ("near", {"audience": "all", "areas": ["derby-city"]})
    )
    with store(change) as session:
        near = general_answer(session, "support_school", "derby-city", "families")
        far = general_answer(session, "support_school", "derbyshire", "families")
        assert near is not None
        assert near.id == "near"
        assert far is not None
        assert far.id == "far"


def test_an_answer_about_a_topic_is_not_its_general_answer(store: Any) -> None:
    with store(answers(("special", {"general_for": [], "topics": ["support_school"]}))) as session:
        assert general_answer(session, "support_school", None) is None


def wait(slug: str, **fields: Any) -> dict[str, Any]:
    """A reported wait for Derby's children."""
    values = {
        "id": slug,
        "areas": ["derby-city"],
        "topics": ["wait_time"],
        "pathway": "derby-child",
        "cohort": "child",
        "measure": "average-wait",
        "subject": "assessment",
        "value": 1,
        "unit": "weeks",
        **fields,
    }
    return record(**values)


def test_the_newest_figure_is_given(store: Any) -> None:
    # As-of dates are as precise as their source: a month of 2026 is newer than a day of 2025.
    def change(files: Files) -> None:
        files["records.yml"]["waits"] = [
            wait("older", value=30, as_of="2025-12-31"),
            wait("newest", value=20, as_of="2026-03"),
            wait("oldest", value=40, as_of="2024"),
            wait("longest", value=60, as_of="2024", measure="longest-wait"),
        ]

    with store(change) as session:
        found = {row.measure: row.value for row in newest(session, "derby-city", "child")}

    assert found == {"average-wait": Decimal(20), "longest-wait": Decimal(60)}


def test_a_figure_that_is_no_wait_for_an_assessment_is_left_out(store: Any) -> None:
    def change(files: Files) -> None:
        files["records.yml"]["waits"] = [
            wait("something-else", pathway=None, subject="plans finished in time"),
            wait("how-many", measure="people-waiting", unit="people"),
        ]

    with store(change) as session:
        assert newest(session, "derby-city", None) == []


def test_a_national_figure_is_not_given_as_a_local_one(store: Any) -> None:
    def change(files: Files) -> None:
        files["records.yml"]["waits"] = [wait("all-of-england", areas=["england"]), wait("next-door")]

    with store(change) as session:
        assert newest(session, "derbyshire", None) == []
        assert [row.id for row in newest(session, "derby-city", None)] == ["next-door"]
        assert newest(session, None, None) == []


def test_a_figure_for_everybody_answers_both_cohorts(store: Any) -> None:
    def change(files: Files) -> None:
        files["records.yml"]["waits"] = [wait("everybody", cohort="all")]

    with store(change) as session:
        for cohort in ("child", "adult", None):
            assert [row.id for row in newest(session, "derby-city", cohort)] == ["everybody"]


def test_rights_of_the_main_topic_and_the_near_area_come_first(store: Any) -> None:
    def change(files: Files) -> None:
        right = files["records.yml"]["entitlements"][0]
        bare = {**right, "deadlines": []}
        files["records.yml"]["entitlements"] += [
            {**bare, "id": "aside", "topics": ["wait_time", "support_school"]},
            {**bare, "id": "near", "areas": ["derby-city"]},
        ]

    with store(change) as session:
        found = [row.id for row in entitlements_about(session, "support_school", "derby-city")]
        elsewhere = [row.id for row in entitlements_about(session, "support_school", "derbyshire")]

    assert found == ["near", "help-at-school", "aside"]
    assert elsewhere == ["help-at-school", "aside"]


def test_rows_may_be_used_after_the_session_is_closed(shipped_engine: Engine) -> None:
    with sessions(shipped_engine)() as session:
        found = services_about(session, "support_carer", "derby-city")
        [rule] = deadlines_from(session, "mediation-certificate")

    assert all(row.organization.name and row.citations[0].source.title and row.areas for row in found)
    assert rule.entitlement.title

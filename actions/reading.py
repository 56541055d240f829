"""What one message tells of the person: area, age, who it is about, a date.

Rasa finds the words (data/nlu/entities.yml, spaCy); their meaning is worked out here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from knowledge.dates import elapsed_since, parse_date, worded_date

Cohort = Literal["child", "adult"]

#: The law's line between child and adult services.
ADULT_AGE = 18

_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80}
_UNITS = {
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
    "thirteen": 13,
    "fourteen": 14,
    "fifteen": 15,
    "sixteen": 16,
    "seventeen": 17,
    "eighteen": 18,
    "nineteen": 19,
}
_NUMBER = re.compile(rf"\d+|\b(?:{'|'.join([*_TENS, *_UNITS])})", re.I)
#: After a number: it counts or measures something else than years of age.
_NO_AGE = (
    r"(?!\s*(?:%|st\b|nd\b|rd\b|th\b|of\b|min|hour|hr|day|week|wk|month|mile|km|kg|pound|time"
    r"|kids\b|children\b|boys\b|girls\b|sons\b|daughters\b)|\s*(?:years?|yrs?)\b(?!\s*(?:old|of age)))"
)
#: Ages that are written out when people speak of themselves; "I'm one of" is no age.
_AGE_WORDS = "|".join(
    [
        *(rf"{ten}(?:[- ](?:{'|'.join(list(_UNITS)[:9])}))?" for ten in _TENS),
        *list(_UNITS)[9:],
    ]
)
_OWN_AGE = re.compile(
    rf"\b(?<!like )(?<!as if )(?:(?:i\s?['’]?m|i am)\s+(?:(?:only|just|now|nearly|almost|a)\s+)*|me,\s+)"
    rf"(?P<age>\d{{1,2}}|{_AGE_WORDS})\b{_NO_AGE}",
    re.I,
)
#: After a year's number: it is a year of a wait or of a course; a pupil of year 12 may be at college.
_NO_SCHOOL_YEAR = (
    r"(?<!1\d)\s+(?:of|at|on|into)\s+(?:\w+\s+){0,2}"
    r"(?:uni|university|college|course|degree|wait|waiting|list)\b"
)
_OWN_SCHOOL_YEAR = re.compile(
    r"\b(?:i\s?['’]?m|i am)\s+(?:(?:now|only|just|currently|still)\s+)*in\s+"
    rf"(?P<age>(?:year|yr|y)\s?\d{{1,2}})\b(?!{_NO_SCHOOL_YEAR})",
    re.I,
)
_YEAR_OF_SOMETHING_ELSE = re.compile(_NO_SCHOOL_YEAR, re.I)
#: "A mum of 2", "I have 2 autistic boys" count children; a number that begins an answer is an age.
_BARE_NUMBER = re.compile(
    r"(?:\A|(?<![\w/.£-])(?<!\bof )(?<!\bhave )(?<!\bgot )(?!\d+\s+(?:autistic|with|in)\b))"
    rf"(\d{{1,2}})(?![\w/.-]){_NO_AGE}",
    re.I,
)
#: Right before an age's number: it was the age then, or will be.
_ANOTHER_TIME = re.compile(
    r"\b(?:was|were|since|when|until|till|diagnosed|from|at)"
    r"(?: (?:(?:i|s?he|they)(?:['’](?:s|re))?|is|are|was|were|turn(?:s|ed)?|just|only|about|around|nearly"
    r"|almost|in|at|the|aged?|of|year|yr))* $",
    re.I,
)
#: A pupil in school year N turns N + 5 in it (England: year 1 turns 6).
_SCHOOL_YEAR = re.compile(rf"\b(?:year|yr|y)\s?-?(\d{{1,2}}|{'|'.join(list(_UNITS)[:13])})\b", re.I)
#: A length of time is an age only where it says so: "18 months old", not "waiting 18 months".
_IN_PARTS_OF_YEARS = re.compile(r"(\d{1,3})[\s-]*(month|mth|week|wk|day)s?\b(?P<old>[\s-]*old\b)?", re.I)
#: "it's been 22 weeks" tells when something began; "within 20 weeks" does not.
_SPEAKS_OF_A_WAIT = re.compile(r"\b(ago|been|since|waited|waiting)\b", re.I)


#: A message no longer than this asks about the place that it names.
_ASKS_ABOUT_A_PLACE_WORDS = 12

#: Right before a place: the family was there before.
_FORMER_PLACE = re.compile(
    r"\b(?:used to (?:live|be)|no longer (?:live|lives|living|based|in)|(?:was|were) (?:living|based|born)"
    r"|(?<!always )(?<!have )(?<!has )(?<!['’]ve )(?<!['’]s )(?<!\bif we )(?<!\bif i )lived"
    r"|(?:i|we)(?: \w+)? left)(?: \w+){0,3} $|\bleft $"
    r"|\b(?:moved|moving|move|transferred|(?:i|we|he|she|they|family)(?:['’](?:ve|s))?(?: \w+){0,2} c[ao]me)"
    r"(?: \w+){0,3}? from (?:\w+ )?$",
    re.I,
)

#: Right before a place: it is where the writer lives or moves to.
_OWN_PLACE = re.compile(
    r"\b(?:i|we)(?:['’]?(?:m|re|ve|ll)| am| are| have| will)?(?: \w+){0,2}?"
    r" (?:live|living|moved|move|moving|based|staying) (?:\w+ ){0,2}$"
    r"|\b(?:i|we)(?: am| are|['’]?m|['’]?re)(?: \w+)? (?:in|near|from) (?:\w+ )?$|\bhere in $",
    re.I,
)

#: Right before a place: somebody else is there.
_SOMEBODY_ELSES_PLACE = re.compile(
    r"\b(?:sister|brother|friend|mate|cousin|aunt|auntie|uncle|neighbour|colleague|niece|nephew|ex|in-laws?"
    r"|someone|somebody|(?:my|his|her|our|their)(?: [\w'’-]+)? (?:mum|mam|dad|mother|father|nan"
    r"|gran(?!dson|ddaughter|dchild)\w*)|(?:mum|mam|dad)(?=['’]s))(?:['’]?s)?\b[^.?!,;]{0,30}"
    r"\b(?:in|from|near|to) (?:\w+ )?$",
    re.I,
)

#: The area slot's value for a place this helpline does not cover.
ELSEWHERE = "elsewhere"

#: What a place on a border stands for in data/nlu/entities.yml: "derby-city or derbyshire".
_EITHER = " or "

#: Only somebody at school has "my form tutor" or asks whether their parents get to know. A parent's "my mum"
#: is somebody's grandmother, so that a mother alone does not tell.
_SOUNDS_YOUNG = re.compile(
    r"\bmy (?:form tutor|head of year|teachers?|sixth form|gcses?|a[- ]levels|foster (?:mum|dad|carers?))\b"
    r"|\b(?:do|does|will|can|would|have to|if|tell(?:ing)?|without)"
    r" (?:(?:my )?(?:mum|mam|mom|dad)|my (?:parents|carers?))"
    r" (?:and (?:mum|mam|dad) )?(?:have to |need to |going to |get to )?(?:know|find out|see|be told|come"
    r"|be there|knowing)\b"
    r"|\bmy (?:mum|mam|mom|dad|parents) (?:and (?:mum|mam|dad) )?(?:won['’]?t|wont|doesn['’]?t|dont"
    r"|don['’]?t|says?|thinks?"
    r"|think) (?:i|let|believe|listen|take|sign|want)\b|\b(?:all )?my mates at school\b",
    re.I,
)

#: Who speaks of a child like this is a grown-up.
_SPEAKS_OF_A_CHILD = re.compile(
    r"\b(?:(?:my|our)(?: \w+)?|(?<!i['’]m )(?<!im )(?<!i am )a)"
    r" (?:child|son|daughter|grandson|granddaughter|pupil)\b"
    r"|\b(?:refer|assess|test|diagnose|support|help|put|move) him\b",
    re.I,
)

#: "Today" stands in many a story about another day; it is meant only if no other is told.
_THIS_DAY = re.compile(r"today|tonight|now|this (?:morning|afternoon|evening)", re.I)

#: Our own pattern's dates and spaCy's, which may take a part of one ("november 2026") for the whole.
_DATES = ("date_phrase", "DATE")

_WEEKDAY_ALONE = re.compile(r"\s*(?:(?:the|on|a)\s+)*(?:mon|tues|wednes|thurs|fri|satur|sun)days?\s*$", re.I)
_FROM_ANOTHER_DAY = re.compile(r"\s*(?:before|after|following)\s+\w", re.I)
_THE = re.compile(r"\bthe\s+$", re.I)
_NOT_THE_LAST = re.compile(r"\b(?:every|each|next|coming|first|second|third)\s+(?:the\s+|on\s+)*$", re.I)


@dataclass(frozen=True)
class Heard:
    """What one message tells; None where it does not."""

    area: str | None = None  # area id, or "elsewhere"
    unsure_areas: tuple[str, ...] = ()  # a place on a border: one of these, and the person has to say which
    place: str | None = None  # the place as the person wrote it
    age: int | None = None  # years
    cohort: Cohort | None = None
    own_age: int | None = None  # the writer's own age; ``age`` is of the person it is about
    day: date | None = None
    sounds_young: bool = False  # speaks of "my mum" or "my school" as somebody under 18 does


def hear(
    text: str,
    entities: Iterable[Mapping[str, Any]],
    now: date | None = None,
    answers_a_question: bool = False,
    area_is_known: bool = False,
) -> Heard:
    """Read a message.

    Args:
        text: the message as the person wrote it.
        entities: Rasa's entities for it.
        now: the day to count dates from; today in the UK if not given.
        answers_a_question: the message only tells or corrects something ("no, she's actually 8"), so that a
            bare number in it is an age.
        area_is_known: where the family lives was told before, or by the page.
    """
    area = place = None
    unsure: tuple[str, ...] = ()
    ages: list[_Age] = []
    named: set[Cohort] = set()
    day = this_day = None
    own = _OWN_AGE.search(text) or _OWN_SCHOOL_YEAR.search(text)
    own_age = read_age(own["age"]) if own else None
    for entity in _without_parts(list(entities)):
        value = str(entity.get("value", ""))
        match entity.get("entity"):
            case "area" if _is_meant(text, entity, area_is_known or area not in (None, ELSEWHERE)):
                written = _as_written(text, entity)
                if _EITHER in value:
                    unsure = tuple(value.split(_EITHER))
                    place = place or written
                else:
                    area, place = value, written or place
            case "age" if not _overlaps(entity, own):
                ages += _ages(text, entity)
            case "cohort" if value in ("child", "adult"):
                named.add("child" if value == "child" else "adult")
            case found_by if found_by in _DATES and not _told_from_another(text, entity):
                words = _as_written(text, entity) or value
                told = parse_date(words, now)
                if _THIS_DAY.fullmatch(words.strip()):
                    this_day = told
                else:
                    day = told or day
    age = _age_now(ages)
    # "the adult wait, and a Blue Badge for my son" is about both: neither is taken for the other.
    cohort: Cohort | None = next(iter(named)) if len(named) == 1 else None
    if own_age is not None:
        age, cohort = _whom_it_is_about(text, own_age, age, cohort)
    elif age is None and answers_a_question and day is None and (bare := _BARE_NUMBER.search(text)):
        age = int(bare.group(1))
    if age is not None:
        cohort = "adult" if age >= ADULT_AGE else "child"
    return Heard(
        area=area,
        unsure_areas=() if area else unsure,
        place=place,
        age=age,
        cohort=cohort,
        own_age=own_age,
        sounds_young=own_age is None and cohort != "adult" and _sounds_young(text),
        day=day
        or worded_date(text, now)
        or (elapsed_since(text, now) if _SPEAKS_OF_A_WAIT.search(text) else None)
        or this_day,
    )


def _is_meant(text: str, entity: Mapping[str, Any], area_is_known: bool) -> bool:
    """Whether a place is the family's, or what the message is about.

    A short message ("and in Leeds?") asks about the place it names, unless the family has left it. In a story
    it may also be where a friend lives. When the family's area is known, that does not change it, nor does a
    place that is not covered unless it is theirs by its words; when nothing is known, a friend's place is
    taken if it is covered, as it mostly is the family's too.
    """
    start = entity.get("start")
    if not isinstance(start, int):
        return True
    before = text[:start]
    if _FORMER_PLACE.search(before):
        return False
    if len(text.split()) <= _ASKS_ABOUT_A_PLACE_WORDS or _OWN_PLACE.search(before):
        return True
    is_covered = entity.get("value") != ELSEWHERE
    if _SOMEBODY_ELSES_PLACE.search(before):
        return is_covered and not area_is_known
    return is_covered or not area_is_known


def _sounds_young(text: str) -> bool:
    return _SOUNDS_YOUNG.search(text) is not None and _SPEAKS_OF_A_CHILD.search(text) is None


def _told_from_another(text: str, entity: Mapping[str, Any]) -> bool:
    """Whether a weekday is not the last one of its name: "the Thursday before half term", "every Monday"."""
    start, end = entity.get("start"), entity.get("end")
    if not isinstance(start, int) or not isinstance(end, int):
        return False
    if not _WEEKDAY_ALONE.match(text[start:end]):
        return False
    if _NOT_THE_LAST.search(text[:start]):
        return True
    # "On Thursday after two years" is a Thursday; "the Thursday after half term" is another one.
    named = _THE.search(text[:start]) is not None or text[start:end].lower().startswith("the ")
    return named and _FROM_ANOTHER_DAY.match(text[end:]) is not None


def _without_parts(entities: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Without those dates that are part of a longer one: "november 2026" in "2 november 2026"."""
    dates = [entity for entity in entities if entity.get("entity") in _DATES]
    return [
        entity
        for entity in entities
        if entity not in dates or not any(_lies_in(entity, other) for other in dates)
    ]


def _lies_in(entity: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    inner, outer = (
        (entity.get("start", 0), entity.get("end", 0)),
        (other.get("start", 0), other.get("end", 0)),
    )
    return inner != outer and outer[0] <= inner[0] and inner[1] <= outer[1]


def _whom_it_is_about(
    text: str, own_age: int, other_age: int | None, cohort: Cohort | None
) -> tuple[int | None, Cohort | None]:
    """Age and cohort of the person a message is about, when the writer says how old they are themselves.

    A grown-up who names a child as well writes about the child ("I'm 42 and my son is 7"); somebody young
    writes about themselves.
    """
    if own_age < ADULT_AGE or re.search(r"\bmyself\b", text, re.I):
        return own_age, cohort
    if other_age is not None:
        return other_age, cohort
    return (None, cohort) if cohort == "child" else (own_age, cohort)


@dataclass(frozen=True)
class _Age:
    """An age that a message tells."""

    start: int  # where in the message
    years: int
    now: bool  # not the age of another time: "since she was 5"


def _ages(text: str, entity: Mapping[str, Any]) -> list[_Age]:
    """The age in an entity; none where its words are no age after all."""
    written = _as_written(text, entity)
    years = read_age(written or str(entity.get("value", "")))
    if years is None:
        return []
    if written is None:
        return [_Age(0, years, now=True)]
    if _SCHOOL_YEAR.fullmatch(written) and _YEAR_OF_SOMETHING_ELSE.match(text, entity["end"]):
        return []
    words = _NUMBER.search(written)
    before = text[: entity["start"] + (words.start() if words else 0)]
    return [_Age(entity["start"], years, now=_ANOTHER_TIME.search(before) is None)]


def _age_now(ages: Iterable[_Age]) -> int | None:
    """The last age told; one of another time only where there is no other."""
    told = sorted(ages, key=lambda age: (age.now, age.start))
    return told[-1].years if told else None


def _overlaps(entity: Mapping[str, Any], found: re.Match[str] | None) -> bool:
    start, end = entity.get("start"), entity.get("end")
    if found is None or not isinstance(start, int) or not isinstance(end, int):
        return False
    return start < found.end() and found.start() < end


def read_age(words: str) -> int | None:
    """Years from "7 year old", "aged 12", "year 5", "reception", "forty-six"; None when it is no age.

    "18 months old" is 1; "22 weeks" is a length of time and no age.
    """
    lowered = words.lower()
    school_year = _SCHOOL_YEAR.search(lowered)
    if school_year and not re.search(r"\d\s*(?:year|yr)", lowered):
        named = school_year.group(1)
        year = _UNITS[named] if named in _UNITS else int(named)
        return year + 5 if 1 <= year <= 13 else None
    if "reception" in lowered:
        return 5
    if "nursery" in lowered:
        return 3
    if parts := _IN_PARTS_OF_YEARS.search(lowered):
        if not parts["old"] and "age" not in lowered:
            return None
        return int(parts[1]) // 12 if parts[2].startswith("m") else 0
    digits = re.search(r"\d{1,3}", lowered)
    if digits:
        years = int(digits.group())
        return years if years <= 120 else None
    total = 0
    for word in re.findall(r"[a-z]+", re.split(r"\s(?:or|to|and)\s", lowered, maxsplit=1)[0]):
        total += _TENS.get(word, 0) + _UNITS.get(word, 0)
    return total or None


def _as_written(text: str, entity: Mapping[str, Any]) -> str | None:
    start, end = entity.get("start"), entity.get("end")
    if isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= len(text):
        return text[start:end]
    return None

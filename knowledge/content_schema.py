"""The form of the content files: what a record in ``knowledge/content/*.yml`` may and must hold.

Each file is a mapping of one or more record kinds (``sources``, ``services``, ...) to lists of records.
The models here check a record by itself; references between records are checked in ``knowledge.content``.
Text fields are plain text: a blank line starts a new bubble, a line that starts with "- " is a list item.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from decimal import Decimal
from enum import StrEnum
from string import Template as StringTemplate
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

#: Names a record for good: other records, buttons and logs refer to it.
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80)]


def _exists(partial: str) -> str:
    """Refuses a day that its month does not have."""
    if len(partial) == 10:
        date.fromisoformat(partial)
    return partial


#: A day, month or year, as precise as the source is: "2022", "2022-12" or "2022-12-31".
PartialDate = Annotated[
    str,
    StringConstraints(pattern=r"^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$"),
    AfterValidator(_exists),
]

#: A telephone number as it is read aloud: digits in groups.
PhoneNumber = Annotated[str, StringConstraints(pattern=r"^\d[\d ]{2,15}$")]

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]

#: One wording of a need: longer than this and the sentence encoder mixes several.
ShortQuestion = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=160)]

Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s]+$")]


class Area(StrEnum):
    """Where a record holds. The first three are the areas this helpline covers."""

    DERBY_CITY = "derby-city"
    DERBYSHIRE = "derbyshire"
    HEREFORDSHIRE = "herefordshire"
    ENGLAND = "england"
    UK = "uk"


class Audience(StrEnum):
    """Whom a record is written for."""

    ALL = "all"
    FAMILIES = "families"
    YOUNG_PEOPLE = "young-people"
    ADULTS = "adults"
    PROFESSIONALS = "professionals"


class Status(StrEnum):
    """A withdrawn record is never shown; a draft is shown to editors only."""

    DRAFT = "draft"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


class Confidence(StrEnum):
    """How sure we are that a contact detail is right (the fact sheet's own marks)."""

    SEED = "verified-in-seed"
    PAGE = "verified-in-archived-page"


class Freshness(StrEnum):
    """Whether it still holds: ``check`` is shown with advice to confirm it first."""

    CURRENT = "current"
    CHECK = "check"
    HISTORIC = "historic"


class Danger(StrEnum):
    """What kind of danger a crisis message speaks of; the names of the crisis topics."""

    SELF_HARM_SUICIDE = "crisis_self_harm_suicide"
    ABUSE_SAFEGUARDING = "crisis_abuse_safeguarding"
    VIOLENCE = "crisis_violence_danger"
    MISSING = "crisis_missing"
    MEDICAL = "medical_emergency"


class Strict(BaseModel):
    """An unknown or misspelt field is an error, never ignored."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Citation(Strict):
    """Where exactly in a source a record comes from."""

    source: Slug
    locator: Text | None = None  # lines, section, paragraph


class Source(Strict):
    """A document or page."""

    id: Slug
    title: Text
    publisher: Text
    published: PartialDate | None = None  # None: the page shows no date
    published_note: Text | None = None  # "about 2021-22", "not shown on the page"
    url: Url | None = None
    document: Text | None = None  # a document without an address: what it is called
    archived_copy: bool = False  # read from an archived copy, which may be older than the live page

    @model_validator(mode="after")
    def _findable(self) -> Source:
        if self.url is None and self.document is None:
            raise ValueError("give a url, or the name of the document")
        if self.published is None and self.published_note is None:
            raise ValueError("give published, or published_note saying why there is no date")
        return self


class Record(Strict):
    """What every record has."""

    id: Slug
    status: Status = Status.PUBLISHED
    areas: list[Area] = Field(min_length=1)
    audience: Audience = Audience.ALL
    topics: list[Text] = Field(default_factory=list)  # names from topics.yml, the main one first
    as_of: PartialDate  # the date the facts were true
    review_by: date
    freshness: Freshness = Freshness.CURRENT
    caveat: Text | None = None  # said with every answer: what may have changed and where to check
    sources: list[Citation] = Field(min_length=1)


class Ages(Strict):
    """From and to, in years, both included; None is no limit."""

    min_age: int | None = Field(default=None, ge=0, le=120)
    max_age: int | None = Field(default=None, ge=0, le=120)

    @model_validator(mode="after")
    def _in_order(self) -> Ages:
        if self.min_age is not None and self.max_age is not None and self.min_age > self.max_age:
            raise ValueError("min_age is greater than max_age")
        return self


class Organization(Strict):
    """Who runs services."""

    id: Slug
    name: Text
    description: Text
    alternate_names: list[Text] = Field(default_factory=list)
    website: Url | None = None
    sources: list[Citation] = Field(min_length=1)


class Phone(Strict):
    """A telephone number that somebody confirmed."""

    number: PhoneNumber
    label: Text | None = None  # "out of hours", "option 3"
    extension: Text | None = None
    text_only: bool = False
    confidence: Confidence
    freshness: Freshness = Freshness.CURRENT

    @model_validator(mode="after")
    def _still_good(self) -> Phone:
        if self.freshness is Freshness.HISTORIC:
            raise ValueError("a number that no longer holds is not stored")
        return self


class Cost(Strict):
    """A price, or that there is none."""

    option: Text  # "Free", "Derby City residents"
    amount: Decimal | None = None  # pounds


class AlsoAsked(Strict):
    """Other wordings of the same need, as people write them: search finds the record by each. Never shown."""

    also_asked: list[ShortQuestion] = Field(default_factory=list, max_length=20)


class Service(Record, Ages, AlsoAsked):
    """Something a person can use, in the shape of Open Referral UK's ``service``."""

    name: Text
    alternate_names: list[Text] = Field(default_factory=list)
    organization: Slug
    description: Text  # what it does, for the person reading
    easy_read: Text
    who_for: Text | None = None
    needs_diagnosis: Literal["yes", "no", "not-stated"]
    how_to_reach: Text  # what to do to get it; says so when no contact is confirmed
    phones: list[Phone] = Field(default_factory=list)
    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    url: Url | None = None
    hours: Text | None = None
    address: Text | None = None
    costs: list[Cost] = Field(default_factory=list)


class PathwayStep(Strict):
    """One step of a pathway, in order."""

    title: Text
    text: Text
    while_waiting: bool = False  # where somebody is whose referral has gone in and who was not assessed yet


class Pathway(Record, Ages, AlsoAsked):
    """How to get from a first worry to an assessment."""

    title: Text
    cohort: Literal["child", "adult"]
    answer: Text  # the short answer: who assesses, who can refer
    easy_read: Text
    young_person: Text | None = None
    referrers: list[Text] = Field(min_length=1)  # "GP", "self"
    self_referral: Literal["yes", "no", "not-stated"]
    assessed_by: list[Slug] = Field(default_factory=list)  # services
    check_with: list[Slug] = Field(default_factory=list)  # services or guidance: where to confirm it today
    steps: list[PathwayStep] = Field(min_length=1)

    @model_validator(mode="after")
    def _waits_at_one_step(self) -> Pathway:
        if sum(step.while_waiting for step in self.steps) > 1:
            raise ValueError("only one step can be the one while_waiting")
        return self


class Wait(Record):
    """One reported figure about waiting. Figures are never merged or updated: a newer one is a new record."""

    pathway: Slug | None = None
    cohort: Literal["child", "adult", "all"]
    measure: Literal[
        "average-wait",
        "longest-wait",
        "people-waiting",
        "referrals",
        "assessments-funded",
        "share-in-time",
        "standard",
    ]
    subject: Text  # "autism assessment", "EHC plans finished in 20 weeks"
    value: Decimal
    unit: Text  # "weeks", "people", "per month", "%"
    note: Text | None = None  # what the figure does not tell


class LegalBasis(Strict):
    """The law a rule stands on."""

    name: Text  # "Children and Families Act 2014"
    section: Text  # "section 36(8)"


#: What time limits are counted from; ``knowledge.deadlines.EVENTS`` says each in words.
Trigger = Literal[
    "request-received",
    "draft-plan",
    "plan-issued",
    "review-meeting",
    "amendment-notice",
    "plan-transferred",
    "decision-letter",
    "mediation-request",
    "mediation-declined",
    "mediation-certificate",
    "mediation-agreement",
    "tribunal-order",
    "discriminatory-act",
    "governors-decision",
    "problem-known",
]


class Deadline(Strict):
    """A time limit as data: count a period from a trigger."""

    id: Slug
    title: Text  # "The council must say whether it will assess"
    trigger: Trigger
    count: int = Field(gt=0)
    unit: Literal["days", "school-days", "working-days", "weeks", "months"]
    # "plain": counted from the day after the trigger; "from-the-day": the trigger day is day one ("beginning
    # with the day on which"); "send-tribunal": as plain, with the Tribunal's own rules on the last day.
    day_rule: Literal["plain", "from-the-day", "send-tribunal"] = "plain"
    later_of: Slug | None = None  # rules with the same name here are one limit: the later day counts
    legal_basis: LegalBasis
    exceptions: Text | None = None
    if_missed: Text  # what a person can do when it passes


class Entitlement(Record, AlsoAsked):
    """What the law gives, to whom, and by when."""

    title: Text
    who: Text
    answer: Text
    easy_read: Text
    young_person: Text | None = None
    how_to_use: Text
    legal_basis: list[LegalBasis] = Field(min_length=1)
    deadlines: list[Deadline] = Field(default_factory=list)


#: The name of something that a person fills in; in a letter's words it stands as ``$name``.
FieldName = Annotated[str, StringConstraints(pattern=r"^[a-z]+(_[a-z]+)*$", max_length=40)]

#: In a letter's words these stand for what the store knows, and are no fields.
LETTER_FACTS = frozenset(("law", "limit_title", "limit_period", "limit_law", "limit_ended"))


class LetterField(Strict):
    """Something that a person may fill in; nothing must be."""

    name: FieldName
    label: Text
    hint: Text | None = None
    multiline: bool = False
    blank: Text  # what stands in the letter when nothing is given: "your name" gives "[your name]"
    # What the chat may know of it already: the council of the person's area, or the day of an event.
    known: Literal["council", "request-received", "referral"] | None = None


class LetterVoice(Strict):
    """The words of a letter for one kind of writer."""

    id: Slug
    label: Text  # "I am a parent or carer"
    audiences: list[Audience] = Field(min_length=1)
    entitlement: Slug | None = None  # the right that it uses: ``$law`` quotes its legal basis
    body: Text


class Letter(Record, AlsoAsked):
    """A letter to fill in. Its words may hold ``$name`` for a field and the names in LETTER_FACTS."""

    rank: int = Field(ge=1, le=99)  # 1 is offered first
    title: Text
    about: Text  # what it is for, in one or two sentences
    easy_read: Text
    recipient: Text
    subject: Text
    fields: list[LetterField] = Field(min_length=1)
    voices: list[LetterVoice] = Field(min_length=1)
    limits: list[Slug] = Field(default_factory=list)  # deadline rules; with several, the person picks one
    limit_from: FieldName | None = None  # the field that holds the day the limit is counted from

    @model_validator(mode="after")
    def _filled_by_its_fields(self) -> Letter:
        names = [field.name for field in self.fields]
        if len(set(names)) < len(names) or LETTER_FACTS & set(names):
            raise ValueError("two fields have the same name, or one has the name of a fact")
        if self.limit_from is not None and self.limit_from not in names:
            raise ValueError(f"limit_from names no field: {self.limit_from}")
        limit = {"limit_title", "limit_period", "limit_law"} if self.limits else set()
        if self.limits and self.limit_from:
            limit.add("limit_ended")
        for text in (self.recipient, self.subject):
            _only_names(text, names)
        for voice in self.voices:
            _only_names(voice.body, {*names, *limit, *(["law"] if voice.entitlement else [])})
        return self


def _only_names(text: str, known: Collection[str]) -> None:
    template = StringTemplate(text)
    if not template.is_valid():
        raise ValueError("a $ that begins no name: write $$ for the sign itself")
    for name in template.get_identifiers():
        if name not in known:
            raise ValueError(f"${name} is no field, and no fact that this letter has")


class Guidance(Record, Ages, AlsoAsked):
    """An answer to one real question."""

    question: Text  # as a person would ask it
    answer: Text  # leads with the answer itself
    easy_read: Text
    young_person: Text | None = None
    # Topics this record answers in general: at most one record a topic, area and audience. The fallback
    # when nothing more exact matches.
    general_for: list[Text] = Field(default_factory=list)
    services: list[Slug] = Field(default_factory=list)  # shown as cards with the answer
    next_step: Text | None = None  # what the person can do next


class GlossaryTerm(Record):
    """A hard word, explained."""

    term: Text
    alternate_terms: list[Text] = Field(default_factory=list)
    meaning: Text
    easy_read: Text


class CrisisContact(Record, Ages):
    """Whom to contact in danger. Only confirmed and current ones."""

    name: Text
    dangers: list[Danger] = Field(min_length=1)
    rank: int = Field(ge=1, le=99)  # 1 is shown first
    phone: PhoneNumber | None = None
    phone_note: Text | None = None  # "choose option 2"
    text: Text | None = None  # how to reach it by text message
    url: Url | None = None
    email: Text | None = None
    hours: Text | None = None
    says: Text  # one line: when to use it
    confidence: Confidence

    @model_validator(mode="after")
    def _usable(self) -> CrisisContact:
        if self.freshness is not Freshness.CURRENT:
            raise ValueError("a crisis contact must be current")
        if not (self.phone or self.text):
            raise ValueError("a crisis contact needs a phone number or a text line")
        return self


class CrisisReply(Record):
    """The first words to someone in danger, one record a danger; contacts are added from crisis_contacts."""

    danger: Danger
    says: Text  # what to do now; two or three short sentences, no question
    easy_read: Text
    young_person: Text


class Topic(Strict):
    """A topic a message can be about; a Rasa intent is named exactly as its topic."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z_]+$")]
    group: Literal["diagnosis", "waits", "support", "rights", "general", "crisis"]
    title: Text  # what a button or a heading calls it
    boundary: Text  # what belongs to it and what does not


class AreaDescription(Strict):
    """An area as people know it."""

    id: Area
    name: Text
    covered: bool  # whether this helpline has local content for it
    inside: list[Area] = Field(default_factory=list)  # wider areas whose records hold here too
    local_offer: Slug | None = None  # service
    advice_service: Slug | None = None  # service: who gives impartial SEND advice here


class ContentFile(Strict):
    """One file: any record kinds."""

    topics: list[Topic] = Field(default_factory=list)
    areas: list[AreaDescription] = Field(default_factory=list)
    sources: list[Source] = Field(default_factory=list)
    organizations: list[Organization] = Field(default_factory=list)
    services: list[Service] = Field(default_factory=list)
    pathways: list[Pathway] = Field(default_factory=list)
    waits: list[Wait] = Field(default_factory=list)
    entitlements: list[Entitlement] = Field(default_factory=list)
    guidance: list[Guidance] = Field(default_factory=list)
    letters: list[Letter] = Field(default_factory=list)
    glossary: list[GlossaryTerm] = Field(default_factory=list)
    crisis_contacts: list[CrisisContact] = Field(default_factory=list)
    crisis_replies: list[CrisisReply] = Field(default_factory=list)

"""What is known of the person and the talk, kept in Rasa's slots from turn to turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.forms import REQUESTED_SLOT
from rasa_sdk.interfaces import Tracker

from actions.reading import ADULT_AGE, ELSEWHERE, Cohort, hear
from actions.referral import heard_referral
from knowledge.periods import Period

#: Topics that are about one cohort by themselves.
_TOPIC_COHORT: dict[str, Cohort] = {"diagnosis_route_child": "child", "diagnosis_route_adult": "adult"}


#: Of a question and those that carried it on, so many characters are kept.
MOST_REMEMBERED = 300


@dataclass(frozen=True)
class Question:
    """One of several questions in a message."""

    text: str
    topic: str


@dataclass(frozen=True)
class Context:
    """The slots, read once at the start of an action."""

    text: str  # what is answered: the newest message or a part of it; empty where a topic is answered again
    said: str = ""  # the newest message itself
    area: str | None = None  # area id, "elsewhere", or None when not known
    unsure_areas: tuple[str, ...] = ()  # the newest message names a place on a border: one of these areas
    place: str | None = None  # as the person wrote it
    age: int | None = None
    cohort: Cohort | None = None
    young: bool = False  # the person writing is under 18
    own_age: int | None = None  # the writer's own age, if the newest message says it
    day: date | None = None  # a date in the newest message
    event: str | None = None  # what time limits are counted from: "request-received" ...
    event_date: date | None = None  # the day of that event
    referred: Period | None = None  # when the person waited for was referred, as exactly as it was told
    topic: str | None = None  # the last topic answered
    topic_before: str | None = None  # the same, also while the newest message is answered
    easy_read: bool = False
    area_declined: bool = False
    area_was_asked: bool = False  # and neither told nor declined yet
    misunderstood: int = 0
    shown: Sequence[str] = field(default_factory=tuple)  # record ids of the last answer
    asked: Sequence[str] = field(default_factory=tuple)  # what the person asked, for an adviser's summary
    question: str | None = None  # the words that the last topic was answered for
    before: str | None = None  # the same while the newest message is answered: it may lean on them
    understood_well: bool = True  # whether the newest message's topic is more than a guess
    guessed: bool = False  # whether it is hardly even that
    likely: Mapping[str, float] = field(default_factory=dict)  # topics of the newest message -> how likely
    insults: int = 0  # in a row
    questions: Sequence[Question] = field(default_factory=tuple)  # several in the newest message
    settled: bool = False  # the topic was answered before and is now only answered again
    names: Sequence[str] = field(default_factory=tuple)  # people's names in the newest message
    #: Where the newest message is a suggestion of ours that was pressed: the same without what that says of
    #: somebody's age, place or dates. It serves the one answer and is nothing that the person told.
    told: Context | None = None

    @property
    def own(self) -> Context:
        """What the person told themselves: to keep, and to hand to others."""
        return self.told or self

    @property
    def store_area(self) -> str | None:
        """The area to ask the store for: None outside the covered areas."""
        return None if self.area == ELSEWHERE else self.area

    @property
    def audience(self) -> str | None:
        """For whom an answer should be written, as far as known."""
        if self.young:
            return "young-people"
        return {"adult": "adults", "child": "families", None: None}[self.cohort]

    def person(self) -> dict[str, Any]:
        """What the gateway keeps of the person: it chooses crisis contacts by it, also when Rasa is down."""
        return {"area": self.own.store_area, "age": self.own.age, "young": self.own.young}

    def about(self, topic: str) -> Context:
        """The same talk, now about a topic; a topic that is about adults or children by itself says who."""
        cohort = _TOPIC_COHORT.get(topic, self.cohort)
        age = self.age if self.age is None or _cohort_of(self.age) == cohort else None
        return replace(self, topic=topic, cohort=cohort, age=age)

    def slots(self) -> list[EventType]:
        """The events that keep it for the next turn."""
        own = self.own
        return [
            SlotSet("area", own.area),
            SlotSet("place", own.place),
            SlotSet("age", own.age),
            SlotSet("cohort", own.cohort),
            SlotSet("young", own.young),
            # What limits are asked for is the talk's; the day is the person's.
            SlotSet("event", own.event if own.event_date else self.event),
            SlotSet("event_date", own.event_date.isoformat() if own.event_date else None),
            SlotSet("referred", own.referred.iso() if own.referred else None),
            SlotSet("topic", self.topic),
            SlotSet("easy_read", self.easy_read),
            SlotSet("area_declined", self.area_declined),
            SlotSet("misunderstood", self.misunderstood),
            SlotSet("shown", list(self.shown)),
            SlotSet("asked", list(own.asked)),
            SlotSet("question", self.question),
            SlotSet("insults", self.insults),
        ]


def _told_before(message: dict[str, Any]) -> str | None:
    """The area that the page itself knew (a council's own site), told with each message by the gateway."""
    area = (message.get("metadata") or {}).get("area")
    return str(area) if area else None


def _writer_is_young(message: dict[str, Any], slot: object) -> bool:
    """Whether the writer is under 18: as the gateway tells (it knows the channel), else as remembered."""
    told = (message.get("metadata") or {}).get("young")
    return told if isinstance(told, bool) else bool(slot)


def _is_a_suggestion(message: dict[str, Any]) -> bool:
    """Whether the newest message is a question that we offered on a button, in our words and not theirs.

    The gateway tells what was pressed. Buttons that are commands ("/inform...") hold what the person answers.
    """
    pressed = (message.get("metadata") or {}).get("pressed") is True
    return pressed and not str(message.get("text") or "").startswith("/")


def _cohort_of(age: int) -> Cohort:
    return "adult" if age >= ADULT_AGE else "child"


#: The answerability (bot/answerability.py) below which a message's topic is a guess ...
_UNDERSTOOD_WELL = 0.5

#: ... hardly even that when the classifier itself is no surer than this: of 146 long development questions
#: answered so with a topic's general answer, 90 got another topic's.
_GUESSED_CONFIDENCE = 0.75

#: An adviser's summary holds the last questions, not the whole chat.
_MOST_ASKED = 8


def read_context(tracker: Tracker) -> Context:
    """Slots and the newest message together; what the message says replaces what was known."""
    message: dict[str, Any] = tracker.latest_message or {}
    context = _read(tracker, message)
    if not _is_a_suggestion(message):
        return context
    unsaid = {**message, "text": "", "entities": []}
    return replace(context, told=_read(tracker, unsaid))


def _read(tracker: Tracker, message: dict[str, Any]) -> Context:
    text = str(message.get("text") or "")
    from_button = text.startswith("/")
    intent, confidence = _understood(message)
    answerability = float(message.get("answerability", 1.0))
    guessed = answerability < _UNDERSTOOD_WELL and confidence < _GUESSED_CONFIDENCE
    telling = intent in ("inform", "correct", "follow_up")
    known_area = tracker.get_slot("area") or _told_before(message)
    heard = hear(
        "" if from_button else text,
        message.get("entities") or [],
        answers_a_question=telling,
        area_is_known=known_area is not None,
    )

    age, cohort = tracker.get_slot("age"), tracker.get_slot("cohort")
    if heard.age is not None:
        age, cohort = heard.age, heard.cohort
    elif heard.cohort is not None and heard.cohort != cohort:
        age, cohort = None, heard.cohort
    young = heard.sounds_young or _writer_is_young(message, tracker.get_slot("young"))
    if heard.own_age is not None:
        young = heard.own_age < ADULT_AGE
    # "DE73" from somebody who said Derby before is the part of it that is in Derby.
    unsure = () if known_area in heard.unsure_areas else heard.unsure_areas
    stored_day = tracker.get_slot("event_date")
    stored = tracker.get_slot("referred")
    referred = Period.from_iso(stored) if stored else None
    if text and not from_button:
        referred = heard_referral(text, referred, tracker.get_slot("topic"), telling)
    asked = list(tracker.get_slot("asked") or [])
    if text and not from_button:
        asked = [*asked, text[:300]][-_MOST_ASKED:]
    return Context(
        text="" if from_button else text,
        said="" if from_button else text,
        area=None if unsure else heard.area or known_area,
        unsure_areas=unsure,
        place=heard.place if heard.area or unsure else tracker.get_slot("place"),
        age=int(age) if age is not None else None,
        cohort=cohort,
        young=young,
        own_age=heard.own_age,
        day=heard.day,
        event=tracker.get_slot("event"),
        event_date=date.fromisoformat(stored_day) if stored_day else None,
        referred=referred,
        topic=tracker.get_slot("topic"),
        topic_before=tracker.get_slot("topic"),
        easy_read=bool(tracker.get_slot("easy_read")),
        area_declined=bool(tracker.get_slot("area_declined")),
        area_was_asked=tracker.get_slot(REQUESTED_SLOT) == "area",
        # Counted in a row: anything that is understood in between starts it again.
        misunderstood=int(tracker.get_slot("misunderstood") or 0)
        if guessed or intent == "nlu_fallback"
        else 0,
        shown=tracker.get_slot("shown") or (),
        asked=asked,
        question=tracker.get_slot("question"),
        before=tracker.get_slot("question"),
        understood_well=answerability >= _UNDERSTOOD_WELL,
        guessed=guessed,
        likely={
            str(ranked["name"]): float(ranked["confidence"]) for ranked in message.get("intent_ranking") or []
        },
        insults=int(tracker.get_slot("insults") or 0) if intent == "insult" else 0,
        questions=_questions(message),
        names=[
            str(entity.get("value"))
            for entity in message.get("entities") or []
            if entity.get("entity") == "PERSON"
        ],
    )


def _understood(message: Mapping[str, Any]) -> tuple[str | None, float]:
    """The intent, and how sure the classifier is of it."""
    intent = message.get("intent") or {}
    return intent.get("name"), float(intent.get("confidence") or 0.0)


#: So sure of its topic a question inside a message has to be. Of 871 messages with one topic that hold two
#: question marks, hardly one passes with both its halves (docs/decisions/0003-understanding.md).
_SURE_CONFIDENCE, _SURE_ANSWERABILITY = 0.6, 0.5


def _questions(message: Mapping[str, Any]) -> tuple[Question, ...]:
    """The questions of a message that each have a topic of their own; empty when it asks about one."""
    found: dict[str, Question] = {}
    for question in message.get("questions") or []:
        intent = question.get("intent") or {}
        sure = float(intent.get("confidence") or 0.0) >= _SURE_CONFIDENCE
        if sure and float(question.get("answerability") or 0.0) >= _SURE_ANSWERABILITY:
            topic = str(intent.get("name"))
            found.setdefault(topic, Question(str(question.get("text") or ""), topic))
    return tuple(found.values()) if len(found) > 1 else ()

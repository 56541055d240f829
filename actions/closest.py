"""Which record answers the person's very question, and with that which topic is answered.

The dialogue model says what a message is about; the search says which records fit its words. Both count:
the record that answers is the one that fits best, those about the topic understood a little ahead, and its
general answer a little more. Pathways and rights count as general answers: their topics are answered with
them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from actions.context import Context
from actions.event_dates import counts_from
from actions.named import services_named
from actions.referral import WAIT_TOPICS
from actions.store import once, search
from knowledge.models import Entitlement, GlossaryTerm, Guidance, Record, Service
from knowledge.queries.areas import areas_from_near_to_wide
from knowledge.queries.guidance import glossary_by_id
from knowledge.queries.kept import records_by_id
from knowledge.queries.services import services_by_id
from knowledge.search import Match

#: The order of the search (``Match.fit``) decides. A topic that the dialogue model is sure of counts so much
#: beside it for a record about that topic, and so much more for that topic's general answer: the particular
#: one may take for granted what nobody said. One that is half as likely counts half of it. Chosen on
#: development questions (docs/decisions/0003-understanding.md).
_TOPIC_COUNTS = 0.08
_GENERAL_COUNTS = 0.04

#: Fit that is close enough, for a record about the topic understood and for any other.
_SAME_TOPIC = 0.55
_OTHER_TOPIC = 0.83

#: A service that is described in a person's words ("wheelchair for my child") fits so well, and so much
#: better than any answer in words.
_SERVICE_FITS = 0.92
_SERVICE_AHEAD = 0.08

#: Where the dialogue model only guesses, a record answers that stands out from all others: it fits by so
#: much, and, its topic counted in, better than the next by so much. Of 328 guesses at development messages
#: it was the right one for 163 of 175 that stood out by .06, and for 41 of 70 between .03 and .06.
_STANDS_OUT = 0.55
_AHEAD = 0.05

#: So many records that are nearest speak for a guess when all of them are about its topic: of 35 long
#: development messages where none stood out, 24 were then answered rightly.
_NEAREST = 3

#: Questions to choose from, when none stands out: nearly as near as the nearest.
_MAY_BE_MEANT = 0.46
_NEARLY_THE_NEAREST = 0.15

#: Closeness (cosine) at which a record answers a message that is carried on from the one before ...
_CLOSE = 0.63

#: ... and at which a message stands for itself.
_SURELY_SAME_QUESTION = 0.79

#: Offered beside an answer: questions that fit the words nearly as well, and are close enough in meaning.
_FIT_NEARLY_AS_WELL = 0.22
_WORTH_OFFERING = 0.53

#: Longer than this is no button.
_BUTTON_CHARACTERS = 100

#: A message no longer than this may lean on the question before it.
_LEANING_WORDS = 20

#: How much the words of a message that leans count alone, beside how it carries on the question before it.
_ALONE_COUNTS = 0.1

#: What was shown for the question before stands back by so much.
_SHOWN_ALREADY = 0.04

#: As far down the order a record is looked for in both readings of a message that leans.
_FAR_DOWN = 200

#: A record that answers is looked for among so many.
_MANY = 20

#: These are answered in their own way, whatever record is close: a name needs its contact.
_OWN_WAY = ("service_contact",)

#: These may speak of a service and ask something else about it.
_OWN_WAY_WITH_SERVICES = ("complaint",)

#: "What is DLA?" is asked of a word, and not of what else is known about it.
_ASKS_FOR_A_WORD = 0.85


@dataclass(frozen=True)
class _Candidate:
    record: Record  # guidance, a pathway or an entitlement
    score: float
    fit: float

    @property
    def asked_as(self) -> str | None:
        """What asks for it on a button: its question, or what a right is called."""
        match self.record:
            case Guidance():
                return self.record.question
            case Entitlement():
                return self.record.title
        return None

    def is_about(self, topic: str) -> bool:
        return any(link.topic == topic for link in self.record.topics)

    def is_general(self, topic: str) -> bool:
        always = not isinstance(self.record, Guidance)
        return any((link.general or always) and link.topic == topic for link in self.record.topics)

    def topic_beside(self, understood: str | None) -> str:
        """The topic it answers: the one understood, if it is about that; else its own first."""
        if understood is not None and self.is_about(understood):
            return understood
        return str(self.record.topics[0].topic)

    def may_answer(self, understood: str | None) -> bool:
        """Whether it is about the topic understood, or so particular that it answers for itself."""
        if understood is None or self.is_about(understood):
            return True
        return not any(self.is_general(link.topic) for link in self.record.topics)

    def counts(self, likely: Mapping[str, float]) -> float:
        """How well it answers, for a message that is about these topics, each as likely as it says."""
        topics = [str(link.topic) for link in self.record.topics]
        topic = max(topics, key=lambda name: likely.get(name, 0.0), default="")
        # A right is said in the words of the law: general words of a topic are plainer.
        general = self.is_general(topic) and not isinstance(self.record, Entitlement)
        return self.fit + likely.get(topic, 0.0) * (_TOPIC_COUNTS + (_GENERAL_COUNTS if general else 0.0))


def closest_record(
    context: Context, session: Session, understood: str | None
) -> Guidance | Entitlement | None:
    """The guidance or the right that answers the person's very question.

    Args:
        understood: the message's topic as the dialogue model sees it; None when it sees none.

    Returns:
        None when none is close enough, or when a topic's own way of answering is better.
    """
    choice, topic = _choose(context, session, understood)
    if choice is None:
        return None
    record = choice.record
    if isinstance(record, Entitlement) or (isinstance(record, Guidance) and not choice.is_general(topic)):
        return record
    return None


def service_described(context: Context, session: Session) -> Service | None:
    """The service that a message asks for in words of its own; None when an answer fits about as well."""
    asked = ("described", context.text, context.before, context.store_area, context.age, context.young)
    return once(session, asked, lambda: _service_described(context, session))


def _service_described(context: Context, session: Session) -> Service | None:
    if not context.text or leans(context, session):
        return None
    areas = areas_from_near_to_wide(session, context.store_area)
    for match in search().closest(context.text, ["service"], areas, limit=1, age=context.age):
        ahead = match.fit - max((found.fit for found in _candidates(context, session)), default=0.0)
        if match.fit >= _SERVICE_FITS and ahead > _SERVICE_AHEAD:
            return services_by_id(session, [match.record_id])[0]
    return None


def questions_nearby(context: Context, session: Session, shown: Collection[str], most: int) -> list[str]:
    """Other questions that the store answers and the person may have meant, best first.

    Args:
        shown: ids of the records that were said already.
        most: at most so many.

    Returns:
        Questions in the words of their records, or what rights are called: pressed, each is answered.
    """
    candidates = _candidates(context, session)
    if not candidates:
        return []
    best = max(found.fit for found in candidates)
    return _buttons(
        found
        for found in candidates
        if found.record.id not in shown
        and found.score >= _WORTH_OFFERING
        and found.fit >= best - _FIT_NEARLY_AS_WELL
    )[:most]


def _buttons(candidates: Iterable[_Candidate]) -> list[str]:
    names = [found.asked_as for found in candidates]
    return [name for name in names if name and len(name) <= _BUTTON_CHARACTERS]


def record_pressed(context: Context, session: Session) -> Guidance | Entitlement | None:
    """The record whose suggestion was pressed; None when words were typed."""
    found = _pressed(context, session)
    return found.record if found and isinstance(found.record, Guidance | Entitlement) else None


def _pressed(context: Context, session: Session) -> _Candidate | None:
    if context.told is None:
        return None
    return next((found for found in _candidates(context, session) if found.asked_as == context.text), None)


def topic_by_meaning(context: Context, session: Session, understood: str | None) -> str | None:
    """The topic to answer: as understood, unless the person asks the very question of a record elsewhere.

    A service that is described is answered as one that is named.

    Args:
        understood: the message's topic as the dialogue model sees it; None when it sees none.
    """
    if understood in _OWN_WAY:
        return understood
    # A date is there to be counted from: no record can answer that.
    if (
        understood == "ehcp_timescale"
        and counts_from(context, understood)
        and not _is_about_else(context, session)
    ):
        return understood
    if (
        understood not in _OWN_WAY_WITH_SERVICES
        and context.day is None
        and service_described(context, session)
    ):
        return "service_contact"
    choice, topic = _choose(context, session, understood)
    return topic if choice else understood


def _is_about_else(context: Context, session: Session) -> bool:
    """Whether a message with a date, whose topic is a guess, is plainly not about a plan's time limits."""
    if context.understood_well or not (candidates := _candidates(context, session)):
        return False
    found = _standing_out(candidates, context.likely)
    return found is not None and not any(link.topic.startswith("ehcp_") for link in found.record.topics)


def term_asked_for(context: Context, session: Session) -> GlossaryTerm | None:
    """The hard word that a message asks the meaning of: "what is DLA"; None when it asks something else."""
    if not context.text or _pressed(context, session):
        return None
    areas = areas_from_near_to_wide(session, context.store_area)
    for match in search().closest(context.text, ["glossary"], areas, limit=1):
        if match.score >= _ASKS_FOR_A_WORD:
            return glossary_by_id(session, match.record_id)
    return None


def _choose(context: Context, session: Session, understood: str | None) -> tuple[_Candidate | None, str]:
    """The best record and the topic it answers; (None, "") when none is close enough."""
    candidates = _candidates(context, session)
    if not candidates:
        return None, ""
    if pressed := _pressed(context, session):
        return pressed, pressed.topic_beside(understood)
    if leans(context, session) and not context.understood_well:
        # The topic is a guess from words that do not stand for themselves.
        first = candidates[0]
        if first.score < _CLOSE:
            return None, ""
        return first, first.topic_beside(context.topic)
    if not context.understood_well and (found := _standing_out(candidates, context.likely)):
        return found, found.topic_beside(understood)
    # A general answer is one to its own topic: what was understood is not given up for another's.
    fitting = [found for found in candidates if found.may_answer(understood)]
    # What is answered for another reason than the model's reading of these very words is sure.
    likely = context.likely if understood in context.likely else {understood: 1.0} if understood else {}
    best = max(fitting, key=lambda found: found.counts(likely), default=None)
    if best is None:
        return None, ""
    topic = best.topic_beside(understood)
    return (best, topic) if best.fit >= (_SAME_TOPIC if topic == understood else _OTHER_TOPIC) else (None, "")


def _standing_out(candidates: list[_Candidate], likely: Mapping[str, float]) -> _Candidate | None:
    """The record that answers clearly better than every other; None when there is none."""
    first, *others = sorted(candidates, key=lambda found: -found.counts(likely))
    # General answers to one topic, for here and for everywhere, are no rivals.
    general = _general_topics(first)
    rivals = [found.counts(likely) for found in others if not general & _general_topics(found)]
    ahead = first.counts(likely) - max(rivals, default=0.0)
    return first if first.fit >= _STANDS_OUT and ahead >= _AHEAD else None


def _general_topics(found: _Candidate) -> set[str]:
    """The topics whose general answer a record is; a right or a pathway is one of several."""
    if not isinstance(found.record, Guidance):
        return set()
    return {link.topic for link in found.record.topics if link.general}


#: A gatekeeper's claim is searched for as a claim: "school say", "is that right?" are in every one.
_WHO_SAYS = re.compile(
    r"^(?:(?:the |our |my |his |her )?(?:school|senco|council|la|gp|doctor|head ?teacher|head|teacher"
    r"|nursery|they|college)"
    r" (?:say|says|said|told (?:me|us)|tells? (?:me|us)|(?:is|are|keeps?) (?:saying|telling (?:me|us))"
    r"|reckons?|claims?)"
    r" (?:that )?)",
    re.I,
)
_IS_IT_TRUE = re.compile(
    r"[\s,.;-]*\b(?:is (?:that|this|it) (?:right|true|correct|legal|allowed|ok|lawful|so|a rule|the law|fair)"
    r"(?:\s*\?+|\s*$)"
    r"|(?:(?:can|could|should) they(?: really| actually| just)?(?: do (?:that|this))?|are they allowed(?:"
    r" to(?: do (?:that|this))?)?"
    r"|do (?:i|we) have to|right|true)\s*\?+)\s*",
    re.I,
)


def claim_in(text: str) -> str:
    """A claim without who made it and without the doubt about it; other texts as they are."""
    claim = _WHO_SAYS.sub("", _IS_IT_TRUE.sub(" ", text.strip()).strip())
    return claim if len(claim.split()) > 2 else text


def leans(context: Context, session: Session) -> bool:
    """Whether a message does not stand for itself but carries on the question before it."""
    return words_asked(context, session) != context.text


def says_too_little(context: Context, session: Session) -> bool:
    """Whether a message of no plain topic carries the last question on and no record is close to both."""
    if context.understood_well or context.questions or not leans(context, session):
        return False
    return _choose(context, session, None)[0] is None


def is_guesswork(context: Context, session: Session, understood: str) -> bool:
    """Whether a message's topic is hardly a guess, and no record stands out that would answer it.

    What carries the question before it on is not: it is read together with that.
    """
    if not context.guessed or not context.text or context.questions or counts_from(context, understood):
        return False
    if leans(context, session):
        return False
    if understood in WAIT_TOPICS and context.referred is not None:
        return False
    if services_named(session, context.text, context.store_area, context.place).only:
        return False
    if _pressed(context, session):
        return False
    candidates = _candidates(context, session)
    if not candidates:
        return True
    # What is nearest is all about the topic guessed: whichever it is, it is no other subject.
    nearest = sorted(candidates, key=lambda found: -found.fit)[:_NEAREST]
    if nearest[0].fit >= _STANDS_OUT and all(found.is_about(understood) for found in nearest):
        return False
    return _standing_out(candidates, context.likely) is None


def questions_meant(context: Context, session: Session, most: int) -> list[str]:
    """The questions that a message may ask when it is not clear which, best first; at most ``most``."""
    candidates = _candidates(context, session)
    best = max((found.fit for found in candidates), default=0.0)
    return _buttons(
        found
        for found in sorted(candidates, key=lambda found: -found.counts(context.likely))
        if found.fit >= max(_MAY_BE_MEANT, best - _NEARLY_THE_NEAREST)
    )[:most]


def words_asked(context: Context, session: Session) -> str:
    """What a message asks in full: together with the question before it, if it leans on that."""
    return _read(context, session)[0]


def _candidates(context: Context, session: Session) -> list[_Candidate]:
    """The records close to a message, or closer to the claim in it, best first."""
    return _read(context, session)[1]


def _read(context: Context, session: Session) -> tuple[str, list[_Candidate]]:
    """The words of a message as they were searched for, and what was found."""
    if not context.text:
        return "", []
    asked = ("candidates", context.text, context.before, context.store_area, context.age, context.young)
    return once(session, asked, lambda: _search_for(context, session))


def _search_for(context: Context, session: Session) -> tuple[str, list[_Candidate]]:
    found: dict[str, _Candidate] = {}
    # In the order of the claim, which stands before the order of the whole message.
    for words in dict.fromkeys((claim_in(context.text), context.text)):
        for candidate in _close_to(words, context, session):
            known = found.get(candidate.record.id)
            if known is None or known.fit < candidate.fit:
                found[candidate.record.id] = candidate
    alone = list(found.values())
    stands = any(candidate.score >= _SURELY_SAME_QUESTION for candidate in alone)
    if stands or not context.before or len(context.text.split()) > _LEANING_WORDS:
        return context.text, alone
    return f"{context.before} {context.text}", _carrying_on(context, session)


def _carrying_on(context: Context, session: Session) -> list[_Candidate]:
    """What is close to a message as it carries on the question before it, best first.

    "Do I have to pay?" is asked of what was spoken of; yet the words alone count too, since a short message
    may begin something new. What was just shown has to be the better by a little.
    """
    alone = {match.record_id: match.fit for match in _matches(context.text, context, session, _FAR_DOWN)}
    both = [
        replace(
            together,
            fit=together.fit
            + _ALONE_COUNTS * (alone.get(together.record_id, 0.0) - together.fit)
            - (_SHOWN_ALREADY if together.record_id in context.shown else 0.0),
        )
        for together in _matches(context.text, context, session, _FAR_DOWN, context.before)
    ]
    return _with_records(session, sorted(both, key=lambda match: -match.fit)[:_MANY])


def _close_to(words: str, context: Context, session: Session) -> list[_Candidate]:
    return _with_records(session, _matches(words, context, session, _MANY))


def _matches(
    words: str, context: Context, session: Session, limit: int, before: str | None = None
) -> list[Match]:
    def search_far_down() -> list[Match]:
        return search().closest(
            words,
            ["guidance", "pathway", "entitlement"],
            areas_from_near_to_wide(session, context.store_area),
            limit=_FAR_DOWN,
            before=before,
            age=context.age,
            audience="young-people" if context.young else None,
        )

    asked = ("matches", words, before, context.store_area, context.age, context.young)
    return once(session, asked, search_far_down)[:limit]


def _with_records(session: Session, matches: list[Match]) -> list[_Candidate]:
    found = records_by_id(session, [match.record_id for match in matches])
    return [
        _Candidate(found[match.record_id], match.score, match.fit)
        for match in matches
        if match.record_id in found
    ]

"""Services that a message names, by name, alias or abbreviation, as the store has them at that moment."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from knowledge.models import Service
from knowledge.queries.kept import kept
from knowledge.queries.services import names_of_services, services_by_id

#: Names of services that are everyday words too: "how do I contact them" does not mean the charity Contact.
_ORDINARY_WORDS = frozenset(
    re.findall(
        r"[^,]+",
        "access,advocate,arc,art,careline,contact,cop,des,mat,mats,sal,sat,steps,sunflower,the alliance"
        ",wish,yes",
    )
)

#: Words that ask about a service, or greet, without saying which: "what's their phone number please".
_ONLY_ASKS = re.compile(
    r"\b(?:a|about|an|and|any|anyone|are|at|be|by|call|can|contact|cost|details|do|does|email|exactly|find|for|free|get"
    r"|give|got|have|heard|hello|help|hi|hours|how|i|in|info|information|is|it|know|like|line|look|me|mean|means|more|much"
    r"|my|need|number|of|offer|offers|on|open|opening|or|out|owns|phone|please|pls|reach|refer|ring|run|runs|s|say|service"
    r"|services|should|someone|something|stand|stands|talk|tel|telephone|tell|that|the|their|them|then|there|they|thing"
    r"|this|times|to|told|touch|us|use|want|was|we|web|website|address|what|whats|when|where|which|who|whos|with|you|your)\b",
    re.I,
)


#: "What are the steps to reach them" asks for somebody else than STePS.
_THEY = re.compile(r"\b(?:them|they|their|it|its|that|this|these|those)\b", re.I)

#: Besides the words that only ask, these do not say either whose contact is asked for.
_SAYS_NOT_WHOSE = re.compile(
    r"\b(?:yes|yeah|ok|okay|no|right|great|thanks|thank|cheers|so|then|actually|just|would|could|will|best|way"
    r"|first|second|third|last|one|ones|both|all|hold|team|group|place|people|person)\b",
    re.I,
)


#: Without one of these a message that names a service asks what it is.
_ASKS_HOW_TO_REACH = re.compile(
    r"\b(?:number|phone|ring|call|contact|e-?mail|reach|website|web|address|open|opening|hours|times|touch|talk|speak|tel"
    r"|telephone|hold of|who runs|cost|free|where)\b",
    re.I,
)


@dataclass(frozen=True)
class _Names:
    """All that services are called: what a message says is looked up, not each service."""

    of: Mapping[str, Sequence[str]]  # ids of services, by a name in plain words
    longest: int  # words of the longest name

    def services_in(self, words: str) -> list[str]:
        """The services one of whose names stands in plain words; their ids in order."""
        each = words.split()
        return sorted(
            {
                service
                for start in range(len(each))
                for end in range(start + 1, min(start + self.longest, len(each)) + 1)
                for service in self.of.get(" ".join(each[start:end]), ())
            }
        )


@dataclass(frozen=True)
class Named:
    """What a message names."""

    services: tuple[Service, ...]  # those of the longest name, in the order of their ids
    only: bool  # the message asks about them and about nothing else


def services_named(session: Session, text: str, area: str | None, place: str | None = None) -> Named:
    """The services whose name or abbreviation stands in a message; the longest name wins.

    Args:
        text: the message as the person wrote it.
        area: leaves out services that do not hold there; None keeps all.
        place: the person's place as written: "who runs the Lighthouse in Derby" asks about nothing else.
    """
    words = plain(text)
    rest = plain(_ONLY_ASKS.sub(" ", text))
    here = plain(place or "")
    found: list[tuple[int, str, Service]] = []
    names = kept(session, "names of services", lambda: _names(session))
    for service in services_by_id(session, names.services_in(words), area):
        written = _written(service.name, service.alternate_name)
        name = max((one for one in written if _stands_in(one, text, words, rest)), key=len, default="")
        if name:
            found.append((len(name), name, service))
    longest = max((length for length, _, _ in found), default=0)
    of_it = [(name, service) for length, name, service in found if length == longest]
    only = any(_leaves_nothing(name, words, here) for name, _ in of_it)
    return Named(tuple(service for _, service in of_it), only)


def _names(session: Session) -> _Names:
    of: dict[str, list[str]] = defaultdict(list)
    for service, name, others in names_of_services(session):
        for one in {plain(written).strip() for written in _written(name, others)} - {""}:
            of[one].append(service)
    return _Names(of, max((len(one.split()) for one in of), default=0))


def _written(name: str, others: str | None) -> list[str]:
    return [name, *(others or "").split("; ")]


def asks_for_no_one(text: str, place: str | None = None) -> bool:
    """Whether a message asks for a contact without any word of whose; a place does not say it."""
    left = plain(_SAYS_NOT_WHOSE.sub(" ", _ONLY_ASKS.sub(" ", text)))
    return not left.replace(plain(place or ""), " ").strip()


def asks_how_to_reach(text: str) -> bool:
    """Whether a message asks for a number, an address, hours or a cost."""
    return _ASKS_HOW_TO_REACH.search(text) is not None


def means_them(text: str) -> bool:
    """Whether a message speaks of what was shown before it: "what is their number"."""
    return _THEY.search(text) is not None


def plain(words: str) -> str:
    """Lower case words with one space around each."""
    return f" {re.sub(r'[^a-z0-9]+', ' ', words.lower()).strip()} "


def _stands_in(name: str, text: str, words: str, rest: str) -> bool:
    """Whether a name stands in the text, however it is written.

    Args:
        words: the text in plain words.
        rest: ``words`` without those that only ask.
    """
    wanted = plain(name)
    if wanted.strip() in _ORDINARY_WORDS:
        # As the name is written, where not any word has a capital; or when nothing else is asked about.
        return (wanted == rest and _THEY.search(text) is None) or re.search(
            rf"(?<=\S\s){re.escape(name)}\b", text
        ) is not None
    return bool(wanted.strip()) and wanted in words


def _leaves_nothing(name: str, words: str, here: str) -> bool:
    left = plain(words.replace(plain(name), " "))
    left = left.replace(here, " ") if here.strip() else left
    return not plain(_ONLY_ASKS.sub(" ", left)).strip()

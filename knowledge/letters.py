"""Filling in a letter: with what a person gives, and with what the store knows of the law.

Nothing here writes to a database, a file or a log: what a person puts into a letter is theirs alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from string import Template
from typing import Any

from sqlalchemy.orm import Session

from knowledge.dates import parse_date, say_date, today
from knowledge.deadlines import DeadlineNotCountable, due_date, say_period
from knowledge.models import Deadline, Entitlement, Letter, Record
from knowledge.queries.letters import entitlement_by_id, limits_by_id

#: The longest text that a field takes, in characters: one line, and several.
MAX_LINE = 300
MAX_TEXT = 4000

#: What ends each letter, before the name.
_CLOSING = "Yours faithfully,"


@dataclass(frozen=True)
class FilledLetter:
    """A letter ready to send: its paragraphs in order; a line break within one is a new line."""

    title: str
    subject: str
    paragraphs: list[str]
    blanks: list[str]  # what was left empty, as it stands in the letter without its brackets
    records: list[Record]  # what it rests on: the letter itself and the rights and limits it quotes
    note: str | None = None  # something to know before it is sent

    @property
    def text(self) -> str:
        """The whole letter as plain text."""
        return "\n\n".join(self.paragraphs) + "\n"


def voice_for(letter: Letter, audience: str | None) -> str:
    """The id of the voice to begin with: that for an audience, else the first."""
    fitting = (voice["id"] for voice in letter.voices if audience in voice["audiences"])
    return str(next(fitting, letter.voices[0]["id"]))


def fill(
    session: Session,
    letter: Letter,
    given: Mapping[str, str],
    voice: str | None = None,
    limit: str | None = None,
    now: date | None = None,
) -> FilledLetter:
    """Fill a letter in.

    Args:
        letter: a letter of the store.
        given: field name -> what the person gives; what is not there, or is blank, stays a blank like
            "[your name]". Other names are ignored.
        voice: id of one of its voices; the first when None.
        limit: id of one of its limits; the first when None.
        now: the day that the letter is written; today in the UK if not given.

    Raises:
        KeyError: the letter has no such voice or limit.
    """
    chosen = _chosen(letter.voices, voice)
    rule = _rule(session, letter, limit)
    right = entitlement_by_id(session, chosen["entitlement"]) if chosen["entitlement"] else None
    values: dict[str, str] = {}
    blanks: dict[str, str] = {}
    for field in letter.fields:
        text = clean(given.get(field["name"], ""), multiline=field["multiline"])
        if not text:
            text = f"[{field['blank']}]"
            blanks[field["name"]] = field["blank"]
        values[field["name"]] = text
    ended = _ended(letter, rule, given)
    values |= _facts(right, rule, ended)
    sender = [values.get("your_name", ""), values.get("your_contact", "")]
    templates = [letter.recipient, letter.subject, chosen["body"]]
    recipient, subject, body = (Template(template).substitute(values) for template in templates)
    paragraphs = [
        "\n".join(line for line in sender if line),
        say_date(now or today()),
        recipient,
        subject,
        *re.split(r"\n{2,}", body),
        f"{_CLOSING}\n{sender[0]}",
    ]
    used = {name for template in templates for name in Template(template).get_identifiers()}
    used |= {"your_name", "your_contact"}
    return FilledLetter(
        title=letter.title,
        subject=subject,
        paragraphs=[paragraph.strip("\n") for paragraph in paragraphs],
        blanks=[blank for name, blank in blanks.items() if name in used],
        records=[letter, *([right] if right else []), *([rule.entitlement] if rule else [])],
        note=_not_yet(ended, now or today()),
    )


def clean(text: str, multiline: bool) -> str:
    """What a person typed, without what no letter can hold.

    Control characters, invisible ones that turn the direction of text, and what is no character at all
    are taken out; line breaks stay only where several lines are asked for, never more than one blank line.
    """
    text = re.sub(r"\r\n?|[\u2028\u2029\x0b\x0c\x85]", "\n", text)
    kept = "".join(sign for sign in text if sign == "\n" or _belongs_in_text(sign))
    if not multiline:
        return re.sub(r"\s+", " ", kept).strip()
    lines = (re.sub(r"[^\S\n]+", " ", line).strip() for line in kept.split("\n"))
    # One blank line would end a paragraph of ours; a line break is enough.
    return re.sub(r"\n{2,}", "\n", "\n".join(lines)).strip("\n")


def _belongs_in_text(sign: str) -> bool:
    if sign in "\t":
        return True
    category = unicodedata.category(sign)
    # Joiners shape letters of some scripts and emoji; every other format character only hides things.
    return category not in ("Cc", "Cf", "Cs", "Cn", "Co") or sign in "\u200c\u200d"


def _chosen(voices: list[Any], voice: str | None) -> dict[str, Any]:
    for one in voices:
        if voice in (None, one["id"]):
            return dict(one)
    raise KeyError(voice)


def _rule(session: Session, letter: Letter, limit: str | None) -> Deadline | None:
    if limit is not None and limit not in letter.limits:
        raise KeyError(limit)
    rules = limits_by_id(session, [limit] if limit else letter.limits[:1])
    return rules[0] if rules else None


def _ended(letter: Letter, rule: Deadline | None, given: Mapping[str, str]) -> date | None:
    """The last day of the limit, from the day that the person gives; None without one."""
    start = parse_date(given.get(letter.limit_from or "", "")[:MAX_LINE])
    if rule is None or start is None:
        return None
    try:
        return due_date(rule, start)
    except (DeadlineNotCountable, OverflowError, ValueError):
        return None  # days that we cannot count, or a year that no calendar has


def _not_yet(ended: date | None, now: date) -> str | None:
    if ended is None or ended < now:
        return None
    return f"The time has not run out yet. The last day is {say_date(ended)}."


def _facts(right: Entitlement | None, rule: Deadline | None, ended: date | None) -> dict[str, str]:
    """What the store knows, for the names in ``content_schema.LETTER_FACTS``."""
    facts = {"law": "[the law]"}
    if right is not None:
        facts["law"] = " and ".join(_cited(basis["name"], basis["section"]) for basis in right.legal_basis)
    if rule is not None:
        facts |= {
            "limit_title": rule.title,
            "limit_period": say_period(rule),
            "limit_law": _cited(rule.legal_name, rule.legal_section),
            "limit_ended": say_date(ended) if ended else "[day the time ended]",
        }
    return facts


def _cited(name: str, section: str) -> str:
    """A law as it is quoted in a sentence: "section 36 of the Children and Families Act 2014"."""
    return f"{section} of the {name}"

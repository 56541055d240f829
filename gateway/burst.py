"""A thought that is sent line by line: "i have", "the tablets", "next to me".

No line of it tells of danger. So short messages that came shortly after one another are read as one, too.
They are read from the log, so that a restart forgets none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from conversations.models import Message, Role
from gateway.ports import Assessment

#: A line that follows this much later begins something new.
_SECONDS_BETWEEN = 60
#: A longer message says what it says by itself; joined to others it only raises false alarms.
_MOST_WORDS = 10
_MOST_LINES = 4
#: A sentence does not end with one of these.
_UNFINISHED = re.compile(
    r"(?:^|\s)(?:keeps?|kept|wants?|the|an?|my|and|but|or|because|when|if)\s*$",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Joined:
    """Danger that shows only in several messages together."""

    level: str
    danger: str | None
    reason: str
    score: float
    text: str


@dataclass(frozen=True, slots=True)
class Burst:
    """Short messages that came shortly after one another, oldest first."""

    lines: list[str]
    #: The first of them came right after one that was answered as danger, and may still belong to it.
    after_crisis: bool


def burst_of(history: Sequence[Message]) -> Burst | None:
    """The burst that the person's last message ends; None when it ends none.

    Args:
        history: the last messages of a conversation as the family sees them, in order. A message that was
            answered with a crisis reply is over and done with, and so is all before it.
    """
    answered = {m.reply_to for m in history if any(card.get("kind") == "crisis" for card in m.cards)}
    lines: list[str] = []
    later: Message | None = None
    after_crisis = False
    for message in reversed([m for m in history if m.role is Role.USER]):
        if (
            len(lines) == _MOST_LINES
            or message.seq in answered
            or "payload" in message.meta
            # A question is finished: what follows answers us, or begins something new.
            or (later is not None and message.text.rstrip().endswith("?"))
            or len(message.text.split()) > _MOST_WORDS
            or (
                later is not None
                and (later.created_at - message.created_at).total_seconds() > _SECONDS_BETWEEN
            )
        ):
            after_crisis = message.seq in answered
            break
        lines.insert(0, message.text)
        later = message
    return Burst(lines, after_crisis) if len(lines) > 1 else None


def assess_joined(burst: Burst | None, assess: Callable[[str], Assessment]) -> Joined | None:
    """The danger that lines tell of together; None when there is none, or it showed before the last line.

    Before the last line it was answered, or is being answered at this moment.
    """
    if burst is None:
        return None
    found = _danger(burst.lines, assess, after_crisis=burst.after_crisis)
    if found is None or any(
        _danger(burst.lines[:count], assess, after_crisis=burst.after_crisis)
        for count in range(1, len(burst.lines))
    ):
        return None
    reason = f"{len(burst.lines)} messages together: {found.reason}"
    return Joined(found.level, found.danger, reason, found.score, " ".join(burst.lines))


def _danger(
    lines: Sequence[str], assess: Callable[[str], Assessment], *, after_crisis: bool
) -> Assessment | None:
    """The danger that lines tell of together, if any.

    What "my dad keeps" goes on to say decides: until then only a rule's certainty counts. So it does for a
    first line that may be the end of what was answered ("i want to kill myself", "tonight").
    """
    found = assess(" ".join(lines))
    sure = found.score == 1 or len(lines) == 1 or not (after_crisis or _UNFINISHED.search(lines[-1]))
    if found.level == "crisis" and sure:
        return found
    return _danger(lines[1:], assess, after_crisis=False) if after_crisis and len(lines) > 1 else None

"""A thought that is sent line by line: "i have", "the tablets", "next to me".

No line of it tells of danger. So short messages that came shortly after one another are read as one, too.
They are read from the log, so that a restart forgets none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from conversations.models import Message, Role
from gateway.ports import Assessment

#: A line that follows this much later begins something new.
_SECONDS_BETWEEN = 60
#: A longer message says what it says by itself; joined to others it only raises false alarms.
_MOST_WORDS = 10
_MOST_LINES = 4


@dataclass(frozen=True, slots=True)
class Joined:
    """Danger that shows only in several messages together."""

    level: str
    danger: str | None
    reason: str
    text: str


def lines_before(history: Sequence[Message]) -> list[str]:
    """The lines of the burst that the person's last message ends, oldest first; none when it ends none.

    Args:
        history: the last messages of a conversation as the family sees them, in order. A message that was
            answered with a crisis reply is over and done with, and so is all before it.
    """
    answered = {m.reply_to for m in history if any(card.get("kind") == "crisis" for card in m.cards)}
    lines: list[str] = []
    later: Message | None = None
    for message in reversed([m for m in history if m.role is Role.USER]):
        if (
            len(lines) == _MOST_LINES
            or message.seq in answered
            or "payload" in message.meta
            or len(message.text.split()) > _MOST_WORDS
            or (
                later is not None
                and (later.created_at - message.created_at).total_seconds() > _SECONDS_BETWEEN
            )
        ):
            break
        lines.insert(0, message.text)
        later = message
    return lines if len(lines) > 1 else []


def assess_joined(lines: Sequence[str], assess: Callable[[str], Assessment]) -> Joined | None:
    """The danger that ``lines`` tell of together; None when there is none, or it showed before the last line.

    Before the last line it was answered, or is being answered at this moment.
    """
    if not lines:
        return None
    text = " ".join(lines)
    found = assess(text)
    if found.level != "crisis":
        return None
    if any(assess(" ".join(lines[:count])).level == "crisis" for count in range(1, len(lines))):
        return None
    return Joined(found.level, found.danger, f"{len(lines)} messages together: {found.reason}", text)

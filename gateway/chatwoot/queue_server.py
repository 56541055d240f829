"""What Chatwoot is told of a chat that its agents serve."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from conversations.models import Conversation, Escalation, Json, Owner
from conversations.outgoing import Changed, Entry
from conversations.reasons import REASONS

#: The channel of these chats, and the kind of their entries in the outbox.
CHATWOOT = "chatwoot"

_TELL_FOR = timedelta(hours=24)


class ChatwootQueue:
    """A hand-off opens the conversation there, with the summary as a private note."""

    def serves(self, conversation: Conversation) -> bool:
        """Every chat that came from Chatwoot."""
        return conversation.channel == CHATWOOT

    def follow(self, changed: Changed) -> Sequence[Entry]:
        """``open`` when a person is asked for, ``pending`` when the request is withdrawn."""
        came_from, to = changed.transition.from_owner, changed.transition.to_owner
        if to is Owner.QUEUED:
            payload: Json = {"do": "open", "note": _summary(changed.escalation)}
        elif came_from is Owner.QUEUED and to in (Owner.BOT, Owner.CALLBACK):
            payload = {"do": "pending"}
        else:
            return ()
        return [Entry(CHATWOOT, changed.conversation.id, payload, _TELL_FOR)]


def _summary(escalation: Escalation | None) -> str:
    if escalation is None:
        return ""
    summary = escalation.summary
    why = REASONS.get(escalation.reason, escalation.reason)
    lines = [f"Helpline {escalation.reference}: {why}, priority {escalation.priority}"]
    if asked := summary.get("asked"):
        lines += ["They asked:", *(f"- {text}" for text in asked)]
    for name, label in (("area", "Area"), ("age", "Age"), ("communication", "Likes"), ("safety", "Safety")):
        if value := summary.get(name):
            lines.append(f"{label}: {', '.join(map(str, value)) if isinstance(value, list) else value}")
    return "\n".join(lines)

"""Who serves the queue: our own desk, or the desk that a council has already.

A queue server is told of every change of ownership of the chats that are its own, in their order and surely
(through the outbox), and acts on the same store methods as our desk: claim, append, close.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from conversations.models import Conversation
from conversations.outgoing import Changed, Entry


class QueueServer(Protocol):
    """Where people answer."""

    def serves(self, conversation: Conversation) -> bool:
        """Whether this chat is answered there."""

    def follow(self, changed: Changed) -> Sequence[Entry]:
        """What to tell it of this change, as entries for the outbox."""


class OwnDesk:
    """Our desk reads the queue itself, so there is nothing to tell it."""

    def serves(self, conversation: Conversation) -> bool:
        """Every chat that nobody else serves."""
        return True

    def follow(self, changed: Changed) -> Sequence[Entry]:
        """Nothing: it is woken and reads."""
        return ()


def server_of(conversation: Conversation, servers: Sequence[QueueServer]) -> QueueServer:
    """The first of ``servers`` that serves this chat; the last of them is our own desk."""
    return next(server for server in servers if server.serves(conversation))

"""What can go wrong in this room. Callers branch on the class, never on the words."""

from __future__ import annotations


class ConversationsError(Exception):
    """Base of every error this room raises on purpose."""


class StoreFailed(Exception):
    """The database did not do the work, for either of the two reasons below; nothing was changed."""


class StoreUnavailable(StoreFailed, ConversationsError):
    """The database could not be reached, is full, or was locked too long: try again."""


class StoreFault(StoreFailed):
    """The database refused a statement: a fault of this program or of the database's form, so it will again.

    No ``ConversationsError``: whoever waits until the database is back must not wait for this.
    """


class Clash(StoreFault):
    """A row was there already, or what it belongs to is gone: mostly two did the same at once."""


class NotFound(ConversationsError):
    """There is no such conversation, adviser or escalation (or it was erased)."""


class TransitionNotAllowed(ConversationsError):
    """The ownership state machine has no such arrow."""


class OwnershipChanged(ConversationsError):
    """Somebody else was quicker: the conversation is not (or no longer) where the caller thought.

    ``owner`` is who has it now; ``adviser_name`` names the adviser when a person has it.
    """

    def __init__(self, owner: str, adviser_name: str | None = None) -> None:
        self.owner = owner
        self.adviser_name = adviser_name
        super().__init__(f"the conversation is with {adviser_name or owner}")


class AtCapacity(ConversationsError):
    """The adviser has as many chats as they can answer at once."""

    def __init__(self, name: str, capacity: int) -> None:
        self.adviser_name, self.capacity = name, capacity
        super().__init__(f"{name} has {capacity} chats, and that is the most at once")


class NotOnDuty(ConversationsError):
    """A chat cannot be handed to somebody who is not at the desk or is away."""

    def __init__(self, name: str) -> None:
        self.adviser_name = name
        super().__init__(f"{name} is not on duty")


class UnknownOutcome(ConversationsError):
    """The outcome code is not one of ``outcomes.yml``."""


class MessageConflict(ConversationsError):
    """The client message id was already used in this conversation for another text."""


class AdviserExists(ConversationsError):
    """An adviser of that name has an account already."""


class LastAdmin(ConversationsError):
    """Nobody would be left who may look after the accounts."""


class CannotUnseal(ConversationsError):
    """What was stored sealed cannot be read with the keys of today."""

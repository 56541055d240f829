"""Who answers a conversation: the one place that knows and makes the changes.

    bot -> queued -> adviser -> bot | closed

and the arrows beside the main road: a request that is withdrawn (queued -> bot), an adviser who vanishes
or puts the chat back (adviser -> queued), a colleague who takes over (adviser -> adviser), a call back that
is agreed (-> callback) and ends (callback -> bot), a chat that ends (-> closed) and one that is reopened: by
the person, who writes again (closed -> bot), or by an adviser (closed -> adviser). Every change is
compare-and-set and leaves a ``Transition`` behind.
"""

from __future__ import annotations

from datetime import datetime
from typing import NoReturn

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from conversations.database import rows_changed
from conversations.errors import NotFound, OwnershipChanged, TransitionNotAllowed
from conversations.models import Adviser, Conversation, Owner, Transition

ALLOWED: dict[Owner, frozenset[Owner]] = {
    Owner.BOT: frozenset({Owner.QUEUED, Owner.CALLBACK, Owner.CLOSED}),
    Owner.QUEUED: frozenset({Owner.ADVISER, Owner.BOT, Owner.CALLBACK, Owner.CLOSED}),
    Owner.ADVISER: frozenset({Owner.BOT, Owner.QUEUED, Owner.ADVISER, Owner.CALLBACK, Owner.CLOSED}),
    Owner.CALLBACK: frozenset({Owner.BOT, Owner.QUEUED, Owner.ADVISER, Owner.CLOSED}),
    Owner.CLOSED: frozenset({Owner.BOT, Owner.ADVISER}),
}


def is_allowed(start: Owner, end: Owner) -> bool:
    """Whether a conversation may go from ``start`` straight to ``end``."""
    return end in ALLOWED[start]


async def move(
    session: AsyncSession,
    conversation_id: str,
    *,
    expected: Owner,
    to: Owner,
    who: str,
    why: str,
    at: datetime,
    held_by: str | None = None,
    taken_by: str | None = None,
) -> None:
    """Hand the conversation over, inside the caller's transaction.

    ``held_by`` is the adviser who must have it now (from ADVISER; None: whoever has it), ``taken_by`` the one
    who takes it (to ADVISER).
    ``who`` did it and ``why`` go into the record; ``at`` is an aware time.
    Raises ``TransitionNotAllowed``, ``OwnershipChanged`` (it is not with ``expected``) or ``NotFound``.
    """
    if not is_allowed(expected, to):
        raise TransitionNotAllowed(f"a conversation cannot go from {expected} to {to}")
    change = (
        update(Conversation)
        .where(Conversation.id == conversation_id, Conversation.owner == expected)
        .values(owner=to, adviser_id=taken_by if to is Owner.ADVISER else None, updated_at=at)
        .execution_options(synchronize_session=False)
    )
    if expected is Owner.ADVISER and held_by is not None:
        change = change.where(Conversation.adviser_id == held_by)
    if rows_changed(await session.execute(change)) != 1:
        await raise_current_owner(session, conversation_id)
    session.add(
        Transition(
            conversation_id=conversation_id,
            from_owner=expected,
            to_owner=to,
            who=who[:64],
            why=why[:200],
            at=at,
            published=False,
        )
    )


async def raise_current_owner(session: AsyncSession, conversation_id: str) -> NoReturn:
    """Always raises: ``OwnershipChanged`` saying who has the conversation, or ``NotFound``."""
    row = (
        await session.execute(
            select(Conversation.owner, Adviser.name)
            .outerjoin(Adviser, Adviser.id == Conversation.adviser_id)
            .where(Conversation.id == conversation_id)
        )
    ).one_or_none()
    if row is None:
        raise NotFound("there is no such conversation")
    raise OwnershipChanged(Owner(row.owner), row.name)

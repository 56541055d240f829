"""How talking to a person was: one question, which nobody has to answer, and a comment for those who want."""

from __future__ import annotations

from collections.abc import Sequence

from conversations.log import Draft
from conversations.models import Message
from conversations.store import Store
from gateway import person_wording


async def rate(
    store: Store, conversation_id: str, history: Sequence[Message], text: str, payload: str | None
) -> Draft | None:
    """Keep a rating or a comment, and what to say to it; None when the message is neither.

    Raises ``StoreUnavailable``.
    """
    if payload == person_wording.RATE_COMMENT:
        return person_wording.ask_comment()
    if payload is not None:
        rating = payload.removeprefix(person_wording.RATE)
        if payload == rating or not rating.isdigit():
            return None
        kept = await store.rate_hand_off(conversation_id, rating=int(rating))
        return person_wording.rated() if kept else person_wording.nothing_to_rate()
    before = next((m for m in reversed(history[:-1]) if not m.private), None)
    if before is None or before.meta.get("kind") != "rating_comment":
        return None
    kept = await store.rate_hand_off(conversation_id, comment=text)
    return person_wording.comment_kept() if kept else person_wording.nothing_to_rate()

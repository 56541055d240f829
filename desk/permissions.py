"""What each role may do. Every route of the desk names what it needs."""

from __future__ import annotations

from enum import StrEnum

from conversations.models import Adviser, DeskRole


class Can(StrEnum):
    """What a route needs of whoever uses it."""

    BE_ANYBODY = "be_anybody"  # nobody has to be signed in
    BE_SIGNED_IN = "be_signed_in"
    ANSWER = "answer"  # the queue, chats, call backs, history
    SEE_FIGURES = "see_figures"
    WRITE_REPLIES = "write_replies"  # canned replies
    SUPERVISE = "supervise"  # who is on, reassigning, hours, announcement, off switch, audit log, erasing
    KEEP_ACCOUNTS = "keep_accounts"


_EVERYBODY = frozenset({Can.BE_ANYBODY, Can.BE_SIGNED_IN})
_ADVISER = _EVERYBODY | {Can.ANSWER}
_EDITOR = _EVERYBODY | {Can.SEE_FIGURES, Can.WRITE_REPLIES}
_SUPERVISOR = _ADVISER | _EDITOR | {Can.SUPERVISE}

#: Editors look after words and never see a chat.
MAY: dict[DeskRole, frozenset[Can]] = {
    DeskRole.ADVISER: _ADVISER,
    DeskRole.EDITOR: _EDITOR,
    DeskRole.SUPERVISOR: _SUPERVISOR,
    DeskRole.ADMIN: _SUPERVISOR | {Can.KEEP_ACCOUNTS},
}


def may(adviser: Adviser, needs: Can) -> bool:
    """Whether the adviser's role allows it."""
    return needs in MAY[adviser.role]

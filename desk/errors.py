"""How the desk says no: a page for people, the same problem document as everywhere for its script.

Callers branch on ``code``; the sentences are for people and may change.
"""

from __future__ import annotations

import logging
from enum import StrEnum
from http import HTTPStatus

from aiohttp import web

from conversations.errors import (
    AtCapacity,
    MessageConflict,
    NotFound,
    NotOnDuty,
    OwnershipChanged,
    StoreUnavailable,
    UnknownOutcome,
)
from conversations.models import Owner

log = logging.getLogger(__name__)


class Code(StrEnum):
    """What went wrong."""

    NO_SUCH_PAGE = "no_such_page"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    BAD_REQUEST = "bad_request"
    TOO_LARGE = "too_large"
    SIGN_IN_NEEDED = "sign_in_needed"
    NOT_YOUR_ROLE = "not_your_role"
    ELSEWHERE_FAILED = "elsewhere_failed"
    ELSEWHERE_REFUSED = "elsewhere_refused"
    ELSEWHERE_DOWN = "elsewhere_down"
    NO_ROLE = "no_role"
    CLOSED_ACCOUNT = "closed_account"
    NAME_TAKEN = "name_taken"
    FORM_TOO_OLD = "form_too_old"
    ORIGIN_NOT_ALLOWED = "origin_not_allowed"
    NO_SUCH_CHAT = "no_such_chat"
    NOT_YOURS = "not_yours"
    NO_SEARCH = "no_search"
    FULL = "full"
    NOT_ON_DUTY = "not_on_duty"
    OUTCOME_MISSING = "outcome_missing"
    WRONG_VALUE = "wrong_value"
    TEXT_MISSING = "text_missing"
    TEXT_TOO_LONG = "text_too_long"
    FILE_TOO_LARGE = "file_too_large"
    FILE_KIND = "file_kind"
    NO_SUCH_FILE = "no_such_file"
    MESSAGE_ID_REUSED = "message_id_reused"
    NOT_SAVED = "not_saved"
    INTERNAL = "internal_error"


#: Code -> HTTP status, title, and what to do about it.
MESSAGES: dict[Code, tuple[HTTPStatus, str, str]] = {
    Code.NO_SUCH_PAGE: (
        HTTPStatus.NOT_FOUND,
        "There is no such page",
        "Go back to the queue.",
    ),
    Code.METHOD_NOT_ALLOWED: (
        HTTPStatus.METHOD_NOT_ALLOWED,
        "This page cannot be used that way",
        "Go back to the queue and use the buttons there.",
    ),
    Code.BAD_REQUEST: (
        HTTPStatus.BAD_REQUEST,
        "The request could not be understood",
        "Go back to the queue and try again.",
    ),
    Code.TOO_LARGE: (
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "That is too much at once",
        "Send it in shorter messages.",
    ),
    Code.SIGN_IN_NEEDED: (
        HTTPStatus.UNAUTHORIZED,
        "You are signed out",
        "Sign in, then try again.",
    ),
    Code.NOT_YOUR_ROLE: (
        HTTPStatus.FORBIDDEN,
        "Your role does not allow this",
        "Ask an admin of this helpline if you need it.",
    ),
    Code.ELSEWHERE_FAILED: (
        HTTPStatus.FORBIDDEN,
        "Signing in at your organisation did not work",
        "You are not signed in. It may have taken too long, or it was begun in another window. Try again.",
    ),
    Code.ELSEWHERE_REFUSED: (
        HTTPStatus.FORBIDDEN,
        "Your organisation did not sign you in",
        "Signing in was stopped there, or your organisation said no. You are not signed in.",
    ),
    Code.ELSEWHERE_DOWN: (
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Your organisation's sign-in does not answer just now",
        "You are not signed in. Try again in a few minutes.",
    ),
    Code.NO_ROLE: (
        HTTPStatus.FORBIDDEN,
        "You have no role at this desk",
        "Your organisation knows you, but has given you no role here. Ask whoever looks after this helpline "
        "to give you one, then sign in again.",
    ),
    Code.CLOSED_ACCOUNT: (
        HTTPStatus.FORBIDDEN,
        "Your account at this desk is closed",
        "Your organisation knows you, but your account here was closed. If that is wrong, ask whoever looks "
        "after this helpline to open it.",
    ),
    Code.NAME_TAKEN: (
        HTTPStatus.FORBIDDEN,
        "Somebody of your name has an account already",
        "Two people cannot have one name here. Ask whoever looks after this helpline to change one of them.",
    ),
    Code.FORM_TOO_OLD: (
        HTTPStatus.FORBIDDEN,
        "This form is too old",
        "Nothing was done. Open the page again, then try again.",
    ),
    Code.ORIGIN_NOT_ALLOWED: (
        HTTPStatus.FORBIDDEN,
        "Only the desk's own pages may connect here",
        "Behind a proxy, make sure that it passes the Host header on.",
    ),
    Code.NO_SUCH_CHAT: (
        HTTPStatus.NOT_FOUND,
        "This chat is not waiting for a person",
        "It was given back to the assistant, closed or deleted. Go back to the queue.",
    ),
    Code.NOT_YOURS: (
        HTTPStatus.CONFLICT,
        "You do not have this chat",
        "Go back to the queue.",
    ),
    Code.NO_SEARCH: (
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The knowledge store cannot be searched just now",
        "Answer from what you know, and try again in a moment.",
    ),
    Code.FULL: (
        HTTPStatus.CONFLICT,
        "That is as many chats as one person has at once",
        "Finish or hand on a chat first. A crisis can always be taken.",
    ),
    Code.NOT_ON_DUTY: (
        HTTPStatus.CONFLICT,
        "This colleague is not on duty",
        "Nothing was done. Choose another colleague, or put the chat back in the queue.",
    ),
    Code.OUTCOME_MISSING: (
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Choose how it ended",
        "The chat is still yours. Go back to it and choose an outcome.",
    ),
    Code.WRONG_VALUE: (
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Something in the form is not right",
        "Nothing was changed. Go back and try again.",
    ),
    Code.TEXT_MISSING: (
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The message is empty",
        "Write your reply, then send it.",
    ),
    Code.TEXT_TOO_LONG: (
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The message is too long",
        "Send it in two or more messages.",
    ),
    Code.FILE_TOO_LARGE: (
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "The file is too large",
        "Nothing was sent. Choose a smaller file.",
    ),
    Code.FILE_KIND: (
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "This kind of file cannot be sent",
        "Nothing was sent. A PDF file, or a picture as JPEG or PNG, can be. Your words are still here.",
    ),
    Code.NO_SUCH_FILE: (
        HTTPStatus.NOT_FOUND,
        "There is no such file in this chat",
        "Go back to the chat. It may have been deleted.",
    ),
    Code.MESSAGE_ID_REUSED: (
        HTTPStatus.CONFLICT,
        "An earlier version of this message was sent",
        "Read it in the chat. If you want to say this too, send again.",
    ),
    Code.NOT_SAVED: (
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The helpline's database does not answer just now",
        "Nothing was done. Try again in a moment.",
    ),
    Code.INTERNAL: (
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Something went wrong on our side",
        "It has been recorded. Try again.",
    ),
}


#: Somebody came from their organisation's sign-in and is not signed in: the page says how to go on.
NOT_SIGNED_IN = frozenset(
    {
        Code.ELSEWHERE_FAILED,
        Code.ELSEWHERE_REFUSED,
        Code.ELSEWHERE_DOWN,
        Code.NO_ROLE,
        Code.CLOSED_ACCOUNT,
        Code.NAME_TAKEN,
    }
)


class Refusal(Exception):
    """Raise it anywhere below a request. ``detail`` replaces the table's sentence when more is known."""

    def __init__(self, code: Code, *, detail: str | None = None) -> None:
        self.code = code
        self.status, self.title, standard_detail = MESSAGES[code]
        self.detail = detail or standard_detail
        super().__init__(self.title)

    def document(self) -> dict[str, object]:
        """The problem document (RFC 9457)."""
        return {
            "type": f"urn:helpline:problem:{self.code}",
            "title": self.title,
            "status": int(self.status),
            "detail": self.detail,
            "code": str(self.code),
        }


def who_has_it(error: OwnershipChanged) -> str:
    """A sentence for the adviser who was too late."""
    if error.adviser_name is not None:
        return f"{error.adviser_name} has this chat."
    return {
        Owner.QUEUED: "This chat is back in the queue. Take it again before you write.",
        Owner.BOT: "The assistant has this chat again: it was given back, or they no longer wait.",
    }.get(Owner(error.owner), "This chat has ended.")


def as_refusal(error: Exception) -> Refusal:
    """The refusal that tells of ``error``; an unexpected one is logged and told without its details."""
    match error:
        case Refusal():
            return error
        case OwnershipChanged():
            return Refusal(Code.NOT_YOURS, detail=who_has_it(error))
        case NotFound():
            return Refusal(Code.NO_SUCH_CHAT)
        case AtCapacity():
            return Refusal(Code.FULL, detail=f"{error}. Finish or hand on a chat first.")
        case NotOnDuty():
            return Refusal(Code.NOT_ON_DUTY, detail=f"{error.adviser_name} is not at the desk, or is away.")
        case UnknownOutcome():
            return Refusal(Code.OUTCOME_MISSING)
        case MessageConflict():
            return Refusal(Code.MESSAGE_ID_REUSED)
        case StoreUnavailable():
            log.error("store unavailable", extra={"cause": str(error)})
            return Refusal(Code.NOT_SAVED)
        case web.HTTPNotFound():
            return Refusal(Code.NO_SUCH_PAGE)
        case web.HTTPMethodNotAllowed():
            return Refusal(Code.METHOD_NOT_ALLOWED)
        case web.HTTPRequestEntityTooLarge():
            return Refusal(Code.TOO_LARGE)
        case web.HTTPException() if 400 <= error.status < 500:
            return Refusal(Code.BAD_REQUEST)
        case _:
            log.error("unexpected error", exc_info=error)
            return Refusal(Code.INTERNAL)

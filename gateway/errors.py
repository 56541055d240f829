"""The one error shape of the gateway: RFC 9457 problem documents, each with a code of its own.

Callers branch on ``code``; the sentences are for people and may change.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from aiohttp import web

from conversations.errors import MessageConflict, NotFound, StoreUnavailable

log = logging.getLogger(__name__)

PROBLEM_JSON = "application/problem+json"


class Code(StrEnum):
    """What went wrong."""

    NO_SUCH_ROUTE = "no_such_route"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    BAD_JSON = "bad_json"
    INVALID_FIELDS = "invalid_fields"
    TOO_LARGE = "too_large"
    BAD_REQUEST = "bad_request"
    TOKEN_MISSING = "token_missing"  # noqa: S105 - a code, no secret
    TOKEN_WRONG = "token_wrong"  # noqa: S105
    NO_SUCH_CONVERSATION = "no_such_conversation"
    NO_SUCH_MESSAGE = "no_such_message"
    NO_SUCH_FILE = "no_such_file"
    NO_SUCH_RECORD = "no_such_record"
    PAYLOAD_NOT_OFFERED = "payload_not_offered"
    MESSAGE_ID_REUSED = "message_id_reused"
    ORIGIN_NOT_ALLOWED = "origin_not_allowed"
    HELLO_EXPECTED = "hello_expected"
    WEBHOOK_NOT_GENUINE = "webhook_not_genuine"
    LINK_USED = "link_used"
    NO_DATES = "no_dates"
    CALL_BACK_EXISTS = "call_back_exists"
    WITH_ADVISER = "with_adviser"
    NOTHING_TO_RATE = "nothing_to_rate"
    NO_SUCH_LETTER = "no_such_letter"
    KNOWLEDGE_UNAVAILABLE = "knowledge_unavailable"
    TOO_MANY_REQUESTS = "too_many_requests"
    NOT_SAVED = "not_saved"
    INTERNAL = "internal_error"


#: Code -> HTTP status, title, and what to do about it.
MESSAGES: dict[Code, tuple[HTTPStatus, str, str]] = {
    Code.NO_SUCH_ROUTE: (
        HTTPStatus.NOT_FOUND,
        "There is nothing at this address",
        "Check the path; /api/openapi.json lists every address.",
    ),
    Code.METHOD_NOT_ALLOWED: (
        HTTPStatus.METHOD_NOT_ALLOWED,
        "This address does not take that method",
        "The Allow header names the methods it takes.",
    ),
    Code.BAD_JSON: (
        HTTPStatus.BAD_REQUEST,
        "The request is not valid JSON",
        "Send a JSON object in UTF-8.",
    ),
    Code.INVALID_FIELDS: (
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Some fields are missing or wrong",
        "See errors for each field.",
    ),
    Code.TOO_LARGE: (
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "The request is too large",
        "Send a shorter message.",
    ),
    Code.CALL_BACK_EXISTS: (
        HTTPStatus.CONFLICT,
        "A call back was asked for already",
        "Cancel it first to change it: DELETE at the same address.",
    ),
    Code.WITH_ADVISER: (
        HTTPStatus.CONFLICT,
        "An adviser has this chat",
        "Agree the call back with them in the chat.",
    ),
    Code.NOTHING_TO_RATE: (
        HTTPStatus.CONFLICT,
        "No adviser has finished in this chat",
        "A rating is for a chat that an adviser has given back or closed.",
    ),
    Code.BAD_REQUEST: (
        HTTPStatus.BAD_REQUEST,
        "The request could not be understood",
        "Check its form.",
    ),
    Code.TOKEN_MISSING: (
        HTTPStatus.UNAUTHORIZED,
        "The conversation's token is missing",
        "Send the token that came with the conversation: Authorization: Bearer TOKEN.",
    ),
    Code.TOKEN_WRONG: (
        HTTPStatus.UNAUTHORIZED,
        "The token is not this conversation's token",
        "Use the token that came when this conversation was created.",
    ),
    Code.NO_SUCH_CONVERSATION: (
        HTTPStatus.NOT_FOUND,
        "There is no such conversation",
        "It may have been deleted. Start a new one.",
    ),
    Code.NO_SUCH_MESSAGE: (
        HTTPStatus.NOT_FOUND,
        "There is no such answer in this conversation",
        "Use the seq of a message whose role is assistant or adviser.",
    ),
    Code.NO_SUCH_FILE: (
        HTTPStatus.NOT_FOUND,
        "There is no such file in this conversation",
        "Use the id of a file from the attachments of one of its messages.",
    ),
    Code.NO_SUCH_RECORD: (
        HTTPStatus.NOT_FOUND,
        "There is no such record in the directory",
        "It may have been withdrawn. The lists hold all that there are.",
    ),
    Code.PAYLOAD_NOT_OFFERED: (
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "This button was not offered in this conversation",
        "Send the payload of a button from one of its messages, or send text.",
    ),
    Code.MESSAGE_ID_REUSED: (
        HTTPStatus.CONFLICT,
        "This client_message_id was used for another message",
        "Use a new id for each message; repeat an id only to repeat the same message.",
    ),
    Code.ORIGIN_NOT_ALLOWED: (
        HTTPStatus.FORBIDDEN,
        "Web pages of this origin may not open a chat here",
        "Add the origin to HELPLINE_ALLOWED_ORIGINS.",
    ),
    Code.HELLO_EXPECTED: (
        HTTPStatus.BAD_REQUEST,
        "The first frame must be a hello",
        'Send {"type": "hello", "token": TOKEN, "after": SEQ} within ten seconds.',
    ),
    Code.WEBHOOK_NOT_GENUINE: (
        HTTPStatus.UNAUTHORIZED,
        "This webhook does not come from the provider",
        "Check the secret that the provider was given; docs/channels.md says where.",
    ),
    Code.LINK_USED: (
        HTTPStatus.NOT_FOUND,
        "This link does not work any more",
        "It works once, and for a short time. Send WEB in the chat to get a new one.",
    ),
    Code.NO_DATES: (
        HTTPStatus.NOT_FOUND,
        "No date follows from this",
        "Give an event from which a time limit runs.",
    ),
    Code.NO_SUCH_LETTER: (
        HTTPStatus.NOT_FOUND,
        "There is no such letter",
        "Use the id of a letter card.",
    ),
    Code.KNOWLEDGE_UNAVAILABLE: (
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Our records cannot be read just now",
        "Please try again in a moment.",
    ),
    Code.TOO_MANY_REQUESTS: (
        HTTPStatus.TOO_MANY_REQUESTS,
        "That was very quick, and I cannot keep up",
        "Please wait a little, then send it again.",
    ),
    Code.NOT_SAVED: (
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Your message could not be saved just now",
        "Nothing was done. Please try again in a moment.",
    ),
    Code.INTERNAL: (
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Something went wrong on our side",
        "It has been recorded. Please try again.",
    ),
}


class Problem(Exception):
    """Raise it anywhere below a request; the middleware answers with its document.

    ``detail`` replaces the table's sentence when more is known; ``errors`` are
    ``{"field", "message"}``; ``extra`` are further members of the document; ``retry_after`` is in seconds.
    """

    def __init__(
        self,
        code: Code,
        *,
        detail: str | None = None,
        errors: list[dict[str, str]] | None = None,
        extra: dict[str, Any] | None = None,
        retry_after: int | None = None,
    ) -> None:
        self.code = code
        self.status, title, standard_detail = MESSAGES[code]
        self.document: dict[str, Any] = {
            "type": f"urn:helpline:problem:{code}",
            "title": title,
            "status": int(self.status),
            "detail": detail or standard_detail,
            "code": str(code),
        }
        if errors:
            self.document["errors"] = errors
        self.document.update(extra or {})
        if retry_after is None and self.status is HTTPStatus.SERVICE_UNAVAILABLE:
            retry_after = 5
        self.retry_after = retry_after
        super().__init__(title)

    def response(self) -> web.Response:
        """The HTTP answer."""
        headers = {}
        if self.status is HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = "Bearer"
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        return web.json_response(
            self.document, status=self.status, content_type=PROBLEM_JSON, headers=headers
        )


def as_problem(error: Exception) -> Problem:
    """The problem that tells of ``error``; one nobody expected is logged, and told without its details."""
    match error:
        case Problem():
            return error
        case StoreUnavailable():
            log.error("store unavailable", extra={"cause": str(error)})
            return Problem(Code.NOT_SAVED)
        case NotFound():
            return Problem(Code.NO_SUCH_CONVERSATION)
        case MessageConflict():
            return Problem(Code.MESSAGE_ID_REUSED)
        case web.HTTPNotFound():
            return Problem(Code.NO_SUCH_ROUTE)
        case web.HTTPMethodNotAllowed():
            allowed = ", ".join(sorted(error.allowed_methods))
            return Problem(Code.METHOD_NOT_ALLOWED, detail=f"It takes {allowed}, not {error.method}.")
        case web.HTTPRequestEntityTooLarge():
            return Problem(Code.TOO_LARGE)
        case web.HTTPException() if 400 <= error.status < 500:
            return Problem(Code.BAD_REQUEST)
        case _:
            log.error("unexpected error", exc_info=error)
            return Problem(Code.INTERNAL)


@web.middleware
async def problem_middleware(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Turn every error into a problem document."""
    try:
        return await handler(request)
    except web.HTTPRedirection:
        raise
    except web.HTTPMethodNotAllowed as error:
        response = as_problem(error).response()
        response.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
        return response
    except Exception as error:
        return as_problem(error).response()

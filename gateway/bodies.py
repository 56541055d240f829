"""What may come in: request bodies and frames, read and checked before anything is done with them."""

from __future__ import annotations

import json
from typing import Annotated, Any
from urllib.parse import parse_qsl

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from gateway.contact import MOST_CHARS
from gateway.errors import Code, Problem

#: The largest request body and WebSocket message, in bytes. Far above any message a person types.
MAX_BODY_BYTES = 64 * 1024

#: A larger frame cannot even be read to see whether it speaks of danger: it ends the socket.
MAX_FRAME_BYTES = 16 * MAX_BODY_BYTES

_READ: web.RequestKey[bytes] = web.RequestKey("body", bytes)

#: The client's own name for a message; sending it again is safe.
ClientMessageId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")]

AreaSlug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]


class Body(BaseModel):
    """Strict: a number is not a text, and an unknown field is a mistake worth telling."""

    model_config = ConfigDict(strict=True, extra="forbid")


class NewConversation(Body):
    """``POST /api/v1/conversations``."""

    area: AreaSlug | None = None


class NewMessage(Body):
    """What a person says: free text, or the payload of a button that was offered."""

    client_message_id: ClientMessageId
    text: str | None = None
    payload: str | None = Field(default=None, max_length=2000)

    @model_validator(mode="after")
    def _one_of_two(self) -> NewMessage:
        if (self.text is None) == (self.payload is None):
            raise ValueError("give either text or payload")
        return self


class Words(Body):
    """``POST /api/v1/help``."""

    text: str


class Feedback(Body):
    """``PUT .../messages/{seq}/feedback``."""

    helpful: bool


class NewCallBack(Body):
    """``POST .../call-back``: everything at once."""

    how: Annotated[str, StringConstraints(pattern="^(phone|text|email)$")]
    address: str = Field(min_length=1, max_length=MOST_CHARS)
    when: str = Field(min_length=1, max_length=200)
    name: str = Field(default="", max_length=60)


class Rating(Body):
    """``PUT .../rating``."""

    rating: int = Field(ge=1, le=5)
    comment: str | None = Field(default=None, max_length=2000)


class RestMessage(Body):
    """``POST /webhooks/rest/webhook``, as Rasa's own REST channel takes it; its other fields are ignored."""

    model_config = ConfigDict(strict=True, extra="ignore")

    sender: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    message: str


class Hello(Body):
    """The first frame of a WebSocket: who I am and what I have seen."""

    type: Annotated[str, StringConstraints(pattern="^hello$")]
    token: str
    after: int = Field(default=0, ge=0)


class MessageFrame(NewMessage):
    """A message sent through the WebSocket."""

    type: Annotated[str, StringConstraints(pattern="^message$")]


def parse[B: BaseModel](model: type[B], raw: str | bytes) -> B:
    """``raw`` JSON as ``model``. Raises ``Problem`` saying what is wrong and where."""
    try:
        data = json.loads(raw)
    except UnicodeDecodeError:
        raise Problem(Code.BAD_JSON, detail="The body is not UTF-8 text.") from None
    except json.JSONDecodeError as error:
        where = f"{error.msg} at line {error.lineno}, column {error.colno}."
        raise Problem(Code.BAD_JSON, detail=where) from None
    except (ValueError, RecursionError):
        raise Problem(
            Code.BAD_JSON, detail="The JSON holds a number or a nesting that is too large."
        ) from None
    if not isinstance(data, dict):
        raise Problem(Code.BAD_JSON, detail="The body must be a JSON object.")
    return checked(model, data)


def checked[B: BaseModel](model: type[B], data: dict[str, Any]) -> B:
    """``data`` as ``model``. Raises ``Problem`` naming each wrong field; what was sent is not echoed."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        errors = [
            {
                "field": ".".join(str(part) for part in item["loc"]) or "(body)",
                "message": item["msg"].removeprefix("Value error, "),
            }
            for item in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        raise Problem(Code.INVALID_FIELDS, errors=errors) from None


class TooLarge(Problem):
    """A body above the limit. ``begins`` is what was read of it: length hides no danger."""

    def __init__(self, begins: str) -> None:
        super().__init__(Code.TOO_LARGE)
        self.begins = begins


async def read_body[B: BaseModel](request: web.Request, model: type[B]) -> B:
    """The request's JSON body as ``model``; no body at all is an empty object.

    Raises ``Problem``; ``TooLarge`` when it is above ``MAX_BODY_BYTES``.
    """
    if _READ not in request:
        read, whole = await _read(request)
        if not whole:
            # As it stands in the JSON; only escaped line breaks would run words together.
            raise TooLarge(read.decode("utf-8", "ignore").replace("\\n", "\n"))
        request[_READ] = read  # kept for who asks for the words once more
    return parse(model, request[_READ] or b"{}")


async def read_form(request: web.Request) -> dict[str, str]:
    """The fields of a posted form, without files.

    Raises ``TooLarge`` when it is above ``MAX_BODY_BYTES``. What a browser sends as ``multipart/form-data``
    is then not read: our page sends none. Raises ``Problem`` for a form that cannot be read.
    """
    if request.content_type != "application/x-www-form-urlencoded":
        try:
            return await posted(request)
        except web.HTTPRequestEntityTooLarge:
            raise TooLarge("") from None
    read, whole = await _read(request)
    form = dict(parse_qsl(read.decode("utf-8", "ignore"), keep_blank_values=True))
    if not whole:
        raise TooLarge(form.get("text", ""))
    return form


async def posted(request: web.Request) -> dict[str, str]:
    """The fields of a posted form, without files, in the encoding that it names. Raises ``Problem``."""
    try:
        return {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    except (ValueError, LookupError):
        # No boundary between its parts, an encoding that nobody knows, or bytes that are no text in it.
        raise Problem(Code.BAD_REQUEST, detail="The form cannot be read.") from None


async def _read(request: web.Request) -> tuple[bytes, bool]:
    """The body and whether it is whole, or as much as was read when it went above ``MAX_BODY_BYTES``."""
    read = bytearray()
    async for chunk in request.content.iter_any():
        read += chunk
        if len(read) > MAX_BODY_BYTES:
            return bytes(read), False
    return bytes(read), True


def read_after(request: web.Request) -> int:
    """The ``after`` cursor of the query, 0 when absent."""
    raw = request.query.get("after", "0")
    if not (raw.isascii() and raw.isdigit() and len(raw) < 10):
        problem = {"field": "after", "message": "must be a whole number, 0 or more"}
        raise Problem(Code.INVALID_FIELDS, errors=[problem])
    return int(raw)

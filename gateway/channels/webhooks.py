"""Where providers reach us: ``/channels/NAME/webhook``, for each channel that is on."""

from __future__ import annotations

import json
import logging

from aiohttp import web

from gateway.channels.base import Channel, NotTaken, Refused
from gateway.channels.keys import CHANNELS, RECEIVER
from gateway.errors import Code, Problem

log = logging.getLogger(__name__)

#: Far above any webhook of a provider.
MAX_WEBHOOK_BYTES = 512 * 1024

_REFUSED = {
    400: Code.BAD_REQUEST,
    401: Code.WEBHOOK_NOT_GENUINE,
    403: Code.WEBHOOK_NOT_GENUINE,
    404: Code.NO_SUCH_ROUTE,
}


async def webhook(request: web.Request) -> web.Response:
    """``POST``: 202 once everything in it is in the log; the work comes after.

    What is not the provider's is refused before it is read; 503 asks the provider to repeat it.
    """
    channel = _channel(request)
    body = await _body(request)
    try:
        channel.check(request.headers, body)
        events = channel.read(_json(body))
    except Refused as refused:
        log.warning("a webhook was refused", extra={"channel": channel.name, "cause": str(refused)})
        raise _problem(refused) from None
    try:
        await request.app[RECEIVER].receive(channel, events)
    except NotTaken as error:
        raise error.cause if isinstance(error.cause, Problem) else Problem(Code.NOT_SAVED) from None
    return web.json_response({}, status=200 if channel.name == "whatsapp" else 202)


async def challenge(request: web.Request) -> web.Response:
    """``GET``: a provider asks whether the address is ours."""
    try:
        answer = _channel(request).challenge(request.query)
    except Refused as refused:
        raise _problem(refused) from None
    return web.Response(text=answer)


def _channel(request: web.Request) -> Channel:
    channel = request.app[CHANNELS].get(request.match_info["name"])
    if channel is None:
        raise Problem(Code.NO_SUCH_ROUTE)
    return channel


async def _body(request: web.Request) -> bytes:
    body = bytearray()
    async for chunk in request.content.iter_chunked(64 * 1024):
        body += chunk
        if len(body) > MAX_WEBHOOK_BYTES:
            raise Problem(Code.TOO_LARGE)
    return bytes(body)


def _json(body: bytes) -> object:
    try:
        read: object = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(400, "not JSON") from None
    return read


def _problem(refused: Refused) -> Problem:
    return Problem(_REFUSED[refused.status])

"""Calls to a provider, and what their failing means."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp

from gateway.channels.base import NotFetched, NotSent


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """How long a provider asks to wait: ``Retry-After`` in seconds or as a date (RFC 9110, 10.2.3)."""
    told = headers.get("Retry-After", "").strip()
    if told.isascii() and told.isdigit():
        return timedelta(seconds=min(int(told), 24 * 3600))
    try:
        at = parsedate_to_datetime(told)
    except ValueError:
        return None
    wait = at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)
    return min(max(wait, timedelta(0)), timedelta(hours=24))


async def call(
    session: aiohttp.ClientSession, url: str, *, within: float, **request: Any
) -> tuple[int, Any, Mapping[str, str]]:
    """POST, for so many seconds at most; returns status, JSON (None when it is none) and headers.

    Raises ``NotSent``: not ``uncertain`` only when the provider was never reached.
    """
    try:
        async with session.post(
            url, timeout=aiohttp.ClientTimeout(total=within, connect=5), **request
        ) as response:
            try:
                body = await response.json(content_type=None)
            except ValueError:
                body = None
            return response.status, body, response.headers
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        raise NotSent(type(error).__name__) from None  # the address holds the token: not chained
    except (aiohttp.ClientError, TimeoutError) as error:
        raise NotSent(type(error).__name__, uncertain=True) from None


async def download(
    session: aiohttp.ClientSession, url: str, *, most: int, within: float, headers: Mapping[str, str] | None
) -> bytes:
    """GET, of at most so many bytes and for so many seconds at most. Raises ``NotFetched``."""
    content = bytearray()
    try:
        async with session.get(
            url, timeout=aiohttp.ClientTimeout(total=within, connect=5), headers=headers
        ) as response:
            if response.status != 200:
                gone = 400 <= response.status < 500 and response.status != 429
                raise NotFetched(f"status {response.status}", for_good=gone)
            async for chunk in response.content.iter_chunked(64 * 1024):
                content += chunk
                if len(content) > most:
                    raise NotFetched("too large", for_good=True)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise NotFetched(type(error).__name__) from None  # the address holds the token: not chained
    return bytes(content)

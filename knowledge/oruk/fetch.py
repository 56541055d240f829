"""Asking somebody else's server, politely and without trusting it.

Bounded in every direction: bytes (also when unpacked), time, redirects, tries. An address inside a private
network is never connected to: names are looked up once, and the very address that was looked up is judged
and connected to, for the first request and for each redirect.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
import time
import zlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp

from knowledge.oruk.errors import FeedError, Refused
from knowledge.oruk.text import read_json

log = logging.getLogger(__name__)

USER_AGENT = "Helpline-OpenReferralUK/1.0 (reads a public service directory; asks slowly, stops when told)"


@dataclass(frozen=True)
class Limits:
    """How much is asked for, and how much is taken."""

    #: Requests a second, on average; and how many may be under way at once.
    requests_per_second: float = 5.0
    at_once: int = 4
    #: Bytes of one answer, unpacked.
    max_bytes: int = 20 * 1024 * 1024
    #: Seconds for one answer, from the first to the last byte.
    timeout_seconds: float = 60.0
    #: How often one thing is asked for when it fails in passing, and the longest wait that is accepted.
    tries: int = 4
    longest_wait_seconds: float = 120.0
    first_wait_seconds: float = 1.0
    redirects: int = 3
    #: Pages and services of one directory.
    max_pages: int = 20_000
    max_services: int = 200_000
    #: Services a page that we ask for.
    per_page: int = 100


class NotThere(FeedError):
    """The server says that there is no such thing (404, 410)."""


class _Later(Exception):
    """It may work in a moment: after so many seconds, or whenever we think."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


@dataclass
class Fetcher:
    """Gets JSON; made by ``open_fetcher``."""

    session: aiohttp.ClientSession
    limits: Limits
    asked: int = 0  # requests so far
    _next: float = 0.0
    _slots: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(self.limits.at_once)

    async def json(self, url: str) -> Any:
        """The JSON at an address.

        Raises:
            NotThere: the server has no such thing.
            Refused: it is no JSON, too large, or leads where we do not go.
            FeedError: it failed again and again, or asks us to come back much later.
        """
        body = await self._body(url)
        try:
            return read_json(body)
        except (ValueError, RecursionError):
            start = body[:40].decode("utf-8", "replace")
            raise Refused(f"{url} does not answer with JSON: it begins with {start!r}") from None

    async def _body(self, url: str) -> bytes:
        wait = self.limits.first_wait_seconds
        for tries in range(1, self.limits.tries + 1):
            try:
                async with self._slots:
                    return await self._once(url)
            except _Later as later:
                after = later.after if later.after is not None else wait
                if after > self.limits.longest_wait_seconds:
                    raise FeedError(
                        f"{url} asks us to come back in {after:.0f} seconds. Run the import again then: "
                        "it goes on where it was"
                    ) from None
                if tries == self.limits.tries:
                    raise FeedError(f"{url} failed {tries} times, the last time: {later}") from None
                log.info("asking again", extra={"url": url, "after": after, "cause": str(later)})
                # All of our requests wait: the server asked us for less, not one of them.
                self._next = max(self._next, time.monotonic() + after)
                wait *= 2
        raise AssertionError("unreachable")

    async def _once(self, url: str) -> bytes:
        here = url
        for _ in range(self.limits.redirects + 1):
            await self._my_turn()
            check_address(here)
            try:
                async with self.session.get(here, allow_redirects=False) as answer:
                    if answer.status in (301, 302, 303, 307, 308):
                        there = _leads_to(here, answer.headers.get("Location", ""))
                        if here.startswith("https:") and not there.startswith("https:"):
                            raise Refused(f"{here} leads from https to {there}")
                        here = there
                        continue
                    _check_status(here, answer)
                    return await self._read(answer)
            except aiohttp.InvalidURL:
                raise Refused(f"{here[:200]} is no web address") from None
            except (aiohttp.ClientError, TimeoutError, OSError, zlib.error) as error:
                _check_private(here, error)
                raise _Later(_in_words(error)) from None
        raise Refused(f"{url} leads on and on: more than {self.limits.redirects} redirects")

    async def _read(self, answer: aiohttp.ClientResponse) -> bytes:
        encoding = answer.headers.get("Content-Encoding", "identity").strip().lower()
        # Unpacked by ourselves, a piece at a time, so that a small answer cannot become a huge one.
        unpack = {"gzip": zlib.decompressobj(31), "deflate": zlib.decompressobj()}.get(encoding)
        if unpack is None and encoding not in ("identity", ""):
            raise Refused(f"{answer.url} answers in the encoding {encoding!r}, which we did not ask for")
        limit, body, received = self.limits.max_bytes, bytearray(), 0
        async for piece in answer.content.iter_chunked(64 * 1024):
            received += len(piece)
            body += unpack.decompress(piece, limit + 1 - len(body)) if unpack else piece
            if len(body) > limit or received > limit or (unpack and unpack.unconsumed_tail):
                raise Refused(
                    f"{answer.url} answers with more than {limit // 1024} KB, the most that is read"
                )
        if unpack and not unpack.eof:
            raise _Later("the answer broke off")
        return bytes(body)

    async def _my_turn(self) -> None:
        now = time.monotonic()
        start = max(now, self._next)
        self._next = start + 1 / self.limits.requests_per_second
        self.asked += 1
        if start > now:
            await asyncio.sleep(start - now)


@asynccontextmanager
async def open_fetcher(limits: Limits, *, allow_private: bool = False) -> AsyncGenerator[Fetcher]:
    """A fetcher for one reading.

    Args:
        allow_private: connect to addresses inside private networks and this machine too; for a directory
            that an operator runs in their own network.
    """

    def connect(info: Any) -> socket.socket:
        family, kind, protocol, _, address = info
        if not allow_private and not is_public(address[0]):
            raise PermissionError(f"{address[0]} {_NOT_PUBLIC}")
        return socket.socket(family, kind, protocol)

    # No proxy, no cookies, no credentials of this machine: nothing that belongs to us goes out.
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=limits.at_once, socket_factory=connect),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=limits.timeout_seconds, sock_connect=10),
        headers={"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": "gzip, deflate"},
        auto_decompress=False,
        trust_env=False,
    ) as session:
        yield Fetcher(session, limits)


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, however it is wrapped."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


#: Said, and looked for, when a connection is stopped.
_NOT_PUBLIC = "is not an address of the public internet"

#: RFC 6052: an IPv4 address in the last 32 bits.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def _leads_to(here: str, location: str) -> str:
    try:
        return urljoin(here, location)
    except ValueError:
        raise Refused(f"{here} leads to {location[:200]!r}, which is no web address") from None


def check_address(url: str) -> None:
    """Raises ``Refused`` unless this is a web address, and one without a name and password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise Refused(f"{url[:200]} is no web address") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Refused(f"{url[:200]} is no web address: it must start with https:// or http://")
    if parts.username or parts.password:
        raise Refused(f"an address on {parts.hostname} holds a name or password; give it without")


def _check_status(url: str, answer: aiohttp.ClientResponse) -> None:
    if answer.status == 200:
        return
    if answer.status in (404, 410):
        raise NotThere(f"{url} is not there ({answer.status})")
    if answer.status in (408, 425, 429) or answer.status >= 500:
        raise _Later(f"status {answer.status}", _retry_after(answer.headers.get("Retry-After")))
    raise Refused(f"{url} answers with status {answer.status}")


def _retry_after(value: str | None) -> float | None:
    if not value:
        return None
    if value.strip().isdecimal():
        return float(value.strip()[:9])
    try:
        then = parsedate_to_datetime(value)
    except ValueError:
        return None
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    return max(0.0, (then - datetime.now(UTC)).total_seconds())


def _check_private(url: str, error: BaseException) -> None:
    # Several addresses of one name come back as one error with all their messages, and no type of ours.
    if _NOT_PUBLIC in f"{error} {getattr(error, 'os_error', '')}":
        raise Refused(
            f"{url} is not read: it {_NOT_PUBLIC}. If it is a directory of your own network, allow it with "
            "--allow-private"
        ) from None


def _in_words(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "it took too long"
    return f"{type(error).__name__}: {error}"[:200]

"""How fast one chat, and one address, may send. ``allowance.py`` says what is counted, and what happens then.

Counted in memory where there is one gateway (SQLite), and in PostgreSQL for several: each of them alone would
let through its own. Nothing is logged, and what is stored there is a keyed mark, for a minute or two.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Protocol

from aiohttp import web

from conversations.errors import StoreFailed

log = logging.getLogger(__name__)

#: Every quota is for so many seconds.
WINDOW_SECONDS = 60

#: So many keys are kept before those that have nothing used up are thrown away.
_MANY = 10_000


@dataclass(frozen=True, slots=True)
class Quota:
    """Where a limit stands after a request: what is left, and the seconds until there is one more."""

    name: str
    most: int
    left: int
    wait_seconds: int
    ok: bool


class Meter(Protocol):
    """Counts. ``take`` as in ``conversations.quotas``; it may raise ``StoreUnavailable``."""

    async def take(self, key: str, each: float, window: float) -> tuple[bool, float]: ...


class LocalMeter:
    """Counts for this process alone, in memory."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._used_until: dict[str, float] = {}

    async def take(self, key: str, each: float, window: float) -> tuple[bool, float]:
        """As in ``conversations.quotas``."""
        now = self._clock()
        used = max(self._used_until.get(key, now), now) - now
        if used + each > window:
            return False, used
        self._used_until[key] = now + used + each
        if len(self._used_until) > _MANY:
            self._used_until = {one: until for one, until in self._used_until.items() if until > now}
        return True, used + each


class Limit:
    """So many a minute for each key: ``most`` at once, filled again evenly. 0 is no limit."""

    def __init__(self, name: str, most: int, meter: Meter, spare: LocalMeter) -> None:
        self._name = name
        self._most = most
        self._meter = meter
        self._spare = spare

    async def take(self, key: str) -> Quota:
        """Take one, if there is one. Without the database this process counts alone: nobody is let off."""
        if self._most == 0:
            return Quota(self._name, 0, 0, 0, True)
        each = WINDOW_SECONDS / self._most
        whose = f"{self._name} {key}"
        try:
            ok, used = await self._meter.take(whose, each, WINDOW_SECONDS)
        except StoreFailed as error:
            log.warning("quotas are counted alone", extra={"cause": str(error)})
            ok, used = await self._spare.take(whose, each, WINDOW_SECONDS)
        # A hair more, since the time of the answer is a little after the time of the counting.
        left = math.floor((WINDOW_SECONDS - used) / each + 1e-6)
        return Quota(self._name, self._most, left, math.ceil(max(0.0, used + each - WINDOW_SECONDS)), ok)


class Limits:
    """All limits of a gateway."""

    def __init__(
        self,
        *,
        messages: int,
        address_messages: int,
        address_conversations: int,
        trusted_proxies: Sequence[IPv4Network | IPv6Network],
        meter: Meter | None = None,
    ) -> None:
        """``meter`` counts for several gateways; without one this process counts alone."""
        spare = LocalMeter()
        limit = partial(Limit, meter=meter or spare, spare=spare)
        self.messages = limit("messages", messages)
        self.urgent = limit("urgent", messages)
        self.address_messages = limit("address", address_messages)
        self.address_conversations = limit("conversations", address_conversations)
        self._trusted = trusted_proxies

    def address(self, request: web.Request) -> str | None:
        """Whom a request comes from: an IPv4 address or an IPv6 network, or None when it cannot be told.

        Only a proxy that we trust is believed when it says for whom it asks. A request that comes from such
        an address and names nobody (a program on this machine) counts for no one.
        """
        hops = [request.remote or "", *reversed(request.headers.get("X-Forwarded-For", "").split(","))]
        for hop in hops:
            try:
                address = ip_address(hop.strip())
            except ValueError:
                return None
            if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
                address = address.ipv4_mapped
            if not any(address in network for network in self._trusted):
                return _one_household(address)
        return None


def _one_household(address: IPv4Address | IPv6Address) -> str:
    """A household has one IPv4 address, and 64 bits of IPv6 addresses."""
    if isinstance(address, IPv4Address):
        return str(address)
    return str(ip_network((address, 64), strict=False).network_address)

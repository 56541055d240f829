"""How fast one chat, and one address, may send. Kept in this process's memory only, never stored or logged.

``allowance.py`` says what is counted, and what happens when a quota is used up.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from aiohttp import web

#: Every quota is for so many seconds.
WINDOW_SECONDS = 60

#: So many buckets are kept before those that are full again are thrown away.
_MANY = 10_000


@dataclass(frozen=True, slots=True)
class Quota:
    """Where a limit stands after a request: what is left, and the seconds until there is one more."""

    name: str
    most: int
    left: int
    wait_seconds: int
    ok: bool


class Limit:
    """A bucket for each key: ``most`` at once, filled again evenly over a minute. 0 is no limit."""

    def __init__(self, name: str, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._most = most
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}  # what is left, and when that was true

    def take(self, key: str) -> Quota:
        """Take one, if there is one."""
        if self._most == 0:
            return Quota(self._name, 0, 0, 0, True)
        now = self._clock()
        rate = self._most / WINDOW_SECONDS
        left, since = self._buckets.get(key, (float(self._most), now))
        left = min(self._most, left + (now - since) * rate)
        ok = left >= 1
        left -= 1 if ok else 0
        self._buckets[key] = (left, now)
        if len(self._buckets) > _MANY:
            self._forget_full(now, rate)
        return Quota(self._name, self._most, int(left), math.ceil(max(0.0, 1 - left) / rate), ok)

    def _forget_full(self, now: float, rate: float) -> None:
        full = [k for k, (left, since) in self._buckets.items() if left + (now - since) * rate >= self._most]
        for key in full:
            del self._buckets[key]


class Limits:
    """All limits of a gateway."""

    def __init__(
        self,
        *,
        messages: int,
        address_messages: int,
        address_conversations: int,
        trusted_proxies: Sequence[IPv4Network | IPv6Network],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.messages = Limit("messages", messages, clock)
        self.urgent = Limit("urgent", messages, clock)
        self.address_messages = Limit("address", address_messages, clock)
        self.address_conversations = Limit("conversations", address_conversations, clock)
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

"""Separate hosts on one machine: network namespaces joined by a bridge, and their network cut and given back.

Nothing of this machine's own network is touched: the bridge is in a namespace, too, and so is whoever
measures while it lasts. The addresses are the same in each run; the names are not, and two runs do not meet.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from bench.processes import THIS_MACHINE, BenchFailed, Host

_NETWORK = "10.77.0."
_FRONT, *_BEHIND = ("front", "a", "b", "data")
_BRIDGE, _PLUG = "bridge", "eth0"


def missing() -> str | None:
    """What this machine lacks for separate hosts, in words; None when nothing. Makes them to find out."""
    if not sys.platform.startswith("linux"):
        return "separate hosts need Linux: they are network namespaces"
    if shutil.which("ip") is None:
        return "`ip` is not installed (Debian: apt-get install iproute2)"
    if os.geteuid() != 0:
        return "separate hosts need root: they are network namespaces"
    try:
        with separate():
            return None
    except BenchFailed as error:
        return f"separate hosts cannot be made here: {error}"


@dataclass(frozen=True)
class Hosts:
    """Where everything runs: proxies and people in front, two hosts of applications, and the data."""

    front: Host = THIS_MACHINE
    applications: tuple[Host, Host] = (THIS_MACHINE, THIS_MACHINE)
    data: Host = THIS_MACHINE

    def cut(self, host: Host) -> None:
        """Pull a host's plug. Nothing answers any more, and nothing is refused."""
        _ip("-n", self.front.namespace, "link", "set", _port(host), "down")

    def join(self, host: Host) -> None:
        """Put the plug in again."""
        _ip("-n", self.front.namespace, "link", "set", _port(host), "up")


@contextmanager
def separate() -> Generator[Hosts]:
    """Separate hosts. This thread, and every thread it starts, is in front meanwhile.

    Raises:
        BenchFailed: they cannot be made; nothing is left of them.
    """
    run = f"helpline-{os.getpid()}-{secrets.token_hex(3)}"
    front, *behind = (
        Host(f"{_NETWORK}{number}", f"{run}-{name}") for number, name in enumerate((_FRONT, *_BEHIND), 1)
    )
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        _make(front, behind)
        _enter(front)
        yield Hosts(front, (behind[0], behind[1]), behind[2])
    finally:
        os.setns(before, os.CLONE_NEWNET)
        os.close(before)
        for host in behind:
            _end_all_on(host)
        for host in (front, *behind):
            with suppress(BenchFailed):  # what could not be made
                _ip("netns", "del", host.namespace)


def _make(front: Host, behind: list[Host]) -> None:
    for host in (front, *behind):
        _ip("netns", "add", host.namespace)
        _ip("-n", host.namespace, "link", "set", "lo", "up")
    _ip("-n", front.namespace, "link", "add", _BRIDGE, "type", "bridge")
    for host in behind:
        plug = ("peer", "name", _PLUG, "netns", host.namespace)
        _ip("-n", front.namespace, "link", "add", _port(host), "type", "veth", *plug)
        _ip("-n", front.namespace, "link", "set", _port(host), "master", _BRIDGE, "up")
    for host in (front, *behind):
        device = _BRIDGE if host is front else _PLUG
        _ip("-n", host.namespace, "link", "set", device, "address", _hardware(host), "up")
        _ip("-n", host.namespace, "addr", "add", f"{host.address}/24", "dev", device)
        # Each knows where the others are. Else it would ask, have no answer, and say "no route" after three
        # seconds: a host behind a router, which is the ordinary case, is never told that.
        for other in (front, *behind):
            if other is not host:
                known = (other.address, "lladdr", _hardware(other), "dev", device, "nud", "permanent")
                _ip("-n", host.namespace, "neigh", "replace", *known)


def _end_all_on(host: Host) -> None:
    """Who was cut short in stopping its processes left some: they would keep the host without its name."""
    with suppress(BenchFailed):
        for pid in _ip("netns", "pids", host.namespace).split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)


def _enter(host: Host) -> None:
    namespace = os.open(f"/run/netns/{host.namespace}", os.O_RDONLY)
    try:
        os.setns(namespace, os.CLONE_NEWNET)
    finally:
        os.close(namespace)


def _port(host: Host) -> str:
    """The bridge's end of a host's cable."""
    return f"to-{host.namespace.rpartition('-')[2]}"


def _hardware(host: Host) -> str:
    return f"02:00:00:00:00:{int(host.address.removeprefix(_NETWORK)):02x}"


def _ip(*arguments: str) -> str:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchFailed(f"`ip {' '.join(arguments)}` failed: {done.stderr.strip()[-300:]}")
    return done.stdout

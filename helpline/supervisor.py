"""Running the processes of a helpline on one machine: start, wait until ready, restart, one clean stop."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

#: Seconds before the first restart; doubled each time up to the longest.
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 30.0

#: A process that ran so long is healthy again: the wait starts over.
_STEADY_AFTER = 60.0

#: A program that ends so often before it was ever ready will not get ready.
_GIVE_UP_AFTER = 2

#: Seconds a process has to stop by itself.
_STOP_WITHIN = 10.0

_PR_SET_PDEATHSIG = 1


class NotReady(RuntimeError):
    """The helpline did not become ready; the message says which part and where its log is."""


@dataclass(frozen=True)
class Program:
    """One process."""

    name: str
    command: Sequence[str]
    ready_url: str  # answers 200 when the process can do its work
    log: Path
    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    token: str = ""  # what its HTTP API asks for, if it asks


class Supervisor:
    """Keeps programs running until told to stop."""

    def __init__(self, programs: Sequence[Program], say: Callable[[str], None]) -> None:
        """Args:
        programs: what to run; all are started at once.
        say: tells the person at the terminal one line.
        """
        self._programs = programs
        self._say = say
        self._stopping = asyncio.Event()
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._exits: dict[str, int] = {}  # program -> how often it has ended by itself

    def begin(self, name: str) -> None:
        """Start one program ahead of the others, without waiting for it."""
        for program in self._programs:
            if program.name == name and name not in self._keepers:
                self._keepers[name] = asyncio.create_task(self._keep(program))

    async def start(self, within: float) -> None:
        """Start everything that does not run yet and wait until all of it is ready.

        Args:
            within: seconds to wait.

        Raises:
            NotReady: a part was not ready in time, or ended before it was.
        """
        for program in self._programs:
            self.begin(program.name)
        begun = time.monotonic()
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:
            for program in self._programs:
                while not await _answers(http, program.ready_url):
                    if self._stopping.is_set():
                        return
                    if time.monotonic() - begun > within:
                        raise NotReady(
                            f"{program.name} was not ready within {within:.0f} s: {last_line(program.log)} "
                            f"(its log: {program.log})"
                        )
                    if self._exits.get(program.name, 0) >= _GIVE_UP_AFTER:
                        raise NotReady(
                            f"{program.name} ended as soon as it was started: {last_line(program.log)} "
                            f"(its log: {program.log})"
                        )
                    await asyncio.sleep(0.2)
                self._say(f"  {program.name} is ready ({time.monotonic() - begun:.0f} s)")

    async def wait(self) -> None:
        """Wait for as long as the programs are kept running: until ``stop`` or until cancelled."""
        await self._stopping.wait()

    async def stop(self) -> None:
        """Stop every process, the kind way first; none is left behind."""
        self._stopping.set()
        for process in self._processes.values():
            _signal_group(process, signal.SIGTERM)
        waiting = [asyncio.create_task(process.wait()) for process in self._processes.values()]
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=_STOP_WITHIN)
            if late:
                for process in self._processes.values():
                    _signal_group(process, signal.SIGKILL)
                await asyncio.wait(late)
        for keeper in self._keepers.values():
            keeper.cancel()
        await asyncio.gather(*self._keepers.values(), return_exceptions=True)

    async def _keep(self, program: Program) -> None:
        pause = _FIRST_WAIT
        while not self._stopping.is_set():
            begun = time.monotonic()
            program.log.parent.mkdir(parents=True, exist_ok=True)
            with program.log.open("ab") as output:
                process = await asyncio.create_subprocess_exec(
                    *program.command,
                    cwd=program.directory,
                    env={**os.environ, **program.environment},
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=asyncio.subprocess.STDOUT,
                    # A group of its own: Ctrl-C reaches only us, and we stop it with its children.
                    start_new_session=True,
                    preexec_fn=_die_with_parent if sys.platform == "linux" else None,
                )
            self._processes[program.name] = process
            code = await process.wait()
            if self._stopping.is_set():
                return
            self._exits[program.name] = self._exits.get(program.name, 0) + 1
            # Children of a process that died are not left to hold its port.
            _signal_group(process, signal.SIGKILL)
            if time.monotonic() - begun > _STEADY_AFTER:
                pause = _FIRST_WAIT
            self._say(
                f"  {program.name} stopped (exit code {code}); starting it again in {pause:.0f} s. "
                f"Its log: {program.log}"
            )
            try:
                await asyncio.wait_for(self._stopping.wait(), pause)
            except TimeoutError:
                pause = min(pause * 2, _LONGEST_WAIT)


async def _answers(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(url) as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False


def _signal_group(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _die_with_parent() -> None:
    # If the supervisor itself is killed, the kernel ends its children: no process is left behind.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def last_line(log: Path) -> str:
    """The last line that a program wrote, for telling what went wrong."""
    if not log.is_file():
        return "it wrote nothing"
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it wrote nothing"

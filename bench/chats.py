"""How long a turn takes: one chat and many, early and late in a chat, stock Rasa beside ours.

What is compared runs at the same time and is asked in turn, so that whatever else the machine does
meets all of them alike. Processor time a turn is told beside the seconds: it hardly depends on that.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial

import aiohttp
import numpy as np

from bench.processes import Measured, Rig
from bench.talk import (
    QUESTIONS,
    WITH_ACTION,
    Say,
    Times,
    api_chat,
    closed_loop,
    in_own_words,
    paced,
    rest_chat,
    session,
)

CHATS = (1, 10, 50, 200)

#: The changes to Rasa that bear on a turn, by their names in HELPLINE_ENGINE_OFF.
CHANGES = ("tracker_store", "action_schema", "action_call", "event_classes", "quiet_logs", "entities_only")

type Open = Callable[[], Awaitable[Say]]


@dataclass(frozen=True)
class Row:
    """One line of a table: what was asked, with how many chats, and what came out. Milliseconds."""

    what: str
    chats: int
    turns: int
    errors: int
    p50: float
    p95: float
    p99: float
    per_second: float
    cpu: float = float("nan")  # processor time a turn, all processes that took part


@dataclass(frozen=True)
class Growth:
    """Milliseconds at a turn of a long chat: the median of those around it."""

    what: str
    at: Mapping[int, float]


def row(what: str, chats: int, times: Times, cpu: float = float("nan")) -> Row:
    """The line for what was measured; ``cpu`` in seconds for all turns."""
    turns = len(times.seconds)
    return Row(
        what,
        chats,
        turns,
        times.errors,
        times.ms(50),
        times.ms(95),
        times.ms(99),
        times.per_second,
        cpu * 1000 / turns if turns else float("nan"),
    )


@dataclass(frozen=True)
class Rivals:
    """What is compared: stock Rasa, ours asked directly, and ours through the gateway."""

    actions: Measured
    stock: Measured
    tuned: Measured
    gateway: Measured

    def doors(self, http: aiohttp.ClientSession) -> dict[str, tuple[Open, list[Measured]]]:
        """Each with how a chat with it is opened, and the processes that work for it."""
        return {
            "stock Rasa": (partial(rest_chat, http, self.stock.url), [self.stock, self.actions]),
            "our Rasa": (partial(rest_chat, http, self.tuned.url), [self.tuned, self.actions]),
            "gateway": (
                partial(api_chat, http, self.gateway.url),
                [self.gateway, self.tuned, self.actions],
            ),
        }


async def start(rig: Rig) -> Rivals:
    """Start all that is compared, one after the other."""
    actions = await rig.actions()
    stock = await rig.stock(actions.url)
    tuned = await rig.bot(actions.url)
    return Rivals(actions, stock, tuned, await rig.gateway(tuned.url, actions.url))


async def one_chat(rivals: Rivals, rounds: int) -> list[Row]:
    """Turns with an action in fresh chats, asked of all in turn: ``rounds`` chats of each."""
    async with session() as http:
        doors = rivals.doors(http)
        times = {what: Times() for what in doors}
        cpu = dict.fromkeys(doors, 0.0)
        for number in range(rounds + 2):
            for what, (open_chat, processes) in doors.items():
                say = await open_chat()
                before = sum(process.cpu for process in processes)
                seconds = [await say(in_own_words(question)) for question in WITH_ACTION]
                if number >= 2:  # the first are to warm up
                    cpu[what] += sum(process.cpu for process in processes) - before
                    times[what].add(Times(seconds, 0, sum(seconds)))
        return [row(what, 1, times[what], cpu[what]) for what in doors]


async def many_chats(rivals: Rivals, chats: int, seconds: float, rounds: int) -> list[Row]:
    """As many turns as go, in chats of five turns, ``rounds`` times ``seconds`` for each."""
    async with session() as http:
        doors = rivals.doors(http)
        times = {what: Times() for what in doors}
        cpu = dict.fromkeys(doors, 0.0)
        for _ in range(rounds):
            for what, (open_chat, processes) in doors.items():
                before = sum(process.cpu for process in processes)
                times[what].add(await closed_loop(open_chat, chats, seconds))
                cpu[what] += sum(process.cpu for process in processes) - before
        return [row(what, chats, times[what], cpu[what]) for what in doors]


async def paced_chats(rivals: Rivals, chats: int, seconds: float, every: float) -> Row:
    """The busy hour: many open chats, one message each every so many seconds, through the gateway."""
    async with session() as http:
        open_chat, processes = rivals.doors(http)["gateway"]
        before = sum(process.cpu for process in processes)
        times = await paced(open_chat, chats, seconds, every)
        cpu = sum(process.cpu for process in processes) - before
        return row(f"gateway, one message each {every:g} s", chats, times, cpu)


async def growth(rivals: Rivals, at: tuple[int, ...] = (5, 50, 200), chats: int = 1) -> list[Growth]:
    """One question again and again in one chat; what a turn costs early and late."""
    async with session() as http:
        doors = rivals.doors(http)
        found: dict[str, dict[int, list[float]]] = {what: {turn: [] for turn in at} for what in doors}
        for _ in range(chats):
            says = {what: await open_chat() for what, (open_chat, _) in doors.items()}
            for turn in range(1, max(at) + 1):
                for what, say in says.items():
                    seconds = await say(in_own_words(WITH_ACTION[turn % len(WITH_ACTION)]))
                    for wanted in at:
                        if abs(turn - wanted) <= max(2, wanted // 20):
                            found[what][wanted].append(seconds * 1000)
        return [
            Growth(what, {turn: float(np.median(ms)) for turn, ms in times.items()})
            for what, times in found.items()
        ]


async def each_change(rig: Rig, actions: Measured, rounds: int) -> list[Row]:
    """Rasa with one change at a time, with none and with all: chats of twenty turns, asked in turn."""
    everything = set(CHANGES)
    variants = {"none": everything, **{name: everything - {name} for name in CHANGES}, "all": set()}
    bots = {what: await rig.bot(actions.url, what, ",".join(sorted(off))) for what, off in variants.items()}
    async with session() as http:
        times = {what: Times() for what in bots}
        cpu = dict.fromkeys(bots, 0.0)
        for number in range(rounds + 1):
            for what, bot in bots.items():
                say = await rest_chat(http, bot.url)
                before = bot.cpu
                seconds = [await say(in_own_words(QUESTIONS[turn % len(QUESTIONS)])) for turn in range(20)]
                if number:
                    cpu[what] += bot.cpu - before
                    times[what].add(Times(seconds, 0, sum(seconds)))
    for bot in bots.values():
        bot.stop()
    return [row(what, 1, times[what], cpu[what]) for what in bots]

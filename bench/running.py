"""The measurements one by one, as ``helpline bench`` calls them: each prints its figures and keeps them."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import chats, machines, sockets
from bench.processes import Rig
from bench.results import keep, shown
from bench.talk import closed_loop, paced, session

type Tell = Callable[[str], None]


@asynccontextmanager
async def rig() -> AsyncGenerator[Rig]:
    """Processes on data of their own, all gone at the end."""
    with tempfile.TemporaryDirectory(prefix="helpline-bench-") as folder:
        made = Rig(Path(folder))
        try:
            await asyncio.to_thread(made.load_knowledge)
            yield made
        finally:
            made.stop()


async def measure_chats(tell: Tell, rounds: int, seconds: float, paced_seconds: float) -> None:
    """Latency and turns a second at 1, 10, 50 and 200 chats; growth; the busy hour."""
    async with rig() as made:
        tell("starting stock Rasa, our Rasa and the gateway ...")
        rivals = await chats.start(made)
        started = [
            {"what": m.name, "seconds": m.seconds, "megabytes": m.megabytes, "cpu": m.cpu}
            for m in (rivals.stock, rivals.tuned, rivals.actions, rivals.gateway)
        ]
        keep("start", started, command="helpline bench chats")
        tell(f"one chat, {rounds} rounds ...")
        rows = [asdict(row) for row in await chats.one_chat(rivals, rounds)]
        tell(shown(rows))
        keep("one chat", rows, command="helpline bench chats", rounds=rounds)
        busy = []
        for number in chats.CHATS:
            tell(f"{number} chats ...")
            busy += [asdict(row) for row in await chats.many_chats(rivals, number, seconds, 2)]
        tell(shown(busy))
        keep("many chats", busy, command="helpline bench chats", seconds=seconds)
        tell("200 chats, one message each 10 s ...")
        hour = asdict(await chats.paced_chats(rivals, 200, paced_seconds, 10))
        tell(shown([hour]))
        keep("busy hour", [hour], command="helpline bench chats", seconds=paced_seconds)
        tell("turns 5, 50 and 200 of one chat ...")
        grown = [asdict(growth) for growth in await chats.growth(rivals)]
        for growth in grown:
            at = growth["at"]
            said = ", ".join(f"turn {turn}: {ms:.1f} ms" for turn, ms in at.items())
            tell(f"{growth['what']:<12} {said}; turn 200 is {at[200] / at[5]:.2f} x turn 5")
        keep("growth", grown, command="helpline bench chats")
        after = [
            {"what": m.name, "megabytes": m.megabytes}
            for m in (rivals.stock, rivals.tuned, rivals.actions, rivals.gateway)
        ]
        keep("memory after", after, command="helpline bench chats")


async def measure_changes(tell: Tell, rounds: int) -> None:
    """Each change to Rasa alone, and all together."""
    async with rig() as made:
        actions = await made.actions()
        tell("starting Rasa eight times ...")
        rows = [asdict(row) for row in await chats.each_change(made, actions, rounds)]
        tell(shown(rows))
        keep("changes", rows, command="helpline bench changes", rounds=rounds)


async def measure_sockets(tell: Tell, count: int, seconds: float) -> None:
    """Idle sockets, and an adviser's word to 200 chats."""
    async with rig() as made:
        actions = await made.actions()
        bot = await made.bot(actions.url)
        gateway = await made.gateway(bot.url, actions.url)
        idle = await sockets.idle(gateway, count, seconds)
        tell(
            f"{idle.sockets:,} idle sockets: {idle.megabytes_before:.0f} -> {idle.megabytes:.0f} MB"
            f" ({idle.kilobytes_each:.0f} kB each), {100 * idle.cpu_share:.0f} % of a core,"
            f" /healthz in {idle.answered_ms:.1f} ms meanwhile"
        )
        keep(
            "idle sockets",
            {**asdict(idle), "kilobytes_each": idle.kilobytes_each},
            command="helpline bench sockets",
            seconds=seconds,
        )
    times = await sockets.fan_out(200, 3)
    rows = [asdict(chats.row("an adviser's word", 200, times))]
    tell(f"200 chats with an adviser, word to screen: p50 {times.ms(50):.1f} ms, p95 {times.ms(95):.1f} ms")
    keep("fan-out", rows, command="helpline bench sockets")


@dataclass(frozen=True)
class Minute:
    """One minute of the soak."""

    minute: int
    p50: float
    p95: float
    errors: int
    megabytes: dict[str, float]


async def measure_soak(tell: Tell, minutes: int) -> None:
    """Half of what the machine can do, for long: time and memory have to stay flat."""
    async with rig() as made:
        actions = await made.actions()
        bot = await made.bot(actions.url)
        gateway = await made.gateway(bot.url, actions.url)
        rivals = chats.Rivals(actions, bot, bot, gateway)
        async with session() as http:
            open_chat, processes = rivals.doors(http)["gateway"]
            most = (await closed_loop(open_chat, 10, 20)).per_second
            every = 10.0
            people = max(int(most / 2 * every), 1)
            tell(f"at most {most:.0f} turns a second: {people} people who say something every {every:g} s")
            found = []
            for minute in range(1, minutes + 1):
                times = await paced(open_chat, people, 60, every)
                megabytes = {process.name: process.megabytes for process in processes}
                found.append(Minute(minute, times.ms(50), times.ms(95), times.errors, megabytes))
                memory = ", ".join(f"{name} {size:.0f} MB" for name, size in megabytes.items())
                tell(
                    f"minute {minute}: p50 {times.ms(50):.1f} ms, p95 {times.ms(95):.1f} ms,"
                    f" {times.errors} errors, {memory}"
                )
            keep("soak", found, command=f"helpline bench soak --minutes {minutes}", people=people)


async def measure_machines(tell: Tell, rounds: int, people: int) -> None:
    """Two of everything, killed one after the other."""
    with tempfile.TemporaryDirectory(prefix="helpline-bench-") as folder:
        tell("starting PostgreSQL, Redis, two action servers, two bots and two gateways ...")
        verdict = await machines.run(rounds, people, 3.0, tell, Path(folder))
    tell(machines.shown(verdict))
    keep("machines", verdict, command="helpline bench machines", rounds=rounds)


async def measure_hosts(tell: Tell, rounds: int, people: int) -> None:
    """The same on separate hosts, whose network is cut besides."""
    victims = (*machines.VICTIMS, *machines.CUTS)
    with tempfile.TemporaryDirectory(prefix="helpline-bench-") as folder:
        tell("starting the same on separate hosts ...")
        verdict = await machines.run(rounds, people, 3.0, tell, Path(folder), victims, separate_hosts=True)
    tell(machines.shown(verdict))
    keep("hosts", verdict, command="helpline bench machines --hosts", rounds=rounds)

"""Bringing a whole helpline up on this machine: model, database, content, processes."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gateway.channels.settings import ChannelSettings
from helpline.programs import programs
from helpline.settings import Settings
from helpline.supervisor import Supervisor
from helpline.training import MODEL, is_current, stop_training, train
from knowledge.content import read_content
from knowledge.database import migrate, open_engine, told_plainly, writing
from knowledge.load import load_content
from knowledge.search_encoder import search_encoder

#: Rasa loads TensorFlow, which takes most of this on a slow machine.
READY_WITHIN = 180.0

#: Training writes about so much; less free space than this ends in a half-written file.
_DISK_NEEDED = 500 * 1024 * 1024


class CannotStart(RuntimeError):
    """Something on this machine is in the way; the message says what to do about it."""


def check_machine(settings: Settings) -> None:
    """Look for what would stop the helpline from starting.

    Raises:
        CannotStart: a port is taken, the disk is full, or the data folder cannot be written.
    """
    for name, port in (
        ("HELPLINE_PORT", settings.port),
        ("HELPLINE_BOT_PORT", settings.bot_port),
        ("HELPLINE_ACTIONS_PORT", settings.actions_port),
    ):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.host if name == "HELPLINE_PORT" else "127.0.0.1", port))
            except OSError:
                raise CannotStart(
                    f"Port {port} is already in use. Stop the program that uses it, "
                    f"or set {name} to another number."
                ) from None
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        (settings.data_dir / ".writable").touch()
        (settings.data_dir / ".writable").unlink()
    except OSError as error:
        raise CannotStart(f"The folder {settings.data_dir} cannot be written: {error.strerror}.") from None
    free = shutil.disk_usage(settings.data_dir).free
    if free < _DISK_NEEDED:
        raise CannotStart(
            f"Only {free // 2**20} MB of disk are free where {settings.data_dir} is; "
            f"{_DISK_NEEDED // 2**20} MB are needed. Free some space."
        )


def load_shipped_content(settings: Settings) -> str:
    """Migrate the knowledge store and load the shipped content.

    Returns:
        One line that says what was done.

    Raises:
        ContentError: a content file is wrong.
        StoreUnavailable: the database cannot be opened.
    """
    content = read_content()
    engine = open_engine(settings.knowledge_database())
    try:
        migrate(engine)
        with told_plainly(engine), writing(engine).begin() as session:
            report = load_content(session, content, search_encoder(threads=2))
    finally:
        engine.dispose()
    return (
        f"{report.created} new, {report.updated} changed, {report.unchanged} as before, "
        f"{report.withdrawn} withdrawn"
    )


def train_if_needed(settings: Settings) -> bool:
    """Train when there is no model or it is not the one the files describe.

    Returns:
        Whether it trained.

    Raises:
        TrainingFailed: Rasa could not train.
    """
    if is_current():
        return False
    train(settings.data_dir / "log" / "train.log")
    return True


@asynccontextmanager
async def running(settings: Settings, say: Callable[[str], None]) -> AsyncGenerator[Supervisor]:
    """A running helpline: ready on entry, stopped on exit.

    Args:
        settings: ports, databases, folders.
        say: tells the person at the terminal one line.

    Raises:
        CannotStart, TrainingFailed, ContentError, StoreUnavailable, NotReady: each with a clear message.
    """
    check_machine(settings)
    if problems := ChannelSettings().problems():
        raise CannotStart("The channels cannot start: " + "; ".join(problems) + ".")
    supervisor = Supervisor(programs(settings), say)

    async def begin_assistant() -> None:
        if not is_current():
            say("Training the assistant: one to two minutes, only after its training files changed ...")
            await _with_heartbeat(asyncio.to_thread(train_if_needed, settings), say)
            say(f"  trained: {MODEL.name}")
        supervisor.begin("assistant")

    async def load_knowledge() -> None:
        say("Loading the knowledge ...")
        say(f"  {await asyncio.to_thread(load_shipped_content, settings)}")

    try:
        # Neither needs the other, and on a new machine each takes a minute or two.
        await _both(begin_assistant(), load_knowledge())
        say("Starting ...")
        await supervisor.start(READY_WITHIN)
        yield supervisor
    finally:
        await supervisor.stop()


async def _both(*work: Coroutine[Any, Any, None]) -> None:
    """Wait for both; when one fails the other is cancelled."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _with_heartbeat(work: Awaitable[object], say: Callable[[str], None]) -> None:
    task = asyncio.ensure_future(work)
    seconds = 0
    while not task.done():
        try:
            await asyncio.wait({task}, timeout=10)
        except asyncio.CancelledError:
            stop_training()
            raise
        seconds += 10
        if not task.done():
            say(f"  still training ({seconds} s)")
    await task


def own_settings(settings: Settings, folder: Path) -> Settings:
    """Settings for a helpline beside the running one: free ports, conversations that are thrown away.

    Args:
        settings: the usual ones; their knowledge store is used.
        folder: where the conversations are kept meanwhile.
    """
    return settings.model_copy(
        update={
            "port": _free_port(),
            "bot_port": _free_port(),
            "actions_port": _free_port(),
            "knowledge_url": settings.knowledge_database(),
            "conversations_url": "",
            "tracker_url": "",
            "data_dir": folder,
        }
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

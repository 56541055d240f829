"""The loop that everybody sends with: nothing holds up anything else, nothing is lost when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy import delete

from conversations.errors import StoreFault, StoreUnavailable
from conversations.models import Delivery, DeliveryState
from conversations.outbox import Claimed, Outbox
from conversations.sealing import Sealer, new_key
from conversations.store import Store
from conversations.work_off import work_off

KIND = "test"


@pytest.fixture
async def outbox(store: Store) -> Outbox:
    async with store.database.writing() as session:
        await session.execute(delete(Delivery))
    return Outbox(store.database, store.events, Sealer(new_key()))


async def _until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0.01)


def _working(
    store: Store, outbox: Outbox, send: Callable[[Claimed], Awaitable[None]], **how: float
) -> asyncio.Task[None]:
    return asyncio.create_task(work_off(outbox, store.events, [KIND], send, **how))  # type: ignore[arg-type]


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_one_that_hangs_holds_up_no_other_target(store: Store, outbox: Outbox) -> None:
    sent: list[str] = []

    async def send(entry: Claimed) -> None:
        if entry.target == "slow":
            await asyncio.Event().wait()
        await outbox.sent(entry)
        sent.append(entry.target)

    task = _working(store, outbox, send)
    for target in ("slow", "one", "two"):
        await outbox.enqueue(KIND, target, {})
    await _until(lambda: len(sent) == 2)
    await outbox.enqueue(KIND, "three", {})
    await _until(lambda: "three" in sent)
    await _end(task)
    assert (await outbox.counts(KIND))[DeliveryState.PENDING] == 1


async def test_a_kind_that_hangs_keeps_its_own_places_only(store: Store, outbox: Outbox) -> None:
    hung, sent, free = list[str](), list[str](), asyncio.Event()

    async def send(entry: Claimed) -> None:
        if entry.kind == KIND:
            hung.append(entry.target)
            await free.wait()
        await outbox.sent(entry)
        sent.append(entry.target)

    task = asyncio.create_task(work_off(outbox, store.events, [KIND, "other"], send, at_once=3))
    for number in range(5):
        await outbox.enqueue(KIND, f"slow {number}", {})
    await _until(lambda: len(hung) == 3)
    await asyncio.sleep(0.2)
    for number in range(4):
        await outbox.enqueue("other", f"quick {number}", {}, urgent=number == 3)
    await _until(lambda: len(sent) == 4)
    assert len(hung) == 3
    free.set()
    await _until(lambda: len(sent) == 9)  # and then the rest of its own
    await _end(task)


async def test_with_every_place_taken_it_waits_for_one_to_be_free(
    store: Store, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    free, asked, sent = asyncio.Event(), 0, list[str]()
    really = outbox.claim

    async def claim(*args: object, **how: object) -> list[Claimed]:
        nonlocal asked
        asked += 1
        return await really(*args, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(outbox, "claim", claim)

    async def send(entry: Claimed) -> None:
        await free.wait()
        await outbox.sent(entry)
        sent.append(entry.target)

    for target in ("one", "two", "three"):
        await outbox.enqueue(KIND, target, {})
    task = _working(store, outbox, send, at_once=2)
    await asyncio.sleep(0.3)
    assert asked <= 3
    free.set()
    await _until(lambda: len(sent) == 3)
    await _end(task)


async def test_an_error_of_our_own_loses_nothing_and_stops_nothing(store: Store, outbox: Outbox) -> None:
    sent: list[str] = []

    async def send(entry: Claimed) -> None:
        if entry.target == "broken":
            raise RuntimeError("a mistake")
        await outbox.sent(entry)
        sent.append(entry.target)

    task = _working(store, outbox, send)
    await outbox.enqueue(KIND, "broken", {})
    await outbox.enqueue(KIND, "whole", {})
    await _until(lambda: sent == ["whole"])
    await _end(task)
    counts = await outbox.counts(KIND)
    assert (counts[DeliveryState.PENDING], counts[DeliveryState.FAILED]) == (1, 0)


async def test_what_failed_is_tried_again_after_its_own_pause(store: Store, outbox: Outbox) -> None:
    tried: list[float] = []

    async def send(entry: Claimed) -> None:
        tried.append(asyncio.get_running_loop().time())
        if len(tried) < 3:
            await asyncio.sleep(0.2)  # the loop has looked again meanwhile, and waits
            await outbox.retry(entry, "not now", first=timedelta(milliseconds=10))
        else:
            await outbox.sent(entry)

    task = _working(store, outbox, send)
    await outbox.enqueue(KIND, "one", {})
    await _until(lambda: len(tried) == 3)
    await _end(task)
    assert tried[-1] - tried[0] < 2


@pytest.mark.parametrize(("finish_seconds", "arrived"), [(5.0, True), (0.0, False)])
async def test_what_is_under_way_at_the_end_is_finished_if_there_is_time(
    store: Store, outbox: Outbox, finish_seconds: float, arrived: bool
) -> None:
    begun = asyncio.Event()

    async def send(entry: Claimed) -> None:
        begun.set()
        await asyncio.sleep(0.2)
        await outbox.sent(entry)

    task = _working(store, outbox, send, finish_seconds=finish_seconds)
    await outbox.enqueue(KIND, "one", {})
    await begun.wait()
    await _end(task)
    assert ((await outbox.counts(KIND))[DeliveryState.SENT] == 1) is arrived


@pytest.mark.parametrize("stopped_in", ["claim", "begin", "send", "retry"])
async def test_wherever_it_is_stopped_the_next_has_the_entry_at_once(
    store: Store, outbox: Outbox, monkeypatch: pytest.MonkeyPatch, stopped_in: str
) -> None:
    there = asyncio.Event()

    async def stop(at: str) -> None:
        if at == stopped_in:
            there.set()
            await asyncio.sleep(0.2)

    claim, retry = outbox.claim, outbox.retry

    async def claims(*args: object, **how: object) -> list[Claimed]:
        claimed = await claim(*args, **how)  # type: ignore[arg-type]
        if stopped_in == "begin" and claimed:
            there.set()  # the loop is stopped before what it has begun takes its first step
        await stop("claim")
        return claimed

    async def retries(*args: object, **how: object) -> None:
        await stop("retry")
        await retry(*args, **how)  # type: ignore[arg-type]

    async def send(entry: Claimed) -> None:
        await stop("send")
        await outbox.retry(entry, "not now")

    with monkeypatch.context() as first:
        first.setattr(outbox, "claim", claims)
        first.setattr(outbox, "retry", retries)
        await outbox.enqueue(KIND, "one", {})
        task = _working(store, outbox, send)
        await there.wait()
        await _end(task)

    [again] = await outbox.claim([KIND])
    assert again.target == "one"
    assert again.uncertain  # nobody can tell whether the provider has it


@pytest.mark.parametrize("error", [StoreUnavailable("away"), StoreFault("ProgrammingError")])
async def test_the_loop_goes_on_whatever_the_database_says(
    store: Store, outbox: Outbox, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr("conversations.work_off._LOOK_EVERY_SECONDS", 0.05)
    sent: list[str] = []

    async def send(entry: Claimed) -> None:
        await outbox.sent(entry)
        sent.append(entry.target)

    async def fails(*_: object, **__: object) -> list[Claimed]:
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(outbox, "claim", fails)
        task = _working(store, outbox, send)
        await outbox.enqueue(KIND, "one", {})
        await asyncio.sleep(0.2)
    await _until(lambda: sent == ["one"])
    await _end(task)

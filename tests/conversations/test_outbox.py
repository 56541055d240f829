"""The outbox: nothing lost, order kept, one worker at a time, whatever dies in between."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from sqlalchemy import text

from conversations.errors import StoreFault
from conversations.log import Draft, utc_now
from conversations.models import Conversation, DeliveryState, Recipient, Role
from conversations.outbox import Claimed, Outbox, pause
from conversations.recipients import Recipients
from conversations.sealing import Sealer, new_key
from conversations.store import Store
from helpline.settings import ROOT

_SOON = timedelta(microseconds=1)


@pytest.fixture(scope="module")
def key() -> str:
    return new_key()


@pytest.fixture
async def outbox(store: Store, key: str) -> Outbox:
    """An outbox without entries."""
    async with store.database.writing() as session:
        await session.execute(text("DELETE FROM delivery"))
    return Outbox(store.database, store.events, Sealer(key))


async def _written(
    outbox: Outbox, target: str, *names: str, kind: str = "test", urgent: bool = False
) -> None:
    for name in names:
        await outbox.enqueue(kind, target, {"name": name}, urgent=urgent)


def _names(claimed: list[Claimed]) -> list[str]:
    return [entry.payload["name"] for entry in claimed]


async def _all_sent(outbox: Outbox) -> list[str]:
    """Send everything that is due, one after the other; the names in the order in which they left."""
    left = []
    while claimed := await outbox.claim(["test"]):
        for entry in claimed:
            left.append(entry.payload["name"])
            await outbox.sent(entry)
    return left


async def test_entries_for_one_target_leave_in_order_and_targets_do_not_wait_for_each_other(
    outbox: Outbox,
) -> None:
    await _written(outbox, "ann", "ann 1", "ann 2")
    await _written(outbox, "bob", "bob 1")
    first = await outbox.claim(["test"])
    assert sorted(_names(first)) == ["ann 1", "bob 1"]
    assert await outbox.claim(["test"]) == []  # "ann 2" waits for "ann 1", which is under way
    for entry in first:
        await outbox.sent(entry)
    assert _names(await outbox.claim(["test"])) == ["ann 2"]


async def test_a_failed_attempt_holds_its_own_target_only_and_keeps_the_order(outbox: Outbox) -> None:
    await _written(outbox, "ann", "ann 1", "ann 2")
    await _written(outbox, "bob", "bob 1")
    for entry in await outbox.claim(["test"]):
        if entry.payload["name"] == "ann 1":
            await outbox.retry(entry, "503", first=_SOON)
        else:
            await outbox.sent(entry)
    assert await _all_sent(outbox) == ["ann 1", "ann 2"]


async def test_what_the_provider_asks_for_is_waited_for(outbox: Outbox) -> None:
    await _written(outbox, "ann", "ann 1")
    [entry] = await outbox.claim(["test"])
    await outbox.retry(entry, "429", not_before=timedelta(seconds=40), first=_SOON)
    assert await outbox.claim(["test"]) == []
    due = await outbox.next_due(["test"])
    assert due is not None
    assert timedelta(seconds=39) < due < timedelta(seconds=42)


def test_pauses_grow_to_a_limit_and_differ() -> None:
    pauses = [pause(n) for n in range(1, 40)]
    assert timedelta(seconds=0.5) <= pauses[0] <= timedelta(seconds=1)
    assert timedelta(seconds=4) <= pauses[3] <= timedelta(seconds=8)
    assert max(pauses) <= timedelta(minutes=10)
    assert len({pause(5) for _ in range(20)}) > 1


async def test_an_urgent_entry_passes_those_that_wait(outbox: Outbox) -> None:
    await _written(outbox, "ann", "waits")
    [entry] = await outbox.claim(["test"])
    await outbox.retry(entry, "429", not_before=timedelta(hours=1))
    await _written(outbox, "ann", "waits too")
    await _written(outbox, "ann", "crisis", urgent=True)
    assert _names(await outbox.claim(["test"])) == ["crisis"]


async def test_two_workers_never_get_the_same_entry(store: Store, outbox: Outbox, key: str) -> None:
    other = Outbox(store.database, store.events, Sealer(key))
    for n in range(20):
        await _written(outbox, f"target {n}", f"{n}")
    claims = await asyncio.gather(*(o.claim(["test"], limit=7) for o in (outbox, other, outbox, other)))
    names = [name for claim in claims for name in _names(claim)]
    assert len(names) == len(set(names)) == 20


async def test_the_entry_of_a_worker_that_vanished_is_sent_again_and_known_as_uncertain(
    outbox: Outbox,
) -> None:
    await _written(outbox, "ann", "ann 1")
    [lost] = await outbox.claim(["test"], lease=_SOON)
    [again] = await outbox.claim(["test"])
    assert (lost.uncertain, again.uncertain) == (False, True)
    assert again.reference == lost.reference
    # The first comes back late and says that it failed: the entry is no longer its own.
    await outbox.retry(lost, "slow")
    await outbox.sent(again, "id 1")
    assert (await outbox.counts("test"))[DeliveryState.SENT] == 1


async def test_a_killed_process_loses_nothing(store: Store, url: str, outbox: Outbox, key: str) -> None:
    await _written(outbox, "ann", "ann 1", "ann 2")
    code = (
        "import asyncio, sys, datetime\n"
        "from conversations.store import open_store\n"
        "from conversations.outbox import Outbox\n"
        "from conversations.sealing import Sealer\n"
        "async def main():\n"
        "    store = open_store(sys.argv[1])\n"
        "    outbox = Outbox(store.database, store.events, Sealer(sys.argv[2]))\n"
        "    [entry] = await outbox.claim(['test'], lease=datetime.timedelta(seconds=1))\n"
        "    print(entry.payload['name'], flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, url, key, cwd=ROOT, stdout=subprocess.PIPE
    )
    assert worker.stdout is not None
    assert await worker.stdout.readline() == b"ann 1\n"
    worker.send_signal(signal.SIGKILL)
    await worker.wait()
    due = await outbox.next_due(["test"])
    assert due is not None
    await asyncio.sleep(due.total_seconds() + 0.01)
    claimed = await outbox.claim(["test"])
    assert _names(claimed) == ["ann 1"]
    await outbox.sent(claimed[0])
    assert await _all_sent(outbox) == ["ann 2"]


async def test_parts_leave_in_the_place_of_the_whole(outbox: Outbox) -> None:
    await _written(outbox, "ann", "whole", "after")
    [whole] = await outbox.claim(["test"])
    first = await outbox.split(whole, [{"name": "part 1"}, {"name": "part 2"}, {"name": "part 3"}])
    assert first is not None
    assert first.payload == {"name": "part 1"}
    await outbox.sent(first)
    assert await _all_sent(outbox) == ["part 2", "part 3", "after"]


async def test_a_part_that_was_sent_is_not_sent_again_when_the_next_one_fails(outbox: Outbox) -> None:
    await _written(outbox, "ann", "whole")
    [whole] = await outbox.claim(["test"])
    first = await outbox.split(whole, [{"name": "part 1"}, {"name": "part 2"}])
    assert first is not None
    await outbox.sent(first)
    [second] = await outbox.claim(["test"])
    await outbox.retry(second, "timeout", first=_SOON)
    assert await _all_sent(outbox) == ["part 2"]


async def test_what_is_split_into_nothing_is_done(outbox: Outbox) -> None:
    await _written(outbox, "ann", "empty", "after")
    [empty] = await outbox.claim(["test"])
    assert await outbox.split(empty, []) is None
    assert await _all_sent(outbox) == ["after"]


async def test_receipts_move_forward_only(outbox: Outbox) -> None:
    await _written(outbox, "ann", "ann 1")
    [entry] = await outbox.claim(["test"])
    await outbox.sent(entry, "provider 7")
    for told in (DeliveryState.READ, DeliveryState.DELIVERED, DeliveryState.SENT, DeliveryState.READ):
        assert await outbox.report("test", told, provider_id="provider 7")
    assert (await outbox.counts("test"))[DeliveryState.READ] == 1
    assert not await outbox.report("test", DeliveryState.READ, provider_id="provider 8")
    assert not await outbox.report("other", DeliveryState.READ, provider_id="provider 7")


async def test_a_receipt_that_is_quicker_than_the_answer_ends_the_doubt(outbox: Outbox) -> None:
    await _written(outbox, "ann", "ann 1")
    [entry] = await outbox.claim(["test"])
    await outbox.retry(entry, "connection lost", uncertain=True, first=_SOON)
    assert await outbox.report("test", DeliveryState.DELIVERED, reference=entry.reference, provider_id="p")
    assert await outbox.claim(["test"]) == []


async def test_what_is_too_old_fails_and_frees_the_next(outbox: Outbox) -> None:
    await outbox.enqueue("test", "ann", {"name": "old"}, give_up_after=timedelta(seconds=1))
    await _written(outbox, "ann", "new")
    [old] = await outbox.claim(["test"])
    await outbox.retry(old, "503", not_before=timedelta(hours=1))
    assert (await outbox.counts("test"))[DeliveryState.FAILED] == 1
    assert await _all_sent(outbox) == ["new"]


async def _in_channel(store: Store, key: str, *, active: bool = True) -> Conversation:
    conversation = (await store.create("test")).conversation
    async with store.database.writing() as session:
        session.add(
            Recipient(
                conversation_id=conversation.id,
                kind="test",
                target=Sealer(key).seal("ann"),
                lane="a",
                active=active,
                heard_at=utc_now(),
                notes={},
            )
        )
    return conversation


async def test_what_is_logged_for_a_channel_is_queued_in_the_same_transaction(
    store: Store, outbox: Outbox, key: str
) -> None:
    conversation = await _in_channel(store, key)
    accepted = await store.append_user(conversation.id, "1", "hello")
    await store.append_assistant(
        conversation.id,
        [Draft(text="one"), Draft(text="note", private=True, role=Role.SYSTEM), Draft(text="two")],
        reply_to=accepted.message.seq,
    )
    await store.append_assistant(
        conversation.id, [Draft(text="help", cards=[{"kind": "crisis", "title": "x", "contacts": []}])]
    )
    entries = await outbox.entries(conversation.id)
    assert [(entry.payload, entry.urgent) for entry in entries] == [
        ({"seqs": [2, 4]}, False),
        ({"seqs": [5]}, True),
    ]
    [claimed] = await outbox.claim(["test"], limit=1)
    assert (claimed.target, claimed.payload) == ("ann", {"seqs": [5]})


async def test_nothing_is_queued_for_the_web_or_for_who_said_stop(
    store: Store, outbox: Outbox, key: str
) -> None:
    for conversation in (
        (await store.create("web")).conversation,
        await _in_channel(store, key, active=False),
    ):
        await store.append_assistant(conversation.id, [Draft(text="one")])
        assert await outbox.entries(conversation.id) == []


async def test_an_entry_goes_with_its_conversation_also_while_it_is_sent(
    store: Store, outbox: Outbox, key: str
) -> None:
    conversation = await _in_channel(store, key)
    await store.append_assistant(conversation.id, [Draft(text="one")])
    [claimed] = await outbox.claim(["test"])
    await store.erase(conversation.id)
    assert await outbox.split(claimed, [{"name": "x"}]) is None
    await outbox.sent(claimed)
    await outbox.retry(claimed, "x")
    assert await outbox.claim(["test"]) == []
    async with store.database.reading() as session:
        assert await session.scalar(text("SELECT count(*) FROM delivery")) == 0
        assert await session.scalar(text("SELECT count(*) FROM recipient")) == 0


async def test_cancelled_entries_are_not_sent(store: Store, outbox: Outbox, key: str) -> None:
    conversation = await _in_channel(store, key)
    await store.append_assistant(conversation.id, [Draft(text="one")])
    assert await outbox.cancel(conversation.id, "test", why="stop") == 1
    assert await outbox.claim(["test"]) == []


async def test_what_is_for_others_is_neither_cancelled_nor_released_with_what_is_for_the_person(
    store: Store, outbox: Outbox, key: str
) -> None:
    conversation = await _in_channel(store, key)
    for kind in ("test", "webhook"):
        soon = timedelta(hours=1)
        await outbox.enqueue(kind, "a", {"name": kind}, conversation_id=conversation.id, give_up_after=soon)
    ends = [entry.expires_at for entry in await outbox.entries(conversation.id)]
    await outbox.release(conversation.id, "test")
    now_ends = [entry.expires_at for entry in await outbox.entries(conversation.id)]
    assert (now_ends[0] > ends[0], now_ends[1] == ends[1]) == (True, True)
    assert await outbox.cancel(conversation.id, "test", why="stop") == 1
    assert _names(await outbox.claim(["test", "webhook"])) == ["webhook"]


async def test_an_address_is_never_in_the_database_in_clear(store: Store, outbox: Outbox) -> None:
    await outbox.enqueue("test", "+44 7700 900123", {"name": "x"})
    async with store.database.reading() as session:
        row = (await session.execute(text("SELECT * FROM delivery"))).one()
    assert "900123" not in repr(row)


async def test_without_its_key_an_entry_fails_and_says_why(store: Store, outbox: Outbox) -> None:
    await _written(outbox, "ann", "ann 1")
    stranger = Outbox(store.database, store.events, Sealer(new_key()))
    assert await stranger.claim(["test"]) == []
    async with store.database.reading() as session:
        assert (
            await session.scalar(text("SELECT error FROM delivery")) == "the address cannot be read any more"
        )


async def test_who_writes_after_the_key_was_lost_gets_replies_again(store: Store, key: str) -> None:
    conversation = await _in_channel(store, key)
    sealer = Sealer(new_key())
    await Recipients(store.database, sealer).heard(conversation.id, "test", "ann")
    await store.append_assistant(conversation.id, [Draft(text="one")])
    [entry] = await Outbox(store.database, store.events, sealer).claim(["test"])
    assert entry.target == "ann"


async def test_what_is_finished_is_forgotten_and_words_at_once(store: Store, outbox: Outbox) -> None:
    await _written(outbox, "ann", "a secret")
    [entry] = await outbox.claim(["test"])
    await outbox.sent(entry)
    async with store.database.reading() as session:
        assert "secret" not in repr((await session.execute(text("SELECT * FROM delivery"))).all())
    assert await outbox.forget(utc_now() - timedelta(hours=1)) == 0
    assert await outbox.forget(utc_now() + timedelta(hours=1)) == 1


async def test_a_transaction_that_fails_queues_nothing(store: Store, outbox: Outbox) -> None:
    async def fails() -> None:
        async with store.database.writing() as session:
            await outbox.enqueue_in(session, "test", "ann", {"name": "x"})
            await session.execute(text("SELECT * FROM nowhere"))

    with pytest.raises(StoreFault):
        await fails()
    assert await outbox.claim(["test"]) == []

"""What families and advisers rely on: one owner at a time, an honest queue, no bot over a person's words."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import product

import pytest

from conversations.errors import (
    MessageConflict,
    NotFound,
    OwnershipChanged,
    TransitionNotAllowed,
)
from conversations.log import Draft, utc_now
from conversations.models import Escalation, EscalationStatus, Owner, Priority, Role
from conversations.ownership import is_allowed, move
from conversations.store import Store

pytestmark = pytest.mark.asyncio

#: Every arrow of the state machine; all others are refused.
ARROWS = {
    (Owner.BOT, Owner.QUEUED),
    (Owner.BOT, Owner.CLOSED),
    (Owner.QUEUED, Owner.ADVISER),
    (Owner.QUEUED, Owner.BOT),
    (Owner.QUEUED, Owner.CLOSED),
    (Owner.ADVISER, Owner.BOT),
    (Owner.ADVISER, Owner.QUEUED),
    (Owner.ADVISER, Owner.CLOSED),
    (Owner.CLOSED, Owner.BOT),
    (Owner.ADVISER, Owner.ADVISER),
    (Owner.BOT, Owner.CALLBACK),
    (Owner.QUEUED, Owner.CALLBACK),
    (Owner.ADVISER, Owner.CALLBACK),
    (Owner.CALLBACK, Owner.BOT),
    (Owner.CALLBACK, Owner.QUEUED),
    (Owner.CALLBACK, Owner.ADVISER),
    (Owner.CALLBACK, Owner.CLOSED),
    (Owner.CLOSED, Owner.ADVISER),
}


async def new_chat(store: Store) -> str:
    return (await store.create("web")).conversation.id


async def ask_for_person(store: Store, chat: str, priority: Priority = Priority.NORMAL) -> Escalation:
    return await store.escalate(chat, reason="asked", priority=priority, summary={"asked": "x"}, who="user")


async def new_adviser(store: Store, name: str) -> str:
    adviser, _ = await store.add_adviser(f"{name} {utc_now().timestamp()}")
    return adviser.id


async def test_the_state_machine_has_these_arrows_and_no_others() -> None:
    assert {(a, b) for a, b in product(Owner, Owner) if is_allowed(a, b)} == ARROWS


async def test_an_arrow_that_does_not_exist_is_refused(store: Store) -> None:
    chat = await new_chat(store)
    async with store.database.writing() as session:
        with pytest.raises(TransitionNotAllowed):
            await move(
                session, chat, expected=Owner.BOT, to=Owner.ADVISER, who="user", why="no", at=utc_now()
            )
    assert (await store.get(chat)).owner is Owner.BOT


async def test_every_change_of_hands_is_recorded_with_who_and_why(store: Store) -> None:
    chat, sam = await new_chat(store), await new_adviser(store, "Sam")
    await ask_for_person(store, chat)
    await store.claim(chat, sam)
    await store.close(chat, sam, outcome="answered")

    rows = await store.transitions(chat)

    assert [(t.from_owner, t.to_owner, t.who, t.why) for t in rows] == [
        (Owner.BOT, Owner.QUEUED, "user", "asked"),
        (Owner.QUEUED, Owner.ADVISER, sam, "claimed"),
        (Owner.ADVISER, Owner.BOT, sam, "answered"),
    ]


async def test_of_many_advisers_who_claim_one_wins_and_the_others_are_told_who(store: Store) -> None:
    chat = await new_chat(store)
    await ask_for_person(store, chat)
    advisers = [await new_adviser(store, f"A{n}") for n in range(6)]

    results = await asyncio.gather(*(store.claim(chat, a) for a in advisers), return_exceptions=True)

    won = [r for r in results if isinstance(r, Escalation)]
    lost = [r for r in results if isinstance(r, OwnershipChanged)]
    assert len(won) == 1
    assert len(lost) == 5
    winner = {a.id: a.name for a in await store.advisers()}[won[0].adviser_id or ""]
    assert {error.adviser_name for error in lost} == {winner}


async def test_the_bot_speaks_while_queued_and_is_silent_once_a_person_has_the_chat(store: Store) -> None:
    chat, sam = await new_chat(store), await new_adviser(store, "Sam")
    await ask_for_person(store, chat)
    assert await store.append_assistant(chat, [Draft(text="while you wait")])
    asked = await store.append_user(chat, "c1", "hello?")
    await store.claim(chat, sam)

    late = await store.append_assistant(chat, [Draft(text="a late answer")], reply_to=asked.message.seq)
    crisis = await store.append_assistant(chat, [Draft(text="numbers")], unless_owned_by_adviser=False)

    assert late == []
    assert [m.text for m in crisis] == ["numbers"]
    assert "a late answer" not in [m.text for m in await store.messages(chat)]
    assert (await store.append_user(chat, "c1", "hello?")).is_answered


async def test_the_bot_never_speaks_after_a_claim_however_they_interleave(store: Store) -> None:
    sam = await new_adviser(store, "Sam")
    await store.set_capacity(sam, 20)
    for _ in range(15):
        chat = await new_chat(store)
        await ask_for_person(store, chat)
        notice = Draft(text="Adviser joined", role=Role.SYSTEM)
        await asyncio.gather(
            *(store.append_assistant(chat, [Draft(text="bot")]) for _ in range(3)),
            store.claim(chat, sam, notice=notice),
            *(store.append_assistant(chat, [Draft(text="bot")]) for _ in range(3)),
        )
        texts = [m.text for m in await store.messages(chat)]
        assert "bot" not in texts[texts.index("Adviser joined") :]


async def test_only_the_adviser_who_has_the_chat_can_write_give_back_or_close(store: Store) -> None:
    chat = await new_chat(store)
    sam, ada = await new_adviser(store, "Sam"), await new_adviser(store, "Ada")
    with pytest.raises(OwnershipChanged):
        await store.append_adviser(chat, sam, "too early")
    await ask_for_person(store, chat)
    await store.claim(chat, sam)

    message = await store.append_adviser(chat, sam, "Hello, I am Sam")
    assert message.role is Role.ADVISER
    assert (message.author or "").startswith("Sam")
    with pytest.raises(OwnershipChanged):
        await store.append_adviser(chat, ada, "not mine")
    with pytest.raises(OwnershipChanged):
        await store.release(chat, ada, why="not mine")
    with pytest.raises(OwnershipChanged):
        await store.close(chat, ada, outcome="answered")


async def test_the_queue_serves_crisis_first_then_whoever_waits_longest(store: Store) -> None:
    first, second, third = [await new_chat(store) for _ in range(3)]
    await ask_for_person(store, first)
    await ask_for_person(store, second, Priority.HIGH)
    await ask_for_person(store, third, Priority.CRISIS)

    queue = await store.open_escalations()

    assert [w.conversation.id for w in queue] == [third, second, first]
    assert [w.position for w in queue] == [1, 2, 3]
    assert await store.queue_position(first) == 3


async def test_asking_again_does_not_queue_twice_but_can_raise_the_priority(store: Store) -> None:
    chat = await new_chat(store)
    first = await ask_for_person(store, chat)
    again = await ask_for_person(store, chat, Priority.CRISIS)
    lower = await ask_for_person(store, chat, Priority.NORMAL)

    assert first.reference == again.reference == lower.reference
    assert lower.priority is Priority.CRISIS
    assert len(await store.open_escalations()) == 1


async def test_what_was_known_when_a_person_was_first_asked_for_stays_known(store: Store) -> None:
    chat = await new_chat(store)
    first = {"asked": ["a"], "area": "derby-city", "age": 7, "place": "Allestree", "young": False}
    later = {"asked": ["b"], "area": None, "age": None, "place": "", "communication": [], "young": False}
    for summary in (first, later):
        await store.escalate(chat, reason="asked", priority=Priority.NORMAL, summary=summary, who="user")

    found = await store.escalation(chat)

    assert found is not None
    assert found.summary == {**first, "asked": ["b"]}


async def test_a_chat_passed_back_keeps_its_priority_and_its_place_by_time(store: Store) -> None:
    chat, other, sam = await new_chat(store), await new_chat(store), await new_adviser(store, "Sam")
    await ask_for_person(store, chat)
    await ask_for_person(store, other)
    await store.claim(chat, sam)
    await store.release(chat, sam, why="needs a colleague")

    assert (await store.get(chat)).owner is Owner.QUEUED
    assert await store.queue_position(chat) == 1


async def test_an_adviser_who_vanishes_puts_the_chat_back_and_the_family_is_told(store: Store) -> None:
    chat, sam = await new_chat(store), await new_adviser(store, "Sam")
    await ask_for_person(store, chat)
    await store.claim(chat, sam)
    notice = Draft(text="The adviser's connection was lost", role=Role.SYSTEM)

    assert await store.requeue_unseen(timedelta(seconds=60), notice=notice) == []
    await asyncio.sleep(0.05)
    assert await store.requeue_unseen(timedelta(seconds=0.01), notice=notice) == [chat]

    assert (await store.get(chat)).owner is Owner.QUEUED
    assert [m.text for m in await store.messages(chat)] == [notice.text]
    escalation = await store.escalation(chat)
    assert escalation is not None
    assert escalation.status is EscalationStatus.OPEN
    with pytest.raises(OwnershipChanged):
        await store.append_adviser(chat, sam, "I am back")
    note = (await store.messages(chat, include_private=True))[-1]
    assert note.private
    assert "Sam" in note.text


async def test_an_adviser_who_returns_is_told_which_chats_they_lost_and_who_has_them(store: Store) -> None:
    chat, again = await new_chat(store), await new_chat(store)
    sam, ada = await new_adviser(store, "Sam"), await new_adviser(store, "Ada")
    for one in (chat, again):
        await ask_for_person(store, one)
        await store.claim(one, sam)
    await asyncio.sleep(0.05)
    await store.requeue_unseen(timedelta(seconds=0.01), notice=Draft(text="Lost", role=Role.SYSTEM))

    assert {(lost.conversation.id, lost.holder) for lost in await store.lost_by(sam)} == {
        (chat, None),
        (again, None),
    }
    assert await store.lost_by(ada) == []
    await store.claim(chat, ada)
    await store.claim(again, sam)
    [lost] = await store.lost_by(sam)
    escalation = await store.escalation(chat)
    assert escalation is not None
    assert (lost.conversation.id, lost.reference) == (chat, escalation.reference)
    assert (lost.holder or "").startswith("Ada")

    await store.told_of_lost(sam)
    assert await store.lost_by(sam) == []
    # Losing the same chat a second time is told again.
    await store.release(chat, ada, why="put back")
    await store.claim(chat, sam)
    await asyncio.sleep(0.05)
    await store.requeue_unseen(timedelta(seconds=0.01), notice=Draft(text="Lost", role=Role.SYSTEM))
    assert chat in [lost.conversation.id for lost in await store.lost_by(sam)]
    await store.erase(chat)
    assert chat not in [lost.conversation.id for lost in await store.lost_by(sam)]


async def test_after_the_adviser_closes_the_bot_has_the_chat_and_one_may_ask_again(store: Store) -> None:
    chat, sam = await new_chat(store), await new_adviser(store, "Sam")
    first = await ask_for_person(store, chat)
    await store.claim(chat, sam)
    assert [c.id for c in await store.claimed_by(sam)] == [chat]
    await store.close(chat, sam, outcome="answered")

    assert (await store.get(chat)).owner is Owner.BOT
    assert await store.append_assistant(chat, [Draft(text="I am back with you")])
    assert (await ask_for_person(store, chat)).reference != first.reference


async def test_a_request_can_be_withdrawn_while_it_waits(store: Store) -> None:
    chat = await new_chat(store)
    await ask_for_person(store, chat)

    await store.withdraw(chat, who="user")

    assert (await store.get(chat)).owner is Owner.BOT
    assert await store.queue_position(chat) is None
    with pytest.raises(OwnershipChanged):
        await store.withdraw(chat, who="user")


async def test_a_disabled_adviser_takes_no_chat(store: Store) -> None:
    adviser, _ = await store.add_adviser(f"Sam {utc_now().timestamp()}")
    await store.disable_adviser(adviser.name)
    chat = await new_chat(store)
    await ask_for_person(store, chat)
    with pytest.raises(NotFound):
        await store.claim(chat, adviser.id)


async def test_a_session_lasts_until_it_ends_runs_out_or_the_account_is_disabled(store: Store) -> None:
    adviser, _ = await store.add_adviser(f"Sam {utc_now().timestamp()}")
    hour = timedelta(hours=1)
    here, there, over = [await store.open_session(adviser.id, lasts) for lasts in (hour, hour, -hour)]

    found = await store.adviser_in_session(here)
    assert found is not None
    assert found.id == adviser.id
    assert await store.adviser_in_session(over) is None
    assert await store.adviser_in_session("guessed") is None

    await store.close_session(here)
    assert await store.adviser_in_session(here) is None
    assert await store.adviser_in_session(there) is not None

    await store.disable_adviser(adviser.name)
    assert await store.adviser_in_session(there) is None
    with pytest.raises(NotFound):
        await store.open_session(adviser.id, hour)


async def test_an_advisers_message_sent_twice_is_logged_once_and_shows_the_first_name_only(
    store: Store,
) -> None:
    chat = await new_chat(store)
    adviser, _ = await store.add_adviser(f"Sam Surname {utc_now().timestamp()}")
    await ask_for_person(store, chat)
    await store.claim(chat, adviser.id)
    await store.append_user(chat, "theirs", "hello")

    first = await store.append_adviser(chat, adviser.id, "Hello", client_message_id="a1")
    again = await store.append_adviser(chat, adviser.id, "Hello", client_message_id="a1")

    assert first.seq == again.seq
    assert [m.author for m in await store.messages(chat)] == [None, "Sam"]
    assert await store.adviser_name(chat) == "Sam"
    for used in ("a1", "theirs"):
        with pytest.raises(MessageConflict):
            await store.append_adviser(chat, adviser.id, "Other words", client_message_id=used)
    with pytest.raises(MessageConflict):
        await store.append_user(chat, "a1", "Hello")


async def test_presence_follows_the_heartbeat(store: Store) -> None:
    sam = await new_adviser(store, "Sam")
    before = await store.advisers_present()
    await store.adviser_seen(sam)
    assert await store.advisers_present() == before + 1
    await store.adviser_left(sam)
    assert await store.advisers_present() == before

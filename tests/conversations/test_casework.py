"""What the desk relies on: capacity, handing on, priorities, notes, labels, outcomes, history and waits."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import update

from conversations.errors import AtCapacity, NotFound, NotOnDuty, OwnershipChanged, UnknownOutcome
from conversations.log import utc_now
from conversations.models import Conversation, Escalation, EscalationStatus, Owner, Priority
from conversations.outcomes import offered, outcomes
from conversations.store import Store
from tests.conversations.test_handoff import ask_for_person, new_adviser, new_chat

pytestmark = pytest.mark.asyncio


async def test_an_adviser_has_no_more_chats_at_once_than_they_take_but_a_crisis_always(store: Store) -> None:
    sam = await new_adviser(store, "Sam")
    await store.set_capacity(sam, 2)
    chats = [await new_chat(store) for _ in range(4)]
    for chat in chats:
        await ask_for_person(store, chat)

    results = await asyncio.gather(*(store.claim(chat, sam) for chat in chats), return_exceptions=True)

    assert sum(isinstance(result, Escalation) for result in results) == 2
    assert sum(isinstance(result, AtCapacity) for result in results) == 2
    assert len(await store.claimed_by(sam)) == 2
    [left, _] = [w.conversation.id for w in await store.open_escalations()]
    await ask_for_person(store, left, Priority.CRISIS)
    await store.claim(left, sam)
    assert len(await store.claimed_by(sam)) == 3
    with pytest.raises(ValueError, match="from 1 to"):
        await store.set_capacity(sam, 0)


async def test_who_is_away_is_not_on_duty_and_gets_no_chat_handed_to_them(store: Store) -> None:
    chat, sam, ada = await new_chat(store), await new_adviser(store, "Sam"), await new_adviser(store, "Ada")
    before = await store.advisers_present()
    await store.adviser_seen(sam)
    await store.adviser_seen(ada)
    assert await store.advisers_present() == before + 2
    await store.set_away(ada, True)
    assert await store.advisers_present() == before + 1
    await ask_for_person(store, chat)
    await store.claim(chat, sam)

    with pytest.raises(NotOnDuty, match="Ada"):
        await store.transfer(chat, to_adviser_id=ada, by=sam, held_by=sam, why="benefits")

    assert (await store.get(chat)).adviser_id == sam
    seen = {row.adviser.id: row for row in await store.on_the_desk()}
    assert (seen[ada].present, seen[ada].on_duty, seen[ada].chats) == (True, False, 0)
    assert (seen[sam].present, seen[sam].on_duty, seen[sam].chats) == (True, True, 1)


async def test_a_chat_is_handed_to_a_named_colleague_who_alone_has_it_then(store: Store) -> None:
    chat, sam, ada = await new_chat(store), await new_adviser(store, "Sam"), await new_adviser(store, "Ada")
    await store.adviser_seen(ada)
    await ask_for_person(store, chat)
    await store.claim(chat, sam)

    await store.transfer(chat, to_adviser_id=ada, by=sam, held_by=sam, why="knows benefits")

    assert (await store.get(chat)).adviser_id == ada
    escalation = await store.escalation(chat)
    assert escalation is not None
    assert (escalation.status, escalation.adviser_id) == (EscalationStatus.CLAIMED, ada)
    with pytest.raises(OwnershipChanged) as lost:
        await store.append_adviser(chat, sam, "still me")
    assert (lost.value.adviser_name or "").startswith("Ada")
    with pytest.raises(OwnershipChanged):
        await store.transfer(chat, to_adviser_id=ada, by=sam, held_by=sam, why="again")
    last = (await store.transitions(chat))[-1]
    assert (last.from_owner, last.to_owner, last.who, last.why) == (
        Owner.ADVISER,
        Owner.ADVISER,
        sam,
        "knows benefits",
    )


async def test_a_supervisor_takes_over_a_chat_of_somebody_else_and_one_that_waits(store: Store) -> None:
    chat, other = await new_chat(store), await new_chat(store)
    sam, boss = await new_adviser(store, "Sam"), await new_adviser(store, "Boss")
    await ask_for_person(store, chat)
    await ask_for_person(store, other)
    await store.claim(chat, sam)

    await store.transfer(chat, to_adviser_id=boss, by=boss, why="taken over")
    await store.transfer(other, to_adviser_id=boss, by=boss, why="taken over")

    assert {c.id for c in await store.claimed_by(boss)} == {chat, other}
    assert await store.claimed_by(sam) == []
    with pytest.raises(OwnershipChanged):  # nobody asked for a person here
        await store.transfer(await new_chat(store), to_adviser_id=boss, by=boss, why="taken over")


async def test_a_closed_chat_is_reopened_by_an_adviser_or_by_the_person_not_by_both(store: Store) -> None:
    chat, sam = await new_chat(store), await new_adviser(store, "Sam")
    first = await ask_for_person(store, chat)
    await store.claim(chat, sam)
    await store.close(chat, sam, outcome="signposted", for_good=True)

    again = await store.reopen(chat, sam)

    assert (await store.get(chat)).owner is Owner.ADVISER
    assert again.reference != first.reference
    assert again.summary == first.summary
    await store.close(chat, sam, outcome="answered", for_good=True)
    await store.append_user(chat, None, "one more thing")
    with pytest.raises(OwnershipChanged):
        await store.reopen(chat, sam)
    assert (await store.transitions(chat))[-1].why == "the person wrote again"


async def test_a_priority_is_changed_by_name_and_the_family_does_not_see_it(store: Store) -> None:
    first, second, sam = await new_chat(store), await new_chat(store), await new_adviser(store, "Sam")
    await ask_for_person(store, first)
    await ask_for_person(store, second)
    await store.set_priority(second, Priority.HIGH, by=sam)

    assert [w.conversation.id for w in await store.open_escalations()] == [second, first]
    assert [await store.queue_position(chat) for chat in (second, first)] == [1, 2]
    [note] = await store.messages(second, include_private=True)
    assert "normal to high" in note.text
    assert await store.messages(second) == []


async def test_a_priority_is_judged_after_whoever_changes_the_chat_just_now(store: Store) -> None:
    chat, sam = await new_chat(store), await new_adviser(store, "Sam")
    await ask_for_person(store, chat)
    async with store.database.writing() as session:
        await session.get(Conversation, chat, with_for_update=True)
        judging = asyncio.create_task(store.set_priority(chat, Priority.HIGH, by=sam))
        await asyncio.sleep(0.3)
        await session.execute(
            update(Escalation).where(Escalation.conversation_id == chat).values(priority=Priority.CRISIS)
        )
    await judging

    [note] = await store.messages(chat, include_private=True)
    assert "crisis to high" in note.text


async def test_notes_are_for_advisers_only_and_carry_a_name(store: Store) -> None:
    chat, sam = await new_chat(store), await new_adviser(store, "Sam")
    await store.add_note(chat, sam, "call the school on Monday")

    assert await store.messages(chat) == []
    [note] = await store.messages(chat, include_private=True)
    assert note.private
    assert (note.author or "").startswith("Sam")
    with pytest.raises(NotFound):
        await store.add_note("no-such-chat", sam, "x")


async def test_chats_are_found_again_by_label_reference_and_date(store: Store) -> None:
    chat, other, sam = await new_chat(store), await new_chat(store), await new_adviser(store, "Sam")
    mine, theirs = await ask_for_person(store, chat), await ask_for_person(store, other)
    assert await store.add_label(chat, sam, "  School   Transport ") == "school transport"
    await store.add_label(chat, sam, "school transport")
    await store.add_label(chat, sam, "urgent")

    assert await store.labels(chat) == ["school transport", "urgent"]
    [found] = await store.history(label="School transport")
    assert found.escalation.reference == mine.reference
    assert found.labels == ["school transport", "urgent"]
    spoken = theirs.reference.replace("-", " ").lower()
    assert [case.conversation.id for case in await store.history(reference=spoken)] == [other]
    now = utc_now()
    assert len(await store.history(since=now - timedelta(minutes=5), until=now)) == 2
    assert await store.history(since=now) == []
    await store.remove_label(chat, "URGENT")
    assert await store.label_counts() == {"school transport": 1}
    await store.erase(chat)
    assert await store.label_counts() == {}


async def test_a_request_ends_with_a_code_that_is_named_in_the_file(store: Store) -> None:
    chat, sam = await new_chat(store), await new_adviser(store, "Sam")
    await ask_for_person(store, chat)
    await store.claim(chat, sam)
    with pytest.raises(UnknownOutcome, match="signposted"):
        await store.close(chat, sam, outcome="all fine")
    assert (await store.get(chat)).adviser_id == sam

    await store.close(chat, sam, outcome="signposted")

    assert [case.escalation.outcome for case in await store.history()] == ["signposted"]
    assert "withdrawn" not in {outcome.code for outcome in offered()}
    assert all(outcome.title for outcome in outcomes().values())


async def test_the_expected_wait_is_the_median_of_what_people_waited_lately(store: Store) -> None:
    assert await store.expected_wait() is None
    sam = await new_adviser(store, "Sam")
    await store.set_capacity(sam, 20)
    for minutes in (1, 2, 30):
        chat = await new_chat(store)
        asked = await ask_for_person(store, chat)
        async with store.database.writing() as session:
            row = await session.get(Escalation, asked.reference)
            assert row is not None
            row.created_at -= timedelta(minutes=minutes)
        await store.claim(chat, sam)
        await store.release(chat, sam, why="no matter")  # a second claim is no second wait

    wait = await store.expected_wait()

    assert wait is not None
    assert timedelta(minutes=2) <= wait < timedelta(minutes=3)
    assert await store.queue_length() == 3

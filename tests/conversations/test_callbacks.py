"""A call back is promised once, its contact is unreadable in the database, and gone when it is done."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from conversations.callbacks import CallBacks, Contact
from conversations.errors import CannotUnseal, NotFound, OwnershipChanged
from conversations.models import CallBack, Owner, Priority
from conversations.sealing import Sealer, new_key
from conversations.store import Store
from tests.conversations.test_handoff import ask_for_person, new_adviser, new_chat

pytestmark = pytest.mark.asyncio

NUMBER = "+441632960123"


@pytest.fixture
def call_backs(store: Store) -> CallBacks:
    return CallBacks(store.database, store.events, Sealer(new_key()))


async def placed(call_backs: CallBacks, chat: str) -> CallBack:
    draft = await call_backs.begin(chat)
    assert (await call_backs.begin(chat)).id == draft.id
    await call_backs.tell(draft.id, how="phone", address=NUMBER)
    await call_backs.tell(draft.id, when="after school", name="Robin")
    return await call_backs.place(draft.id)


async def stored(store: Store) -> str:
    async with store.database.reading() as session:
        return str((await session.execute(text("SELECT * FROM call_back"))).all())


async def test_who_asks_for_a_call_back_leaves_the_queue_and_the_contact_is_sealed(
    store: Store, call_backs: CallBacks
) -> None:
    chat, sam, ada = await new_chat(store), await new_adviser(store, "Sam"), await new_adviser(store, "Ada")
    await ask_for_person(store, chat)

    call_back = await placed(call_backs, chat)

    assert (await store.get(chat)).owner is Owner.CALLBACK
    assert await store.open_escalations() == []
    assert "960123" not in await stored(store)
    assert "Robin" not in await stored(store)
    results = await asyncio.gather(
        *(call_backs.claim(call_back.id, a) for a in (sam, ada)), return_exceptions=True
    )
    [lost] = [r for r in results if isinstance(r, OwnershipChanged)]
    [won] = [r for r in results if isinstance(r, CallBack)]
    winner, loser = (sam, ada) if won.adviser_id == sam else (ada, sam)
    assert lost.adviser_name in {a.name for a in await store.advisers() if a.id == winner}
    with pytest.raises(OwnershipChanged):
        await call_backs.contact(call_back.id, loser)
    assert await call_backs.contact(call_back.id, winner) == Contact("phone", NUMBER, "after school", "Robin")
    assert [e.action for e in await store.audit_log(conversation_id=chat)] == ["call back contact shown"]


async def test_an_attempt_puts_it_back_on_the_list_and_being_done_deletes_the_contact(
    store: Store, call_backs: CallBacks
) -> None:
    chat, sam = await new_chat(store), await new_adviser(store, "Sam")
    call_back = await placed(call_backs, chat)
    await call_backs.claim(call_back.id, sam)
    with pytest.raises(ValueError, match="no_answer"):
        await call_backs.attempted(call_back.id, sam, "shrug")
    await call_backs.attempted(call_back.id, sam, "no_answer")

    [row] = await call_backs.to_call()
    assert (row.adviser_name, row.attempts) == (None, 1)
    assert [a.result for a in await call_backs.attempts(call_back.id)] == ["no_answer"]
    await call_backs.claim(call_back.id, sam)
    await call_backs.done(call_back.id, sam)

    assert await call_backs.to_call() == []
    assert (await store.get(chat)).owner is Owner.BOT
    async with store.database.reading() as session:
        left = await session.get(CallBack, call_back.id)
        assert left is not None
        assert left.sealed is None
    with pytest.raises(NotFound):
        await call_backs.contact(call_back.id, sam)
    assert (await placed(call_backs, chat)).id != call_back.id


async def test_a_call_back_is_cancelled_at_any_stage(store: Store, call_backs: CallBacks) -> None:
    chat, sam = await new_chat(store), await new_adviser(store, "Sam")
    assert not await call_backs.cancel(chat, who="user")
    await call_backs.begin(chat)
    assert await call_backs.cancel(chat, who="user")
    assert await call_backs.of_chat(chat) is None
    call_back = await placed(call_backs, chat)
    await call_backs.claim(call_back.id, sam)

    assert await call_backs.cancel(chat, who="user")

    assert (await store.get(chat)).owner is Owner.BOT
    with pytest.raises(NotFound):
        await call_backs.done(call_back.id, sam)


async def test_danger_puts_a_chat_with_a_call_back_into_the_queue_and_the_promise_stands(
    store: Store, call_backs: CallBacks
) -> None:
    chat, sam = await new_chat(store), await new_adviser(store, "Sam")
    await placed(call_backs, chat)
    await ask_for_person(store, chat, Priority.CRISIS)
    assert (await store.get(chat)).owner is Owner.QUEUED
    await store.claim(chat, sam)
    await store.close(chat, sam, outcome="safeguarding", for_good=True)

    assert (await store.get(chat)).owner is Owner.CALLBACK
    assert len(await call_backs.to_call()) == 1
    await store.claim(chat, sam)  # an adviser may write in the chat instead of calling
    assert (await store.get(chat)).owner is Owner.ADVISER
    await store.erase(chat)
    assert await call_backs.to_call() == []


async def test_with_other_keys_a_contact_stays_unreadable(store: Store, call_backs: CallBacks) -> None:
    sam = await new_adviser(store, "Sam")
    call_back = await placed(call_backs, await new_chat(store))
    others = CallBacks(store.database, store.events, Sealer(new_key()))
    await others.claim(call_back.id, sam)
    with pytest.raises(CannotUnseal):
        await others.contact(call_back.id, sam)

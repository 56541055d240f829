"""Who is alerted of a crisis that waits, and when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from conversations.log import utc_now
from conversations.models import DeskRole, Escalation, Priority
from conversations.outbox import Outbox
from conversations.outgoing import Entry, Outgoing
from conversations.sealing import Sealer, new_key
from conversations.store import Store
from tests.conversations.test_handoff import ask_for_person, new_adviser, new_chat

pytestmark = pytest.mark.asyncio


def to_the_duty_phone(_escalation: Escalation) -> Sequence[Entry]:
    return [Entry("test", "the duty phone", {}, timedelta(hours=1))]


@pytest.fixture
async def outgoing(store: Store) -> Outgoing:
    """On a store where nobody is at the desk."""
    for one in await store.on_the_desk():
        await store.adviser_left(one.adviser.id)
    return Outgoing(store.database, store.events, Outbox(store.database, store.events, Sealer(new_key())))


async def test_somebody_who_answers_nobody_holds_back_no_alert(store: Store, outgoing: Outgoing) -> None:
    editor, _ = await store.add_adviser(f"Erin {utc_now().timestamp()}", role=DeskRole.EDITOR)
    await store.adviser_seen(editor.id)
    crisis = await ask_for_person(store, await new_chat(store), Priority.CRISIS)

    assert await outgoing.alert(to_the_duty_phone) == [crisis.reference]


async def test_a_crisis_that_goes_back_to_the_queue_is_alerted_again_once(
    store: Store, outgoing: Outgoing
) -> None:
    chat, sam = await new_chat(store), await new_adviser(store, "Sam")
    crisis = await ask_for_person(store, chat, Priority.CRISIS)
    assert await outgoing.alert(to_the_duty_phone) == [crisis.reference]
    await store.claim(chat, sam)
    await store.release(chat, sam, why="put back")
    await store.adviser_left(sam)

    assert await outgoing.alert(to_the_duty_phone) == [crisis.reference]
    assert await outgoing.alert(to_the_duty_phone) == []

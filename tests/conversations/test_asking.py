"""Asking a person to write: of all who want to, one does, once for each silence."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from conversations.database import Database
from conversations.recipients import Asking, Recipients
from conversations.sealing import Sealer, new_key
from conversations.store import Store

pytestmark = pytest.mark.asyncio

MINUTE = timedelta(minutes=1)


async def silent(store: Store) -> tuple[Recipients, str]:
    """Somebody who has written in a channel; and their conversation's id."""
    recipients = Recipients(store.database, Sealer(new_key()))
    chat = (await store.create("whatsapp")).conversation.id
    await recipients.heard(chat, "whatsapp", "447700900123")
    return recipients, chat


async def test_of_many_in_two_processes_one_asks(store: Store, url: str) -> None:
    recipients, chat = await silent(store)
    other = Database(url)
    elsewhere = Recipients(other, Sealer(new_key()))
    each = [one.begin_asking(chat, MINUTE) for one in (recipients, elsewhere) for _ in range(8)]
    assert Counter(await asyncio.gather(*each)) == {Asking.OURS: 1, Asking.UNDER_WAY: 15}
    await recipients.asked(chat)
    assert await elsewhere.begin_asking(chat, MINUTE) is Asking.DONE
    await other.close()


async def test_who_writes_and_is_silent_again_is_asked_again(store: Store) -> None:
    recipients, chat = await silent(store)
    assert await recipients.begin_asking(chat, MINUTE) is Asking.OURS
    await recipients.asked(chat)
    await recipients.heard(chat, "whatsapp", "447700900123")
    assert await recipients.begin_asking(chat, MINUTE) is Asking.OURS


async def test_who_wrote_while_they_were_asked_counts_as_asked_for_the_silence_before(store: Store) -> None:
    recipients, chat = await silent(store)
    assert await recipients.begin_asking(chat, MINUTE) is Asking.OURS
    await recipients.heard(chat, "whatsapp", "447700900123")
    await recipients.asked(chat)
    assert await recipients.begin_asking(chat, MINUTE) is Asking.OURS


async def test_an_asking_that_failed_or_whose_process_ended_is_taken_up(store: Store) -> None:
    recipients, chat = await silent(store)
    assert await recipients.begin_asking(chat, MINUTE) is Asking.OURS
    await recipients.not_asked(chat)
    assert await recipients.begin_asking(chat, timedelta(0)) is Asking.OURS  # and nothing more is heard of it
    assert await recipients.begin_asking(chat, MINUTE) is Asking.OURS
    assert await recipients.begin_asking(chat, MINUTE) is Asking.UNDER_WAY


async def test_nobody_is_asked_whose_chat_is_gone(store: Store) -> None:
    recipients, chat = await silent(store)
    await store.erase(chat)
    assert await recipients.begin_asking(chat, MINUTE) is Asking.DONE
    await recipients.asked(chat)
    await recipients.not_asked(chat)

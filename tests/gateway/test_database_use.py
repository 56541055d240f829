"""What a turn costs in the database, counted: it is paid at every message of every chat."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient
from sqlalchemy import event

from conversations.store import Store
from gateway.keys import CALL_BACKS
from tests.gateway.conftest import Chat, StandInBot
from tests.gateway.test_live import listening, messages, next_of

type Client = TestClient[web.Request, web.Application]


@contextmanager
def transactions(store: Store, *about: str) -> Generator[list[list[str]]]:
    """Filled with the statements of each transaction that tells the database one of the values ``about``.

    What goes on beside the turn (looking for work that was left over) does not.
    """
    all_of_them: list[tuple[list[str], set[Any]]] = []
    counted: list[list[str]] = []
    now: dict[int, tuple[list[str], set[Any]]] = {}

    def note(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("BEGIN"):
            now[id(connection)] = ([], set())
            all_of_them.append(now[id(connection)])
        statements, told = now[id(connection)]
        statements.append(statement)
        told.update(value for value in parameters if isinstance(value, str))

    engine = store.database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield counted
    finally:
        event.remove(engine, "before_cursor_execute", note)
        counted += [statements for statements, told in all_of_them if told.intersection(about)]


async def test_a_plain_turn_in_the_page_reads_six_times_and_writes_twice(
    chat: Chat, bot: StandInBot, store: Store
) -> None:
    bot.replies = [{"text": "33 weeks."}]
    async with listening(chat, after=1) as ws:
        await next_of(ws, "status")
        with transactions(store, chat.id, "assistant") as used:
            await ws.send_json({"type": "message", "client_message_id": "s1", "text": "how long is it"})
            said, answer = await messages(ws, 2)
    assert (said["text"], answer["text"]) == ("how long is it", "33 weeks.")
    writes = [statements for statements in used if "IMMEDIATE" in statements[0]]
    reads = [statements[1:] for statements in used if statements not in writes]
    # The chat, its last messages, the chat again for the answer, the off switch; what is new, twice.
    assert sorted(len(statements) for statements in reads) in ([1, 1, 1, 1, 2, 2], [1, 1, 1, 1, 2])
    # The message (whose chat, was it sent before, its number, itself), and the answer.
    assert [len(statements) - 1 for statements in writes] == [4, 6]


async def test_the_questions_of_a_call_back_are_read_only_while_they_are_open(
    client: Client, chat: Chat, store: Store
) -> None:
    def reads(used: list[list[str]]) -> int:
        return sum(statement.startswith("SELECT call_back.") for each in used for statement in each)

    assert client.app is not None
    call_backs = client.app[CALL_BACKS]
    await call_backs.begin(chat.id)
    with transactions(store, chat.id) as while_open:
        await chat.say("what is an EHCP?")
    await call_backs.cancel(chat.id, who="user")
    with transactions(store, chat.id) as afterwards:
        await chat.say("what is an EHCP?")
    assert reads(while_open) == 3
    assert reads(afterwards) == 0

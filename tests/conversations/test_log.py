"""What people rely on about the log: nothing is lost, doubled or out of order, and erased means gone."""

from __future__ import annotations

import asyncio
import logging
import socket
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from conversations.database import VERSION_TABLE, Database, migrate
from conversations.errors import Clash, MessageConflict, NotFound, StoreFault, StoreUnavailable
from conversations.events import Events
from conversations.log import Draft
from conversations.models import Base, Owner, Priority, Role
from conversations.store import Store

pytestmark = pytest.mark.asyncio


def files_that_hold(folder: Path, words: bytes) -> list[str]:
    return [file.name for file in folder.iterdir() if words in file.read_bytes()]


async def test_messages_are_numbered_from_one_and_read_from_a_cursor(store: Store) -> None:
    created = await store.create("web", area="derbyshire", welcome=[Draft(text="Hello")])
    chat = created.conversation.id
    asked = await store.append_user(chat, "c1", "How long is the wait?")
    await store.append_assistant(
        chat,
        [
            Draft(text="33 weeks", easy_read="33 weeks.", buttons=[{"title": "More", "payload": "/more"}]),
            Draft(text="As of December 2022", sources=[{"title": "The strategy"}], topic="wait_time"),
        ],
        reply_to=asked.message.seq,
    )

    everything = await store.messages(chat)

    assert [m.seq for m in everything] == [1, 2, 3, 4]
    assert [m.role for m in everything] == [Role.ASSISTANT, Role.USER, Role.ASSISTANT, Role.ASSISTANT]
    assert everything[2].buttons == [{"title": "More", "payload": "/more"}]
    assert everything[3].sources == [{"title": "The strategy"}]
    assert [m.text for m in await store.messages(chat, after=3)] == ["As of December 2022"]


async def test_times_are_utc_and_aware_on_every_database(store: Store) -> None:
    chat = (await store.create("web", welcome=[Draft(text="Hello")])).conversation.id

    [message] = await store.messages(chat)

    assert message.created_at.tzinfo == UTC
    assert abs(datetime.now(UTC) - message.created_at) < timedelta(minutes=1)


async def test_a_message_sent_twice_is_logged_once_and_gets_the_same_replies(store: Store) -> None:
    chat = (await store.create("web")).conversation.id
    first = await store.append_user(chat, "c1", "hello")
    before_reply = await store.append_user(chat, "c1", "hello")
    await store.append_assistant(chat, [Draft(text="hi")], reply_to=first.message.seq)
    repeat = await store.append_user(chat, "c1", "hello")

    assert first.is_new
    assert not before_reply.is_new
    assert not repeat.is_new
    assert not before_reply.is_answered
    assert repeat.is_answered
    assert repeat.message.seq == first.message.seq
    assert [m.text for m in repeat.replies] == ["hi"]
    assert len(await store.messages(chat)) == 2


async def test_a_message_is_answered_once_even_when_two_gateways_work_on_it(store: Store) -> None:
    chat = (await store.create("web")).conversation.id
    asked = (await store.append_user(chat, "c1", "hello")).message.seq

    both = await asyncio.gather(
        *(store.append_assistant(chat, [Draft(text=t)], reply_to=asked) for t in ("one", "two"))
    )

    assert [m.seq for m in both[0]] == [m.seq for m in both[1]] == [2]
    assert len(await store.messages(chat)) == 2


async def test_what_is_known_of_the_person_is_remembered(store: Store) -> None:
    chat = (await store.create("web", area="derbyshire")).conversation.id
    await store.set_person(chat, area="herefordshire", age=13)
    await store.set_person(chat, young=True)  # and what was known stays

    known = await store.get(chat)
    assert (known.area, known.age, known.young) == ("herefordshire", 13, True)


async def test_the_same_id_with_other_words_is_refused_not_swallowed(store: Store) -> None:
    chat = (await store.create("web")).conversation.id
    await store.append_user(chat, "c1", "hello")

    with pytest.raises(MessageConflict):
        await store.append_user(chat, "c1", "something else")


async def test_many_writers_at_once_get_numbers_without_gap_or_double(store: Store) -> None:
    chat = (await store.create("web")).conversation.id

    await asyncio.gather(*(store.append_user(chat, f"c{n % 20}", f"text {n % 20}") for n in range(40)))

    messages = await store.messages(chat)
    assert [m.seq for m in messages] == list(range(1, 21))
    assert {m.text for m in messages} == {f"text {n}" for n in range(20)}


async def test_only_the_token_opens_a_conversation(store: Store) -> None:
    created = await store.create("web")
    other = await store.create("web")

    opened = await store.authenticate(created.conversation.id, created.token)
    assert opened is not None
    assert opened.id == created.conversation.id
    assert await store.authenticate(created.conversation.id, other.token) is None
    assert await store.authenticate(created.conversation.id, "") is None
    assert await store.authenticate("no-such-chat", created.token) is None


async def test_text_that_a_database_cannot_hold_is_kept_as_far_as_it_can(store: Store) -> None:
    chat = (await store.create("web")).conversation.id

    await store.append_user(chat, "c1", "nul \x00, half an emoji \ud83d, and a whole one 😀")

    [message] = await store.messages(chat)
    assert message.text == "nul \ufffd, half an emoji ?, and a whole one 😀"


async def test_a_sender_has_one_conversation_however_many_first_messages_arrive(store: Store) -> None:
    found = await asyncio.gather(*(store.for_sender("rest", "0770 090 0123") for _ in range(5)))

    assert len({conversation.id for conversation in found}) == 1
    assert "0770" not in (found[0].sender_hash or "")
    assert (await store.for_sender("other", "0770 090 0123")).id != found[0].id


async def test_private_notes_are_not_shown_to_the_family(store: Store) -> None:
    chat = (await store.create("web")).conversation.id
    await store.append_assistant(chat, [Draft(text="for advisers", private=True), Draft(text="for all")])

    assert [m.text for m in await store.messages(chat)] == ["for all"]
    assert [m.text for m in await store.messages(chat, include_private=True)] == ["for advisers", "for all"]


async def test_erased_means_everything_is_gone(store: Store) -> None:
    chat = (await store.create("web", welcome=[Draft(text="Hello")])).conversation.id
    await store.append_user(chat, "c1", "my secret")
    await store.escalate(chat, reason="asked", priority=Priority.NORMAL, summary={}, who="user")

    assert await store.erase(chat)

    assert await store.messages(chat) == []
    assert await store.transitions(chat) == []
    assert await store.escalation(chat) is None
    with pytest.raises(NotFound):
        await store.get(chat)
    with pytest.raises(NotFound):
        await store.append_user(chat, "c2", "still there?")
    assert not await store.erase(chat)


async def test_erased_words_are_not_left_in_the_files(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/c.sqlite3"
    migrate(url)
    store = Store(Database(url), Events())
    chat = (await store.create("web")).conversation.id
    await store.append_user(chat, "c1", "a-very-particular-secret " * 400)
    await store.erase(chat)

    left = files_that_hold(tmp_path, b"very-particular-secret")

    await store.database.close()
    assert left == []


async def test_purge_takes_what_is_old_and_leaves_the_rest(store: Store) -> None:
    old = (await store.create("web")).conversation.id
    await asyncio.sleep(0.01)
    limit = datetime.now(UTC)
    new = (await store.create("web")).conversation.id

    assert await store.purge(limit) >= 1

    with pytest.raises(NotFound):
        await store.get(old)
    assert (await store.get(new)).owner is Owner.BOT


async def test_a_closed_chat_is_taken_up_again_when_the_person_writes(store: Store) -> None:
    chat = (await store.create("web")).conversation.id
    adviser, _ = await store.add_adviser(f"Sam {chat}")
    await store.escalate(chat, reason="asked", priority=Priority.NORMAL, summary={}, who="user")
    await store.claim(chat, adviser.id)
    await store.close(chat, adviser.id, outcome="answered", for_good=True)
    assert (await store.get(chat)).owner is Owner.CLOSED

    await store.append_user(chat, "c1", "one more thing")

    assert (await store.get(chat)).owner is Owner.BOT


async def test_migrating_twice_and_at_once_changes_nothing(url: str) -> None:
    await asyncio.gather(*(asyncio.to_thread(migrate, url) for _ in range(4)))

    database = Database(url)
    await database.ping()
    await database.close()


async def test_the_migrations_make_exactly_the_tables_of_the_models(tmp_path: Path) -> None:
    migrate(f"sqlite:///{tmp_path}/c.sqlite3")
    engine = create_engine(f"sqlite:///{tmp_path}/c.sqlite3")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        differences = compare_metadata(context, Base.metadata)
    engine.dispose()

    assert differences == []


async def test_a_database_out_of_reach_is_one_clear_error() -> None:
    store = Store(Database("postgresql://nobody@127.0.0.1:1/none"), Events())

    with pytest.raises(StoreUnavailable):
        await store.create("web")
    with pytest.raises(StoreUnavailable):
        await store.database.ping()


async def test_a_database_that_takes_connections_and_never_answers_is_given_up_soon() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/none"
        store = Store(Database(address), Events())

        async with asyncio.timeout(10):
            with pytest.raises(StoreUnavailable):
                await store.create("web")


async def test_an_error_that_is_logged_shows_nothing_that_people_wrote(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    statement = text("INSERT INTO no_such_table (words) VALUES (:words)")
    statement = statement.bindparams(words="a secret of the family")
    try:
        async with store.database.writing() as session:
            await session.execute(statement)
    except StoreFault:
        logging.getLogger(__name__).exception("not saved")

    assert "INSERT INTO no_such_table" in caplog.text
    assert "a secret of the family" not in caplog.text


async def test_a_row_that_is_refused_is_no_database_away_and_is_not_shown(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    chat = (await store.create("web")).conversation.id
    await store.append_user(chat, "c1", "a secret of the family")
    refused = (
        "INSERT INTO message SELECT * FROM message",  # there already
        "UPDATE message SET answered = NULL",  # PostgreSQL tells of the whole row
    )
    for statement in refused:
        try:
            async with store.database.writing() as session:
                await session.execute(text(statement))
        except Clash:
            logging.getLogger(__name__).exception("not saved")

    assert caplog.messages == ["not saved"] * len(refused)
    assert "a secret of the family" not in caplog.text


@pytest.mark.parametrize(
    "statement",
    ["SELECT * FROM nowhere", "SELECT nothing FROM message", "SELEKT 1", "SELECT count(*, 1) FROM message"],
)
async def test_a_wrong_statement_is_our_fault_and_not_a_database_away(store: Store, statement: str) -> None:
    with pytest.raises(StoreFault, match="Error"):
        async with store.database.reading() as session:
            await session.execute(text(statement))
    with pytest.raises(StoreFault, match="NoResultFound"):
        async with store.database.reading() as session:
            (await session.execute(text("SELECT 1 WHERE 1 = 2"))).one()


async def test_a_broken_connection_a_slow_answer_and_a_damaged_file_are_a_database_away(
    tmp_path: Path, postgres_url: str
) -> None:
    (tmp_path / "c.sqlite3").write_bytes(b"This was a database once. " * 200)
    damaged = Database(f"sqlite:///{tmp_path}/c.sqlite3")
    with pytest.raises(StoreUnavailable):
        async with damaged.reading() as session:
            await session.execute(text("SELECT 1 FROM message"))
    await damaged.close()

    postgres = Database(postgres_url)

    async def asked(*statements: str) -> None:
        async with postgres.writing() as session:
            for statement in statements:
                await session.execute(text(statement))

    for statements in (
        ["SELECT pg_terminate_backend(pg_backend_pid())"],
        ["SET statement_timeout = 10", "SELECT pg_sleep(5)"],
        ["SET TRANSACTION READ ONLY", "CREATE TABLE somewhere (n INTEGER)"],  # as after a failover
    ):
        with pytest.raises(StoreUnavailable):
            await asked(*statements)
    await postgres.close()


async def test_a_database_without_our_tables_is_not_ready(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "empty.sqlite3").close()
    database = Database(f"sqlite:///{tmp_path}/empty.sqlite3")

    with pytest.raises(StoreUnavailable):
        await database.ping()
    await database.close()


async def test_a_memory_database_is_refused_because_it_forgets() -> None:
    with pytest.raises(ValueError, match="file"):
        Database("sqlite://")

"""What the bot remembers: as much as the dialogue needs, on both databases, for as long as it may."""

import asyncio
import json
import os
import random
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy
from rasa.core.tracker_store import SQLTrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import (
    ActionExecuted,
    ActionExecutionRejected,
    ActiveLoop,
    BotUttered,
    ConversationPaused,
    SessionStarted,
    SlotSet,
    UserUtteranceReverted,
    UserUttered,
)
from rasa.shared.core.trackers import DialogueStateTracker

from bot.engine.memory import TABLE, Memory
from bot.engine.tracker_store import BoundedTrackerStore

POSTGRES = os.environ.get("HELPLINE_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")

DOMAIN = Domain.from_dict(
    {
        "version": "3.1",
        "intents": ["ask", "tell"],
        "entities": [],
        "slots": {
            "area": {"type": "text", "influence_conversation": True, "mappings": [{"type": "custom"}]},
            "age": {"type": "any", "influence_conversation": False, "mappings": [{"type": "custom"}]},
        },
        "actions": ["action_answer"],
        "forms": {"area_form": {"required_slots": ["area"]}},
        "responses": {},
    }
)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/bot.sqlite3"
        return
    server = sqlalchemy.create_engine(
        sqlalchemy.engine.make_url(POSTGRES).set(drivername="postgresql+psycopg2")
    )
    name = f"bot_memory_{uuid.uuid4().hex}"
    try:
        with server.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
    except sqlalchemy.exc.OperationalError:
        pytest.skip("no PostgreSQL on this machine")
    yield str(server.url.set(database=name).render_as_string(hide_password=False))
    with server.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


def test_postgresql_forgets_a_bot_whose_machine_vanished(url):
    if url.startswith("sqlite"):
        pytest.skip("of PostgreSQL only")
    with Memory(url)._engine.connect() as connection:
        assert connection.exec_driver_sql("SHOW tcp_user_timeout").scalar() == "8000"


def _store(url):
    store = BoundedTrackerStore(DOMAIN, host=url)
    store.domain = DOMAIN
    return store


def _said(text, intent="ask"):
    reading = {
        "text": text,
        "intent": {"name": intent, "confidence": 0.9},
        "entities": [],
        "text_tokens": [[0, 3]] * 20,
        "intent_ranking": [{"name": intent, "confidence": 0.9}] * 5,
    }
    return UserUttered(text, reading["intent"], [], reading)


async def _take(store, sender, events):
    """One turn, as Rasa's processor takes it: read, go on, store."""
    tracker = await store.get_or_create_tracker(sender, append_action_listen=False)
    if not tracker.events:
        for event in (
            ActionExecuted("action_session_start"),
            SessionStarted(),
            ActionExecuted("action_listen"),
        ):
            tracker.update(event)
    for event in events:
        event.timestamp = time.time()
        tracker.update(event)
    await store.save(tracker)
    return tracker


def _turn(number, chance):
    """The events of one turn, now and then with a form, a refusal or a word that is taken back."""
    events = [_said(f"message {number}", chance.choice(["ask", "tell"]))]
    kind = chance.choice(["answer", "answer", "form", "reject", "leave", "revert"])
    if kind == "form":
        events += [ActionExecuted("area_form"), ActiveLoop("area_form"), SlotSet("requested_slot", "area")]
    elif kind == "reject":
        events += [ActionExecutionRejected("area_form"), ActionExecuted("action_answer")]
    elif kind == "leave":
        events += [
            ActionExecuted("area_form"),
            SlotSet("area", chance.choice(["derby", None])),
            ActiveLoop(None),
            SlotSet("requested_slot", None),
        ]
    elif kind == "revert":
        events += [ActionExecuted("action_answer"), UserUtteranceReverted()]
    else:
        events += [ActionExecuted("action_answer"), SlotSet("age", number)]
    return [*events, BotUttered("words " * 50), ActionExecuted("action_listen")]


@pytest.mark.parametrize("seed", range(8))
def test_a_long_chat_is_where_rasas_own_store_would_have_it(tmp_path, seed):
    async def both():
        bounded, whole = (
            _store(f"sqlite:///{tmp_path}/bot.sqlite3"),
            SQLTrackerStore(DOMAIN, db=f"{tmp_path}/rasa.db"),
        )
        for number in range(30):
            chance = random.Random(seed * 1000 + number)
            events = _turn(number, chance)
            chance = random.Random(seed * 1000 + number)
            same = _turn(number, chance)
            await _take(bounded, "chat", events)
            await _take(whole, "chat", same)
            ours, theirs = await bounded.retrieve("chat"), await whole.retrieve("chat")
            assert ours.current_slot_values() == theirs.current_slot_values()
            assert ours.active_loop_name == theirs.active_loop_name
            assert ours.is_active_loop_rejected == theirs.is_active_loop_rejected
            assert ours.latest_action_name == theirs.latest_action_name
            assert ours.latest_message.text == theirs.latest_message.text
            # What the policies see of the last two turns.
            seen, would_see = (DOMAIN.states_for_tracker_history(tracker)[-3:] for tracker in (ours, theirs))
            assert seen == would_see

    asyncio.run(both())


def test_a_form_goes_on_after_many_turns_and_knows_what_began_it(url):
    async def chat():
        store = _store(url)
        begins = [ActionExecuted("area_form"), ActiveLoop("area_form"), SlotSet("requested_slot", "area")]
        await _take(store, "chat", [_said("how long is the wait"), *begins, ActionExecuted("action_listen")])
        for number in range(12):
            rejected = [ActionExecutionRejected("area_form"), ActionExecuted("action_answer")]
            goes_on = [ActionExecuted("area_form"), ActionExecuted("action_listen")]
            await _take(store, "chat", [_said(f"aside {number}"), *rejected, *goes_on])
        return await store.retrieve("chat")

    tracker = asyncio.run(chat())
    assert tracker.active_loop_name == "area_form"
    assert tracker.active_loop.trigger_message["text"] == "how long is the wait"
    assert tracker.get_slot("requested_slot") == "area"


def test_what_is_stored_does_not_grow(url):
    async def chat():
        store, sizes = _store(url), []
        for _ in range(60):
            events = [
                _said("how long is the wait"),
                ActionExecuted("action_answer"),
                SlotSet("area", "derby"),
            ]
            await _take(store, "chat", [*events, BotUttered("words " * 500), ActionExecuted("action_listen")])
            sizes.append(len(store._memory.read("chat")))
        return sizes

    sizes = asyncio.run(chat())
    assert max(sizes[10:]) <= 1.05 * sizes[10]
    assert sizes[-1] < 10_000


def test_neither_the_bots_words_nor_the_tokens_are_stored(url):
    async def chat():
        store = _store(url)
        await _take(
            store, "chat", [_said("hello"), BotUttered("a long answer"), ActionExecuted("action_listen")]
        )
        return store._memory.read("chat")

    state = asyncio.run(chat())
    assert "a long answer" not in state
    assert "text_tokens" not in state


def test_it_is_remembered_after_a_restart(url):
    asyncio.run(_take(_store(url), "chat", [_said("hello"), SlotSet("area", "derby")]))
    tracker = asyncio.run(_store(url).retrieve("chat"))
    assert tracker.get_slot("area") == "derby"
    assert tracker.latest_message.text == "hello"


def test_a_paused_chat_stays_paused(url):
    async def chat():
        store = _store(url)
        await _take(store, "chat", [_said("hello"), ConversationPaused()])
        for number in range(10):
            await _take(store, "chat", [_said(f"message {number}")])
        return await store.retrieve("chat")

    assert asyncio.run(chat()).is_paused()


def test_a_new_session_is_all_that_is_kept(url):
    async def chat():
        store = _store(url)
        await _take(store, "chat", [_said("of yesterday"), ActionExecuted("action_listen")])
        session = [ActionExecuted("action_session_start"), SessionStarted(), ActionExecuted("action_listen")]
        await _take(store, "chat", [*session, _said("of today")])
        return store._memory.read("chat")

    state = asyncio.run(chat())
    assert "of today" in state
    assert "of yesterday" not in state


def test_a_conversation_without_events_is_forgotten(url):
    """The gateway forgets a chat by replacing its events with none."""

    async def chat():
        store = _store(url)
        await _take(store, "chat", [_said("hello")])
        await store.save(DialogueStateTracker("chat", DOMAIN.slots))
        return await store.retrieve("chat"), list(await store.keys())

    assert asyncio.run(chat()) == (None, [])


def test_what_is_erased_is_in_no_file(tmp_path):
    async def chat():
        store = _store(f"sqlite:///{tmp_path}/bot.sqlite3")
        await _take(store, "chat", [_said("unmistakable words")])
        await store.save(DialogueStateTracker("chat", DOMAIN.slots))

    asyncio.run(chat())
    for path in tmp_path.iterdir():
        assert b"unmistakable" not in path.read_bytes()


def test_old_conversations_are_forgotten_by_themselves(url, monkeypatch):
    memory = Memory(url)
    memory.write("old", "{}")
    with memory._engine.begin() as connection:
        connection.execute(TABLE.update().values(updated_at=time.time() - 3 * 24 * 3600))
    memory.write("new", "{}")
    monkeypatch.setenv("HELPLINE_RETENTION_DAYS", "2")
    _store(url)
    for _ in range(100):
        if memory.keys() == ["new"]:
            return
        time.sleep(0.1)
    pytest.fail(f"still there: {memory.keys()}")


def test_a_connection_that_the_server_dropped_is_opened_again(url):
    if url.startswith("sqlite"):
        pytest.skip("SQLite has no server")
    memory = Memory(url)
    memory.write("chat", "{}")
    server = sqlalchemy.create_engine(url)
    with server.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert memory.read("chat") == "{}"


def test_two_bots_may_start_at_once(url):
    async def start():
        loop = asyncio.get_running_loop()
        return await asyncio.gather(*(loop.run_in_executor(None, Memory, url) for _ in range(4)))

    assert len(asyncio.run(start())) == 4


def test_bots_that_meet_in_the_first_moment_of_a_new_file_wait_for_one_another(tmp_path):
    together = threading.Barrier(4)

    def start(url):
        together.wait()
        return Memory(url)

    with ThreadPoolExecutor(4) as threads:
        for n in range(80):  # one time is luck
            assert len(list(threads.map(start, [f"sqlite:///{tmp_path}/{n}.sqlite3"] * 4))) == 4


@pytest.mark.parametrize("wrong", ["sqlite://", "sqlite:///:memory:", "mysql://localhost/helpline"])
def test_a_database_that_cannot_be_meant_is_refused(wrong):
    with pytest.raises(ValueError, match="HELPLINE_TRACKER_URL"):
        Memory(wrong)


def test_the_state_is_plain_json(url):
    """No pickle: whoever can write to the table must not be able to run code in the bot."""
    asyncio.run(_take(_store(url), "chat", [_said("hello")]))
    assert json.loads(Memory(url).read("chat"))["events"][0]["event"] == "action"

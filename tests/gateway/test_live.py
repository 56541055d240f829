"""What the browser relies on: everything once, in order, from where it was, and who has the chat."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, WSServerHandshakeError, web
from aiohttp.test_utils import TestClient

from conversations.log import Draft
from conversations.models import Conversation, Priority, Role
from conversations.store import Store
from gateway import wording
from gateway.bodies import MAX_FRAME_BYTES
from tests.gateway.conftest import Chat, StandInBot


@asynccontextmanager
async def listening(chat: Chat, after: int = 0, **hello: Any) -> AsyncGenerator[ClientWebSocketResponse]:
    async with chat.client.ws_connect(f"/api/v1/conversations/{chat.id}/socket") as ws:
        await ws.send_json({"type": "hello", "token": chat.token, "after": after, **hello})
        yield ws


async def next_of(ws: ClientWebSocketResponse, kind: str) -> dict[str, Any]:
    """The next frame of a kind, skipping others."""
    while True:
        frame: dict[str, Any] = await ws.receive_json(timeout=30)
        if frame["type"] == kind:
            return frame


async def messages(ws: ClientWebSocketResponse, count: int) -> list[dict[str, Any]]:
    return [(await next_of(ws, "message"))["message"] for _ in range(count)]


async def test_the_socket_sends_what_came_after_and_who_has_the_chat(chat: Chat) -> None:
    await chat.say("hello")

    async with listening(chat, after=1) as ws:
        seqs = [m["seq"] for m in await messages(ws, 2)]
        status = await next_of(ws, "status")

    assert seqs == [2, 3]
    assert (status["owner"], status["adviser"], status["position"]) == ("bot", None, None)


async def test_a_message_through_the_socket_comes_back_logged_with_its_answer(
    chat: Chat, bot: StandInBot
) -> None:
    async with listening(chat, after=1) as ws:
        await ws.send_json({"type": "message", "client_message_id": "s1", "text": "how long"})
        await next_of(ws, "typing")
        [reply] = await messages(ws, 1)
        [mine] = [m for m in (await chat.read(after=1))["messages"] if m["role"] == "user"]
        await ws.send_json({"type": "message", "client_message_id": "s2", "payload": "/adults"})
        again = await messages(ws, 2)

    assert reply["reply_to"] == mine["seq"]
    assert mine["client_message_id"] == "s1"
    assert again[0]["text"] == "And adults?"
    assert bot.texts == ["how long", "/adults"]


async def test_who_is_writing_is_told_both_ways_and_nobody_hears_themselves(chat: Chat, store: Store) -> None:
    async with listening(chat) as ws:
        await next_of(ws, "status")
        with store.events.subscribe(chat.id) as desk:
            await ws.send_str('{"type":"typing"}')
            await desk.wait(5)
            assert desk.take_typing() == {"user"}
        store.events.typing(chat.id, "the id of an adviser")
        frame = await next_of(ws, "typing")
    assert frame == {"type": "typing", "who": "adviser"}


async def test_an_adviser_is_told_that_their_words_arrived_by_the_page_alone(
    chat: Chat, store: Store
) -> None:
    sam, _ = await store.add_adviser("Sam Smith")
    await store.escalate(chat.id, reason="x", priority=Priority.NORMAL, summary={}, who="user")
    await store.claim(chat.id, sam.id)
    assert await store.last_word(chat.id) is None

    async def arrived() -> bool:
        word = await store.last_word(chat.id)
        assert word is not None
        return word.arrived

    async def until_arrived(ws: ClientWebSocketResponse, raw: str) -> None:
        with store.events.subscribe(chat.id) as desk:
            await ws.send_str(raw)
            async with asyncio.timeout(5):
                while not await arrived():
                    await desk.wait(5)

    async with listening(chat, after=1) as ws:
        seq = (await store.append_adviser(chat.id, sam.id, "Hello")).seq
        await messages(ws, 1)
        assert not await arrived()  # sent is not arrived
        for lie in (seq + 1, 999_999_999):
            await ws.send_str(f'{{"type":"arrived","seq":{lie}}}')
        await until_arrived(ws, f'{{"type":"arrived","seq":{seq}}}')
        await store.append_adviser(chat.id, sam.id, "And more")
        assert not await arrived()
    # The line broke before the page could say so: it says it when it comes back.
    async with listening(chat, after=seq + 1) as ws:
        await next_of(ws, "status")
        assert await arrived()
    await store.append_adviser(chat.id, sam.id, "Without sockets")
    await chat.read(after=seq + 1)
    assert not await arrived()
    await chat.read(after=seq + 2)
    assert await arrived()


async def test_two_windows_and_a_reconnect_see_everything_once_and_in_order(chat: Chat) -> None:
    async with listening(chat) as one, listening(chat) as two:
        for n in range(4):
            await chat.say(f"q{n}")
        first = [m["seq"] for m in await messages(one, 9)]
        second = [m["seq"] for m in await messages(two, 4)]
    async with listening(chat, after=second[-1]) as two:
        second += [m["seq"] for m in await messages(two, 5)]

    assert first == second == list(range(1, 10))


async def test_the_family_sees_a_person_come_write_and_go(chat: Chat, store: Store) -> None:
    adviser, _ = await store.add_adviser("Sam Smith")
    async with listening(chat, after=1) as ws:
        await next_of(ws, "status")
        await store.escalate(chat.id, reason="x", priority=Priority.NORMAL, summary={}, who="user")
        queued = await next_of(ws, "status")
        await store.claim(chat.id, adviser.id)
        with_sam = await next_of(ws, "status")
        await store.append_adviser(chat.id, adviser.id, "Hello, I am Sam")
        [message] = await messages(ws, 1)
        await store.close(chat.id, adviser.id, outcome="answered")
        back = await next_of(ws, "status")

    assert (queued["owner"], queued["position"]) == ("queued", 1)
    assert (with_sam["owner"], with_sam["adviser"]) == ("adviser", "Sam")
    assert (message["role"], message["author"]) == ("adviser", "Sam")
    assert back["owner"] == "bot"


async def test_notes_for_advisers_never_reach_the_family(chat: Chat, store: Store) -> None:
    async with listening(chat, after=1) as ws:
        await store.append_assistant(chat.id, [wording.alert("x", "y"), Draft(text="for all")])
        [message] = await messages(ws, 1)

    assert message["text"] == "for all"


async def test_an_adviser_who_vanishes_is_noticed_and_the_family_is_told(
    chat: Chat, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import timedelta

    adviser, _ = await store.add_adviser("Sam")
    await store.escalate(chat.id, reason="x", priority=Priority.NORMAL, summary={}, who="user")
    await store.claim(chat.id, adviser.id)
    async with listening(chat, after=1) as ws:
        await next_of(ws, "status")
        await asyncio.sleep(0.05)
        await store.requeue_unseen(timedelta(seconds=0.01), notice=wording.adviser_lost())
        [message] = await messages(ws, 1)
        status = await next_of(ws, "status")

    assert "connection was lost" in message["text"]
    assert status["owner"] == "queued"


# -- refusals --------------------------------------------------------------------------------------


async def closing(ws: ClientWebSocketResponse) -> tuple[str, int | None]:
    """The problem's code and the close code."""
    frame = await next_of(ws, "error")
    last = await ws.receive(timeout=30)
    assert last.type in (WSMsgType.CLOSE, WSMsgType.CLOSED)
    return frame["problem"]["code"], ws.close_code


async def test_a_wrong_token_is_told_and_closed(chat: Chat) -> None:
    async with listening(chat, token="wrong") as ws:
        assert await closing(ws) == ("token_wrong", 4401)


@pytest.mark.parametrize("said", ["message", "typing", "nothing"])
async def test_a_page_whose_token_is_no_more_reads_and_writes_nothing(
    chat: Chat, store: Store, said: str
) -> None:
    async with listening(chat, after=1) as ws:
        await next_of(ws, "status")
        async with store.database.writing() as session:
            (await session.get_one(Conversation, chat.id)).token_hash = "of another page"
        with store.events.subscribe(chat.id) as desk:
            if said == "message":
                await ws.send_json({"type": "message", "client_message_id": "a", "text": "DANGER"})
            elif said == "typing":
                await ws.send_str('{"type":"typing"}')
            else:
                await store.append_assistant(chat.id, [Draft(text="not for this page")])
            frame = await ws.receive_json(timeout=30)
            assert (await ws.receive(timeout=30)).data == 4401
            assert desk.take_typing() == set()

    assert frame["problem"]["code"] == "token_wrong"
    assert ("crisis" in frame["problem"]) is (said == "message")
    assert all(message.role is not Role.USER for message in await store.messages(chat.id))


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ("not json", "bad_json"),
        ('{"type": "message"}', "invalid_fields"),
        ('{"type": "hello", "token": "x", "after": -1}', "invalid_fields"),
    ],
)
async def test_the_first_frame_must_be_a_hello(chat: Chat, first: str, code: str) -> None:
    async with chat.client.ws_connect(f"/api/v1/conversations/{chat.id}/socket") as ws:
        await ws.send_str(first)
        assert (await closing(ws))[0] == code


async def test_a_deleted_conversation_ends_its_sockets(chat: Chat) -> None:
    async with listening(chat, after=1) as ws:
        await next_of(ws, "status")
        await chat.client.delete(f"/api/v1/conversations/{chat.id}", headers=chat.auth)
        assert await closing(ws) == ("no_such_conversation", 4404)


async def test_a_bad_frame_is_told_and_the_socket_stays_open(chat: Chat) -> None:
    async with listening(chat, after=1) as ws:
        await ws.send_str("{")
        assert (await next_of(ws, "error"))["problem"]["code"] == "bad_json"
        await ws.send_json({"type": "message", "client_message_id": "a", "payload": "/restart"})
        error = await next_of(ws, "error")
        assert (error["problem"]["code"], error["client_message_id"]) == ("payload_not_offered", "a")
        await ws.send_json({"type": "message", "client_message_id": "b", "text": "still here"})
        assert (await messages(ws, 1))[0]["text"] == "still here"


async def test_a_message_that_is_too_long_is_refused_hides_no_danger_and_keeps_the_socket(
    chat: Chat, bot: StandInBot
) -> None:
    too_much = "word " * 20_000
    async with listening(chat, after=1) as ws:
        for name, text in (("a", "DANGER " + too_much), ("b", too_much)):
            await ws.send_json({"type": "message", "client_message_id": name, "text": text})
        frames = [await next_of(ws, "error") for _ in range(2)]
        await ws.send_json({"type": "message", "client_message_id": "c", "text": "shorter"})
        mine, answer = await messages(ws, 2)

    errors = {frame["client_message_id"]: frame["problem"] for frame in frames}
    assert [problem["code"] for problem in errors.values()] == ["too_large"] * 2
    assert errors["a"]["crisis"]["cards"][0]["contacts"]
    assert "crisis" not in errors["b"]
    assert (mine["text"], answer["reply_to"]) == ("shorter", mine["seq"])
    assert bot.texts == ["shorter"]


async def test_a_frame_that_cannot_even_be_read_ends_the_socket(chat: Chat) -> None:
    async with listening(chat, after=1) as ws:
        await next_of(ws, "status")
        await ws.send_str("x" * (MAX_FRAME_BYTES + 1))
        assert (await ws.receive(timeout=30)).type is WSMsgType.CLOSE
        assert ws.close_code == 1009


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (None, True),  # no browser
        ("same", True),
        ("https://council.example", True),  # in the settings
        ("https://evil.example", False),
        ("https://council.example.evil.example", False),
        ("null", False),  # a sandboxed frame or a file
    ],
)
async def test_only_our_own_and_allowed_pages_may_open_a_socket(
    chat: Chat, client: TestClient[web.Request, web.Application], origin: str | None, allowed: bool
) -> None:
    if origin == "same":
        origin = f"http://{client.host}:{client.port}"
    headers = {"Origin": origin} if origin else {}
    path = f"/api/v1/conversations/{chat.id}/socket"
    if allowed:
        async with client.ws_connect(path, headers=headers) as ws:
            await ws.send_json({"type": "hello", "token": chat.token})
            assert await messages(ws, 1)
    else:
        with pytest.raises(WSServerHandshakeError) as refusal:
            await client.ws_connect(path, headers=headers)
        assert refusal.value.status == 403

"""Too fast: said kindly, with when to go on; and never a limit alone for somebody in danger."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, make_mocked_request

from conversations.errors import StoreUnavailable
from conversations.store import Store
from gateway.bodies import MAX_BODY_BYTES
from gateway.limits import Limit, Limits, LocalMeter
from gateway.settings import Settings
from tests.gateway.conftest import Chat, StandInBot

type Client = TestClient[web.Request, web.Application]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(
        update={
            "messages_per_minute": 3,
            "address_messages_per_minute": 5,
            "address_conversations_per_minute": 2,
        }
    )


async def test_what_is_left_is_told_and_then_when_to_go_on(chat: Chat, bot: StandInBot) -> None:
    left = []
    for number in range(3):
        answer = await chat.post(text=f"message {number}")
        assert answer.status == 201
        assert answer.headers["RateLimit-Policy"] == '"messages";q=3;w=60'
        left.append(answer.headers["RateLimit"].split(";")[1])
    assert left == ["r=2", "r=1", "r=0"]

    refused = await chat.post(text="one too many")

    document = await refused.json()
    assert (refused.status, document["code"]) == (429, "too_many_requests")
    assert 15 <= int(refused.headers["Retry-After"]) <= 20
    assert "Please wait" in document["detail"]
    assert "crisis" not in document
    assert "one too many" not in bot.texts
    assert len([m for m in (await chat.read())["messages"] if m["role"] == "user"]) == 3


async def test_danger_is_answered_however_fast_somebody_types(chat: Chat, store: Store) -> None:
    for number in range(3):
        await chat.post(text=f"message {number}")

    for _ in range(3):
        answer = await chat.post(text="DANGER")
        assert answer.status == 201
        assert (await answer.json())["replies"][0]["cards"][0]["kind"] == "crisis"
    flooded = await chat.post(text="DANGER")

    assert flooded.status == 429
    crisis = (await flooded.json())["crisis"]
    assert "Call 000" in crisis["text"]
    assert crisis["cards"][0]["contacts"]
    assert (await store.get(chat.id)).owner == "queued"


async def test_the_same_holds_for_the_socket(chat: Chat, client: Client) -> None:
    async with client.ws_connect(f"/api/v1/conversations/{chat.id}/socket") as ws:
        await ws.send_json({"type": "hello", "token": chat.token, "after": 0})
        for number in range(4):
            await ws.send_json({"type": "message", "client_message_id": f"s{number}", "text": "hello"})
        while (frame := await ws.receive_json(timeout=30))["type"] != "error":
            pass
    assert frame["problem"]["code"] == "too_many_requests"


async def test_the_form_without_javascript_keeps_the_words_and_shows_the_numbers(
    client: Client, chat: Chat
) -> None:
    fields = {"conversation": chat.id, "token": chat.token}
    for number in range(3):
        await client.post("/", data={**fields, "text": f"message {number}"})

    refused = await client.post("/", data={**fields, "text": "my words"})
    text = await refused.text()
    assert refused.status == 429
    assert refused.headers["Retry-After"]
    assert "Please wait" in text
    assert "my words</textarea>" in text
    assert chat.id in text

    assert "Call 000" in await (await client.post("/", data={**fields, "text": "DANGER"})).text()


async def test_the_form_shows_the_numbers_also_when_no_chat_can_be_begun(client: Client) -> None:
    async def first(text: str) -> tuple[int, str]:
        answer = await client.post("/", data={"text": text}, headers={"X-Forwarded-For": "203.0.113.7"})
        return answer.status, await answer.text()

    assert [(await first("hello"))[0] for _ in range(2)] == [200, 200]

    status, page = await first("DANGER again")
    assert status == 429
    assert "Please get help now (crisis_self_harm_suicide" in page
    assert "DANGER again</textarea>" in page
    assert "Please get help now (crisis_self_harm_suicide" not in (await first("hello"))[1]


async def test_an_address_is_counted_behind_our_proxy_and_cannot_be_made_up(client: Client) -> None:
    async def begin(forwarded: str) -> int:
        answer = await client.post("/api/v1/conversations", headers={"X-Forwarded-For": forwarded})
        return answer.status

    assert [await begin("203.0.113.7") for _ in range(3)] == [201, 201, 429]
    # What the browser itself wrote into the header stands before what our proxy added: it does not count.
    assert await begin("198.51.100.1, 203.0.113.7") == 429
    assert await begin("203.0.113.8") == 201


async def test_a_program_on_this_machine_is_under_no_address_limit(client: Client) -> None:
    for _ in range(4):
        assert (await client.post("/api/v1/conversations")).status == 201


async def test_words_that_could_not_be_sent_still_get_the_numbers(client: Client) -> None:
    async def ask(text: str) -> object:
        answer = await client.post("/api/v1/help", json={"text": text})
        assert answer.status == 200
        return (await answer.json())["crisis"]

    assert await ask("hello") is None
    for text in ("DANGER", "DANGER " + "word " * MAX_BODY_BYTES):
        crisis = await ask(text)
        assert isinstance(crisis, dict)
        assert "Call 000" in crisis["text"]


@pytest.mark.parametrize(
    ("remote", "forwarded", "address"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),  # no proxy of ours: nobody believes the header
        ("127.0.0.1", "198.51.100.1, 203.0.113.7", "203.0.113.7"),
        ("::ffff:127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),  # a household has a whole network
        ("127.0.0.1", "", None),
        ("127.0.0.1", "not an address", None),
    ],
)
def test_whom_a_request_comes_from(remote: str, forwarded: str, address: str | None) -> None:
    limits = Limits(
        messages=1,
        address_messages=1,
        address_conversations=1,
        trusted_proxies=[ip_network("127.0.0.0/8")],
    )
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    request = make_mocked_request("GET", "/", headers=headers).clone(remote=remote)

    assert limits.address(request) == address


async def test_a_quota_fills_again_evenly_and_forgets_those_who_are_gone() -> None:
    now = [0.0]
    meter = LocalMeter(lambda: now[0])
    limit = Limit("messages", 6, meter, meter)
    taken = [await limit.take("a") for _ in range(7)]
    assert [quota.ok for quota in taken] == [True] * 6 + [False]
    assert [quota.left for quota in taken] == [5, 4, 3, 2, 1, 0, 0]
    assert taken[-1].wait_seconds == 10
    now[0] = 10
    assert (await limit.take("a")).ok
    assert not (await limit.take("a")).ok
    assert (await limit.take("b")).ok
    now[0] = 1000
    for number in range(10_001):
        await limit.take(f"n{number}")
    assert "messages a" not in meter._used_until


async def test_without_the_database_a_gateway_counts_alone() -> None:
    class Gone:
        async def take(self, key: str, each: float, window: float) -> tuple[bool, float]:
            raise StoreUnavailable("gone")

    limit = Limit("messages", 2, Gone(), LocalMeter())

    assert [(await limit.take("a")).ok for _ in range(3)] == [True, True, False]

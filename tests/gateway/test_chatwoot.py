"""A council's Chatwoot serves the queue, against a stand-in that follows its documented API.

Agent bots: https://www.chatwoot.com/docs/product/others/agent-bots (conversations of a bot are ``pending``, a
hand-off sets them ``open``); calls: ``POST /api/v1/accounts/{id}/conversations/{id}/messages`` and
``.../toggle_status`` with the header ``api_access_token``. In github.com/chatwoot/docs: events in
``docs/product/others/webhook-events.md``, signatures in ``api-reference/webhook-verification.mdx``.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr, ValidationError

from conversations.models import Owner, Role
from conversations.store import Store
from gateway.app import init_app
from gateway.chatwoot.settings import ChatwootSettings
from gateway.keys import STORE
from gateway.settings import Settings
from tests.gateway.conftest import FakeCrisis, FakeSafety, StandInBot
from tests.gateway.test_turn import HANDOFF

SECRET, TOKEN, SIGNS, CONVERSATION = "a-secret-of-many-signs", "bot-token", "the bot's own secret", 42


@dataclass
class StandInChatwoot:
    """One conversation, with its bot's webhook called as Chatwoot calls it."""

    gateway: TestClient[web.Request, web.Application] | None = None
    url: str = ""
    status: str = "pending"
    shown: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    failing: int = 0
    last_id: int = 0

    async def messages(self, request: web.Request) -> web.Response:
        self._check(request)
        body = await request.json()
        assert set(body) <= {"content", "message_type", "private", "content_type", "content_attributes"}
        self.shown.append(body)
        self.calls.append("note" if body["private"] else "message")
        self.last_id += 1
        answer = web.json_response({"id": self.last_id, "content": body["content"]})
        await self.event("message_created", **self._message(body["content"], 1, {"type": "agent_bot"}))
        return answer

    async def toggle_status(self, request: web.Request) -> web.Response:
        self._check(request)
        self.status = (await request.json())["status"]
        await self.changed()
        self.calls.append(self.status)
        return web.json_response({"meta": {}, "payload": {"success": True, "current_status": self.status}})

    def _check(self, request: web.Request) -> None:
        assert request.match_info["id"] == str(CONVERSATION)
        assert request.headers["api_access_token"] == TOKEN
        if self.failing:
            self.failing -= 1
            raise web.HTTPServiceUnavailable

    async def changed(self) -> None:
        """An agent bot is told of these two; of going back to pending it learns with the next message."""
        if self.status in ("open", "resolved"):
            name = {"open": "conversation_opened", "resolved": "conversation_resolved"}[self.status]
            await self.event(name, id=CONVERSATION, status=self.status)

    async def person_says(self, content: str) -> None:
        self.last_id += 1
        await self.event("message_created", **self._message(content, "incoming", {"type": "contact"}))

    async def agent_says(self, content: str) -> None:
        self.last_id += 1
        await self.event("message_created", **self._message(content, "outgoing", {"type": "user", "id": 7}))

    def _message(self, content: str, kind: str | int, sender: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": self.last_id,
            "content": content,
            "message_type": kind,
            "private": False,
            "sender": sender,
            "conversation": {"id": CONVERSATION, "status": self.status},
        }

    async def event(self, name: str, **body: Any) -> None:
        assert self.gateway is not None
        sent = json.dumps({"event": name, **body}).encode()
        response = await self.gateway.post(f"/chatwoot/{SECRET}", data=sent, headers=signed(sent))
        assert response.status == 200, await response.text()

    @property
    def texts(self) -> list[str]:
        return [body["content"] for body in self.shown if not body["private"]]


def signed(sent: bytes, at: float | None = None) -> dict[str, str]:
    """The headers of an agent bot's event: HMAC-SHA256 of ``TIMESTAMP.BODY`` with the bot's own secret."""
    stamp = str(int(time.time() if at is None else at))
    digest = hmac.new(SIGNS.encode(), f"{stamp}.".encode() + sent, "sha256").hexdigest()
    return {
        "Content-Type": "application/json",
        "X-Chatwoot-Timestamp": stamp,
        "X-Chatwoot-Signature": f"sha256={digest}",
    }


@pytest_asyncio.fixture
async def chatwoot(settings: Settings) -> AsyncGenerator[StandInChatwoot]:
    stand_in = StandInChatwoot()
    app = web.Application()
    base = "/api/v1/accounts/3/conversations/{id}"
    app.router.add_post(f"{base}/messages", stand_in.messages)
    app.router.add_post(f"{base}/toggle_status", stand_in.toggle_status)
    server = TestServer(app)
    await server.start_server()
    stand_in.url = str(server.make_url("/"))
    gateway = init_app(
        settings,
        load_safety=FakeSafety,
        load_crisis=lambda _url: FakeCrisis(),
        chatwoot_settings=ChatwootSettings(
            url=stand_in.url,
            account_id=3,
            token=SecretStr(TOKEN),
            webhook_secret=SecretStr(SECRET),
            signing_secret=SecretStr(SIGNS),
        ),
        pauses=(timedelta(seconds=0.05), timedelta(seconds=0.2)),
    )
    async with TestClient(TestServer(gateway)) as client:
        stand_in.gateway = client
        yield stand_in
    await server.close()


def store_of(chatwoot: StandInChatwoot) -> Store:
    assert chatwoot.gateway is not None
    assert chatwoot.gateway.app is not None
    return chatwoot.gateway.app[STORE]


async def until(met: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while True:
            if met():
                return
            await asyncio.sleep(0.05)


async def test_the_bot_answers_while_pending_hands_off_to_open_and_goes_on_when_it_is_resolved(
    chatwoot: StandInChatwoot, bot: StandInBot
) -> None:
    store = store_of(chatwoot)
    answer = bot.replies
    await chatwoot.person_says("How long is the wait?")
    await until(lambda: any("33 weeks" in text for text in chatwoot.texts))
    assert chatwoot.shown[0]["content_type"] == "input_select"
    assert "Source: The strategy" in chatwoot.texts[0]

    bot.replies = HANDOFF
    await chatwoot.person_says("a person please")
    await until(lambda: any("I would pass on" in text for text in chatwoot.texts))
    await chatwoot.person_says("Yes, pass it on")
    await until(lambda: "open" in chatwoot.calls)
    assert chatwoot.calls.index("note") < chatwoot.calls.index("open")
    conversation = await store.for_sender("chatwoot", str(CONVERSATION))
    assert conversation.owner is Owner.ADVISER
    assert await store.open_escalations() == []
    assert await store.advisers_present() == 0  # their agents are not on duty at our desk

    heard = len(bot.heard)
    await chatwoot.agent_says("Hello, I am Ada")
    await chatwoot.person_says("Hello Ada, my number is 1")
    await asyncio.sleep(0.4)
    assert len(bot.heard) == heard
    log = await store.messages(conversation.id)
    assert [(m.role, m.text) for m in log[-2:]] == [
        (Role.ADVISER, "Hello, I am Ada"),
        (Role.USER, "Hello Ada, my number is 1"),
    ]
    assert "Hello, I am Ada" not in chatwoot.texts  # it is there already

    chatwoot.status = "resolved"
    await chatwoot.changed()
    assert (await store.get(conversation.id)).owner is Owner.CLOSED
    chatwoot.status = "pending"
    bot.replies = answer
    shown = len(chatwoot.texts)
    await chatwoot.person_says("And for adults?")
    await until(lambda: any("33 weeks" in text for text in chatwoot.texts[shown:]))
    await until(lambda: bot.handed_back == [conversation.id])
    assert (await store.get(conversation.id)).owner is Owner.BOT


async def test_danger_while_an_agent_has_it_still_shows_the_numbers(chatwoot: StandInChatwoot) -> None:
    chatwoot.status = "open"
    await chatwoot.changed()
    await chatwoot.person_says("DANGER")
    await until(lambda: any("000" in text for text in chatwoot.texts))


async def test_while_chatwoot_is_down_nothing_is_lost_and_the_order_stays(
    chatwoot: StandInChatwoot, bot: StandInBot
) -> None:
    bot.replies = lambda said: [{"text": f"answer to {said}"}]
    chatwoot.failing = 4
    for n in range(3):
        await chatwoot.person_says(f"question {n}")
    await until(lambda: len(chatwoot.texts) == 3)
    await asyncio.sleep(0.3)

    assert chatwoot.texts == [f"answer to question {n}" for n in range(3)]


async def test_an_event_told_twice_is_one_and_a_wrong_secret_is_nobody(
    chatwoot: StandInChatwoot, bot: StandInBot
) -> None:
    assert chatwoot.gateway is not None
    for _ in range(2):
        await chatwoot.event(
            "message_created",
            id=9,
            content="hello",
            message_type="incoming",
            conversation={"id": CONVERSATION, "status": "pending"},
        )
    await until(lambda: len(chatwoot.texts) == 1)
    await asyncio.sleep(0.2)
    assert bot.texts == ["hello"]
    body = json.dumps({"event": "message_created"}).encode()
    assert (await chatwoot.gateway.post("/chatwoot/guessed", data=body, headers=signed(body))).status == 404


async def test_an_event_that_the_bot_s_own_secret_did_not_sign_is_refused(
    chatwoot: StandInChatwoot, bot: StandInBot
) -> None:
    assert chatwoot.gateway is not None
    message = chatwoot._message("hello", "incoming", {"type": "contact"})
    body = json.dumps({"event": "message_created", **message}).encode()
    right = signed(body)
    for headers in (
        {},
        {**right, "X-Chatwoot-Signature": "sha256=" + "0" * 64},
        {**right, "X-Chatwoot-Timestamp": "soon"},
        signed(body + b" "),
        signed(body, at=time.time() - 3600),
    ):
        answer = await chatwoot.gateway.post(f"/chatwoot/{SECRET}", data=body, headers=headers)
        assert (answer.status, (await answer.json())["code"]) == (404, "no_such_route")
    assert bot.texts == []
    assert (await chatwoot.gateway.post(f"/chatwoot/{SECRET}", data=body, headers=right)).status == 200


def test_chatwoot_is_not_half_set_up() -> None:
    with pytest.raises(ValidationError, match="16 characters"):
        ChatwootSettings.model_validate({"url": "https://c.example", "token": "x", "webhook_secret": "short"})

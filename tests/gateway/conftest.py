"""A whole gateway on a real database, with a stand-in for Rasa that can be told to misbehave."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from conversations.sealing import new_key
from conversations.store import Store
from gateway.app import init_app
from gateway.keys import STORE
from gateway.settings import Settings
from tests.conftest import EmptyStores
from tests.conversations.conftest import postgres_url

__all__ = ["postgres_url"]  # a fixture of the conversations' tests, used here too


@dataclass
class StandInBot:
    """Answers like Rasa's REST channel. ``replies`` holds what it says; ``fault`` makes it fail."""

    replies: list[dict[str, Any]] | Callable[[str], list[dict[str, Any]]] = field(default_factory=list)
    fault: str | None = None  # "500", "hang", "empty", "not json", "not a list", "break once"
    slow: float = 0.0  # seconds before each answer
    heard: list[dict[str, Any]] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    handed_back: list[str] = field(default_factory=list)
    has_model: bool = True
    url: str = ""

    @property
    def texts(self) -> list[str]:
        """What it was asked, in order."""
        return [str(body["message"]) for body in self.heard]

    async def webhook(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.heard.append(body)
        await asyncio.sleep(3600 if self.fault == "hang" else self.slow)
        match self.fault:
            case "break once":
                self.fault = None
                assert request.transport is not None
                request.transport.close()
            case "500":
                return web.Response(status=500, text="boom")
            case "empty":
                return web.json_response([])
            case "not json":
                return web.Response(text="<html>")
            case "not a list":
                return web.json_response({"status": "failure"})
        replies = self.replies(body["message"]) if callable(self.replies) else self.replies
        return web.json_response([{"recipient_id": body["sender"], **reply} for reply in replies])

    async def status(self, _request: web.Request) -> web.Response:
        return web.json_response({"model_file": "models/x.tar.gz" if self.has_model else None})

    async def forget(self, request: web.Request) -> web.Response:
        self.forgotten.append(request.match_info["id"])
        return web.json_response({})

    async def tracker_events(self, request: web.Request) -> web.Response:
        if self.fault == "500":
            return web.Response(status=500)
        assert {event["event"] for event in await request.json()} == {"active_loop", "slot", "action"}
        self.handed_back.append(request.match_info["id"])
        return web.json_response({})

    async def health(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/webhooks/rest/webhook", self.webhook)
        app.router.add_get("/status", self.status)
        app.router.add_put("/conversations/{id}/tracker/events", self.forget)
        app.router.add_post("/conversations/{id}/tracker/events", self.tracker_events)
        app.router.add_get("/health", self.health)
        return app


@dataclass
class FakeAssessment:
    level: str
    danger: str | None = None
    reason: str = "a word fired"
    score: float = 1.0


class FakeSafety:
    """Sees danger at DANGER (or DANGER:topic), less surely at NEARLY and LIKELY, and distress at DISTRESS."""

    def assess(self, text: str) -> FakeAssessment:
        if "BROKEN" in text:
            raise RuntimeError("the check is broken")
        if found := re.search(r"DANGER(?::(\w+))?", text):
            return FakeAssessment("crisis", found.group(1) or "crisis_self_harm_suicide")
        for word, score in (("NEARLY", 0.95), ("LIKELY", 0.6)):
            if word in text:
                return FakeAssessment("crisis", "crisis_self_harm_suicide", score=score)
        return FakeAssessment("distress" if "DISTRESS" in text else "safe")


@dataclass
class FakeReply:
    text: str
    easy_read: str
    contacts: list[dict[str, Any]]
    sources: list[dict[str, Any]]


class FakeCrisis:
    """Cards with invented contacts; the second number is only on the card, to see it reach the text."""

    def reply(self, danger: str, area: str | None, age: int | None, young: bool) -> FakeReply:
        contacts = [
            {"name": "Emergency", "phone": "000", "says": "Somebody will come.", "url": "https://e.example"},
            {"name": "Young line" if young else "Listening line", "phone": "000 111", "phone_note": "free"},
        ]
        return FakeReply(
            f"Please get help now ({danger}, {area}, {age}). Call 000.",
            "Call 000 now.",
            contacts,
            [{"title": "A leaflet", "published": "2026"}],
        )

    def refresh(self, knowledge_url: str) -> bool:
        return False


@dataclass
class Chat:
    """One conversation through the web contract."""

    client: TestClient[web.Request, web.Application]
    id: str
    token: str
    count: int = 0

    @property
    def auth(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    async def post(self, **body: Any) -> ClientResponse:
        self.count += 1
        body.setdefault("client_message_id", f"c{self.count}")
        return await self.client.post(
            f"/api/v1/conversations/{self.id}/messages", json=body, headers=self.auth
        )

    async def say(self, text: str) -> list[dict[str, Any]]:
        """Say it and return the replies."""
        response = await self.post(text=text)
        assert response.status == 201, await response.text()
        replies: list[dict[str, Any]] = (await response.json())["replies"]
        return replies

    async def press(self, payload: str) -> list[dict[str, Any]]:
        """Press a button and return the replies."""
        response = await self.post(payload=payload)
        assert response.status == 201, await response.text()
        replies: list[dict[str, Any]] = (await response.json())["replies"]
        return replies

    async def read(self, after: int = 0) -> dict[str, Any]:
        response = await self.client.get(
            f"/api/v1/conversations/{self.id}/messages?after={after}", headers=self.auth
        )
        assert response.status == 200, await response.text()
        answer: dict[str, Any] = await response.json()
        return answer


def free_port() -> int:
    """A port where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest_asyncio.fixture
async def bot() -> AsyncGenerator[StandInBot]:
    """The stand-in, answering "33 weeks" with a source and a button until told otherwise."""
    stand_in = StandInBot(
        replies=[
            {"text": "33 weeks on average.", "buttons": [{"title": "And adults?", "payload": "/adults"}]},
            {
                "custom": {
                    "topic": "wait_time",
                    "sources": [{"title": "The strategy", "published": "2022-12"}],
                    "cards": [{"kind": "service", "title": "A service", "phones": [{"number": "000 222"}]}],
                    "easy_read": "33 weeks.",
                }
            },
        ]
    )
    server = TestServer(stand_in.app())
    await server.start_server()
    stand_in.url = str(server.make_url("")).rstrip("/")
    yield stand_in
    await server.close()


@pytest.fixture
def settings(bot: StandInBot, tmp_path: Path, empty_stores: EmptyStores) -> Settings:
    """Settings for the stand-in bot and a fresh database; short waits."""
    return Settings(
        bot_url=bot.url,
        actions_url=bot.url,
        bot_timeout_seconds=1.0,
        conversations_url=empty_stores.conversations(tmp_path),
        knowledge_url=f"sqlite:///{tmp_path}/knowledge.sqlite3",
        secret_keys=SecretStr(new_key()),
        allowed_origins="https://council.example",  # type: ignore[arg-type]  # as it comes from the environment
    )


@pytest_asyncio.fixture
async def client(settings: Settings) -> AsyncGenerator[TestClient[web.Request, web.Application]]:
    """A running gateway and a client for it."""
    app = init_app(
        settings,
        load_safety=FakeSafety,
        load_crisis=lambda _url: FakeCrisis(),
        load_areas=lambda _url: frozenset({"derbyshire", "herefordshire"}),
    )
    async with TestClient(TestServer(app)) as running:
        yield running


@pytest_asyncio.fixture
async def chat(client: TestClient[web.Request, web.Application]) -> Chat:
    """A new conversation."""
    response = await client.post("/api/v1/conversations")
    assert response.status == 201
    body = await response.json()
    return Chat(client, body["id"], body["token"])


@pytest.fixture
def store(client: TestClient[web.Request, web.Application]) -> Store:
    """The running gateway's own store, to look behind the contract and to play the adviser."""
    assert client.app is not None
    return client.app[STORE]

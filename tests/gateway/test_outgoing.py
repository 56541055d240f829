"""What leaves the gateway: signed events, the bot told, alerts by web and email; repeated until taken."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr, ValidationError

from conversations.models import Priority
from conversations.store import Store
from gateway.app import init_app
from gateway.keys import STORE
from gateway.outgoing.settings import OutgoingSettings
from gateway.settings import Settings
from tests.gateway.conftest import FakeCrisis, FakeSafety, StandInBot, free_port

SECRET = "a shared secret"
QUICK = (timedelta(seconds=0.05), timedelta(seconds=0.2))


@dataclass
class Receiver:
    """A council's system: refuses the first ``refusals`` requests, then takes what is signed."""

    refusals: int = 0
    taken: list[dict[str, Any]] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    raw: str = ""
    url: str = ""

    async def hook(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.raw += body.decode()
        self.seen.append(request.headers["Helpline-Event-Id"])
        expected = hmac.new(
            SECRET.encode(), request.headers["Helpline-Timestamp"].encode() + b"." + body, sha256
        ).hexdigest()
        assert hmac.compare_digest(request.headers["Helpline-Signature"], f"sha256={expected}")
        if len(self.seen) <= self.refusals:
            return web.Response(status=503)
        self.taken.append(json.loads(body))
        return web.Response(status=204)


@pytest_asyncio.fixture
async def receiver() -> AsyncGenerator[Receiver]:
    found = Receiver()
    app = web.Application()
    app.router.add_post("/hook", found.hook)
    server = TestServer(app)
    await server.start_server()
    found.url = str(server.make_url("/hook"))
    yield found
    await server.close()


def gateway(settings: Settings, **outgoing: Any) -> TestClient[web.Request, web.Application]:
    app = init_app(
        settings,
        load_safety=FakeSafety,
        load_crisis=lambda _url: FakeCrisis(),
        outgoing_settings=OutgoingSettings(webhook_secret=SecretStr(SECRET), **outgoing),
        pauses=QUICK,
    )
    return TestClient(TestServer(app))


async def until(met: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while True:
            if met():
                return
            await asyncio.sleep(0.05)


async def ask(store: Store, priority: Priority = Priority.NORMAL) -> str:
    chat = (await store.create("web")).conversation.id
    summary = {"asked": ["a secret of the family"]}
    await store.escalate(chat, reason="asked", priority=priority, summary=summary, who="user")
    return chat


async def test_events_are_signed_repeated_until_taken_in_order_and_hold_no_words(
    settings: Settings, receiver: Receiver, bot: StandInBot
) -> None:
    receiver.refusals = 2
    async with gateway(settings, webhook_urls=(receiver.url,)) as client:
        assert client.app is not None
        store = client.app[STORE]
        chat, (sam, _) = await ask(store), await store.add_adviser("Sam Surname")
        await store.claim(chat, sam.id)
        await store.close(chat, sam.id, outcome="signposted")
        await until(lambda: len(receiver.taken) == 3)

    assert [event["event"] for event in receiver.taken] == [
        "conversation.queued",
        "conversation.claimed",
        "conversation.closed",
    ]
    assert receiver.seen[0] == receiver.seen[1] == receiver.seen[2]  # the same id at each attempt
    assert len(set(receiver.seen)) == 3
    assert {event["reference"] for event in receiver.taken} != {None}
    assert (receiver.taken[1]["adviser"], receiver.taken[2]["outcome"]) == ("Sam", "signposted")
    assert "secret" not in receiver.raw
    assert "Surname" not in receiver.raw


async def test_an_event_survives_the_gateway_and_is_told_by_the_next(
    settings: Settings, receiver: Receiver
) -> None:
    receiver.refusals = 10**6
    async with gateway(settings, webhook_urls=(receiver.url,)) as client:
        assert client.app is not None
        await ask(client.app[STORE])
        await until(lambda: bool(receiver.seen))
    receiver.refusals = 0
    async with gateway(settings, webhook_urls=(receiver.url,)):
        await until(lambda: bool(receiver.taken))
        await asyncio.sleep(0.3)

    assert len(receiver.taken) == 1


async def test_when_the_adviser_has_finished_the_bot_is_told_and_the_person_is_asked_once(
    settings: Settings, bot: StandInBot
) -> None:
    bot.fault = "500"
    async with gateway(settings) as client:
        assert client.app is not None
        store = client.app[STORE]
        chat, (sam, _) = await ask(store), await store.add_adviser("Sam")
        await store.claim(chat, sam.id)
        await store.release(chat, sam.id, why="put back")  # not finished: nothing is asked
        await store.claim(chat, sam.id)
        await store.close(chat, sam.id, outcome="answered", for_good=True)
        await asyncio.sleep(0.5)
        assert bot.handed_back == []
        bot.fault = None
        await until(lambda: bot.handed_back == [chat])
        await asyncio.sleep(0.3)
        asked = [m for m in await store.messages(chat) if m.meta.get("kind") == "rating"]

    assert bot.handed_back == [chat]
    assert len(asked) == 1
    assert [button["payload"] for button in asked[0].buttons][:1] == ["/rate_5"]


async def test_a_crisis_that_waits_with_nobody_on_duty_is_alerted_by_web_and_email_until_taken(
    settings: Settings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.outgoing.resources._LOOK_EVERY_SECONDS", 0.1)
    receiver.refusals = 2
    port, mails = free_port(), list[str]()
    async with gateway(
        settings,
        alert_webhook_urls=(receiver.url,),
        alert_email_to=("duty@council.example",),
        alert_email_from="helpline@council.example",
        smtp_host="127.0.0.1",
        smtp_port=port,
        smtp_security="none",
        public_url="https://help.example/",
    ) as client:
        assert client.app is not None
        store = client.app[STORE]
        sam, _ = await store.add_adviser("Sam")
        await store.adviser_seen(sam.id)
        chat = await ask(store, Priority.CRISIS)
        await asyncio.sleep(0.4)
        assert receiver.seen == []  # somebody is on duty
        await store.set_away(sam.id, True)
        await until(lambda: bool(receiver.taken))
        await asyncio.sleep(0.3)  # the mail server is still down
        server = await asyncio.start_server(mail_server(mails), "127.0.0.1", port)
        await until(lambda: bool(mails))
        await asyncio.sleep(0.5)
        escalation = await store.escalation(chat)
        server.close()

    assert escalation is not None
    [alert], [mail] = receiver.taken, mails
    assert (alert["event"], alert["reference"]) == ("crisis.waiting", escalation.reference)
    assert alert["desk"] == "https://help.example/desk/"
    assert escalation.reference in mail
    assert "To: duty@council.example" in mail
    assert "secret" not in mail + receiver.raw


def mail_server(mails: list[str]) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]:
    """As much of SMTP (RFC 5321) as taking a mail needs."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 test ESMTP\r\n")
        while line := await reader.readline():
            command = line[:4].upper()
            if command == b"DATA":
                writer.write(b"354 go on\r\n")
                mails.append((await reader.readuntil(b"\r\n.\r\n")).decode())
            elif command == b"QUIT":
                writer.write(b"221 bye\r\n")
                break
            writer.write(b"250 ok\r\n")
        writer.close()

    return serve


def test_settings_that_cannot_work_are_refused() -> None:
    for wrong in (
        {"webhook_urls": "https://a.example"},
        {"webhook_urls": "a.example", "webhook_secret": "x"},
        {"alert_email_to": "a@b.example"},
    ):
        with pytest.raises(ValidationError):
            OutgoingSettings.model_validate(wrong)

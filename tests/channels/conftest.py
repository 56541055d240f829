"""A whole gateway with all three channels on, and the providers' stand-ins beside it."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import text as sql

from conversations.models import Conversation, Priority
from conversations.sealing import new_key
from conversations.store import Store, open_store
from gateway.app import init_app
from gateway.channels.keys import OUTBOX
from gateway.channels.settings import ChannelSettings
from gateway.keys import STORE
from gateway.settings import Settings
from tests.channels.providers import NOTIFY_KEY, NotifyStandIn, TelegramStandIn, WhatsAppStandIn
from tests.conversations.conftest import postgres_url
from tests.gateway.conftest import FakeCrisis, FakeSafety, StandInBot, bot, settings

__all__ = ["bot", "postgres_url", "settings"]  # fixtures of the gateway's tests, used here too

#: The smallest picture that is one: 1 by 1.
PHOTO = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"

TELEGRAM_SECRET = "a-webhook-secret-1"
SMS_TOKEN = "a-callback-token-1"
VERIFY_TOKEN = "a-verify-token-1"

TELEGRAM_PERSON, WHATSAPP_PERSON, SMS_PERSON = 4242, "447700900123", "447700900456"


@dataclass
class World:
    """Everything of a test: the gateway, the providers, and the people who write."""

    client: TestClient[web.Request, web.Application]
    bot: StandInBot
    telegram: TelegramStandIn
    whatsapp: WhatsAppStandIn
    notify: NotifyStandIn
    another: Callable[[], web.Application]  # one more gateway on the same database and providers
    waits: float = 20.0
    repeats: Callable[[], int] = field(default=lambda: 1)

    @property
    def app(self) -> web.Application:
        assert self.client.app is not None
        return self.client.app

    @property
    def store(self) -> Store:
        return self.app[STORE]

    async def tell_telegram(self, update: dict[str, Any], secret: str = TELEGRAM_SECRET) -> ClientResponse:
        return await self.client.post(
            "/channels/telegram/webhook",
            json=update,
            headers={"X-Telegram-Bot-Api-Secret-Token": secret},
        )

    async def tell_whatsapp(self, value: dict[str, Any]) -> ClientResponse:
        body, headers = self.whatsapp.signed(value)
        return await self.client.post("/channels/whatsapp/webhook", data=body, headers=headers)

    async def tell_sms(self, callback: dict[str, Any], token: str = SMS_TOKEN) -> ClientResponse:
        return await self.client.post(
            "/channels/sms/webhook", json=callback, headers={"Authorization": f"Bearer {token}"}
        )

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait until something holds; fails when it does not come true."""
        async with asyncio.timeout(self.waits):
            while not holds():  # noqa: ASYNC110 - the providers tell nobody
                await asyncio.sleep(0.01)

    async def settled(self) -> None:
        """Wait until nothing is left to be sent."""
        async with asyncio.timeout(self.waits):
            while await self.app[OUTBOX].next_due(["telegram", "whatsapp", "sms"]) is not None:  # noqa: ASYNC110
                await asyncio.sleep(0.1)

    async def conversation(self, person: Person) -> Conversation | None:
        return await self.store.of_sender(person.channel, person.address)

    async def with_adviser(self, person: Person) -> tuple[str, str]:
        """Let an adviser, Sam, take the chat of somebody who has written; the ids of chat and adviser."""
        conversation = await self.conversation(person)
        assert conversation is not None
        adviser, _ = await self.store.add_adviser("Sam Smith")
        await self.store.escalate(
            conversation.id, reason="asked", priority=Priority.NORMAL, summary={}, who="user"
        )
        await self.store.claim(conversation.id, adviser.id)
        return conversation.id, adviser.id


class Person:
    """Somebody who writes in one channel, and what their phone shows."""

    channel: str
    address: str

    def __init__(self, world: World) -> None:
        self.world = world

    async def says(self, text: str) -> None:
        """Write, and be sure that it was taken."""
        raise NotImplementedError

    async def presses(self, title: str) -> None:
        raise NotImplementedError

    async def sends_photo(self, content: bytes = PHOTO, caption: str = "") -> None:
        raise NotImplementedError

    def files(self) -> list[tuple[str, bytes]]:
        """The files that came, with their names, in order."""
        return []

    def texts(self) -> list[str]:
        """What came, in order."""
        raise NotImplementedError

    async def hears(self, words: str, after: int = 0) -> str:
        """Wait for a message with these words; it, or a failure that shows what came instead."""

        def found() -> list[str]:
            return [text for text in self.texts()[after:] if words in text]

        try:
            await self.world.until(found)
        except TimeoutError:
            raise AssertionError(f"{words!r} did not come; what came: {self.texts()[after:]}") from None
        return found()[0]


class OnTelegram(Person):
    channel, address = "telegram", str(TELEGRAM_PERSON)

    async def says(self, text: str) -> None:
        response = await self.world.tell_telegram(self.world.telegram.write(TELEGRAM_PERSON, text))
        assert response.status == 202, await response.text()

    async def presses(self, title: str) -> None:
        telegram = self.world.telegram
        for message in reversed(telegram.shown(TELEGRAM_PERSON)):
            for [button] in message.get("reply_markup", {}).get("inline_keyboard", []):
                if button["text"] == title:
                    update = telegram.press(TELEGRAM_PERSON, message["message_id"], button["callback_data"])
                    assert (await self.world.tell_telegram(update)).status == 202
                    return
        raise AssertionError(f"no button {title!r}")

    async def sends_photo(self, content: bytes = PHOTO, caption: str = "") -> None:
        large = self.world.telegram.keep(content)
        photo = [
            {"file_id": "small", "file_unique_id": "s", "width": 9, "height": 9},
            {"file_id": large, "file_unique_id": "l", "width": 90, "height": 90},
        ]
        words = {"caption": caption} if caption else {}
        update = self.world.telegram.write(TELEGRAM_PERSON, photo=photo, **words)
        assert (await self.world.tell_telegram(update)).status == 202

    def files(self) -> list[tuple[str, bytes]]:
        telegram = self.world.telegram
        return [
            (m["document"]["file_name"], telegram.files[m["document"]["file_id"]])
            for m in telegram.shown(TELEGRAM_PERSON)
            if "document" in m
        ]

    def texts(self) -> list[str]:
        return [str(m.get("text") or m.get("caption")) for m in self.world.telegram.shown(TELEGRAM_PERSON)]


class OnWhatsApp(Person):
    channel, address = "whatsapp", WHATSAPP_PERSON

    async def _tell(self, **content: Any) -> None:
        whatsapp = self.world.whatsapp
        response = await self.world.tell_whatsapp(whatsapp.message(self.address, **content))
        assert response.status == 200, await response.text()

    async def says(self, text: str) -> None:
        await self._tell(text={"body": text})

    async def presses(self, title: str) -> None:
        for message in reversed(self.world.whatsapp.sent):
            action = message.get("interactive", {}).get("action", {})
            for button in action.get("buttons", []):
                if button["reply"]["title"] == title:
                    reply = {"type": "button_reply", "button_reply": button["reply"]}
                    return await self._tell(interactive=reply)
            for row in [row for section in action.get("sections", []) for row in section["rows"]]:
                if title in (row["title"], row.get("description")):
                    return await self._tell(interactive={"type": "list_reply", "list_reply": row})
        raise AssertionError(f"no button {title!r}")

    async def sends_photo(self, content: bytes = PHOTO, caption: str = "") -> None:
        media_id = self.world.whatsapp.keep(content, "image/jpeg")
        words = {"caption": caption} if caption else {}
        await self._tell(image={"id": media_id, "mime_type": "image/jpeg", "sha256": "x", **words})

    def files(self) -> list[tuple[str, bytes]]:
        whatsapp = self.world.whatsapp
        sent = [m[m["type"]] for m in whatsapp.sent if m["type"] in ("document", "image")]
        return [(told.get("filename", ""), whatsapp.media[told["id"]]) for told in sent]

    def texts(self) -> list[str]:
        return [
            m["text"]["body"]
            if m["type"] == "text"
            else m.get("interactive", {}).get("body", {}).get("text", "")
            or m.get(m["type"], {}).get("caption", "")
            for m in self.world.whatsapp.sent
        ]


class OnSms(Person):
    channel, address = "sms", f"+{SMS_PERSON}"

    async def says(self, text: str) -> None:
        response = await self.world.tell_sms(self.world.notify.text(SMS_PERSON, text))
        assert response.status == 202, await response.text()

    async def presses(self, title: str) -> None:
        for text in reversed(self.texts()):
            for line in text.splitlines():
                number, _, said = line.partition(" ")
                if said == title:
                    return await self.says(number)
        raise AssertionError(f"no choice {title!r}")

    async def sends_photo(self, content: bytes = PHOTO, caption: str = "") -> None:
        pytest.skip("a text message carries no photo")

    def texts(self) -> list[str]:
        return [n["personalisation"]["message"] for n in self.world.notify.sent]


@pytest.fixture
def channel_settings() -> dict[str, Any]:
    """All channels; a test may change some before the world begins."""
    return {
        "public_url": "https://helpline.example",
        "telegram_token": "123456:ABC-DEF",
        "telegram_webhook_secret": TELEGRAM_SECRET,
        "whatsapp_access_token": "an-access-token",
        "whatsapp_phone_number_id": "1065403",
        "whatsapp_app_secret": "an-app-secret-1",
        "whatsapp_verify_token": VERIFY_TOKEN,
        "whatsapp_template": "please_write",
        "sms_notify_key": NOTIFY_KEY,
        "sms_template_id": "33333333-3333-4333-8333-333333333333",
        "sms_callback_token": SMS_TOKEN,
    }


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    """Which database holds the conversations: SQLite, unless a test is parametrised with ``on_each``."""
    return str(getattr(request, "param", "sqlite"))


#: Runs a test on each database; it is skipped, with the reason, where there is no PostgreSQL.
on_each = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)


@pytest_asyncio.fixture
async def world(
    request: pytest.FixtureRequest,
    bot: StandInBot,
    settings: Settings,
    channel_settings: dict[str, Any],
    database: str,
) -> AsyncGenerator[World]:
    """The gateway and the providers, running."""
    if database == "postgresql":
        url = request.getfixturevalue("postgres_url")
        await empty(url)
        settings = settings.model_copy(update={"conversations_url": url})
    telegram = TelegramStandIn(channel_settings["telegram_token"])
    whatsapp = WhatsAppStandIn("an-access-token", "1065403", "an-app-secret-1")
    notify = NotifyStandIn()
    app = web.Application()
    for provider in (telegram, whatsapp, notify):
        provider.add_routes(app)
    async with TestServer(app) as providers:
        url = str(providers.make_url("")).rstrip("/")
        settings = settings.model_copy(
            update={
                "secret_keys": type(settings.secret_keys)(new_key()),
                # As it ships: hundreds of messages at once keep the stand-in waiting for a second.
                "bot_timeout_seconds": Settings.model_fields["bot_timeout_seconds"].default,
            }
        )

        def gateway() -> web.Application:
            return init_app(
                settings,
                load_safety=FakeSafety,
                load_crisis=lambda _url: FakeCrisis(),
                load_areas=lambda _url: frozenset({"derbyshire"}),
                channel_settings=ChannelSettings(
                    **channel_settings, telegram_api_url=url, whatsapp_api_url=url, sms_notify_url=url
                ),
                pauses=(timedelta(milliseconds=5), timedelta(milliseconds=50)),
            )

        async with TestClient(TestServer(gateway())) as client:
            yield World(client, bot, telegram, whatsapp, notify, gateway)


async def empty(postgres_url: str) -> None:
    """Take out what an earlier test left in the one database of the run."""
    store = await asyncio.to_thread(open_store, postgres_url)
    try:
        async with store.database.writing() as session:
            # A lock that an earlier test left behind is told of: this test would hang until its time is up.
            await session.execute(sql("SET LOCAL lock_timeout = '20s'"))
            tables = "conversation, delivery, received, adviser, quota, school_holiday"
            await session.execute(sql(f"TRUNCATE {tables} CASCADE"))
    finally:
        await store.database.close()


@pytest.fixture(params=[OnTelegram, OnWhatsApp, OnSms], ids=["telegram", "whatsapp", "sms"])
def person(request: pytest.FixtureRequest, world: World) -> Person:
    """The same person on each channel."""
    made: Person = request.param(world)
    return made


@pytest.fixture
def on_telegram(world: World) -> OnTelegram:
    return OnTelegram(world)


@pytest.fixture
def on_whatsapp(world: World) -> OnWhatsApp:
    return OnWhatsApp(world)


@pytest.fixture
def on_sms(world: World) -> OnSms:
    return OnSms(world)

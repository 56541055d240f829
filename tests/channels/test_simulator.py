"""The simulated phone, with a gateway that polls it as it would poll Telegram."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncGenerator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientResponse, FormData, web
from aiohttp.test_utils import TestClient, TestServer
from playwright.async_api import FilePayload, async_playwright, expect

from conversations.models import Priority
from conversations.sealing import new_key
from gateway.app import init_app
from gateway.channels.settings import ChannelSettings
from gateway.keys import STORE
from gateway.settings import Settings
from helpline.simulator.bot_api import BotApi
from helpline.simulator.phone import phone_app
from tests.channels.conftest import PDF, PHOTO
from tests.gateway.conftest import FakeCrisis, FakeSafety, StandInBot
from tests.gateway.test_page import ARGUMENTS, CHROMIUM, needs_browser

type Client = TestClient[web.Request, web.Application]


@pytest_asyncio.fixture
async def simulated(bot: StandInBot, settings: Settings) -> AsyncGenerator[tuple[Client, web.Application]]:
    """The phone's page, and behind it a gateway that polls."""
    async with TestClient(TestServer(phone_app(BotApi("1:simulated")))) as client:
        gateway = init_app(
            settings.model_copy(update={"secret_keys": type(settings.secret_keys)(new_key())}),
            load_safety=FakeSafety,
            load_crisis=lambda _url: FakeCrisis(),
            load_areas=lambda _url: frozenset(),
            channel_settings=ChannelSettings(
                telegram_token="1:simulated",
                telegram_polling=True,
                telegram_api_url=str(client.make_url("")).rstrip("/"),
            ),
        )
        async with TestServer(gateway):
            yield client, gateway


@pytest.fixture
def phone(simulated: tuple[Client, web.Application]) -> Client:
    return simulated[0]


async def _send(phone: Client, sent_as: str, content: bytes) -> ClientResponse:
    form = FormData()
    form.add_field("as", sent_as)
    form.add_field("file", content, filename="from my machine", content_type="application/octet-stream")
    return await phone.post("/files", data=form)


async def _until(phone: Client, words: str, after: int = 0) -> list[dict[str, Any]]:
    async with asyncio.timeout(20):
        while True:
            messages: list[dict[str, Any]] = await (await phone.get(f"/chat?after={after}")).json()
            if any(words in str(message.get("text")) for message in messages):
                return messages
            await asyncio.sleep(0.05)


async def test_a_chat_on_the_simulated_phone(phone: Client, bot: StandInBot) -> None:
    page = await phone.get("/")
    assert "simulation" in await page.text()
    assert "unsafe" not in page.headers["Content-Security-Policy"]

    await phone.post("/chat", json={"text": "how long is the wait"})
    messages = await _until(phone, "33 weeks")
    offered = next(m for m in messages if "reply_markup" in m)
    [[button], *_] = offered["reply_markup"]["inline_keyboard"]

    press = {"press": button["callback_data"], "message_id": offered["message_id"]}
    await phone.post("/chat", json=press)
    await _until(phone, "33 weeks", after=len(messages))
    assert bot.texts == ["how long is the wait", "/adults"]

    assert (await _send(phone, "photo", PHOTO)).status == 200
    messages = await _until(phone, "can't look at pictures")
    [[sent]] = [m["photo"] for m in messages if "photo" in m]
    shown = await phone.get(f"/files/{sent['file_id']}")
    assert await shown.read() == PHOTO
    assert shown.content_type == "image/png"
    assert shown.headers["Content-Security-Policy"] == "sandbox"


async def test_a_photo_and_a_voice_note_from_the_simulated_phone_reach_the_adviser(
    simulated: tuple[Client, web.Application],
) -> None:
    phone, gateway = simulated
    store = gateway[STORE]
    await phone.post("/chat", json={"text": "hello"})
    await _until(phone, "33 weeks")
    chat = await store.of_sender("telegram", "700000001")
    assert chat is not None
    sam, _ = await store.add_adviser("Sam Smith")
    await store.escalate(chat.id, reason="asked", priority=Priority.NORMAL, summary={}, who="user")
    await store.claim(chat.id, sam.id)
    for sent_as, content in (("photo", PHOTO), ("voice", b"OggS\x00\x02 sound"), ("document", PDF)):
        assert (await _send(phone, sent_as, content)).status == 200
    for words in ("see your photo", "hear your voice message", "open your file"):
        await _until(phone, f"Thanks. Sam can {words} now.")
    messages = await store.messages(chat.id, include_private=True)
    kept = {m.text: m.attachments[0]["media_type"] for m in messages if m.private and m.attachments}
    assert kept == {
        "The photo that they sent:": "image/png",
        "The voice message that they sent:": "audio/ogg",
        "The file that they sent:": "application/pdf",
    }


@needs_browser
async def test_the_page_lets_a_photo_and_a_voice_note_be_chosen(phone: Client) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        page = await browser.new_page(base_url=str(phone.make_url("/")))
        refused: list[str] = []
        page.on("console", lambda said: refused.append(said.text) if "Security Policy" in said.text else None)
        await page.goto("/")
        photo: FilePayload = {"name": "cat.png", "mimeType": "image/png", "buffer": PHOTO}
        await page.get_by_label("Photo", exact=True).set_input_files(photo)
        await expect(page.get_by_alt_text("Photo")).to_have_js_property("naturalWidth", 1)
        await expect(page.get_by_text("can't look at pictures")).to_be_visible()
        voice: FilePayload = {"name": "v.ogg", "mimeType": "audio/ogg", "buffer": b"OggS\x00\x02 sound"}
        await page.get_by_label("Voice note", exact=True).set_input_files(voice)
        await expect(page.locator("audio")).to_be_visible()
        await expect(page.get_by_text("can't listen to it")).to_be_visible()
        await browser.close()
    assert refused == []


async def test_another_site_s_page_cannot_write_on_the_phone(phone: Client) -> None:
    refused = await phone.post("/chat", json={"text": "hello"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert refused.status == 403
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    refused = await phone.post("/files", data={"file": io.BytesIO(PHOTO)}, headers=elsewhere)
    assert refused.status == 403
    assert (await _send(phone, "program", PHOTO)).status == 400
    for body in ({}, {"text": " "}, {"media": "bomb"}, {"press": "b:1:0", "message_id": 99}):
        assert (await phone.post("/chat", json=body)).status == 400


async def test_the_simulated_telegram_refuses_what_the_real_one_refuses() -> None:
    api = BotApi("1:simulated")
    api.chat(5)
    async with TestClient(TestServer(phone_app(api))) as telegram:

        async def send(token: str = "1:simulated", **message: Any) -> int:
            response = await telegram.post(f"/bot{token}/sendMessage", json={"chat_id": 5, **message})
            return response.status

        def button(data: str) -> dict[str, Any]:
            return {"inline_keyboard": [[{"text": "x", "callback_data": data}]]}

        assert await send(text="hello") == 200
        assert await send(token="1:other", text="hello") == 401
        assert await send(text="x" * 4097) == 400
        assert await send(text=" ") == 400
        assert await send(text="x", reply_markup=button("x" * 65)) == 400
        assert await send(text="x", chat_id=6) == 400

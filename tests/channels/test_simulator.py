"""The simulated phone, with a gateway that polls it as it would poll Telegram."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncGenerator
from typing import Any

import pytest_asyncio
from aiohttp import FormData, web
from aiohttp.test_utils import TestClient, TestServer

from conversations.sealing import new_key
from gateway.app import init_app
from gateway.channels.settings import ChannelSettings
from gateway.settings import Settings
from helpline.simulator.bot_api import BotApi
from helpline.simulator.phone import phone_app
from tests.channels.conftest import PHOTO
from tests.gateway.conftest import FakeCrisis, FakeSafety, StandInBot

type Client = TestClient[web.Request, web.Application]


@pytest_asyncio.fixture
async def phone(bot: StandInBot, settings: Settings) -> AsyncGenerator[Client]:
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
            yield client


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

    form = FormData()
    form.add_field("file", PHOTO, filename="cat.png", content_type="image/png")
    assert (await phone.post("/files", data=form)).status == 200
    messages = await _until(phone, "can't look at pictures")
    [[sent]] = [m["photo"] for m in messages if "photo" in m]
    shown = await phone.get(f"/files/{sent['file_id']}")
    assert await shown.read() == PHOTO
    assert shown.content_type == "image/png"
    assert shown.headers["Content-Security-Policy"] == "sandbox"


async def test_another_site_s_page_cannot_write_on_the_phone(phone: Client) -> None:
    refused = await phone.post("/chat", json={"text": "hello"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert refused.status == 403
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    refused = await phone.post("/files", data={"file": io.BytesIO(PHOTO)}, headers=elsewhere)
    assert refused.status == 403
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

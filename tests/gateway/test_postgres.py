"""The same gateway on PostgreSQL, and two of them on one database."""

from __future__ import annotations

import asyncio

from aiohttp.test_utils import TestClient, TestServer

from conversations.models import Priority
from gateway.app import init_app
from gateway.keys import STORE
from gateway.settings import Settings
from tests.gateway.conftest import Chat, FakeCrisis, FakeSafety, StandInBot


async def test_two_gateways_on_one_postgresql_serve_one_conversation(
    settings: Settings, postgres_url: str, bot: StandInBot
) -> None:
    shared = settings.model_copy(update={"conversations_url": postgres_url})
    first_app, second_app = (
        init_app(shared, load_safety=FakeSafety, load_crisis=lambda _url: FakeCrisis()) for _ in range(2)
    )
    async with TestClient(TestServer(first_app)) as one, TestClient(TestServer(second_app)) as two:
        created = await (await one.post("/api/v1/conversations")).json()
        chat, elsewhere = (Chat(client, created["id"], created["token"]) for client in (one, two))
        bot.slow = 0.2

        # The same message reaches both, as when a phone changes networks: one answer, in the log once.
        both = await asyncio.gather(
            chat.post(text="how long", client_message_id="same"),
            elsewhere.post(text="how long", client_message_id="same"),
        )
        first, second = [(await response.json())["replies"] for response in both]
        assert [reply["seq"] for reply in first] == [reply["seq"] for reply in second] == [3]

        assert "000" in (await elsewhere.say("DANGER"))[0]["text"]
        store = first_app[STORE]
        adviser, _ = await store.add_adviser("Sam")
        escalation = await store.escalation(chat.id)
        assert escalation is not None
        assert escalation.priority is Priority.CRISIS
        await store.claim(chat.id, adviser.id)
        assert await elsewhere.say("hello Sam") == []
        assert (await one.delete(f"/api/v1/conversations/{chat.id}", headers=chat.auth)).status == 204
        assert (await elsewhere.post(text="gone?")).status == 404

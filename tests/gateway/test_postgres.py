"""The same gateway on PostgreSQL, and two of them on one database."""

from __future__ import annotations

import asyncio

from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import text

from conversations.models import Priority
from conversations.quotas import SharedQuotas
from gateway.app import init_app
from gateway.keys import SEALER, STORE
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
        assert bot.texts == ["how long"]

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


async def test_two_gateways_on_one_postgresql_count_together(
    settings: Settings, postgres_url: str, bot: StandInBot
) -> None:
    shared = settings.model_copy(
        update={
            "conversations_url": postgres_url,
            "messages_per_minute": 4,
            "address_conversations_per_minute": 3,
        }
    )
    first_app, second_app = (
        init_app(shared, load_safety=FakeSafety, load_crisis=lambda _url: FakeCrisis()) for _ in range(2)
    )
    async with TestClient(TestServer(first_app)) as one, TestClient(TestServer(second_app)) as two:
        created = await (await one.post("/api/v1/conversations")).json()
        chat, elsewhere = (Chat(client, created["id"], created["token"]) for client in (one, two))

        # All at once, so that two statements meet at the last one.
        answers = await asyncio.gather(*(side.post(text="hello") for side in (chat, elsewhere) * 4))
        assert sorted(answer.status for answer in answers) == [201] * 4 + [429] * 4
        refused = await elsewhere.post(text="again")
        assert refused.status == 429
        assert 10 <= int(refused.headers["Retry-After"]) <= 15
        assert refused.headers["RateLimit"].startswith('"messages";r=0;')

        begun = [
            (await client.post("/api/v1/conversations", headers={"X-Forwarded-For": "203.0.113.7"})).status
            for client in (one, two, one, two)
        ]
        assert begun == [201, 201, 201, 429]

        # Whom it is about cannot be read from the database, and it is gone when nobody waits any more.
        async with first_app[STORE].database.writing() as session:
            rows = str((await session.execute(text("SELECT * FROM quota"))).all())
            await session.execute(text("UPDATE quota SET used_until = 1"))
        assert "203.0.113.7" not in rows
        assert chat.id not in rows
        await SharedQuotas(first_app[STORE].database, first_app[SEALER]).forget()
        async with first_app[STORE].database.reading() as session:
            assert (await session.execute(text("SELECT count(*) FROM quota"))).scalar() == 0

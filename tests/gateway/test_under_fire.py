"""Several families and advisers on two gateways and one PostgreSQL, while a gateway is killed.

What people rely on: every message is in the log once and in order, and is seen once and in order by whoever
follows the chat; a chat has one adviser at a time; the assistant says nothing while a person has it.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import uuid
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from conversations.database import Database
from conversations.events import Events
from conversations.models import Message, Owner, Priority, Role, Transition
from conversations.sealing import new_key
from conversations.store import Store
from desk import notices
from gateway.app import init_app
from gateway.keys import STORE
from gateway.settings import Settings
from tests.gateway.conftest import Chat, FakeCrisis, FakeSafety, StandInBot
from tests.gateway.processes import Gateways

FAMILIES, ADVISERS, SAYINGS, REPLIES = 50, 5, 2, 2

PASSWORD = "quiet-harbour-otter"


def bot_says(text: str) -> list[dict[str, Any]]:
    if "person" not in text:
        return [{"text": f"assistant: {text}"}]
    return [
        {"text": "Yes."},
        {"custom": {"handoff": {"reason": "asked", "priority": "normal", "summary": {}}}},
    ]


@dataclass
class Family:
    """One family: says things until they are acknowledged, and follows the chat as the page does."""

    gateways: Gateways
    session: aiohttp.ClientSession
    number: int
    id: str = ""
    token: str = ""
    seen: list[int] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)

    async def begin(self) -> None:
        while not self.id:
            with suppress(aiohttp.ClientError, TimeoutError, KeyError):
                async with self.session.post(f"{self.gateways.any()}/api/v1/conversations") as response:
                    body = await response.json()
                    self.id, self.token = body["id"], body["token"]

    async def say(self, **said: str) -> None:
        """Sends it again under the same name until a gateway has it, as the page does."""
        name = f"f{self.number}-{len(self.sent)}"
        self.sent.append(name)
        async with asyncio.timeout(300):
            while True:
                with suppress(aiohttp.ClientError, TimeoutError):
                    async with self.session.post(
                        f"{self.gateways.any()}/api/v1/conversations/{self.id}/messages",
                        json={"client_message_id": name, **said},
                        headers={"Authorization": f"Bearer {self.token}"},
                    ) as response:
                        if response.status == 201:
                            return
                        assert response.status >= 500, await response.text()
                await asyncio.sleep(0.2)

    async def talk(self) -> None:
        await self.say(text="can I talk to a person")
        await self.say(payload="/pass_on")
        for n in range(SAYINGS):
            await asyncio.sleep(random.uniform(0, 0.8))
            await self.say(text=f"family {self.number} says {n}")

    async def follow(self) -> None:
        while True:
            with suppress(aiohttp.ClientError, TimeoutError):
                url = f"{self.gateways.any()}/api/v1/conversations/{self.id}/socket"
                async with self.session.ws_connect(url) as socket:
                    after = self.seen[-1] if self.seen else 0
                    await socket.send_json({"type": "hello", "token": self.token, "after": after})
                    async for frame in socket:
                        body = frame.json()
                        if body["type"] == "message":
                            self.seen.append(body["message"]["seq"])
            await asyncio.sleep(0.1)


@dataclass
class Desk:
    """One adviser's browser at either gateway's desk: takes what waits at random, answers, lets it go."""

    gateways: Gateways
    session: aiohttp.ClientSession
    name: str
    token: str = ""
    claims: int = 0
    lost: list[str] = field(default_factory=list)
    wrote: dict[str, list[str]] = field(default_factory=dict)

    async def sign_in(self) -> None:
        async with self.session.get(f"{self.gateways.any()}/desk/sign-in") as page:
            token = _form_token(await page.text())
        form = {"form_token": token, "name": self.name, "password": PASSWORD}
        async with self.session.post(f"{self.gateways.any()}/desk/sign-in", data=form) as page:
            self.token = _form_token(await page.text())
            assert page.url.path == "/desk/", await page.text()

    async def work(self) -> None:
        while True:
            waiting = await self.waiting()
            if not waiting:
                await asyncio.sleep(0.1)
                continue
            chat = random.choice(waiting[:8])
            status, said = await self.send(chat, "claim")
            if status in (404, 409):
                self.lost.append(said)
                continue
            self.claims += 1
            await self.answer(chat)

    async def waiting(self) -> list[str]:
        """The chats that the queue's page offers."""
        with suppress(aiohttp.ClientError, TimeoutError):
            async with self.session.get(f"{self.gateways.any()}/desk/") as page:
                return re.findall(r'action="/desk/chats/(\w+)/claim"', await page.text())
        return []

    async def answer(self, chat: str) -> None:
        for _ in range(REPLIES):
            await asyncio.sleep(random.uniform(0, 0.15))
            name = f"{self.name}-{len(self.wrote.setdefault(chat, []))}"
            self.wrote[chat].append(name)
            for _ in range(2):  # the second time as after a lost answer
                assert (await self.send(chat, "reply", text=name, reply_id=name))[0] == 201
        # An answer may be lost after it was done: then it is refused when it is sent again.
        ends = [("put-back", {}), ("give-back", {}), ("close", {"outcome": "answered"})]
        way, fields = random.choices(ends, weights=(2, 3, 5))[0]
        assert (await self.send(chat, way, **fields))[0] in (303, 404, 409)

    async def send(self, chat: str, what: str, **fields: str) -> tuple[int, str]:
        """Send a form until a gateway has it; the status, and what is said when it is refused."""
        async with asyncio.timeout(300):
            while True:
                with suppress(aiohttp.ClientError, TimeoutError):
                    async with self.session.post(
                        f"{self.gateways.any()}/desk/chats/{chat}/{what}",
                        data={"form_token": self.token, **fields},
                        headers={"Accept": "application/json"},
                        allow_redirects=False,
                    ) as answer:
                        if answer.status < 500:
                            assert answer.status in (201, 303, 404, 409), await answer.text()
                            return answer.status, await answer.text()
                await asyncio.sleep(0.2)


def _form_token(page: str) -> str:
    return page.split('name="form_token" value="', 1)[1].split('"', 1)[0]


@asynccontextmanager
async def desks(gateways: Gateways, store: Store) -> AsyncGenerator[list[Desk]]:
    """Five advisers, each signed in with a browser of their own."""
    found = []
    async with AsyncExitStack() as browsers:
        for n in range(ADVISERS):
            adviser, link = await store.add_adviser(f"Adviser{n}")
            assert await store.choose_password(link, PASSWORD)
            await store.set_capacity(adviser.id, 20)
            session = await browsers.enter_async_context(
                aiohttp.ClientSession(
                    cookie_jar=aiohttp.CookieJar(unsafe=True), timeout=aiohttp.ClientTimeout(total=15)
                )
            )
            found.append(Desk(gateways, session, f"Adviser{n}"))
            await found[-1].sign_in()
        yield found


async def until(met: Callable[[], Awaitable[bool]], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while True:
            if await met():
                return
            await asyncio.sleep(0.3)


@pytest.mark.timeout(600)
async def test_escalations_survive_a_killed_gateway_whole_in_order_and_with_one_owner(
    postgres_url: str, bot: StandInBot, tmp_path: Path
) -> None:
    bot.replies = bot_says
    bot.slow = 0.05
    gateways = Gateways(
        {
            **os.environ,
            "HELPLINE_CONVERSATIONS_URL": postgres_url,
            "HELPLINE_KNOWLEDGE_URL": f"sqlite:///{tmp_path}/knowledge.sqlite3",
            "HELPLINE_BOT_URL": bot.url,
            "HELPLINE_BOT_TIMEOUT_SECONDS": "4",
            "HELPLINE_SECRET_KEYS": new_key(),
            "HELPLINE_MESSAGES_PER_MINUTE": "0",
            "HELPLINE_ADDRESS_MESSAGES_PER_MINUTE": "0",
            "HELPLINE_ADDRESS_CONVERSATIONS_PER_MINUTE": "0",
            "HELPLINE_ADVISER_UNSEEN_SECONDS": "600",
        }
    )
    store = Store(Database(postgres_url), Events())
    limits = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=15)
    try:
        await asyncio.gather(*(gateways.start(port) for port in gateways.ports))
        async with (
            aiohttp.ClientSession(connector=limits, timeout=timeout) as session,
            desks(gateways, store) as advisers,
        ):
            families = [Family(gateways, session, n) for n in range(FAMILIES)]
            await asyncio.gather(*(family.begin() for family in families))
            followers = [asyncio.create_task(family.follow()) for family in families]
            working = [asyncio.create_task(desk.work()) for desk in advisers]
            talking = asyncio.gather(*(family.talk() for family in families))

            async def in_full_swing() -> bool:
                owners = await store.count_by_owner()
                return owners[Owner.ADVISER] > 0 and sum(desk.claims for desk in advisers) >= ADVISERS

            await until(in_full_swing, 150)
            assert not talking.done(), "nobody wrote any more when the gateway was killed"
            await gateways.kill(gateways.ports[0])
            await asyncio.sleep(0.5)
            await gateways.start(gateways.ports[0])
            await talking

            async def all_served() -> bool:
                owners = await store.count_by_owner()
                return owners[Owner.QUEUED] == owners[Owner.ADVISER] == 0

            async def all_answered() -> bool:
                logs = [await store.messages(family.id) for family in families]
                return all(m.answered for log in logs for m in log if m.role is Role.USER)

            await until(all_served, 150)
            await until(all_answered, 150)

            async def all_seen() -> bool:
                logs = [await store.messages(family.id) for family in families]
                return all(
                    family.seen and log and family.seen[-1] == log[-1].seq
                    for family, log in zip(families, logs, strict=True)
                )

            await until(all_seen, 150)
            for task in (*working, *followers):
                assert not task.done() or task.exception() is None
                task.cancel()
            await asyncio.gather(*working, *followers, return_exceptions=True)

            claims = 0
            for family in families:
                log = await store.messages(family.id)
                transitions = await store.transitions(family.id)
                check_log(family, advisers, log)
                check_ownership(log, transitions)
                claims += sum(t.to_owner is Owner.ADVISER for t in transitions)
            assert claims == sum(desk.claims for desk in advisers) >= FAMILIES
            # Who was too late was told who was not, or that it had come to an end meanwhile.
            told = re.compile(
                r"Adviser[0-4] has this chat|assistant has this chat again|not waiting for a person"
            )
            assert all(told.search(said) for desk in advisers for said in desk.lost)
            assert any("has this chat." in said for desk in advisers for said in desk.lost)
            assert gateways.kills == 1
    finally:
        await gateways.stop()
        await store.database.close()


def check_log(family: Family, advisers: list[Desk], log: list[Message]) -> None:
    """Everything once and in order, in the log and for whoever followed."""
    assert family.seen == [message.seq for message in log]
    mine = [message for message in log if message.role is Role.USER]
    assert [message.client_message_id for message in mine] == family.sent
    for desk in advisers:
        theirs = [m.text for m in log if m.role is Role.ADVISER and (m.text.startswith(desk.name))]
        assert theirs == desk.wrote.get(family.id, [])
    said = Counter(message.text for message in log if message.text.startswith("assistant:"))
    assert set(said.values()) <= {1}
    assert len({m.reply_to for m in log if m.reply_to}) <= len(mine)


#: How a person's leaving is told to the family: an end, or back in the queue.
_LETS_GO = re.compile(r"Adviser \w+ has (?:ended this chat|left the chat|to leave)")


def check_ownership(log: list[Message], transitions: list[Transition]) -> None:
    """The chat went from hand to hand without a gap, and only whoever had it spoke."""
    owner = Owner.BOT
    for transition in transitions:
        assert transition.from_owner is owner
        owner = transition.to_owner
    assert owner in (Owner.BOT, Owner.CLOSED)
    holder = ""
    for message in log:
        if taken := re.match(r"Adviser (\w+) has joined", message.text):
            assert holder == ""
            holder = taken[1]
        elif message.role is Role.SYSTEM and _LETS_GO.match(message.text):
            assert holder
            holder = ""
        elif message.role is Role.ASSISTANT:
            assert holder == "", f"the assistant spoke while {holder} had the chat: {message.text}"
        elif message.role is Role.ADVISER:
            assert message.author == holder


@pytest.mark.parametrize("on", ["sqlite", "postgresql"])
async def test_the_assistant_never_speaks_while_a_person_has_the_chat(
    settings: Settings, bot: StandInBot, on: str, request: pytest.FixtureRequest
) -> None:
    """Tries hard: slow answers under way at every moment at which chats are taken and given back."""
    url = settings.conversations_url if on == "sqlite" else request.getfixturevalue("postgres_url")
    unlimited = {"messages_per_minute": 0, "address_messages_per_minute": 0, "conversations_url": url}
    app = init_app(
        settings.model_copy(update=unlimited), load_safety=FakeSafety, load_crisis=lambda _url: FakeCrisis()
    )
    bot.replies = bot_says
    async with TestClient(TestServer(app)) as client:
        created = await (await client.post("/api/v1/conversations")).json()
        chat = Chat(client, created["id"], created["token"])
        count = await _take_and_give_back_while_asking(chat, app[STORE], bot)
        log = await app[STORE].messages(chat.id)
        check_ownership(log, await app[STORE].transitions(chat.id))

    asked = [message for message in log if message.role is Role.USER]
    assert len(asked) == count
    assert all(message.answered for message in asked)
    silent = [m for m in asked if not any(reply.reply_to == m.seq for reply in log)]
    assert silent, "no question ever met an adviser: the test has not tried"
    assert len(silent) < len(asked)


async def _take_and_give_back_while_asking(chat: Chat, store: Store, bot: StandInBot) -> int:
    """Returns how many questions were asked meanwhile."""
    # A name of its own: on PostgreSQL the module's tests share one database.
    sam, *_ = await store.add_adviser(f"Sam {uuid.uuid4().hex[:8]}")
    over = asyncio.Event()
    count = 0

    async def keep_asking() -> None:
        nonlocal count
        while not over.is_set():
            count += 1
            bot.slow = random.uniform(0, 0.12)
            assert (await chat.post(text=f"question {count}")).status == 201

    async def take_and_give_back() -> None:
        for _ in range(12):
            await store.escalate(chat.id, reason="x", priority=Priority.NORMAL, summary={}, who="user")
            await asyncio.sleep(random.uniform(0, 0.15))
            await store.claim(chat.id, sam.id, notice=notices.joined(sam))
            await asyncio.sleep(random.uniform(0.02, 0.2))
            await store.append_adviser(chat.id, sam.id, "Sam says")
            await store.close(chat.id, sam.id, outcome="answered", notice=notices.given_back(sam))
            await asyncio.sleep(random.uniform(0, 0.1))
        over.set()

    await asyncio.gather(*(keep_asking() for _ in range(4)), take_and_give_back())
    return count

"""A desk on a real server, with a real store behind it that the tests also use as the family's side."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import CookieJar, web
from aiohttp.test_utils import TestClient, TestServer

from conversations.log import Draft
from conversations.models import Adviser, DeskRole, Json, Priority, Role
from conversations.sealing import new_key
from conversations.store import Store, open_store
from desk.app import add_desk
from desk.settings import DeskSettings
from knowledge.database import open_engine, sessions
from knowledge.models import Area, Topic
from tests.conftest import EmptyStores

PASSWORD = "quiet-harbour-otter"

STORE = web.AppKey("store", Store)

#: The chats that the bot was told to forget.
FORGOTTEN: web.AppKey[list[str]] = web.AppKey("forgotten")


@pytest.fixture
def settings(tmp_path: Path, empty_stores: EmptyStores) -> DeskSettings:
    """Settings with a knowledge store that names one area and two topics."""
    url = empty_stores.knowledge(tmp_path)
    engine = open_engine(url)
    with sessions(engine).begin() as session:
        session.add(Area(id="derby-city", name="Derby", covered=True))
        session.add(Topic(name="wait_time", group="waits", title="How long the wait is", boundary=""))
        session.add(Topic(name="crisis_self_harm_suicide", group="crisis", title="Suicide", boundary=""))
    engine.dispose()
    return DeskSettings(knowledge_url=url, secret_keys=new_key())


@pytest_asyncio.fixture
async def server(
    tmp_path: Path, settings: DeskSettings, empty_stores: EmptyStores
) -> AsyncGenerator[TestServer]:
    """The desk in an application that opens its store when it starts, as the gateway does."""

    async def database(app: web.Application) -> AsyncGenerator[None]:
        app[STORE] = open_store(empty_stores.conversations(tmp_path))
        yield
        await app[STORE].database.close()

    app = web.Application()
    app.cleanup_ctx.append(database)
    app[FORGOTTEN] = []

    async def forget(chat: str) -> None:
        app[FORGOTTEN].append(chat)

    add_desk(app, settings, STORE, forget=forget)
    server = TestServer(app)
    await server.start_server()
    yield server
    await server.close()


@pytest.fixture
def store(server: TestServer) -> Store:
    """The store that the server uses."""
    return server.app[STORE]


@dataclass
class Browser:
    """An adviser's browser without a screen: follows no redirect, keeps its cookie."""

    client: TestClient[web.Request, web.Application]
    adviser_id: str = ""
    name: str = ""

    async def form_token(self, path: str = "/desk/sign-in") -> str:
        """The token in the first form of a page."""
        page = await (await self.client.get(path)).text()
        return page.split('name="form_token" value="', 1)[1].split('"', 1)[0]

    async def sign_in(self, password: str = PASSWORD, code: str = "") -> tuple[int, str]:
        """Try to sign in; the status and the page (or the address it leads to)."""
        form = {"form_token": await self.form_token(), "name": self.name, "password": password, "code": code}
        answer = await self.client.post("/desk/sign-in", data=form, allow_redirects=False)
        return answer.status, answer.headers.get("Location") or await answer.text()

    async def post(self, path: str, *, json: bool = False, **fields: str) -> tuple[int, str]:
        """Send a form from the desk; the status and the page (or the address it leads to)."""
        form = {"form_token": await self.form_token("/desk/account"), **fields}
        headers = {"Accept": "application/json"} if json else {}
        answer = await self.client.post(path, data=form, headers=headers, allow_redirects=False)
        return answer.status, answer.headers.get("Location") or await answer.text()

    async def page(self, path: str) -> tuple[int, str]:
        """Look at a page."""
        answer = await self.client.get(path, headers={"Accept": "text/html"}, allow_redirects=False)
        return answer.status, await answer.text()


@pytest_asyncio.fixture
async def visitor(server: TestServer) -> AsyncGenerator[Browser]:
    """Somebody without an account."""
    async with TestClient(server, cookie_jar=CookieJar(unsafe=True)) as client:
        yield Browser(client)


@pytest_asyncio.fixture
async def sam(server: TestServer, store: Store) -> AsyncGenerator[Browser]:
    """Sam Surname, signed in."""
    async with TestClient(server, cookie_jar=CookieJar(unsafe=True)) as client:
        yield await signed_in(client, store, "Sam Surname")


@pytest_asyncio.fixture
async def ada(server: TestServer, store: Store) -> AsyncGenerator[Browser]:
    """Ada Colleague, signed in."""
    async with TestClient(server, cookie_jar=CookieJar(unsafe=True)) as client:
        yield await signed_in(client, store, "Ada Colleague")


async def signed_in(
    client: TestClient[web.Request, web.Application],
    store: Store,
    name: str,
    role: DeskRole = DeskRole.ADVISER,
) -> Browser:
    browser = Browser(client, (await new_adviser(store, name, role)).id, name)
    status, page = await browser.sign_in()
    assert status == 303, page
    return browser


async def new_adviser(store: Store, name: str, role: DeskRole = DeskRole.ADVISER) -> Adviser:
    """An account whose password is ``PASSWORD``."""
    adviser, link = await store.add_adviser(name, role=role)
    assert await store.choose_password(link, PASSWORD)
    return adviser


SUMMARY: Json = {
    "asked": ["how long is the wait?", "can I talk to a person"],
    "area": "derby-city",
    "place": "Allestree",
    "age": 7,
    "about": "child",
    "last_topic": "wait_time",
    "easy_read": True,
}

ANSWER = Draft(
    text="The average wait is in the card.\nAsk me more.",
    cards=[
        {
            "kind": "service",
            "id": "x",
            "title": "Example assessment service",
            "who_for": "Children <b>under</b> 11",
            "phones": [{"number": "a number", "label": "Office", "text_only": False}],
            "costs": [],
        }
    ],
    sources=[
        {
            "title": "Example strategy",
            "publisher": "Example board",
            "url": "https://www.example.org/strategy",
            "as_of": "2022-12",
        },
        {"title": "Odd source", "url": "javascript:alert(1)"},
    ],
    buttons=[{"title": "Talk to a person", "payload": "/human_request"}],
)


async def waiting_chat(
    store: Store, priority: Priority = Priority.NORMAL, summary: Json | None = None
) -> str:
    """A family's chat that asked for a person; its id."""
    chat = (await store.create("web")).conversation.id
    asked = await store.append_user(chat, None, "how long is the wait?")
    await store.append_assistant(chat, [ANSWER], reply_to=asked.message.seq)
    await store.append_user(chat, None, "can I talk to a person <script>alert(1)</script>")
    await store.escalate(chat, reason="asked", priority=priority, summary=summary or SUMMARY, who="user")
    return chat


async def alert(store: Store, chat: str) -> None:
    """What the gateway does when the safety check sees danger while a person has the chat."""
    note = Draft(
        role=Role.SYSTEM,
        private=True,
        text="Safety alert: the last message may speak of danger.",
        meta={"kind": "safety_alert", "danger": "crisis_self_harm_suicide", "reason": "rule x"},
    )
    await store.append_assistant(chat, [note], unless_owned_by_adviser=False)

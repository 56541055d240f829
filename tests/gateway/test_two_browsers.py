"""A family, an adviser and a colleague who watches in three browsers, while the gateway is killed.

What people rely on: nothing that somebody wrote is missing or there twice on any of the three screens,
nobody has to load a page again, the adviser keeps the chat, and afterwards the assistant goes on.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from conversations.database import Database
from conversations.events import Events
from conversations.models import Owner, Role
from conversations.sealing import new_key
from conversations.store import Store
from tests.gateway.conftest import StandInBot
from tests.gateway.processes import Gateways
from tests.gateway.test_page import browser, needs_browser, say, violations
from tests.gateway.test_under_fire import bot_says

__all__ = ["browser"]  # a fixture

pytestmark = [needs_browser, pytest.mark.timeout(300)]

PASSWORD = "quiet-harbour-otter"

#: A page comes back by itself within its longest pause and a second.
_BACK_MS = 20_000


@pytest.fixture
def conversations_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/conversations.sqlite3"


@pytest_asyncio.fixture
async def gateway(conversations_url: str, bot: StandInBot, tmp_path: Path) -> AsyncGenerator[Gateways]:
    """One gateway in a process of its own, with a bot that answers what it is asked."""
    bot.replies = bot_says
    running = Gateways(
        {
            **os.environ,
            "HELPLINE_CONVERSATIONS_URL": conversations_url,
            "HELPLINE_KNOWLEDGE_URL": f"sqlite:///{tmp_path}/knowledge.sqlite3",
            "HELPLINE_BOT_URL": bot.url,
            "HELPLINE_BOT_TIMEOUT_SECONDS": "4",
            "HELPLINE_SECRET_KEYS": new_key(),
        }
    )
    await running.start(running.ports[0])
    yield running
    await running.stop()


@pytest_asyncio.fixture
async def store(gateway: Gateways, conversations_url: str) -> AsyncGenerator[Store]:
    """The same database, from outside: to make accounts and to read the log."""
    store = Store(Database(conversations_url), Events())
    yield store
    await store.database.close()


async def test_nothing_is_lost_or_doubled_on_any_screen_when_the_gateway_is_killed(
    browser: Browser, gateway: Gateways, store: Store, tmp_path: Path
) -> None:
    port = gateway.ports[0]
    family = await new_page(browser, port)
    await family.goto("/")
    await say(family, "can I talk to a person")
    await family.get_by_role("button", name="Yes, pass it on").click()
    await expect(log_of(family).get_by_text("saved with the reference HL-").first).to_be_visible()

    sam, ada = (
        await at_the_desk(browser, port, store, "Sam Surname"),
        await at_the_desk(browser, port, store, "Ada Colleague"),
    )
    await ada.get_by_role("link", name="Chat HL-").click()
    await sam.get_by_role("button", name="Take this chat").click()
    await expect(ada.locator("#status")).to_have_text("Sam Surname has this chat.")
    await expect(log_of(family).get_by_text("Adviser Sam has joined").first).to_be_visible()

    said = [("sam", "s1: hello, I have read your chat"), ("family", "f1: thank you")]
    await reply(sam, "s1: hello, I have read your chat")
    await expect(adviser_words(family)).to_have_count(1)
    await expect(sam.locator("#delivery")).to_have_text("Your last message is on their page.")
    await say(family, "f1: thank you")
    await expect(log_of(sam).get_by_text("f1: thank you")).to_be_visible()

    # Both write at the very moment, and once more while nothing answers.
    said += [("family", "f2: as it dies"), ("sam", "s2: as it dies")]
    await asyncio.gather(say(family, "f2: as it dies"), reply(sam, "s2: as it dies"), gateway.kill(port))
    await say(family, "f3: while it is away")
    said.append(("family", "f3: while it is away"))
    await expect(family.get_by_text("The connection is lost").first).to_be_visible(timeout=_BACK_MS)
    for page in (sam, ada):  # told where they look, at the end of the chat
        await expect(page.get_by_text("The connection is lost")).to_be_in_viewport(timeout=_BACK_MS)
    await keep(tmp_path, "killed", family=family, sam=sam, ada=ada)
    await gateway.start(port)

    await expect(sam.get_by_text("The connection is lost")).to_be_hidden(timeout=_BACK_MS)
    await expect(ada.get_by_text("The connection is lost")).to_be_hidden(timeout=_BACK_MS)
    await expect(log_of(sam).get_by_text("f3: while it is away")).to_be_visible(timeout=_BACK_MS)
    assert await readable(sam, "f3: while it is away")
    if await sam.get_by_label("Your reply").input_value():  # the page did not hear that it was sent
        await sam.get_by_role("button", name="Send").click()
    await expect(sam.get_by_label("Your reply")).to_have_value("")
    said += [("sam", "s3: I am still here"), ("family", "f4: so am I")]
    await reply(sam, "s3: I am still here")
    await expect(adviser_words(family).last).to_contain_text("s3: I am still here")
    await say(family, "f4: so am I")
    for page in (sam, ada):
        await expect(log_of(page).get_by_text("f4: so am I")).to_be_visible()
    await expect(ada.locator("#status")).to_have_text("Sam Surname has this chat.")

    [chat] = [waiting.conversation.id for waiting in await store.live()]
    logged = [
        m.text
        for m in await store.messages(chat)
        if m.role in (Role.USER, Role.ADVISER) and m.text[1:3].strip(":").isdigit()
    ]
    assert sorted(logged) == sorted(text for _, text in said)
    for who, beginning in (("family", "f"), ("sam", "s")):
        assert [t for t in logged if t.startswith(beginning)] == [t for w, t in said if w == who]
    for page in (family, sam, ada):
        assert await on_screen(page, logged) == logged
    await keep(tmp_path, "back", family=family, sam=sam, ada=ada)

    await sam.get_by_label("How it ended").select_option(label="Question answered")
    await sam.get_by_role("button", name="Close the chat").click()
    await expect(sam.get_by_text("You closed the chat.")).to_be_visible()
    await expect(log_of(family).get_by_text("Adviser Sam has ended this chat").first).to_be_visible()
    await expect(log_of(family).get_by_text("How was talking to a person").first).to_be_visible(
        timeout=_BACK_MS
    )
    await say(family, "and adults?")
    await expect(log_of(family).get_by_text("assistant: and adults?")).to_have_count(1)
    assert (await store.get(chat)).owner is Owner.BOT
    await keep(tmp_path, "after", family=family, sam=sam, ada=ada)
    assert await violations(family) == []


async def new_page(browser: Browser, port: int) -> Page:
    context = await browser.new_context(
        base_url=f"http://127.0.0.1:{port}", viewport={"width": 1280, "height": 900}
    )
    return await context.new_page()


async def at_the_desk(browser: Browser, port: int, store: Store, name: str) -> Page:
    """Somebody who has used their one-time link and signed in, at the queue."""
    _, link = await store.add_adviser(name)
    page = await new_page(browser, port)
    await page.goto(f"/desk/password?link={link}")
    await page.get_by_label("New password").fill(PASSWORD)
    await page.get_by_label("The same password again").fill(PASSWORD)
    await page.get_by_role("button", name="Set this password").click()
    await page.get_by_label("Your name").fill(name)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="Queue")).to_be_visible()
    return page


async def reply(page: Page, text: str) -> None:
    await page.get_by_label("Your reply").fill(text)
    await page.get_by_role("button", name="Send").click()


def log_of(page: Page) -> Locator:
    return page.get_by_role("log")


def adviser_words(page: Page) -> Locator:
    return page.locator(".message--adviser")


async def readable(page: Page, words: str) -> bool:
    """Whether the words are above the reply box of the desk, and not under it."""
    said = await log_of(page).get_by_text(words).bounding_box()
    box = await page.locator(".bottom").bounding_box()
    return said is not None and box is not None and said["y"] + said["height"] <= box["y"]


async def on_screen(page: Page, texts: Sequence[str]) -> list[str]:
    """Those of ``texts`` that stand in the page's chat, in its order and as often as they are there."""
    shown = await log_of(page).locator("p").all_inner_texts()
    return [line.strip() for line in shown if line.strip() in texts]


async def keep(folder: Path, moment: str, **pages: Page) -> None:
    """Pictures of all screens, for whoever wants to look at them (``pytest --basetemp``)."""
    for name, page in pages.items():
        await page.screenshot(path=folder / f"{moment}-{name}.png", full_page=True)

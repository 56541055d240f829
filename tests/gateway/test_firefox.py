"""The chat in Firefox: by keyboard alone, and by mouse; on a council's page, and on a page of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from tests.gateway.conftest import free_port
from tests.gateway.firefox import BINARY, ENTER, ESCAPE, TAB, Firefox, firefox

type Client = TestClient[web.Request, web.Application]

pytestmark = pytest.mark.skipif(BINARY is None, reason="needs Firefox (Debian: apt-get install firefox-esr)")

_ROOT = "document.querySelector('helpline-chat').shadowRoot"
_ANSWERED = (
    f"[...{_ROOT}.querySelectorAll('.message--assistant')].some(e => e.textContent.includes('33 weeks'))"
)


_BOX = f"{_ROOT}.getElementById('text')"


async def _focused(browser: Firefox) -> str:
    """The id or the words of what has the focus inside the chat."""
    words = await browser.value(f"(e => e ? e.id || e.textContent.trim() : '')({_ROOT}.activeElement)")
    return str(words)


async def _tab_to(browser: Firefox, *names: str) -> str:
    """The first of ``names`` that is reached."""
    for _ in range(40):
        await browser.keys(TAB)
        if (focused := await _focused(browser)) in names:
            return focused
    raise AssertionError(f"{' or '.join(names)} cannot be reached with Tab")


async def test_the_chat_on_a_councils_page_by_keyboard_alone(client: Client, tmp_path: Path) -> None:
    async with firefox(tmp_path, free_port()) as browser:
        await browser.goto(str(client.make_url("/demo?area=derbyshire")))
        await _tab_to(browser, "launcher")
        await browser.keys(ENTER)
        await browser.until(f"{_ROOT}.activeElement?.id === 'chat-title'")
        await browser.keys(TAB + ENTER)  # the skip link
        assert await _focused(browser) == "text"
        await browser.keys("How long is the wait?" + ENTER)
        await browser.until(_ANSWERED)
        assert await _focused(browser) == "text"
        said = f"{_ROOT}.getElementById('announcer').textContent"
        assert await browser.value(said) == "Automated assistant: 33 weeks on average."
        look = f"getComputedStyle({_ROOT}.querySelector('.message--user')).backgroundColor"
        assert await browser.value(look) == "rgb(228, 237, 238)"

        await browser.goto(str(client.make_url("/demo?page=schools")))
        await browser.until(_ANSWERED)  # another page of the site goes on
        assert await _focused(browser) == ""  # and takes nobody's focus
        # Where a link of the page lies under the chat, the chat made room for it.
        if await _tab_to(browser, "close", "launcher") == "launcher":
            await browser.keys(ENTER)
            await browser.until(f"{_ROOT}.activeElement?.id === 'chat-title'")
        await browser.keys(ESCAPE)
        assert await _focused(browser) == "launcher"
        assert browser.errors == []


async def test_the_chat_by_mouse_on_a_councils_page_and_on_its_own(client: Client, tmp_path: Path) -> None:
    async with firefox(tmp_path, free_port()) as browser:
        await browser.goto(str(client.make_url("/demo")))
        await browser.click(f"{_ROOT}.getElementById('launcher')")
        await browser.until(f"{_ROOT}.activeElement?.id === 'chat-title'")
        await browser.click(f"{_ROOT}.querySelector('.choices button')")
        await browser.until(_ANSWERED)
        await browser.click(f"{_ROOT}.getElementById('easy-read')")
        assert (
            await browser.value(f"{_ROOT}.getElementById('easy-read').getAttribute('aria-pressed')") == "true"
        )
        await browser.click(f"{_ROOT}.getElementById('close')")
        assert await _focused(browser) == "launcher"

        await browser.goto(str(client.make_url("/")))
        await browser.until(_ANSWERED)
        await browser.click(_BOX)
        await browser.keys("and again?")
        await browser.click(f"{_ROOT}.querySelector('#form .main')")
        await browser.until(f"{_ROOT}.querySelectorAll('.message--assistant').length === 3")
        assert browser.errors == []

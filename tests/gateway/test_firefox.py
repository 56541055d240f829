"""The chat in Firefox: opened, asked, read and closed with the keyboard; the page of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from tests.gateway.conftest import free_port
from tests.gateway.firefox import BINARY, firefox

type Client = TestClient[web.Request, web.Application]

pytestmark = pytest.mark.skipif(BINARY is None, reason="needs Firefox (Debian: apt-get install firefox-esr)")

_ROOT = "document.querySelector('helpline-chat').shadowRoot"
_ANSWERED = (
    f"[...{_ROOT}.querySelectorAll('.message--assistant')].some(e => e.textContent.includes('33 weeks'))"
)


async def test_the_widget_and_the_page_work_in_firefox(client: Client, tmp_path: Path) -> None:
    """Pressed by script: a headless Firefox that is driven in this way gives its window no focus for keys."""
    async with firefox(tmp_path, free_port()) as browser:

        async def say(words: str) -> None:
            await browser.value(f"{_ROOT}.getElementById('text').value = {words!r}")
            await browser.value(f"{_ROOT}.getElementById('form').requestSubmit()")

        await browser.goto(str(client.make_url("/demo?area=derbyshire")))
        await browser.value(f"{_ROOT}.getElementById('launcher').click()")
        await browser.until(f"{_ROOT}.activeElement && {_ROOT}.activeElement.id === 'chat-title'")
        await say("How long is the wait?")
        await browser.until(_ANSWERED)
        look = f"getComputedStyle({_ROOT}.querySelector('.message--user')).backgroundColor"
        assert await browser.value(look) == "rgb(228, 237, 238)"
        said = f"{_ROOT}.getElementById('announcer').textContent"
        assert await browser.value(said) == "Automated assistant: 33 weeks on average."

        await browser.goto(str(client.make_url("/demo")))
        await browser.until(_ANSWERED)  # another page of the site goes on
        await browser.value(f"{_ROOT}.getElementById('close').click()")
        assert await browser.value(f"{_ROOT}.activeElement.id") == "launcher"

        await browser.goto(str(client.make_url("/")))
        await browser.until(_ANSWERED)
        await say("and again?")
        await browser.until(f"{_ROOT}.querySelectorAll('.message--assistant').length === 3")
        assert browser.errors == []

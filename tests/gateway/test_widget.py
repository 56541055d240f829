"""The chat on a council's own pages: in a real browser, on a host page that is as unkind as real ones are."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections.abc import AsyncGenerator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from playwright.async_api import Browser, Page, Route, expect

import gateway.embedding
from conversations.events import PERSON
from conversations.files import NewFile
from conversations.log import Draft
from conversations.models import Adviser, Priority
from conversations.opening import read_weekly
from conversations.store import Store
from gateway.keys import SERVICE_STATE
from gateway.purposes import with_purposes
from gateway.settings import Settings
from helpline.settings import ROOT
from tests.gateway.conftest import StandInBot
from tests.gateway.test_letters_and_calendar import letter_reply, letters_url
from tests.gateway.test_page import announced, browser, needs_browser, say, violations
from tests.gateway.test_turn import HANDOFF

__all__ = ["browser", "letters_url"]  # fixtures

type Client = TestClient[web.Request, web.Application]

pytestmark = needs_browser

_JQUERY = ROOT / "node_modules" / "jquery" / "dist" / "jquery.js"

#: Rules that a tired style sheet of ten years might hold.
_UNKIND_CSS = """
* { all: unset !important; font-size: 5px !important; color: #eeeeee !important;
    letter-spacing: 9px !important; float: left !important; visibility: hidden !important; }
html { font-size: 62.5% !important; }
helpline-chat { display: none !important; opacity: 0.01 !important; transform: scale(0.1) !important; }
button, textarea, div, section { display: none !important; }
.cover { position: fixed !important; inset: 0 !important; z-index: 2147483647 !important;
         display: block !important; visibility: visible !important; background: #000000 !important; }
"""

_UNKIND_JS = """
Array.prototype.first = function () { return this[0]; };
Array.prototype.toJSON = function () { return "of the year 2008"; };
Object.prototype.mine = function () { return 1; };
document.addEventListener("keydown", function (event) {
  if (!/input|textarea/i.test(event.target.tagName)) event.preventDefault();
});
"""


#: One card of each kind, with everything that belongs to it.
EVERYTHING: list[dict[str, Any]] = [
    {"text": "What I know:\n- one\n- two"},
    {
        "custom": {
            "easy_read": "What I know.",
            "cards": [
                {
                    "kind": "service",
                    "id": "s",
                    "title": "A group",
                    "organization": "A charity",
                    "description": "Parents meet.",
                    "who_for": "Parents",
                    "ages": "0 to 25",
                    "needs_diagnosis": "You do not need a diagnosis",
                    "how_to_reach": "Just come.",
                    "phones": [
                        {"number": "01632 960001", "label": None, "extension": "2", "check": True},
                        {"number": "01632 960002", "label": None, "text_only": True},
                    ],
                    "email": "a@example.org",
                    "url": "https://example.org",
                    "hours": "Mondays",
                    "costs": ["Free"],
                    "checked": "October 2026",
                    "caveat": "Ask first.",
                },
                {
                    "kind": "steps",
                    "id": "p",
                    "title": "Steps",
                    "steps": [
                        {"title": "You ask", "text": "at school.", "here": False},
                        {"title": "You wait", "text": "there is help.", "here": True},
                    ],
                    "here_because": "You said so.",
                },
                {
                    "kind": "deadlines",
                    "id": "d",
                    "title": "Your dates",
                    "dates": [{"said": "14 April 2026", "period": "6 weeks", "title": "They must say"}],
                },
                {
                    "kind": "wait_chart",
                    "id": "w",
                    "title": "The wait",
                    "bars": [
                        {"label": "So far", "said": "3 to 5 weeks", "weeks": 3, "weeks_at_most": 5},
                        {"label": "Average", "said": "33 weeks", "weeks": 33, "weeks_at_most": 33},
                    ],
                    "caption": "Reported in December 2022.",
                    "text_alternative": "So far 3 to 5 weeks. On average 33 weeks.",
                },
                {
                    "kind": "letter",
                    "id": "l",
                    "title": "A letter",
                    "note": "You can leave anything out.",
                    "voice": "parent",
                    "voices": [{"id": "parent", "label": "A parent"}, {"id": "young", "label": "I myself"}],
                    "limits": [],
                    "fields": [
                        {
                            "name": "name",
                            "label": "Your name",
                            "hint": "Any name",
                            "multiline": False,
                            "value": "",
                        },
                        {"name": "why", "label": "Why", "hint": None, "multiline": True, "value": ""},
                    ],
                },
            ],
            "attachments": [
                {
                    "kind": "calendar",
                    "title": "Add to calendar",
                    "url": "/calendar.ics?request-received=2026-03-03",
                }
            ],
            "sources": [{"title": "The strategy", "url": "https://example.org", "published": "2022-12"}],
        }
    },
]


async def everything(page: Page, bot: StandInBot) -> None:
    """Ask, get one of each, and unfold all of it."""
    bot.replies = EVERYTHING
    await say(page, "tell me everything")
    await expect(page.locator(".card--plain")).to_have_count(5)
    for summary in await page.locator(".message--assistant summary").all():
        await summary.click()


class Host:
    """A council's web server: pages whose content a test sets."""

    def __init__(self) -> None:
        self.head = ""
        self.body = "<main><h1>A page</h1><p><a href='/next'>Next page</a></p></main>"
        self.policy = ""
        self.url = ""
        self.helpline = ""
        self.attributes = 'data-area="derbyshire"'
        self.scripts = 1
        self.files: dict[str, str] = {}

    @property
    def script(self) -> str:
        return f'<script src="{self.helpline}/widget.js" {self.attributes} defer></script>'

    async def page(self, request: web.Request) -> web.Response:
        if (text := self.files.get(request.path)) is not None:
            return web.Response(
                text=text, content_type="text/css" if "css" in request.path else "text/javascript"
            )
        html = (
            f"<!doctype html><html lang='en'><head><title>{request.path}</title>{self.head}"
            f"{self.script * self.scripts}</head><body>{self.body}</body></html>"
        )
        headers = {"Content-Security-Policy": self.policy} if self.policy else {}
        return web.Response(text=html, content_type="text/html", headers=headers)


@pytest_asyncio.fixture
async def host() -> AsyncGenerator[Host]:
    made = Host()
    app = web.Application()
    app.router.add_get("/{path:.*}", made.page)
    server = TestServer(app)
    await server.start_server()
    made.url = str(server.make_url("")).rstrip("/")
    yield made
    await server.close()


@pytest.fixture
def settings(settings: Settings, host: Host, request: pytest.FixtureRequest) -> Settings:
    """The page's origin is allowed; the letters that ship are there for a test that asks for them."""
    known = (
        {"knowledge_url": request.getfixturevalue("letters_url")}
        if "letters_url" in request.fixturenames
        else {}
    )
    return settings.model_copy(update={"allowed_origins": (host.url,), **known})


@pytest_asyncio.fixture
async def page(browser: Browser, client: Client, host: Host) -> AsyncGenerator[Page]:
    """A blank page; fails the test on a script error or a request to anybody but host and helpline."""
    host.helpline = str(client.make_url("")).rstrip("/")
    context = await browser.new_context(base_url=host.url, viewport={"width": 1280, "height": 800})
    opened = await context.new_page()
    troubles: list[str] = []
    opened.on("pageerror", lambda error: troubles.append(str(error)))
    opened.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((host.url, host.helpline, "http://localhost", "blob:"))
            else troubles.append(request.url)
        ),
    )
    yield opened
    cookies = await context.cookies()
    await context.close()
    assert troubles == []
    assert cookies == []


async def open_chat(page: Page) -> None:
    await page.get_by_role("button", name="Ask about autism and SEND").click()
    await expect(page.get_by_label("Your message")).to_be_visible()


async def answered(page: Page, text: str = "How long is the wait?") -> None:
    await say(page, text)
    await expect(page.locator(".message--assistant").last).to_contain_text("33 weeks")


async def taken_over(page: Page, store: Store) -> tuple[str, Adviser]:
    """An adviser takes the chat: its id, and who it is."""
    chat = str(await page.evaluate("sessionStorage.getItem('helpline.id')"))
    adviser, _ = await store.add_adviser("Sam Smith")
    await store.escalate(chat, reason="x", priority=Priority.NORMAL, summary={}, who="user")
    await store.claim(chat, adviser.id)
    await expect(page.locator("#status")).to_have_text("Adviser Sam is in this chat.")
    return chat, adviser


async def long_answer(page: Page, bot: StandInBot) -> None:
    """Ask, and get more than any window holds."""
    bot.replies = [{"text": "\n".join(f"This is line {n} of a long answer to it." for n in range(60))}]
    await say(page, "tell me")
    await expect(page.locator("#messages").get_by_text("This is line 59")).to_be_attached()


# -- opening, closing, going on ----------------------------------------------------------------------


async def test_one_tag_gives_a_chat_that_asks_for_nothing_until_it_is_opened(
    page: Page, host: Host, client: Client, store: Store
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto("/")
    await expect(page.get_by_role("button", name="Ask about autism and SEND")).to_be_visible()
    assert [url for url in asked if url.startswith(host.helpline)] == [f"{host.helpline}/widget.js"]

    await open_chat(page)
    await answered(page)

    [chat] = [await page.evaluate("sessionStorage.getItem('helpline.id')")]
    assert (await store.get(chat)).area == "derbyshire"


async def test_the_focus_goes_in_on_opening_back_on_closing_and_escape_closes(page: Page) -> None:
    await page.goto("/")
    launcher = page.get_by_role("button", name="Ask about autism and SEND")
    await launcher.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Autism and SEND helpline")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to your message")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Your message")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(launcher).to_be_focused()
    await expect(page.get_by_label("Your message")).to_be_hidden()
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Close chat").click()
    await expect(launcher).to_be_focused()


@pytest.mark.parametrize("reached", [True, False])
async def test_a_chat_that_is_long_in_opening_leaves_the_focus_where_the_person_took_it(
    page: Page, reached: bool
) -> None:
    await page.goto("/")
    gone_on = asyncio.Event()

    async def slowly(route: Route) -> None:
        await gone_on.wait()
        await (route.continue_() if reached else route.abort())

    await page.route("**/api/v1/start*", slowly)
    await page.get_by_role("button", name="Ask about autism and SEND").click()
    await expect(page.get_by_text("Opening the chat.")).to_be_focused()
    link = page.get_by_role("link", name="Next page")
    await link.focus()
    gone_on.set()

    await expect(
        page.get_by_label("Your message") if reached else page.get_by_text("cannot be reached")
    ).to_be_visible()
    await page.wait_for_timeout(100)
    await expect(link).to_be_focused()


async def test_the_whole_journey_by_keyboard_alone(page: Page, store: Store, bot: StandInBot) -> None:
    """Open, ask, read the source, switch to Easy Read, ask for a person, delete: no mouse, and no trap."""

    async def tab_to(name: str, *, back: bool = False) -> None:
        for _ in range(40):
            await page.keyboard.press("Shift+Tab" if back else "Tab")
            focused = await page.evaluate(
                "(() => { const e = document.querySelector('helpline-chat').shadowRoot.activeElement;"
                "return e ? e.textContent.trim() || e.id : document.activeElement.textContent; })()"
            )
            if name in focused:
                return
        raise AssertionError(f"{name} cannot be reached with Tab")

    await page.goto("/")
    await tab_to("Ask about autism")
    await page.keyboard.press("Enter")
    await tab_to("Skip to your message")
    await page.keyboard.press("Enter")
    await page.keyboard.type("how long is the wait")
    await page.keyboard.press("Enter")
    await expect(page.locator(".message--assistant").last).to_contain_text("33 weeks")
    await expect(page.get_by_label("Your message")).to_be_focused()
    await tab_to("Where this comes from", back=True)
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("The strategy")).to_be_visible()
    await tab_to("Easy Read", back=True)
    await page.keyboard.press("Space")
    await expect(page.locator("#easy-read")).to_have_attribute("aria-pressed", "true")
    bot.replies = HANDOFF
    await tab_to("Send")
    await tab_to("Talk to a person")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Yes, pass it on")).to_be_visible()
    await tab_to("Yes, pass it on", back=True)
    await page.keyboard.press("Enter")
    await expect(page.locator("#status")).to_contain_text("number 1 in the queue")
    await tab_to("End and delete this chat")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Escape")  # asks again nothing: the question is taken back, the chat stays open
    await expect(page.locator("#end")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Enter")
    await expect(page.locator("#status")).to_contain_text("deleted")
    assert sum((await store.count_by_owner()).values()) == 0


async def test_another_page_of_the_site_goes_on_and_a_new_tab_knows_nothing(page: Page) -> None:
    await page.goto("/")
    await open_chat(page)
    await answered(page)
    await page.get_by_label("Your message").fill("half a thought")

    await page.goto("/next")

    await expect(page.locator(".message--user")).to_contain_text("How long is the wait?")
    await expect(page.get_by_label("Your message")).to_have_value("half a thought")
    assert await page.evaluate("document.activeElement === document.body")  # nobody's focus was taken
    other = await page.context.new_page()
    await other.goto("/")
    await open_chat(other)
    await expect(other.locator(".message--user")).to_have_count(0)


async def test_leaving_quickly_forgets_the_chat_but_not_what_the_site_keeps(page: Page, host: Host) -> None:
    await page.goto("/")
    await page.evaluate("sessionStorage.setItem('basket', 'theirs')")
    await open_chat(page)
    await answered(page)
    await page.locator("#leave").evaluate("(link, url) => { link.href = url; }", f"{host.url}/elsewhere")

    await page.get_by_role("link", name="Leave this page quickly").click()
    await page.wait_for_url("**/elsewhere")

    assert await page.evaluate("Object.keys(sessionStorage)") == ["basket"]


@pytest.mark.parametrize("begun", [True, False])
async def test_after_leaving_quickly_no_page_that_the_browser_kept_shows_the_chat_again(
    page: Page, begun: bool
) -> None:
    await page.goto("/")
    await open_chat(page)
    if begun:
        await answered(page)
    await page.get_by_label("Your message").fill("half a thought")
    # As it is when one leaves on a later page, and goes back.
    await page.evaluate("sessionStorage.clear()")
    await page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")

    await expect(page.get_by_role("dialog")).to_be_hidden()
    await expect(page.locator(".message--user")).to_have_count(0)
    await expect(page.get_by_label("Your message")).to_have_value("")
    await open_chat(page)
    await answered(page)


async def test_a_page_that_the_browser_kept_goes_on_with_the_chat_of_a_later_page(page: Page) -> None:
    await page.goto("/")
    await open_chat(page)
    await answered(page)
    kept = await page.evaluate("({ ...sessionStorage })")
    await page.evaluate("sessionStorage.clear()")
    await page.goto("/next")
    await open_chat(page)
    await page.evaluate("kept => Object.assign(sessionStorage, kept)", kept)
    await page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")

    await expect(page.locator(".message--user")).to_contain_text(["How long is the wait?"])
    await expect(page.get_by_role("dialog")).to_be_visible()


async def test_a_helpline_that_cannot_be_reached_says_so_with_the_councils_number(
    page: Page, host: Host
) -> None:
    host.attributes = 'data-phone="01632 000 000"'
    await page.goto("/")
    await page.route("**/api/v1/start*", lambda route: route.abort())
    await page.get_by_role("button", name="Ask about autism and SEND").click()
    await expect(page.get_by_role("dialog")).to_contain_text(
        "cannot be reached just now. You can call us: 01632 000 000"
    )
    await page.unroute("**/api/v1/start*")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_label("Your message")).to_be_visible()


async def test_an_area_that_is_misspelt_keeps_nobody_out(page: Page, host: Host, store: Store) -> None:
    host.attributes = 'data-area="derbyshir"'
    await page.goto("/")
    await open_chat(page)
    await answered(page)
    chat = await page.evaluate("sessionStorage.getItem('helpline.id')")
    assert (await store.get(chat)).area is None
    said = await page.locator("helpline-chat").get_attribute("data-area-warning")
    assert said == "derbyshir is no area of this helpline"


@pytest.mark.parametrize("size", [(1280, 800), (320, 640)])
async def test_a_closed_chat_says_on_its_button_that_somebody_wrote(
    page: Page, store: Store, size: tuple[int, int]
) -> None:
    await page.set_viewport_size({"width": size[0], "height": size[1]})
    await page.goto("/")
    await open_chat(page)
    await answered(page)
    chat, adviser = await taken_over(page, store)
    await page.get_by_role("button", name="Close chat").click()
    launcher = page.locator("#launcher")
    await expect(launcher).to_have_text("Ask about autism and SEND")
    await store.append_adviser(chat, adviser.id, "Are you still there?")

    await expect(launcher).to_have_text("Ask about autism and SEND (new message)")
    heard = page.get_by_role("status")
    await expect(heard).to_have_text("There is a new message in the chat.")
    assert await violations(page) == []
    await launcher.click()
    await expect(page.locator("#messages").get_by_text("Are you still there?")).to_be_in_viewport()
    await expect(page.get_by_role("heading", name="Autism and SEND helpline")).to_be_focused()
    await page.get_by_role("button", name="Close chat").click()
    await expect(launcher).to_have_text("Ask about autism and SEND")
    await expect(heard).to_be_empty()


@pytest.mark.parametrize("size", [(1280, 800), (320, 640)])
async def test_a_crisis_reply_that_came_while_the_chat_was_closed_is_shown_from_its_start(
    page: Page, store: Store, size: tuple[int, int]
) -> None:
    await page.set_viewport_size({"width": size[0], "height": size[1]})
    await page.goto("/")
    await open_chat(page)
    await say(page, "DANGER " + "and so much else that happened today " * 12)
    await page.keyboard.press("Escape")
    launcher = page.locator("#launcher")
    await expect(launcher).to_have_text("Ask about autism and SEND (new message)")
    chat = await page.evaluate("sessionStorage.getItem('helpline.id')")
    adviser, _ = await store.add_adviser("Sam Smith")
    await store.claim(chat, adviser.id)
    await store.append_adviser(chat, adviser.id, "I am with you. " * 40)
    await expect(page.locator("#messages").get_by_text("I am with you.")).to_be_attached()
    await launcher.click()

    await expect(page.locator(".message:has(.card--crisis) > .message__who")).to_be_in_viewport()


@pytest.mark.parametrize(("width", "covered"), [(320, True), (1280, False)])
async def test_what_has_the_focus_is_never_under_the_chat(page: Page, width: int, covered: bool) -> None:
    await page.set_viewport_size({"width": width, "height": 640})
    await page.goto("/")
    await open_chat(page)
    await page.get_by_label("Your message").fill("half a thought")
    await page.get_by_role("heading", name="Autism and SEND helpline").focus()
    await page.keyboard.press("Shift+Tab")
    link = page.get_by_role("link", name="Next page")
    await expect(link).to_be_focused()

    if covered:
        await expect(page.get_by_role("dialog")).to_be_hidden()
        await expect(link).to_be_focused()
        on_top = (
            "e => { const r = e.getBoundingClientRect(); return document.elementFromPoint(r.x, r.y) === e; }"
        )
        assert await link.evaluate(on_top)
        await page.locator("#launcher").click()
    else:
        await page.wait_for_timeout(300)
        await expect(page.get_by_role("dialog")).to_be_visible()
    await expect(page.get_by_label("Your message")).to_have_value("half a thought")


async def test_a_new_script_is_served_without_a_restart_and_an_old_one_is_not_sent_again(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await client.get("/widget.js")
    assert first.headers["Content-Encoding"] == "gzip"
    assert first.headers["Cache-Control"] == "public, max-age=300"
    same = {"If-None-Match": first.headers["ETag"]}
    unchanged = await client.get("/widget.js", headers=same)
    assert (unchanged.status, await unchanged.read()) == (304, b"")

    newer = tmp_path / "widget.js"
    newer.write_text("/* newer */", encoding="utf-8")
    monkeypatch.setattr(gateway.embedding, "_SCRIPT", newer)
    changed = await client.get("/widget.js", headers=same)
    assert (changed.status, await changed.text()) == (200, "/* newer */")
    newer.write_text("/* newest */", encoding="utf-8")
    assert await (await client.get("/widget.js")).text() == "/* newest */"


async def test_the_button_says_and_stands_where_the_council_wants_it(page: Page, host: Host) -> None:
    host.attributes = 'data-label="Ask about SEND" data-side="left"'
    await page.goto("/")
    launcher = page.get_by_role("button", name="Ask about SEND", exact=True)
    box = await launcher.bounding_box()
    assert box is not None
    assert box["x"] < 100
    await launcher.click()
    panel = page.get_by_role("dialog")
    await expect(page.get_by_label("Your message")).to_be_visible()
    wide = await panel.bounding_box()
    assert wide is not None
    assert wide["x"] < 100
    assert wide["x"] + wide["width"] < 640

    await page.set_viewport_size({"width": 320, "height": 640})  # there it fills the window, at either side
    assert await panel.bounding_box() == {"x": 0, "y": 0, "width": 320, "height": 640}


# -- an unkind host page -----------------------------------------------------------------------------


async def test_resets_high_z_indexes_and_tampered_prototypes_do_not_reach_in(page: Page, host: Host) -> None:
    host.files = {"/x.css": _UNKIND_CSS, "/x.js": _UNKIND_JS}
    host.head = '<link rel="stylesheet" href="/x.css"><script src="/x.js"></script>'
    host.body = "<div class='cover'></div>"
    await page.goto("/")
    await open_chat(page)
    await page.get_by_label("Your message").click()
    await page.keyboard.type("How long?")  # the page's shortcuts do not take the keys
    await expect(page.get_by_label("Your message")).to_have_value("How long?")
    await page.keyboard.press("Enter")
    await expect(page.locator(".message--assistant").last).to_contain_text("33 weeks")

    look = await page.locator(".message--assistant").last.evaluate(
        "e => { const s = getComputedStyle(e); return [s.fontSize, s.color, s.letterSpacing, s.visibility]; }"
    )
    assert look == ["17px", "rgb(31, 42, 51)", "normal", "visible"]
    box = await page.get_by_role("dialog").bounding_box()
    assert box is not None
    assert box["width"] > 400
    on_top = await page.evaluate(
        "([x, y]) => document.elementFromPoint(x, y).tagName", [box["x"] + 50, box["y"] + 50]
    )
    assert on_top == "HELPLINE-CHAT"


async def test_a_strict_policy_needs_two_lines_and_nothing_inline(page: Page, host: Host) -> None:
    sockets = host.helpline.replace("http", "ws", 1)
    host.policy = (
        f"default-src 'none'; script-src {host.helpline}; connect-src {host.helpline} {sockets}; "
        "style-src 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
    refused: list[str] = []
    page.on(
        "console", lambda message: refused.append(message.text) if "Security Policy" in message.text else None
    )
    await page.goto("/")
    await open_chat(page)
    await answered(page)

    background = await page.locator(".message--user").evaluate("e => getComputedStyle(e).backgroundColor")
    assert background == "rgb(228, 237, 238)"
    assert refused == []


async def test_without_sockets_the_policy_still_lets_the_chat_work(
    page: Page, host: Host, store: Store
) -> None:
    host.policy = f"script-src {host.helpline}; connect-src {host.helpline}"
    await page.goto("/")
    await open_chat(page)
    await answered(page)
    chat = await page.evaluate("sessionStorage.getItem('helpline.id')")
    await store.append_assistant(chat, [Draft(text="said later")])

    await expect(page.locator(".message--assistant").last).to_contain_text("said later", timeout=20_000)


async def test_the_script_twice_gives_one_chat(page: Page, host: Host) -> None:
    host.scripts = 2
    await page.goto("/")
    await expect(page.get_by_role("button", name="Ask about autism and SEND")).to_be_visible()
    await page.evaluate(
        "src => new Promise(done => { const s = document.createElement('script'); s.src = src;"
        " s.onload = done; document.head.append(s); })",
        f"{host.helpline}/widget.js",
    )
    assert await page.locator("helpline-chat").count() == 1


async def test_a_site_that_swaps_its_body_keeps_the_chat(page: Page) -> None:
    await page.goto("/")
    await open_chat(page)
    await answered(page)
    await page.evaluate("history.pushState({}, '', '/next'); document.body = document.createElement('body')")

    await expect(page.locator(".message--user")).to_contain_text("How long is the wait?")
    await answered(page, "and again?")


async def test_an_old_jquery_is_left_alone_and_leaves_us_alone(page: Page, host: Host) -> None:
    if not _JQUERY.exists():
        pytest.skip("jQuery is not installed (make web)")
    host.files = {"/jquery.js": _JQUERY.read_text(encoding="utf-8")}
    host.head = '<script src="/jquery.js"></script>'
    await page.goto("/")
    await page.evaluate(
        "$.ajaxSetup({ headers: { 'X-Theirs': '1' } }); $('body').on('click', 'button', () => false)"
    )
    await open_chat(page)
    await answered(page)

    assert await page.evaluate("$.fn.jquery") == "1.12.4"
    assert await page.evaluate("$('helpline-chat').find('button').length") == 0


async def test_markup_is_text_on_a_councils_page_too(page: Page, bot: StandInBot) -> None:
    bot.replies = [{"text": "<img src=x onerror=alert(1)>", "buttons": []}]
    await page.goto("/")
    await open_chat(page)
    await say(page, "<b>bold</b>")

    await expect(page.locator(".message--assistant").last).to_contain_text("<img src=x")
    assert await page.locator(".message img, .message b").count() == 0


async def test_a_page_that_is_not_allowed_gets_no_chat(page: Page, host: Host) -> None:
    await page.goto(host.url.replace("127.0.0.1", "localhost"))
    await page.get_by_role("button", name="Ask about autism and SEND").click()
    await expect(page.get_by_role("dialog")).to_contain_text("cannot be reached")


# -- a council's colours and counting ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("colours", "accent", "warning"),
    [
        ("--helpline-accent: #4a2545", "rgb(74, 37, 69)", None),
        ("--helpline-accent: hsl(309 33% 22%)", "rgb(75, 38, 69)", None),
        ("--helpline-accent: #ffcc00", "rgb(43, 90, 99)", "accent on background is 1.5:1"),
        # Links stand on what an adviser wrote too, unless the paper is the council's own.
        ("--helpline-accent: #707070", "rgb(43, 90, 99)", "accent on our rgb(239, 233, 220) is 4.1:1"),
        ("--helpline-accent: #707070; --helpline-background: #fffffe", "rgb(112, 112, 112)", None),
        (
            "--helpline-accent: #4a2545; --helpline-accent-text: #333333",
            "rgb(43, 90, 99)",
            "accent-text on accent",
        ),
        ("--helpline-accent: rgb(0 0 0 / 50%)", "rgb(43, 90, 99)", "no plain colour"),
        ("--helpline-background: #111111; --helpline-text: #222222", "rgb(43, 90, 99)", "text on background"),
    ],
)
async def test_colours_are_taken_only_where_everybody_can_read_them(
    page: Page, host: Host, colours: str, accent: str, warning: str | None
) -> None:
    host.files = {"/x.css": f"helpline-chat {{ {colours} }}"}
    host.head = '<link rel="stylesheet" href="/x.css">'
    await page.goto("/")
    await open_chat(page)

    send = page.get_by_role("button", name="Send", exact=True)
    assert await send.evaluate("e => getComputedStyle(e).backgroundColor") == accent
    said = await page.locator("helpline-chat").get_attribute("data-contrast-warning")
    assert (said is None) if warning is None else (warning in str(said))


async def test_a_dark_paper_of_the_council_passes_axe(page: Page, host: Host) -> None:
    host.files = {
        "/x.css": "helpline-chat { --helpline-background: #101418; --helpline-text: #f2f2f2;"
        " --helpline-accent: #9fd3dd; --helpline-accent-text: #101418 }"
    }
    host.head = '<link rel="stylesheet" href="/x.css">'
    await page.goto("/")
    await open_chat(page)
    await answered(page)
    assert await page.locator("helpline-chat").get_attribute("data-contrast-warning") is None
    assert await violations(page) == []


async def test_events_are_off_until_asked_for_and_hold_no_content(page: Page, host: Host) -> None:
    listen = (
        "window.heard = []; for (const n of ['open', 'close', 'started', 'message-sent', 'answer', 'ended'])"
        " document.addEventListener(`helpline:${n}`, e => heard.push([e.type, e.detail]))"
    )
    await page.add_init_script(listen)
    await page.goto("/")
    await open_chat(page)
    await answered(page)
    assert await page.evaluate("heard") == []

    host.attributes = 'data-events="on"'
    other = await page.context.new_page()
    await other.add_init_script(listen)
    await other.goto("/")
    await open_chat(other)
    await answered(other)
    await other.get_by_role("button", name="Close chat").click()

    heard = await other.evaluate("heard")
    assert [name for name, _ in heard] == [
        "helpline:open", "helpline:started", "helpline:answer", "helpline:message-sent", "helpline:close"
    ]  # fmt: skip
    assert {detail for _, detail in heard} == {None}


# -- everyone -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "state",
    [
        "closed", "opened", "answered", "every card", "danger", "Easy Read", "options", "largest",
        "no pictures", "help", "lost", "asked for a person", "queued", "adviser", "ending", "unreachable",
        "further up", "rated", "too long",
    ],
)  # fmt: skip
async def test_axe_finds_nothing_in_any_state(page: Page, state: str, bot: StandInBot, store: Store) -> None:
    await page.goto("/")
    if state == "unreachable":
        await page.route("**/api/v1/start*", lambda route: route.abort())
        await page.get_by_role("button", name="Ask about autism and SEND").click()
        await expect(page.get_by_role("dialog")).to_contain_text("cannot be reached")
        assert await violations(page) == []
        return
    if state != "closed":
        await open_chat(page)
    match state:
        case "answered":
            await answered(page)
            for summary in await page.locator(".message--assistant summary").all():
                await summary.click()
        case "every card":
            await everything(page, bot)
        case "no pictures":
            await page.get_by_text("Text size, pictures, save, print").click()
            await page.get_by_role("button", name="No pictures").click()
            await everything(page, bot)
        case "largest":
            await page.get_by_text("Text size, pictures, save, print").click()
            for _ in range(4):
                await page.get_by_role("button", name="Larger text").click()
            await everything(page, bot)
        case "asked for a person" | "queued" | "adviser":
            bot.replies = HANDOFF
            await page.locator("#form").get_by_role("button", name="Talk to a person").click()
            await expect(page.get_by_role("button", name="Yes, pass it on")).to_be_visible()
            if state != "asked for a person":
                await page.get_by_role("button", name="Yes, pass it on").click()
                await expect(page.locator("#status")).to_contain_text("number 1 in the queue")
            if state == "adviser":
                adviser, _ = await store.add_adviser("Sam Smith")
                chat = await page.evaluate("sessionStorage.getItem('helpline.id')")
                await store.claim(chat, adviser.id)
                await store.append_adviser(chat, adviser.id, "Hello")
                await expect(page.locator(".message--adviser")).to_be_visible()
                store.events.typing(chat, adviser.id)
                await expect(page.locator("#typing")).to_have_text("Adviser Sam is writing.")
        case "further up":
            await long_answer(page, bot)
            await expect(page.get_by_role("button", name="New messages")).to_be_visible()
        case "rated":
            await answered(page)
            await page.get_by_role("button", name="Yes. Was this helpful?").click()
            await expect(page.locator(".helpful")).to_have_text("You said: this was helpful.")
        case "too long":
            await page.get_by_label("Your message").fill("x" * 4001)
            await expect(page.locator("#count")).to_contain_text("more than I can read")
        case "ending":
            await answered(page)
            await page.get_by_role("button", name="End and delete this chat").click()
            await expect(page.get_by_role("button", name="Yes, delete it")).to_be_visible()
        case "danger":
            await say(page, "DANGER")
            await expect(page.locator(".card--crisis")).to_be_visible()
        case "Easy Read":
            await page.get_by_role("button", name="Easy Read").click()
            await answered(page)
        case "options":
            await page.get_by_text("Text size, pictures, save, print").click()
        case "help":
            await page.get_by_text("In danger now?", exact=True).click()
        case "lost":
            await page.route("**/api/**", lambda route: route.abort())
            await say(page, "hello")
            await expect(page.locator(".message--unsent")).to_contain_text("Not sent")
    assert await violations(page) == []


@pytest.mark.parametrize(("width", "height"), [(320, 640), (320, 256), (640, 360)])
async def test_nothing_is_lost_in_a_small_window_or_at_400_percent(
    page: Page, width: int, height: int
) -> None:
    """1280 x 1024 at 400% is 320 x 256."""
    await page.set_viewport_size({"width": width, "height": height})
    await page.goto("/")
    await open_chat(page)
    await answered(page, "averylongwordwithoutanyspacesthatcouldpushthepagewide" * 3)

    panel = page.get_by_role("dialog")
    assert await panel.evaluate("p => p.scrollWidth - p.clientWidth") <= 0
    # Its words side by side, and not letter under letter.
    assert await page.locator("#easy-read").evaluate("e => e.offsetHeight") < 60
    for name in ("Easy Read", "Send", "Talk to a person", "Close chat", "End and delete this chat"):
        target = panel.get_by_role("button", name=name).last
        await target.scroll_into_view_if_needed()
        await expect(target).to_be_in_viewport(ratio=1)
    await page.get_by_label("Your message").scroll_into_view_if_needed()
    await expect(page.get_by_label("Your message")).to_be_in_viewport()
    # The way out is there wherever one reads, and of a very low window it takes little, large text or not.
    leave = panel.get_by_role("link", name="Leave this page quickly")
    await page.get_by_text("Text size, pictures, save, print").click()
    for _ in range(5):
        await expect(leave).to_be_in_viewport(ratio=1)
        tall = await leave.evaluate("e => e.offsetHeight")
        assert 24 <= tall <= (30 if height < 320 else height / 4)
        if await page.get_by_role("button", name="Larger text").is_enabled():
            await page.get_by_role("button", name="Larger text").click()


#: Scrolls through the chat; returns the words that "New messages" lies on, and how often it was seen.
_COVERED = """async () => {
  const root = document.querySelector('helpline-chat').shadowRoot;
  const [log, panel, more] = ['log', 'panel', 'new-messages'].map(id => root.getElementById(id));
  const scrolling = [log, panel].filter(e => getComputedStyle(e).overflowY === 'auto');
  const covered = [];
  let seen = 0;
  for (let at = 0; at < 1500; at += 17) {
    scrolling[0].scrollTop = at;
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
    if (!more.checkVisibility()) continue;
    seen += 1;
    const button = more.getBoundingClientRect();
    const middle = root.elementFromPoint((button.left + button.right) / 2, (button.top + button.bottom) / 2);
    if (middle !== more) covered.push('not on the screen');
    // What lies outside of what scrolls is not on the screen.
    const edges = scrolling.map(e => e.getBoundingClientRect());
    const top = Math.max(...edges.map(e => e.top)), bottom = Math.min(...edges.map(e => e.bottom));
    const words = document.createTreeWalker(log, NodeFilter.SHOW_TEXT);
    while (words.nextNode()) {
      const range = document.createRange();
      range.selectNodeContents(words.currentNode);
      for (const line of range.getClientRects()) {
        const high = Math.min(line.bottom, bottom, button.bottom) - Math.max(line.top, top, button.top);
        const wide = Math.min(line.right, button.right) - Math.max(line.left, button.left);
        if (high > 1 && wide > 1) covered.push(words.currentNode.textContent);
      }
    }
    if (more.classList.contains('docked')) continue; // on a line of its own below all that scrolls
    const name = document.createRange();
    name.selectNodeContents(root.querySelector('label[for="text"]'));
    for (const line of name.getClientRects()) {
      const high = Math.min(line.bottom, button.bottom) - Math.max(line.top, button.top);
      if (high > 1 && line.right > button.left + 1) covered.push('Your message');
    }
  }
  return [covered, seen];
}"""


@pytest.mark.parametrize("larger", [0, 2, 4])
@pytest.mark.parametrize(("width", "height"), [(320, 256), (320, 640), (640, 360), (1280, 800), (1280, 600)])
async def test_the_button_for_what_is_new_covers_no_words_and_moves_none(
    page: Page, bot: StandInBot, store: Store, width: int, height: int, larger: int
) -> None:
    await page.set_viewport_size({"width": width, "height": height})
    await page.add_init_script(f"sessionStorage.setItem('helpline.size', '{larger or ''}')")
    await page.goto("/")
    await open_chat(page)
    await long_answer(page, bot)
    covered, seen = await page.evaluate(_COVERED)
    assert covered == []
    assert seen > 20

    # Whoever reads further up sees it come, and the words stay where they are.
    more = page.get_by_role("button", name="New messages")
    await more.click()
    await expect(more).to_be_hidden()
    last = page.locator("#messages").get_by_text("This is line 59")
    await expect(last).to_be_in_viewport()
    await page.evaluate(
        "async () => { const root = document.querySelector('helpline-chat').shadowRoot;"
        " const one = [root.getElementById('log'), root.getElementById('panel')]"
        ".find(e => getComputedStyle(e).overflowY === 'auto');"
        " one.scrollTop -= 400; await new Promise(requestAnimationFrame); }"
    )
    before = await page.locator("#messages").get_by_text("This is line 40").bounding_box()
    chat = await page.evaluate("sessionStorage.getItem('helpline.id')")
    await store.append_assistant(chat, [Draft(text="something new")])
    await expect(more).to_be_visible()
    assert await page.locator("#messages").get_by_text("This is line 40").bounding_box() == before
    box = await more.bounding_box()
    assert box is not None
    assert box["height"] >= 24
    assert box["height"] <= (30 if height < 320 else 80)


async def test_who_zooms_while_reading_goes_on_where_they_were(page: Page, store: Store) -> None:
    await page.goto("/")
    await open_chat(page)
    await answered(page)
    chat = await page.evaluate("sessionStorage.getItem('helpline.id')")
    await store.append_assistant(chat, [Draft(text=f"number {n} of many\n- with a list") for n in range(40)])
    messages = page.locator("#messages")
    await expect(messages.get_by_text("number 39 of many")).to_be_attached()
    await messages.locator(".message", has_text="number 20 of many").evaluate("e => e.scrollIntoView()")
    await page.wait_for_timeout(100)
    # As at 125%, 200% and 400% of a window of 1280 by 1024, and back.
    for width, height in ((1024, 819), (640, 512), (320, 256), (640, 512), (1280, 1024)):
        await page.set_viewport_size({"width": width, "height": height})
        await expect(messages.get_by_text("number 20 of many")).to_be_in_viewport(ratio=1)
        await page.wait_for_timeout(100)


async def test_every_target_is_large_enough(page: Page, bot: StandInBot) -> None:
    await page.goto("/")
    await open_chat(page)
    await say(page, "DANGER")
    await expect(page.locator(".card--crisis")).to_be_visible()
    await everything(page, bot)
    sizes = await page.eval_on_selector_all(
        "helpline-chat :is(button, summary, a, textarea, input, select)",
        """all => all.filter(e => e.checkVisibility() && !e.matches('.skip'))
          .map(e => [e.textContent, e.getBoundingClientRect()]).map(([t, r]) => [t, r.width, r.height])""",
    )
    assert len(sizes) > 30
    assert [one for one in sizes if one[1] < 24 or one[2] < 24] == []


@pytest.mark.parametrize("larger", [0, 4])
async def test_the_text_can_be_made_twice_as_large_and_nothing_is_lost(page: Page, larger: int) -> None:
    await page.goto("/")
    await open_chat(page)
    await page.get_by_text("Text size, pictures, save, print").click()
    for _ in range(larger):
        await page.get_by_role("button", name="Larger text").click()
    size = await page.get_by_label("Your message").evaluate("e => parseFloat(getComputedStyle(e).fontSize)")
    assert size == pytest.approx(17 if larger == 0 else 38.4)
    await answered(page)
    assert await page.get_by_role("dialog").evaluate("p => p.scrollWidth - p.clientWidth") <= 0
    if larger:
        await expect(page.get_by_role("button", name="Larger text")).to_be_disabled()
        await page.reload()
        assert await page.locator(".chat").get_attribute("data-size") == "4"


async def test_wider_spaces_between_lines_words_and_letters_cut_nothing_off(
    page: Page, bot: StandInBot
) -> None:
    """As far as WCAG 2.2, 1.4.12, asks for it, in a narrow window."""
    await page.set_viewport_size({"width": 320, "height": 640})
    await page.goto("/")
    await open_chat(page)
    await everything(page, bot)
    await page.evaluate(
        """() => {
          const sheet = new CSSStyleSheet();
          sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: 0.12em !important;
            word-spacing: 0.16em !important; } p { margin-bottom: 2em !important; }`);
          document.querySelector('helpline-chat').shadowRoot.adoptedStyleSheets.push(sheet);
        }"""
    )
    cut = await page.locator("helpline-chat").evaluate(
        """host => [...host.shadowRoot.querySelectorAll('.panel, .panel *')]
          .filter(e => !e.matches('.unseen, .unseen *, .skip, svg *'))
          .filter(e => e.checkVisibility() && (e.scrollWidth > e.clientWidth + 1 && e.clientWidth))
          .map(e => [e.tagName, e.className, e.textContent.slice(0, 30)])"""
    )
    assert cut == []


async def test_on_a_page_in_another_language_it_is_read_as_english(page: Page) -> None:
    await page.goto("/")
    await page.evaluate("Object.assign(document.documentElement, { lang: 'ur', dir: 'rtl' })")
    await open_chat(page)
    chat = page.locator(".chat")
    await expect(chat).to_have_attribute("lang", "en-GB")
    assert await chat.evaluate("e => getComputedStyle(e).direction") == "ltr"


async def test_nothing_moves_by_itself_and_forced_colours_keep_every_edge(page: Page) -> None:
    await page.emulate_media(forced_colors="active", reduced_motion="reduce")
    await page.goto("/")
    await open_chat(page)
    await answered(page)
    moving = await page.eval_on_selector_all(
        "helpline-chat *",
        "all => all.filter(e => { const s = getComputedStyle(e);"
        " return s.animationName !== 'none' || parseFloat(s.transitionDuration) > 0; }).length",
    )
    assert moving == 0
    edges = await page.locator("helpline-chat button:visible").evaluate_all(
        "all => all.map(e => getComputedStyle(e))"
        ".map(s => [s.borderTopWidth, s.borderTopColor, s.backgroundColor])"
    )
    assert all(width != "0px" and edge != ground for width, edge, ground in edges)


async def test_easy_read_is_for_the_whole_chat_and_announced_as_it_is_shown(page: Page) -> None:
    await page.goto("/")
    await open_chat(page)
    await answered(page)
    await page.get_by_role("button", name="Easy Read").click()
    answer = page.locator(".message--assistant").last
    await expect(answer.locator(":scope > p").nth(1)).to_have_text("33 weeks.")
    await answer.get_by_text("Show the full answer").click()
    await expect(answer).to_contain_text("33 weeks on average.")
    await say(page, "again")
    await expect(page.locator(".message--assistant")).to_have_count(3)
    assert (await announced(page))[-1] == "Automated assistant: 33 weeks."
    await page.reload()
    await expect(page.get_by_role("button", name="Easy Read")).to_have_attribute("aria-pressed", "true")


async def test_news_is_announced_in_order_and_once(page: Page, store: Store) -> None:
    await page.goto("/")
    await open_chat(page)
    await answered(page)
    chat = await page.evaluate("sessionStorage.getItem('helpline.id')")
    for number in range(5):
        await store.append_assistant(chat, [Draft(text=f"news {number}")])
    await expect(page.locator(".message--assistant").last).to_contain_text("news 4")

    heard = await announced(page)
    assert heard == ["Automated assistant: 33 weeks on average."] + [
        f"Automated assistant: news {number}" for number in range(5)
    ]
    await expect(page.locator("#announcer")).to_have_attribute("aria-live", "polite")
    await expect(page.get_by_role("log")).to_have_attribute("aria-live", "off")  # or all would be said twice


# -- the conversation ------------------------------------------------------------------------------------


async def test_whether_an_answer_helped_is_sent_shown_and_remembered(page: Page, store: Store) -> None:
    await page.goto("/")
    await open_chat(page)
    await answered(page)
    await page.get_by_role("button", name="No. Was this helpful?").click()
    await expect(page.locator(".helpful")).to_have_text("You said: this was not helpful.")
    assert "Thank you for telling us." in await announced(page)
    chat = await page.evaluate("sessionStorage.getItem('helpline.id')")
    assert [m.meta.get("helpful") for m in await store.messages(chat)][-1] is False
    await page.reload()
    await expect(page.locator(".helpful")).to_have_text("You said: this was not helpful.")


async def test_what_is_said_without_a_connection_is_sent_in_order_when_it_is_back(
    page: Page, bot: StandInBot
) -> None:
    await page.goto("/")
    await open_chat(page)
    await page.route("**/api/v1/conversations**", lambda route: route.abort())
    await page.route("**/api/v1/conversations/**", lambda route: route.abort())
    await say(page, "first")
    await say(page, "second")
    await expect(page.locator(".message--unsent")).to_have_count(2)
    await expect(page.locator(".message--unsent").last).to_contain_text("sent when the connection is back")
    await page.reload()
    await expect(page.locator(".message--unsent")).to_have_count(2)
    await page.unroute_all()

    await expect(page.locator(".message--unsent")).to_have_count(0, timeout=40_000)
    await expect(page.locator(".message--user")).to_have_count(2)
    await expect(page.locator(".message--assistant", has_text="33 weeks")).to_have_count(2)
    assert bot.texts == ["first", "second"]


async def test_too_fast_is_told_kindly_and_sent_by_itself_later(
    page: Page, client: Client, bot: StandInBot
) -> None:
    await page.goto("/")
    await open_chat(page)
    await answered(page, "one")
    busy = {
        "title": "That was very quick, and I cannot keep up",
        "detail": "Please wait 1 second.",
        "code": "too_many_requests",
        "status": 429,
    }
    await page.route(
        "**/messages",
        lambda route: route.fulfill(
            status=429,
            content_type="application/problem+json",
            headers={
                "Retry-After": "1",
                "Access-Control-Allow-Origin": "*",
                "Access-Control-Expose-Headers": "*",
            },
            body=json.dumps(busy),
        ),
        times=1,
    )
    await say(page, "two")
    await expect(page.locator(".message--unsent")).to_contain_text(
        "Not sent yet: that was very quick, and I cannot keep up. It will be sent by itself soon."
    )

    await expect(page.locator(".message--assistant")).to_have_count(3)
    await expect(page.locator(".message--unsent")).to_have_count(0)
    assert bot.texts == ["one", "two"]


async def test_an_adviser_is_told_that_the_person_writes_and_nobody_else_is(page: Page, store: Store) -> None:
    await page.clock.install()
    await page.goto("/")
    await open_chat(page)
    await answered(page)
    chat = await page.evaluate("sessionStorage.getItem('helpline.id')")
    with store.events.subscribe(chat) as subscription:
        await page.get_by_label("Your message").press_sequentially("to the assistant")
        assert PERSON not in subscription.take_typing()
        adviser, _ = await store.add_adviser("Sam Smith")
        await store.escalate(chat, reason="x", priority=Priority.NORMAL, summary={}, who="user")
        await store.claim(chat, adviser.id)
        await expect(page.locator("#status")).to_have_text("Adviser Sam is in this chat.")
        # From here on no time goes by: while one message is written it is told again after some seconds only.
        await page.clock.pause_at(datetime.now() + timedelta(minutes=1))
        await page.get_by_label("Your message").press_sequentially("hi")
        async with asyncio.timeout(10):
            while PERSON not in subscription.take_typing():
                await subscription.wait(1)
        await page.get_by_label("Your message").press("Enter")
        await expect(page.locator(".message--unsent")).to_have_count(0)
        subscription.take_typing()
        await page.get_by_label("Your message").press_sequentially("and")
        async with asyncio.timeout(10):
            while PERSON not in subscription.take_typing():
                await subscription.wait(1)


async def test_an_adviser_who_stops_writing_is_not_said_to_go_on(page: Page, store: Store) -> None:
    await page.goto("/")
    await open_chat(page)
    await answered(page)
    chat, adviser = await taken_over(page, store)
    for _ in range(2):
        before = await page.locator("#log").bounding_box()
        store.events.typing(chat, adviser.id)
        await expect(page.locator("#typing")).to_have_text("Adviser Sam is writing.")
        await expect(page.locator("#typing")).to_be_visible()
        assert await page.locator("#log").bounding_box() == before  # nothing moves under who reads
        await expect(page.locator("#typing")).to_be_hidden(timeout=10_000)
    assert (await announced(page)).count("Adviser Sam is writing.") == 1


async def test_an_answer_that_takes_long_is_said_to_be_on_its_way(page: Page) -> None:
    words = "The assistant is writing an answer."
    await page.clock.install()
    await page.goto("/")
    await open_chat(page)
    await page.clock.pause_at(datetime.now() + timedelta(minutes=1))  # from here on it is as late as we say
    await answered(page)
    await page.clock.run_for(20_000)
    assert words not in await announced(page)

    asked, wanted = asyncio.Event(), asyncio.Event()

    async def slowly(route: Route) -> None:
        asked.set()
        await wanted.wait()
        await route.continue_()

    await page.route("**/messages", slowly)
    await say(page, "and again?")
    await expect(page.locator("#typing")).to_have_text(words)
    await page.clock.run_for(4_900)
    assert words not in await announced(page)
    await page.clock.run_for(200)
    assert (await announced(page)).count(words) == 1
    assert asked.is_set()
    wanted.set()
    await expect(page.locator(".message--assistant")).to_have_count(3)
    await page.clock.run_for(20_000)
    assert (await announced(page)).count(words) == 1


async def test_words_that_wait_survive_old_scripts_and_a_reload(
    page: Page, host: Host, bot: StandInBot
) -> None:
    host.files = {"/x.js": _UNKIND_JS}
    host.head = '<script src="/x.js"></script>'
    await page.goto("/")
    await open_chat(page)
    await page.route("**/api/v1/conversations**", lambda route: route.abort())
    await say(page, "first")
    await say(page, "second")
    await expect(page.locator(".message--unsent")).to_have_count(2)
    await page.unroute_all()
    await page.reload()

    # Both answers: what was said counts as sent before the assistant has read it.
    await expect(page.locator(".message--assistant", has_text="33 weeks")).to_have_count(2)
    await expect(page.locator(".message--unsent")).to_have_count(0)
    assert sorted(bot.texts) == ["first", "second"]


async def test_what_had_arrived_before_the_page_was_left_is_not_sent_again(page: Page, store: Store) -> None:
    await page.goto("/")
    await open_chat(page)
    await answered(page)
    chat = await page.evaluate("sessionStorage.getItem('helpline.id')")
    [sent] = [m.client_message_id for m in await store.messages(chat) if m.client_message_id]
    # As it is when another page is opened while the answer is still on its way.
    kept = json.dumps({"said": {"client_message_id": sent, "text": "How long is the wait?"}, "words": "How"})
    await page.evaluate("kept => sessionStorage.setItem('helpline.unsent', kept)", kept)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
    await page.reload()

    await expect(page.locator("#messages").get_by_text("33 weeks on average.")).to_be_visible()
    await expect(page.locator(".message--unsent")).to_have_count(0)
    await expect(page.locator(".message--user")).to_have_count(1)
    assert await page.evaluate("sessionStorage.getItem('helpline.unsent')") is None
    assert not any(one.startswith("POST") for one in asked)


async def test_words_that_wait_for_a_chat_that_is_gone_begin_a_new_one(
    page: Page, store: Store, bot: StandInBot
) -> None:
    await page.goto("/")
    await open_chat(page)
    await answered(page)
    chat = await page.evaluate("sessionStorage.getItem('helpline.id')")
    await page.route("**/messages", lambda route: route.abort())
    await say(page, "second")
    await expect(page.locator(".message--unsent")).to_contain_text("Not sent.")
    await page.goto("about:blank")
    await page.unroute_all()
    await store.erase(chat)
    await page.goto("/")

    await expect(page.locator(".message--assistant").last).to_contain_text("33 weeks")
    await expect(page.locator(".message--user")).to_contain_text(["second"])
    assert await page.evaluate("sessionStorage.getItem('helpline.id')") != chat
    assert bot.texts[-1] == "second"


async def test_pictures_can_be_replaced_by_words(page: Page, bot: StandInBot) -> None:
    await page.goto("/")
    await open_chat(page)
    await everything(page, bot)
    await expect(page.locator(".chart svg")).to_be_visible()
    await page.get_by_text("Text size, pictures, save, print").click()
    await page.get_by_role("button", name="No pictures").click()
    await expect(page.locator(".chart")).to_have_count(0)
    await expect(page.get_by_text("So far 3 to 5 weeks. On average 33 weeks.")).to_be_visible()
    await page.reload()
    await expect(page.locator(".card")).to_have_count(5)
    await expect(page.locator(".chart")).to_have_count(0)


async def test_the_room_that_is_left_is_told_while_typing(page: Page) -> None:
    await page.goto("/")
    await open_chat(page)
    box = page.get_by_label("Your message")
    await box.fill("x" * 3990)
    await expect(page.locator("#count")).to_have_text("Room for 10 characters more.")
    await box.fill("x" * 4001)
    await expect(page.locator("#count")).to_contain_text("1 character more than I can read at once")
    assert len(await announced(page)) == 2


async def test_days_are_told_apart(page: Page, store: Store) -> None:
    await page.goto("/")
    await open_chat(page)
    await answered(page)
    await expect(page.locator(".day")).to_have_count(0)
    await page.clock.set_fixed_time("2031-03-04T10:00:00")
    await page.reload()
    await expect(page.locator(".day")).to_have_count(1)
    await expect(page.locator(".day")).to_have_text(re.compile(r"^\w+day,? \d+ \w+ \d{4}$"))


async def test_the_chat_can_be_saved_as_text(page: Page) -> None:
    await page.goto("/")
    await open_chat(page)
    await answered(page)
    await page.get_by_text("Text size, pictures, save, print").click()
    async with page.expect_download() as downloading:
        await page.get_by_role("button", name="Save this chat as text").click()
    file = Path(await (await downloading.value).path())
    saved = file.read_text(encoding="utf-8")  # noqa: ASYNC240 - a test may block
    assert "You (" in saved
    assert "How long is the wait?" in saved
    assert "33 weeks on average." in saved
    assert "Source: The strategy, published 2022-12" in saved


async def test_what_only_cards_say_is_in_the_saved_text_too(page: Page, bot: StandInBot) -> None:
    await page.goto("/")
    await open_chat(page)
    await everything(page, bot)
    await page.get_by_text("Text size, pictures, save, print").click()
    async with page.expect_download() as downloading:
        await page.get_by_role("button", name="Save this chat as text").click()
    file = Path(await (await downloading.value).path())
    saved = file.read_text(encoding="utf-8")  # noqa: ASYNC240 - a test may block
    for line in (
        "A group",
        "Parents meet.",
        "Diagnosis: You do not need a diagnosis",
        "Phone: 01632 960001 extension 2 (check before you rely on it)",
        "Email: a@example.org",
        "Website: https://example.org",
        "Cost: Free",
        "Checked: October 2026",
        "2. You wait. there is help.",
        "So far 3 to 5 weeks. On average 33 weeks.",
    ):
        assert f"\n{line}\n" in saved


async def test_on_paper_it_stands_where_an_answer_comes_from(page: Page) -> None:
    await page.goto("/")
    await open_chat(page)
    await answered(page)
    source = page.locator(".sources li")
    seen = "e => e.checkVisibility({ contentVisibilityAuto: true })"
    assert not await source.evaluate(seen)
    await page.evaluate("document.querySelector('helpline-chat').toggleAttribute('data-printing', true)")
    await page.emulate_media(media="print")
    assert await source.evaluate(seen)


async def test_whoever_tries_again_by_keyboard_stays_in_the_chat(page: Page) -> None:
    """At the button while it does not help, in the log once it is gone; never back at the top of the page."""
    await page.goto("/")
    await open_chat(page)
    await answered(page)
    tries = 0

    async def refuse(route: Route) -> None:
        nonlocal tries
        tries += 1
        await route.abort()

    await page.route("**/messages", refuse)
    await say(page, "two")
    unsent = page.locator(".message--unsent")
    again = unsent.get_by_role("button", name="Try again")
    await again.focus()
    await page.keyboard.press("Enter")
    await expect(unsent).to_contain_text("Not sent.")
    assert tries >= 2
    await expect(again).to_be_focused()
    await page.unroute("**/messages")
    await page.keyboard.press("Enter")
    await expect(unsent).to_have_count(0)
    await expect(page.locator("#log")).to_be_focused()


async def test_what_is_tried_again_by_itself_is_not_told_again_and_again(page: Page) -> None:
    await page.goto("/")
    await open_chat(page)
    await answered(page)
    tries: list[str] = []

    async def refuse(route: Route) -> None:
        tries.append(route.request.url)
        await route.abort()

    await page.route("**/messages", refuse)
    await say(page, "two")
    async with asyncio.timeout(20):
        while len(tries) < 2:
            await page.wait_for_timeout(200)
    await expect(page.locator(".message--unsent")).to_contain_text("Not sent.")
    assert (await announced(page)).count("Your message was not sent. You can try again.") == 1


async def test_the_hours_stand_beside_talk_to_a_person(page: Page, client: Client, store: Store) -> None:
    await store.set_hours(read_weekly("mon-fri 09:00-17:00"), closed_on_bank_holidays=False, by="boss")
    assert client.app is not None
    client.app[SERVICE_STATE][0] = await store.service_state()
    await page.goto("/")
    await open_chat(page)
    await expect(page.locator("#form")).to_contain_text("People answer Monday to Friday 9am to 5pm")


async def test_letters_and_dates_come_to_a_councils_page(
    page: Page, bot: StandInBot, letters_url: str
) -> None:
    """From another origin than the page's, without a page of their own."""
    bot.replies = letter_reply(letters_url)
    await page.goto("/")
    await open_chat(page)
    await say(page, "write a letter because they are late")
    await page.get_by_label("Your name").fill("Somebody")
    await page.get_by_role("button", name="Show the letter").click()
    made = page.get_by_label("Your letter", exact=True)
    await expect(made).to_have_value(re.compile("Somebody"))
    await page.get_by_role("button", name="Easy Read").click()  # another form of the words, not of the letter
    await expect(made).to_have_value(re.compile("Somebody"))
    await expect(page.get_by_label("Your name")).to_have_value("Somebody")
    for name, file in (
        ("Download as Word (.docx)", "letter-ehc-overdue.docx"),
        ("Add these dates to your calendar", "dates.ics"),
    ):
        async with page.expect_download() as downloading:
            await page.locator("#messages").get_by_text(name).click()
        assert (await downloading.value).suggested_filename == file
    await expect(page.get_by_label("Your message")).to_be_visible()


async def test_a_file_of_an_adviser_comes_as_a_download_that_leaves_no_address_behind(
    page: Page, store: Store
) -> None:
    await page.goto("/")
    await open_chat(page)
    await answered(page)
    chat, adviser = await taken_over(page, store)
    form = NewFile("Form A.pdf", "application/pdf", b"%PDF-1.7 a form")
    await store.append_adviser(chat, adviser.id, "Here it is.", file=form)

    offered = page.get_by_role("button", name="Download Form A.pdf (1 KB)")
    async with page.expect_download() as downloading:
        await offered.click()
    fetched = await downloading.value
    assert fetched.url.startswith("blob:")
    assert fetched.suggested_filename == "Form A.pdf"
    assert Path(await fetched.path()).read_bytes() == form.content  # noqa: ASYNC240 - a test may block
    await expect(page.locator(".file__state")).to_contain_text("in your downloads")
    assert any("Others who use this device can see it there." in line for line in await announced(page))
    await expect(offered).to_be_focused()
    assert await violations(page) == []

    await page.route("**/files/**", lambda route: route.abort())
    await offered.click()
    await expect(page.locator(".file__state")).to_have_text(
        "The file could not be fetched just now. Please try again."
    )


async def test_a_reference_is_never_broken_at_its_hyphen(page: Page, store: Store) -> None:
    await page.set_viewport_size({"width": 320, "height": 640})
    await page.goto("/")
    await open_chat(page)
    await answered(page)
    chat = await page.evaluate("sessionStorage.getItem('helpline.id')")
    # Wherever on its line it falls.
    lines = [f"{'a ' * words}HL-7K3QPX is yours" for words in range(12, 32)]
    await store.append_assistant(chat, [Draft(text="\n".join(lines))])
    references = page.locator(".reference")
    await expect(references).to_have_count(len(lines))
    assert await references.evaluate_all("all => all.map(one => one.getClientRects().length)") == [1] * len(
        lines
    )
    await expect(page.locator(".message").last).to_contain_text("a HL-7K3QPX is yours")


async def test_a_service_says_all_that_is_known_of_it_with_a_script_and_without(
    page: Page, client: Client, bot: StandInBot
) -> None:
    bot.replies = EVERYTHING
    plain = await (await client.post("/", data={"text": "tell me everything"})).text()
    await page.goto("/")
    await open_chat(page)
    await everything(page, bot)
    card = page.locator(".card", has_text="A group")
    facts = {
        "Run by": "A charity",
        "Who it is for": "Parents",
        "Ages": "0 to 25",
        "Diagnosis": "You do not need a diagnosis",
        "How to reach it": "Just come.",
        "Email": "a@example.org",
        "Open": "Mondays",
        "Cost": "Free",
        "Checked": "October 2026",
        "Please note": "Ask first.",
    }
    for name, value in facts.items():
        row = card.locator("dl > div", has=page.locator("dt", has_text=re.compile(f"^{name}$")))
        await expect(row.locator("dd")).to_have_text(value)
        assert re.search(f"<dt>{name}</dt><dd>(<a [^>]*>)?{re.escape(value)}<", plain)


async def test_printing_prints_the_chat_alone(page: Page) -> None:
    await page.goto("/")
    await open_chat(page)
    await answered(page)
    await page.get_by_text("Text size, pictures, save, print").click()
    await page.evaluate(
        "window.print = () => { const c = document.querySelector('helpline-chat');"
        " window.printed = [c.hasAttribute('data-printing'), document.adoptedStyleSheets.length]; }"
    )
    await page.get_by_role("button", name="Print this chat").click()
    assert await page.evaluate("printed") == [True, 1]
    assert await page.evaluate("document.adoptedStyleSheets.length") == 0
    await expect(page.get_by_label("Your message")).to_be_visible()


async def test_a_step_of_a_pathway_can_be_marked(page: Page, bot: StandInBot) -> None:
    steps = [{"title": "You ask", "text": "at school."}, {"title": "They decide", "text": "in six weeks."}]
    bot.replies = [
        {"text": "These are the steps."},
        {"custom": {"cards": [{"kind": "steps", "id": "p", "title": "Steps", "steps": steps}]}},
    ]
    await page.goto("/")
    await open_chat(page)
    await say(page, "what happens?")
    await expect(page.locator("[aria-current=step]")).to_have_count(0)
    await page.get_by_text("Mark where you are").click()
    await page.get_by_label("They decide").check()
    await expect(page.locator("[aria-current=step]")).to_have_text("You are here. They decide in six weeks.")
    await page.reload()
    await expect(page.locator("[aria-current=step]")).to_contain_text("You are here.")


async def test_a_step_that_the_answer_knows_is_marked_with_the_reason_until_the_person_marks_another(
    page: Page, bot: StandInBot
) -> None:
    steps = [
        {"title": "You ask", "text": "at school.", "here": False},
        {"title": "While you wait", "text": "there is help.", "here": True},
    ]
    card = {"kind": "steps", "id": "p", "title": "Steps", "steps": steps, "here_because": "You said so."}
    bot.replies = [{"text": "These are the steps."}, {"custom": {"cards": [card]}}]
    await page.goto("/")
    await open_chat(page)
    await say(page, "we were referred, what happens?")
    marked = page.locator("[aria-current=step]")
    await expect(marked).to_have_text("You are here. While you wait there is help.")
    await expect(page.get_by_text("You said so.")).to_be_visible()
    await page.get_by_text("Mark where you are").click()
    await expect(page.get_by_label("While you wait")).to_be_checked()
    await page.get_by_label("You ask").check()
    await expect(marked).to_have_text("You are here. You ask at school.")
    await expect(page.get_by_text("You said so.")).to_have_count(0)


async def _scrolling(page: Page) -> float:
    """The middle time of one step of scrolling up, in milliseconds."""
    taken: float = await page.evaluate(
        """async () => {
          const log = document.querySelector('helpline-chat').shadowRoot.getElementById('log');
          const times = [];
          for (let n = 0; n < 40; n++) {
            const began = performance.now();
            log.scrollTop -= 400;
            await new Promise(requestAnimationFrame);
            times.push(performance.now() - began);
          }
          return times.sort((a, b) => a - b)[20];
        }"""
    )
    return taken


async def test_5000_messages_scroll_like_a_hundred(page: Page, store: Store) -> None:
    await page.goto("/")
    await open_chat(page)
    await answered(page)
    chat = await page.evaluate("sessionStorage.getItem('helpline.id')")
    text = "Somebody said something of ordinary length here, in a sentence or two."

    async def with_messages(first: int, last: int) -> float:
        drafts = [Draft(text=f"{n}. {text}") for n in range(first, last)]
        await store.append_assistant(chat, drafts)
        await page.reload()
        await expect(page.get_by_text(f"{last - 1}. {text}")).to_be_in_viewport(timeout=60_000)
        return await _scrolling(page)

    few = await with_messages(0, 100)
    many = await with_messages(100, 5000)
    print(f"a step of scrolling: {few:.0f} ms with 100 messages, {many:.0f} ms with 5,000")
    assert many < few * 3 + 20
    await expect(page.locator(".message")).to_have_count(5003)
    await answered(page, "still there?")


async def test_in_easy_read_an_answer_in_parts_is_said_once_and_in_full_when_asked(
    page: Page, bot: StandInBot
) -> None:
    bot.replies = [
        {"text": "33 weeks on average."},
        {"custom": {"easy_read": "33 weeks.\nIt may be different now."}},
        {"text": "The newest figure that there is, three years old."},
        {"custom": {"easy_read": ""}},
        {
            "text": "It does not say how the wait is counted.",
            "buttons": [{"title": "More", "payload": "/more"}],
        },
        {"custom": {"easy_read": ""}},
    ]
    await page.goto("/")
    await open_chat(page)
    await page.get_by_role("button", name="Easy Read").click()
    await say(page, "how long")

    log = page.get_by_role("log")
    await expect(log.get_by_role("button", name="More")).to_be_visible()
    await expect(log.get_by_text("It may be different now.")).to_be_visible()
    for words in ("33 weeks on average.", "The newest figure", "It does not say"):
        await expect(log.get_by_text(words)).to_be_hidden()
    assert [line for line in await announced(page) if "assistant" in line] == [
        "Automated assistant: 33 weeks.\nIt may be different now."
    ]
    await log.get_by_text("Show the full answer").last.click()
    for words in ("33 weeks on average.", "The newest figure", "It does not say"):
        await expect(log.get_by_text(words)).to_be_visible()
    assert await violations(page) == []
    await log.get_by_text("Show the full answer").last.click()
    await expect(log.get_by_text("The newest figure")).to_be_hidden()
    await page.get_by_role("button", name="Easy Read").click()
    await expect(log.get_by_text("The newest figure")).to_be_visible()


async def test_in_easy_read_what_belongs_to_an_answer_is_never_a_box_of_its_own(
    page: Page, bot: StandInBot
) -> None:
    bot.replies = [
        {"text": "33 weeks on average."},
        {"custom": {"easy_read": "33 weeks."}},
        {"text": "The newest figure that there is, three years old."},
        {"custom": {"easy_read": ""}},
        {"text": "It does not say how the wait is counted."},
        {"custom": {"easy_read": "", "sources": [{"title": "The strategy", "published": "2022-12"}]}},
    ]
    await page.goto("/")
    await open_chat(page)
    await page.get_by_role("button", name="Easy Read").click()
    await say(page, "how long")
    said = page.locator("#messages > .message--assistant:not(.message--more)").last
    source = page.locator("#messages > .message--assistant", has_text="Where this comes from")
    await expect(source).to_be_visible()

    async def joined() -> None:
        """One box: no gap between its parts, and the speaker's name once."""
        boxes = await page.locator("#messages > .message--user ~ .message--assistant").evaluate_all(
            "all => all.filter(e => e.checkVisibility()).map(e => e.getBoundingClientRect())"
            ".map(r => [r.top, r.bottom, r.left, r.right])"
        )
        assert len(boxes) > 1
        for (_, bottom, *sides), (top, _, *other_sides) in itertools.pairwise(boxes):
            assert abs(top - bottom) < 1
            assert sides == other_sides
        named = await page.locator(
            "#messages > .message--user ~ .message--assistant > .message__who"
        ).evaluate_all("all => all.filter(e => e.checkVisibility() && e.offsetHeight > 5).length")
        assert named == 1

    await joined()
    await said.get_by_text("Show the full answer").click()
    await expect(page.get_by_text("The newest figure")).to_be_visible()
    await joined()
    assert await violations(page) == []
    await page.get_by_role("button", name="Easy Read").click()
    names = page.locator("#messages > .message--user ~ .message--assistant > .message__who")
    assert await names.evaluate_all("all => all.every(e => e.offsetHeight > 5)")


async def test_the_same_words_are_not_offered_as_simpler_ones(page: Page, bot: StandInBot) -> None:
    bot.replies = [{"text": "33 weeks."}, {"custom": {"easy_read": "33 weeks."}}]
    await page.goto("/")
    await open_chat(page)
    await say(page, "say it simply")
    answer = page.locator(".message--assistant").last
    await expect(answer).to_contain_text("33 weeks.")
    await expect(answer.get_by_text("Explain more simply")).to_have_count(0)
    await page.get_by_role("button", name="Easy Read").click()
    await expect(
        page.locator(".message--assistant").first.get_by_text("Show the full answer")
    ).to_be_visible()
    await expect(answer.get_by_text("Show the full answer")).to_have_count(0)


# -- without a connection --------------------------------------------------------------------------


async def test_a_helpline_that_cannot_be_reached_shows_whom_to_contact_in_danger(
    page: Page, host: Host
) -> None:
    """They came with the script: under the strictest policy, and as no name that the page could meet."""
    host.policy = (
        f"default-src 'none'; script-src {host.helpline}; style-src 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    refused: list[str] = []
    page.on(
        "console", lambda message: refused.append(message.text) if "Security Policy" in message.text else None
    )
    await page.goto("/")
    await page.get_by_role("button", name="Ask about autism and SEND").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("cannot be reached")
    await expect(dialog.get_by_role("link", name="000", exact=True)).to_have_attribute("href", "tel:000")
    await expect(dialog.get_by_role("link", name="000 111")).to_be_in_viewport()
    await expect(dialog).to_contain_text("In danger now?")
    # Only what it asks for is refused, here by the policy itself; nothing of what it shows.
    assert [one for one in refused if "/api/v1/start" not in one and "Fetch API" not in one] == []
    assert await page.evaluate("typeof helplineContacts") == "undefined"


async def test_who_waits_long_for_the_chat_to_open_sees_whom_to_contact_meanwhile(page: Page) -> None:
    await page.goto("/")
    opened = asyncio.Event()

    async def slowly(route: Route) -> None:
        await opened.wait()
        await route.continue_()

    await page.route("**/api/v1/start*", slowly)
    await page.get_by_role("button", name="Ask about autism and SEND").click()
    await expect(page.get_by_role("dialog").get_by_role("link", name="000", exact=True)).to_be_visible()
    opened.set()
    await expect(page.get_by_label("Your message")).to_be_visible()


@pytest.mark.parametrize("where", ["widget", "page"])
@pytest.mark.parametrize("size", [(1280, 800), (360, 640), (320, 640)])
async def test_while_the_connection_is_lost_it_is_in_sight_whom_to_contact_in_danger(
    page: Page, host: Host, bot: StandInBot, size: tuple[int, int], where: str
) -> None:
    await page.set_viewport_size({"width": size[0], "height": size[1]})
    await page.goto("/" if where == "widget" else host.helpline)
    if where == "widget":
        await open_chat(page)
    await long_answer(page, bot)
    numbers = page.get_by_role("group", name="In danger now?")
    await expect(numbers).to_be_hidden()
    reading = page.locator("#messages").get_by_text("This is line 1 of")
    before = await reading.bounding_box()

    await page.context.set_offline(True)

    await expect(page.locator("#status")).to_have_text(
        "The connection is lost. I am trying again. Your words are kept."
    )
    for name, address in (("000", "tel:000"), ("000 111", "tel:000111")):
        number = numbers.get_by_role("link", name=name, exact=True)
        await expect(number).to_be_in_viewport(ratio=1)
        await expect(number).to_have_attribute("href", address)
    after = await reading.bounding_box()
    assert before is not None
    assert after is not None
    assert abs(after["y"] - before["y"]) < 1  # nothing moves under who reads
    if (where, size) != ("page", (1280, 800)):
        await expect(page.get_by_role("button", name="Send", exact=True)).to_be_in_viewport(ratio=1)
    assert await violations(page) == []
    await page.context.set_offline(False)
    await expect(numbers).to_be_hidden()
    await expect(page.locator("#status")).to_contain_text("Connected again.")


@pytest.mark.parametrize("what", ["no answer", "refused", "too fast"])
async def test_why_a_message_was_not_sent_is_heard_as_it_is_seen_in_order_and_once(
    page: Page, what: str
) -> None:
    await page.goto("/")
    await open_chat(page)
    await answered(page, "one")

    async def fail(route: Route) -> None:
        if what == "no answer":
            await route.abort()
            return
        busy = what == "too fast"
        problem = {"title": "That was very quick", "detail": "", "code": "too_many_requests", "status": 429}
        await route.fulfill(
            status=429 if busy else 403,
            content_type="application/problem+json" if busy else "text/html",
            headers={"Access-Control-Allow-Origin": "*", "Retry-After": "60"},
            body=json.dumps(problem) if busy else "<h1>Blocked</h1>",
        )

    await page.route("**/messages", fail)
    before = len(await announced(page))
    await say(page, "two")
    await say(page, "three")
    unsent = page.locator(".message--unsent")
    await expect(unsent.last.locator(".message__state")).to_contain_text("Not sent")
    seen = await unsent.locator(".message__state p").all_text_contents()
    assert seen[:2] == [seen[0], "Your message was not sent. You can try again."]
    heard = [line for line in (await announced(page))[before:] if "connection" not in line or "sent" in line]
    assert heard == seen


# -- on a phone --------------------------------------------------------------------------------------

#: What has the focus is what is on the screen at its middle.
_SEEN = """() => {
  const root = document.querySelector('helpline-chat').shadowRoot;
  const focused = root.activeElement;
  if (!focused || focused.id === 'log') return true;
  const box = focused.getBoundingClientRect();
  const there = root.elementFromPoint((box.left + box.right) / 2, (box.top + box.bottom) / 2);
  return focused.contains(there) || focused.textContent.slice(0, 40);
}"""

#: The first line of the crisis reply is not under something else.
_UNCOVERED = """() => {
  const root = document.querySelector('helpline-chat').shadowRoot;
  const lines = [...root.querySelectorAll('#messages p')];
  const first = lines.find((line) => line.textContent.includes('Please get help now'));
  const box = first.getBoundingClientRect();
  return first.contains(root.elementFromPoint(box.left + 20, box.top + 4));
}"""

_BUBBLES = [{"text": f"Part {n} of the answer. It says one thing in a sentence or two."} for n in range(6)]


@pytest.mark.parametrize("size", [(360, 640), (320, 640), (320, 480), (900, 480)])
@pytest.mark.parametrize("where", ["widget", "page"])
async def test_on_a_phone_the_box_and_the_way_to_a_person_stay_in_sight(
    page: Page, host: Host, bot: StandInBot, size: tuple[int, int], where: str
) -> None:
    await page.set_viewport_size({"width": size[0], "height": size[1]})
    bot.replies = _BUBBLES
    if where == "widget":
        await page.goto("/")
        await open_chat(page)
    else:
        await page.goto(f"{host.helpline}/")
    stays = [
        page.get_by_label("Your message"),
        page.get_by_role("button", name="Send", exact=True),
        page.locator("#form").get_by_role("button", name="Talk to a person"),
        page.get_by_role("link", name="Leave this page quickly"),
    ]
    for text in ("one", "two"):
        await say(page, text)
        await expect(page.locator(".message--user", has_text=text)).to_be_in_viewport()
        await expect(page.get_by_text("Part 5 of the answer.").last).to_be_attached()
        for one in stays:
            await expect(one).to_be_in_viewport(ratio=1)
    # Wherever one reads, and whatever gets the focus: that is seen as well.
    await page.get_by_text("Part 3 of the answer.").first.scroll_into_view_if_needed()
    for one in stays:
        await expect(one).to_be_in_viewport(ratio=1)
    await page.get_by_label("Your message").focus()
    for key in ["Shift+Tab"] * 12 + ["Tab"] * 16:
        await page.keyboard.press(key)
        assert await page.evaluate(_SEEN) is True
    assert await page.evaluate("document.documentElement.scrollWidth") <= size[0]


@pytest.mark.parametrize(("size", "larger"), [((320, 256), 0), ((640, 360), 0), ((360, 640), 3)])
async def test_where_there_is_no_room_for_both_the_whole_chat_scrolls(
    page: Page, bot: StandInBot, size: tuple[int, int], larger: int
) -> None:
    await page.set_viewport_size({"width": size[0], "height": size[1]})
    await page.add_init_script(f"sessionStorage.setItem('helpline.size', '{larger or ''}')")
    bot.replies = _BUBBLES
    await page.goto("/")
    await open_chat(page)
    await say(page, "one")
    await expect(page.get_by_text("Part 5 of the answer.").last).to_be_attached()
    await expect(page.get_by_label("Your message")).not_to_be_in_viewport()
    await page.get_by_label("Your message").scroll_into_view_if_needed()
    await expect(page.get_by_label("Your message")).to_be_in_viewport()


async def test_that_somebody_wrote_is_told_on_the_next_page_too_until_the_chat_is_opened(
    page: Page, store: Store
) -> None:
    await page.goto("/")
    await open_chat(page)
    await answered(page)
    chat, adviser = await taken_over(page, store)
    await page.get_by_role("button", name="Close chat").click()
    await store.append_adviser(chat, adviser.id, "Are you still there?")
    launcher = page.locator("#launcher")
    await expect(launcher).to_have_text("Ask about autism and SEND (new message)")

    await page.goto("/next")
    await expect(launcher).to_have_text("Ask about autism and SEND (new message)")
    await launcher.click()
    await expect(page.locator("#messages").get_by_text("Are you still there?")).to_be_in_viewport()
    await page.get_by_role("button", name="Close chat").click()
    await expect(launcher).to_have_text("Ask about autism and SEND")
    await page.goto("/")
    await expect(launcher).to_have_text("Ask about autism and SEND")


@pytest.mark.parametrize("words", ["", "   ", " \n "])
async def test_spaces_alone_are_not_sent_and_the_box_says_so(page: Page, bot: StandInBot, words: str) -> None:
    await page.goto("/")
    await open_chat(page)
    box = page.get_by_label("Your message")
    await box.fill(words)
    await box.press("Enter")

    await expect(page.locator("#count")).to_have_text("Please write your message first.")
    await expect(box).to_be_focused()
    await expect(box).to_have_value("")
    await expect(page.locator(".message--user")).to_have_count(0)
    assert await announced(page) == ["Please write your message first."]
    await box.press_sequentially("How")
    await expect(page.locator("#count")).to_be_empty()
    await answered(page)
    assert bot.texts == ["How long is the wait?"]


async def test_a_browser_may_fill_in_what_is_about_the_writer_and_nothing_about_a_child(
    page: Page, client: Client, bot: StandInBot, letters_url: str
) -> None:
    bot.replies = letter_reply(letters_url)
    plain = await (await client.post("/", data={"text": "write a letter because they are late"})).text()
    await page.goto("/")
    await open_chat(page)
    await say(page, "write a letter because they are late")
    for label, name, purpose in (
        ("Your name", "your_name", "name"),
        ("How they can reach you", "your_contact", "street-address"),
        ("Name of the child", "child_name", None),
        ("The council", "council", None),
    ):
        field = page.get_by_label(label, exact=True)
        await expect(field).to_be_visible()
        assert await field.get_attribute("autocomplete") == purpose
        [tag] = re.findall(rf'<(?:input|textarea)[^>]* name="{name}"[^>]*>', plain)
        assert re.findall(r'autocomplete="([^"]*)"', tag) == ([purpose] if purpose else [])


def test_an_address_of_several_lines_is_asked_for_only_where_several_can_be_written() -> None:
    fields = [{"name": name, "multiline": many} for name in ("your_name", "your_contact") for many in (0, 1)]
    [card] = with_purposes([{"kind": "letter", "fields": fields}])
    assert [field["autocomplete"] for field in card["fields"]] == ["name", "name", None, "street-address"]


# -- the line comes back -----------------------------------------------------------------------------

_FOCUSED = "document.activeElement.shadowRoot?.activeElement?.href ?? null"


@pytest.mark.parametrize("size", [(1280, 800), (360, 640)])
async def test_who_is_at_a_number_when_the_line_comes_back_stays_there(
    page: Page, size: tuple[int, int]
) -> None:
    await page.set_viewport_size({"width": size[0], "height": size[1]})
    await page.goto("/")
    await open_chat(page)
    await answered(page)
    numbers = page.get_by_role("group", name="In danger now?")
    await page.context.set_offline(True)
    await numbers.get_by_role("link", name="000", exact=True).focus()

    await page.context.set_offline(False)
    await expect(page.locator("#status")).to_contain_text("Connected again.")

    assert await page.evaluate(_FOCUSED) == "tel:000"
    await expect(numbers).to_be_visible()
    await expect(numbers).not_to_contain_text("connection is lost", use_inner_text=True)
    await page.keyboard.press("Tab")
    assert await page.evaluate(_FOCUSED) == "tel:000111"
    await page.wait_for_timeout(800)
    assert await page.evaluate(_FOCUSED) == "tel:000111"
    await page.get_by_label("Your message").focus()
    await expect(numbers).to_be_hidden()
    await expect(page.get_by_label("Your message")).to_be_focused()
    # The next time they are there again.
    await page.context.set_offline(True)
    await expect(numbers).to_contain_text("The connection is lost.", use_inner_text=True)
    await expect(numbers.get_by_role("link", name="000", exact=True)).to_be_visible()


@pytest.mark.parametrize("size", [(360, 640), (320, 640), (390, 844), (412, 915), (1280, 800)])
@pytest.mark.parametrize("where", ["widget", "page"])
async def test_a_crisis_reply_stays_in_sight_from_its_first_line_when_the_line_drops_and_returns(
    page: Page, host: Host, size: tuple[int, int], where: str
) -> None:
    await page.set_viewport_size({"width": size[0], "height": size[1]})
    await page.goto("/" if where == "widget" else host.helpline)
    if where == "widget":
        await open_chat(page)
    await answered(page)
    await say(page, "DANGER")
    first = page.locator("#messages").get_by_text("Please get help now").first
    await expect(first).to_be_in_viewport(ratio=1)

    async def stays() -> None:
        await page.wait_for_timeout(300)
        await expect(first).to_be_in_viewport(ratio=1)
        assert await page.evaluate(_UNCOVERED) is True

    await stays()
    await page.context.set_offline(True)
    await expect(page.get_by_role("group", name="In danger now?")).to_be_visible()
    await stays()
    await page.context.set_offline(False)
    await expect(page.locator("#status")).to_contain_text("Connected again.")
    await stays()
    # What is written makes the box higher, and the log lower.
    await page.get_by_label("Your message").fill("one\ntwo\nthree\nfour\nfive")
    await stays()


@pytest.mark.parametrize("lines", [4, 6, 8, 9, 10])
async def test_a_crisis_reply_that_just_fits_keeps_its_first_line_when_the_line_drops_and_returns(
    page: Page, store: Store, lines: int
) -> None:
    await page.set_viewport_size({"width": 360, "height": 640})
    await page.goto("/")
    await open_chat(page)
    await answered(page)
    text = "\n".join(["Please get help now.", *(f"You can call number {n}." for n in range(lines))])
    crisis = {"kind": "crisis", "title": "Who to contact", "contacts": []}
    chat = str(await page.evaluate("sessionStorage.getItem('helpline.id')"))
    await store.append_assistant(chat, [Draft(text=text, cards=(crisis,))])
    first = page.locator("#messages").get_by_text("Please get help now").first
    await expect(first).to_be_in_viewport(ratio=1)
    for offline in (True, False):
        await page.context.set_offline(offline)
        await expect(page.locator("#status")).to_contain_text("lost" if offline else "Connected again.")
        await page.wait_for_timeout(300)
        assert await page.evaluate(_UNCOVERED) is True


async def test_that_the_line_is_back_is_told_once_and_does_not_stay(page: Page) -> None:
    await page.goto("/")
    await open_chat(page)
    await answered(page)
    status = page.locator("#status")
    await page.context.set_offline(True)
    await expect(status).to_contain_text("The connection is lost.")
    await page.context.set_offline(False)
    await expect(status).to_contain_text("Connected again.")
    heard = await announced(page)

    await expect(status).to_have_text("You are talking with an automated assistant.", timeout=15_000)
    assert [line for line in await announced(page) if line not in heard] == []

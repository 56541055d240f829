"""What families rely on: the chat page, in a real browser and without JavaScript."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientResponse, FormData, web
from aiohttp.test_utils import TestClient
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.async_api import Browser, Error, Page, Route, async_playwright, expect

from conversations.errors import StoreUnavailable
from conversations.log import ConversationLog, Draft
from conversations.models import Priority
from conversations.opening import read_weekly
from conversations.store import Store
from gateway.keys import SERVICE_STATE, SETTINGS, SOCKETS
from tests.gateway.conftest import StandInBot
from tests.gateway.test_turn import HANDOFF

type Client = TestClient[web.Request, web.Application]

# A page is waited for as long as a busy machine needs to draw it.
expect.set_options(timeout=30_000)

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
needs_browser = pytest.mark.skipif(
    not CHROMIUM.exists(), reason=f"needs Chromium at {CHROMIUM} (apt-get install chromium)"
)

LOST = "The connection is lost. I am trying again. Your words are kept."

#: What reads a chat from its beginning.
_WHOLE_CHAT = re.compile(r"/messages\?after=0$")

#: Markup that would run if it were ever taken as markup.
MARKUP = "<img src=x onerror=\"document.title='owned'\"><b>bold</b>"


@pytest_asyncio.fixture
async def browser() -> AsyncGenerator[Browser]:
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield running
        await running.close()


@pytest_asyncio.fixture
async def page(browser: Browser, client: Client) -> AsyncGenerator[Page]:
    """The chat page, freshly opened; fails the test on any script error or request to another host."""
    context = await browser.new_context(base_url=str(client.make_url("/")))
    opened = await context.new_page()
    troubles: list[str] = []
    opened.on("pageerror", lambda error: troubles.append(str(error)))
    opened.on(
        "request",
        lambda request: troubles.append(request.url) if client.host not in request.url else None,
    )
    opened.on(
        "console",
        lambda message: troubles.append(message.text) if "Content Security Policy" in message.text else None,
    )
    await opened.goto("/")
    yield opened
    await context.close()
    assert troubles == []


async def say(page: Page, text: str) -> None:
    await page.get_by_label("Your message").fill(text)
    await page.get_by_role("button", name="Send").click()


async def announced(page: Page) -> list[str]:
    return await page.locator("#announcer p").all_text_contents()


async def violations(page: Page) -> list[str]:
    """What axe finds wrong on the page as it stands."""
    # Evaluated, not added as a script: the page's own policy forbids that, and should.
    await page.evaluate(Path(AXE_FILE_PATH).read_text(encoding="utf-8"))  # noqa: ASYNC240 - a test may block
    result: dict[str, Any] = await page.evaluate("axe.run()")
    return [f"{one['id']}: {[node['html'] for node in one['nodes']]}" for one in result["violations"]]


# -- in a browser ----------------------------------------------------------------------------------


@needs_browser
async def test_a_question_is_answered_with_everything_that_belongs_to_it(page: Page) -> None:
    await say(page, "How long is the wait?")

    answer = page.locator(".message--assistant").last
    await expect(answer).to_contain_text("33 weeks on average.")
    await expect(answer.locator(".message__who")).to_have_text("Automated assistant")
    await expect(page.locator(".message--user .message__who")).to_have_text("You")
    await expect(answer.get_by_role("link", name="000 222")).to_have_attribute("href", "tel:000222")
    source = answer.locator("details.sources")
    await expect(source.get_by_text("The strategy")).to_be_hidden()
    await source.locator("summary").click()
    await expect(source).to_contain_text("Published: 2022-12")
    await answer.locator("details.easy-read summary").click()
    await expect(answer.locator("details.easy-read")).to_contain_text("33 weeks.")


@needs_browser
async def test_buttons_say_what_they_do_and_leave_a_trace(page: Page, bot: StandInBot) -> None:
    await page.get_by_role("button", name="How long is the wait?").click()
    await page.get_by_role("button", name="And adults?").click()

    await expect(page.locator(".message--user")).to_contain_text(["How long is the wait?", "And adults?"])
    await expect(page.locator(".message--assistant")).to_have_count(3)
    assert bot.texts == ["/wait_time", "/adults"]


@needs_browser
async def test_a_question_that_is_offered_is_asked_with_one_press(page: Page, bot: StandInBot) -> None:
    question = "How long do adults wait?"
    bot.replies = [{"text": "33 weeks.", "buttons": [{"title": question, "payload": question}]}]
    await say(page, "How long?")
    await page.get_by_role("button", name=question).click()

    await expect(page.locator(".message--assistant")).to_have_count(3)
    await expect(page.locator(".message--unsent")).to_have_count(0)
    assert bot.texts == ["How long?", question]


@needs_browser
async def test_each_new_text_is_announced_once_and_never_the_old_ones(page: Page) -> None:
    await say(page, "one")
    await expect(page.locator(".message--assistant").last).to_contain_text("33 weeks")
    await page.wait_for_timeout(300)

    assert await announced(page) == ["Automated assistant: 33 weeks on average."]
    await page.reload()
    await expect(page.locator(".message--assistant").last).to_contain_text("33 weeks")
    assert await announced(page) == []


@needs_browser
async def test_the_whole_chat_works_by_keyboard_and_focus_stays_where_the_person_put_it(page: Page) -> None:
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to your message")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.get_by_label("Your message").focus()
    await page.keyboard.type("how long")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("is it")
    await page.keyboard.press("Enter")

    await expect(page.locator(".message--assistant").last).to_contain_text("33 weeks")
    await expect(page.get_by_label("Your message")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Send")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.locator(".actions").get_by_role("button", name="Talk to a person")).to_be_focused()


@needs_browser
async def test_a_reload_goes_on_where_it_was_and_the_draft_survives(page: Page) -> None:
    await say(page, "one")
    await expect(page.locator(".message--assistant").last).to_contain_text("33 weeks")
    before = await page.locator(".message").count()
    await page.get_by_label("Your message").fill("half a thought")

    await page.reload()

    await expect(page.locator(".message")).to_have_count(before)
    await expect(page.get_by_label("Your message")).to_have_value("half a thought")


@needs_browser
async def test_a_chat_that_came_with_the_page_goes_on_after_a_reload_at_an_address_of_its_own(
    page: Page, client: Client
) -> None:
    """Begun without JavaScript, or moved here by a link that works once."""
    begun = await html(await client.post("/", data=form(await html(await client.get("/")), text="one")))
    moved = re.compile(r"/continue/once$")
    await page.route(moved, lambda route: route.fulfill(content_type="text/html", body=begun), times=1)
    await page.goto("/continue/once")
    answer = page.locator(".message--assistant").last
    await expect(answer).to_contain_text("33 weeks")
    assert page.url == str(client.make_url("/"))

    await page.reload()

    await expect(answer).to_contain_text("33 weeks")


@needs_browser
async def test_what_is_said_while_the_chat_is_still_being_read_stays(page: Page, bot: StandInBot) -> None:
    await say(page, "one")
    await expect(page.locator(".message--assistant").last).to_contain_text("33 weeks")
    said = asyncio.Event()

    async def slowly(route: Route) -> None:
        before = await route.fetch()
        await said.wait()
        await route.fulfill(response=before)

    await page.route(_WHOLE_CHAT, slowly)
    await page.reload()
    await say(page, "two")
    await expect(page.locator(".message--assistant", has_text="33 weeks")).to_have_count(1)
    await page.route("**/api/v1/conversations/*/messages", lambda route: route.abort())
    await say(page, "three")
    await expect(page.locator(".message--unsent")).to_contain_text("Not sent.")
    said.set()

    await expect(page.locator(".message--user")).to_contain_text(["one", "two", "three"])
    await expect(page.locator(".message--assistant")).to_have_count(3)
    await page.unroute_all()
    await expect(page.locator(".message--unsent")).to_have_count(0)
    await expect(page.locator(".message--assistant")).to_have_count(4)
    assert bot.texts == ["one", "two", "three"]


@needs_browser
async def test_a_chat_that_cannot_be_read_at_first_is_not_read_out_as_news(page: Page) -> None:
    await say(page, "one")
    await expect(page.locator(".message--assistant").last).to_contain_text("33 weeks")
    await page.route(_WHOLE_CHAT, lambda route: route.abort(), times=1)
    await page.reload()

    await expect(page.locator("#status")).to_have_text(LOST)
    await expect(page.locator(".message--user")).to_have_count(1)
    await expect(page.locator("#status")).to_contain_text("automated assistant")
    await expect(page.locator(".message--assistant")).to_have_count(2)
    assert await announced(page) == [LOST, "Connected again."]


@needs_browser
async def test_markup_is_text_whoever_wrote_it(page: Page, bot: StandInBot) -> None:
    bot.replies = [
        {"text": MARKUP, "buttons": [{"title": MARKUP, "payload": "/x"}]},
        {
            "custom": {
                "easy_read": MARKUP,
                "cards": [{"title": MARKUP, "url": "javascript:alert(1)", "description": MARKUP}],
                "sources": [{"title": MARKUP, "url": "javascript:alert(1)"}],
            }
        },
    ]
    await say(page, f"what is {MARKUP}")

    await expect(page.locator(".message--assistant").last).to_contain_text("<b>bold</b>")
    assert await page.locator(".message img, .message b").count() == 0
    assert await page.locator("a[href^='javascript']").count() == 0
    assert await page.title() != "owned"


@needs_browser
async def test_danger_shows_who_to_call_with_links_and_each_contact_once(page: Page) -> None:
    await say(page, "DANGER")

    card = page.locator(".card--crisis")
    await expect(card).to_contain_text("Get help now")
    await expect(card.get_by_role("link", name="000", exact=True)).to_have_attribute("href", "tel:000")
    message = page.locator(".message", has=card)
    assert (await message.inner_text()).count("Listening line") == 1


@needs_browser
async def test_a_person_comes_writes_and_goes_and_the_page_always_says_who(page: Page, store: Store) -> None:
    await say(page, "hello")
    await expect(page.locator(".message--assistant").last).to_contain_text("33 weeks")
    chat = await page.evaluate("sessionStorage.getItem('helpline.id')")
    adviser, _ = await store.add_adviser("Sam Smith")
    await store.escalate(chat, reason="x", priority=Priority.NORMAL, summary={}, who="user")
    await expect(page.locator("#status")).to_contain_text("number 1 in the queue")
    await store.claim(chat, adviser.id)
    await expect(page.locator("#status")).to_have_text("Adviser Sam is in this chat.")
    await store.append_adviser(chat, adviser.id, "Hello, how can I help?")
    await expect(page.locator(".message--adviser .message__who")).to_have_text("Adviser Sam")
    assert "Adviser Sam: Hello, how can I help?" in await announced(page)
    last = await store.last_word(chat)
    assert last is not None
    assert last.arrived  # the adviser is told so
    await store.close(chat, adviser.id, outcome="answered")
    await expect(page.locator("#status")).to_contain_text("automated assistant")


@needs_browser
async def test_a_failed_send_can_be_tried_again_and_is_sent_once(page: Page, bot: StandInBot) -> None:
    await page.route("**/api/v1/conversations/*/messages", lambda route: route.abort())
    await say(page, "is anybody there")
    unsent = page.locator(".message--unsent")
    await expect(unsent).to_contain_text("Not sent.")
    assert "Your message was not sent. You can try again." in await announced(page)
    await page.unroute("**/api/v1/conversations/*/messages")

    await unsent.get_by_role("button", name="Try again").click()

    await expect(page.locator(".message--assistant").last).to_contain_text("33 weeks")
    await expect(page.locator(".message--user")).to_have_count(1)
    await expect(unsent).to_have_count(0)
    assert bot.texts == ["is anybody there"]


@needs_browser
async def test_what_is_said_after_a_failure_does_not_overtake_what_still_waits(
    page: Page, bot: StandInBot
) -> None:
    messages = "**/api/v1/conversations/*/messages"
    await say(page, "hello")
    await expect(page.locator(".message--assistant").last).to_contain_text("33 weeks")
    await page.route(messages, lambda route: route.abort())
    await say(page, "my son is nine")
    await expect(page.locator(".message--unsent")).to_contain_text("Not sent.")
    await say(page, "we live in Derby")
    await expect(page.locator(".message--unsent").last).to_contain_text("sent when the connection is back")
    await page.unroute(messages)

    await say(page, "how long is the wait")

    await expect(page.locator(".message--unsent")).to_have_count(0)
    # All answers: what was said counts as sent before the assistant has read it.
    await expect(page.locator(".message--assistant", has_text="33 weeks")).to_have_count(4)
    assert bot.texts == ["hello", "my son is nine", "we live in Derby", "how long is the wait"]


@needs_browser
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (("text/html", "<h1>Blocked by your school</h1>"), "Not sent: something on the way to us"),
        (("application/json", '{"message": "Forbidden"}'), "Not sent: something on the way to us"),
        (None, "Not sent."),
    ],
    ids=["a page", "no problem", "cut off"],
)
async def test_words_that_something_on_the_way_lets_not_through_hold_up_no_cry_for_help(
    page: Page, answer: tuple[str, str] | None, said: str
) -> None:
    await say(page, "hello")
    await expect(page.locator(".message--assistant").last).to_contain_text("33 weeks")

    async def filtered(route: Route) -> None:
        if "a bad word" not in (route.request.post_data or ""):
            await route.continue_()
        elif answer is None:
            await route.abort()
        else:
            await route.fulfill(status=403, content_type=answer[0], body=answer[1])

    await page.route("**/api/v1/conversations/*/messages", filtered)
    await say(page, "a bad word")
    unsent = page.locator(".message--unsent")
    await expect(unsent).to_contain_text(said)
    await say(page, "DANGER")

    await expect(page.locator(".card--crisis")).to_be_visible()
    await expect(unsent).to_have_count(1)
    await expect(unsent.get_by_role("button", name="Try again")).to_be_enabled()


@needs_browser
async def test_a_lost_connection_is_said_calmly_and_nothing_is_missed(
    page: Page, client: Client, store: Store
) -> None:
    await say(page, "hello")
    await expect(page.locator(".message--assistant").last).to_contain_text("33 weeks")
    chat = await page.evaluate("sessionStorage.getItem('helpline.id')")
    await page.route("**/api/**", lambda route: route.abort())
    assert client.app is not None
    await page.route_web_socket("**/socket", lambda ws: ws.close())
    await client.app[SOCKETS].close()
    await expect(page.locator("#status")).to_contain_text("connection is lost", timeout=15_000)
    await store.append_assistant(chat, [Draft(text="while you were away")])
    await page.unroute_all()

    await expect(page.locator(".message--assistant").last).to_contain_text(
        "while you were away", timeout=20_000
    )
    await expect(page.locator("#status")).to_contain_text("automated assistant")


@needs_browser
async def test_a_dead_line_is_noticed_and_said_at_once(page: Page, store: Store) -> None:
    """A phone that loses its network closes no socket: the browser tells of it, or a message unanswered."""
    await say(page, "hello")
    await expect(page.locator(".message--assistant").last).to_contain_text("33 weeks")
    chat = await page.evaluate("sessionStorage.getItem('helpline.id')")

    await page.context.set_offline(True)
    await expect(page.locator("#status")).to_have_text(LOST)
    await say(page, "are you there")
    await expect(page.locator(".message--unsent")).to_contain_text("sent when the connection is back")
    await store.append_assistant(chat, [Draft(text="while you were away")])
    await page.context.set_offline(False)

    await expect(page.get_by_text("while you were away").first).to_be_visible()
    await expect(page.locator("#status")).to_contain_text("automated assistant")
    await expect(page.locator(".message--unsent")).to_have_count(0)
    heard = await announced(page)
    lost, back = (heard.index(words) for words in (LOST, "Connected again."))
    assert lost < back
    assert heard.count(LOST) == heard.count("Connected again.") == 1


@needs_browser
async def test_words_that_cannot_be_sent_while_the_rest_works_are_not_sent_again_at_once(page: Page) -> None:
    await say(page, "hello")
    await expect(page.locator(".message--assistant").last).to_contain_text("33 weeks")
    tries: list[str] = []

    async def refuse(route: Route) -> None:
        tries.append(route.request.url)
        await route.abort()

    await page.route("**/api/v1/conversations/*/messages", refuse)
    await say(page, "is anybody there")
    await expect(page.locator(".message--unsent")).to_contain_text("Not sent.")
    await page.wait_for_timeout(1500)
    assert len(tries) == 1


@needs_browser
async def test_an_advisers_words_are_shown_from_their_first(
    page: Page, bot: StandInBot, store: Store
) -> None:
    bot.replies = [{"text": "\n".join(f"line {n} of the answer" for n in range(60))}]
    await say(page, "one")
    await expect(page.get_by_text("line 59 of the answer").last).to_be_attached()
    chat = await page.evaluate("sessionStorage.getItem('helpline.id')")
    adviser, _ = await store.add_adviser("Sam Smith")
    await store.escalate(chat, reason="x", priority=Priority.NORMAL, summary={}, who="user")
    await store.claim(chat, adviser.id)
    await store.append_adviser(chat, adviser.id, "Hello, I am Sam.")
    await expect(page.locator("#messages").get_by_text("Hello, I am Sam.")).to_be_in_viewport()
    await store.append_adviser(chat, adviser.id, "\n".join(f"my line {n}" for n in range(60)))

    await expect(page.locator("#messages").get_by_text("my line 59")).to_be_attached()
    await expect(page.locator("#messages").get_by_text("Hello, I am Sam.")).to_be_in_viewport()


@needs_browser
@pytest.mark.parametrize(
    ("width", "height", "most"), [(360, 740, 60), (320, 256, 30)], ids=["phone", "400 percent"]
)
async def test_the_way_out_stays_in_sight_in_small_windows_and_new_words_are_not_under_it(
    page: Page, width: int, height: int, most: int
) -> None:
    await page.set_viewport_size({"width": width, "height": height})
    await say(page, "one")
    await expect(page.locator(".message--assistant").last).to_contain_text("33 weeks")
    await page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
    leave = page.get_by_role("link", name="Leave this page quickly")
    await expect(leave).to_be_in_viewport(ratio=1)

    await say(page, "two")
    mine = page.locator(".message--user").last
    await expect(mine).to_contain_text("two")
    await expect(page.locator(".message--assistant")).to_have_count(3)
    way_out, box = await leave.bounding_box(), await mine.bounding_box()
    assert way_out is not None
    assert box is not None
    assert box["y"] >= way_out["y"] + way_out["height"] - 1
    assert 24 <= way_out["height"] <= most  # of a low window it takes little


@needs_browser
async def test_new_messages_are_no_longer_told_where_the_end_is_seen(page: Page, bot: StandInBot) -> None:
    await page.set_viewport_size({"width": 320, "height": 640})  # the whole page scrolls
    bot.replies = [{"text": "\n".join(f"line {n}" for n in range(60))}]
    await say(page, "one")
    more = page.get_by_role("button", name="New messages")
    await expect(more).to_be_visible()
    await page.get_by_text("line 59").last.scroll_into_view_if_needed()
    await page.mouse.wheel(0, 300)
    await expect(more).to_be_hidden()


@needs_browser
async def test_at_400_percent_the_button_for_what_is_new_takes_one_line_and_hides_no_focus(
    page: Page, bot: StandInBot
) -> None:
    await page.set_viewport_size({"width": 320, "height": 256})
    bot.replies = [{"text": "\n".join(f"line {n}" for n in range(60))}]
    await say(page, "one")
    more = page.get_by_role("button", name="New messages")
    await expect(more).to_be_visible()
    box = await more.bounding_box()
    assert box is not None
    assert 24 <= box["height"] <= 30
    # The whole line, to the very edge: there is nothing beside it or under it that one would read.
    assert (box["x"], box["width"], box["y"] + box["height"]) == (0, 320, 256)

    # A button at the window's very edge, under the line, is next with Tab: it is brought above the line.
    await page.get_by_role("button", name="How long is the wait?").evaluate(
        """async before => {
          const next = before.nextElementSibling;
          window.scrollBy(0, next.getBoundingClientRect().bottom - window.innerHeight);
          await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
          before.focus({ preventScroll: true });
        }"""
    )
    await expect(more).to_be_visible()
    await page.keyboard.press("Tab")
    focused = await page.get_by_role("button", name="What help is there without a diagnosis?").bounding_box()
    assert focused is not None
    assert focused["y"] + focused["height"] < box["y"] + 1

    if await more.is_visible():
        await more.click()
    await expect(more).to_be_hidden()
    await page.get_by_text("line 0", exact=True).last.scroll_into_view_if_needed()
    await say(page, "two")
    await expect(page.locator(".message--user")).to_have_count(2)
    await expect(more).to_be_visible()
    await more.click()
    await expect(more).to_be_hidden()
    last = await page.locator("#messages").get_by_text("line 59").last.bounding_box()
    assert last is not None
    assert last["y"] + last["height"] <= 256


@needs_browser
async def test_a_line_in_another_language_is_marked_as_such_seen_and_heard(page: Page) -> None:
    await say(page, "potrzebuję pomocy dla mojego syna, proszę")
    answer = page.locator(".message--assistant").last
    await expect(answer.locator(":scope > p[lang=pl]")).to_contain_text("Rozumiem tylko angielski")
    await expect(answer.locator(":scope > p:not([lang])").nth(1)).to_contain_text("I can only read English")
    await expect(page.locator("#announcer [lang=pl]")).to_contain_text("Rozumiem tylko angielski")


@needs_browser
async def test_ending_asks_first_then_really_deletes(page: Page, store: Store) -> None:
    await say(page, "something private")
    await expect(page.locator(".message--assistant").last).to_contain_text("33 weeks")
    chat = await page.evaluate("sessionStorage.getItem('helpline.id')")

    await page.get_by_role("button", name="End and delete this chat").click()
    await expect(page.get_by_role("button", name="Yes, delete it")).to_be_focused()
    await page.get_by_role("button", name="No, keep it").click()
    assert await store.messages(chat)
    await page.get_by_role("button", name="End and delete this chat").click()
    await page.get_by_role("button", name="Yes, delete it").click()

    await expect(page.locator("#status")).to_contain_text("deleted")
    await expect(page.locator(".message--user")).to_have_count(0)
    assert await store.messages(chat) == []
    assert await page.evaluate("sessionStorage.length") <= 1  # at most the empty draft


@needs_browser
async def test_leaving_quickly_forgets_the_chat_and_going_back_does_not_lead_here(page: Page) -> None:
    await say(page, "hello")
    await expect(page.locator(".message--assistant").last).to_contain_text("33 weeks")
    here = page.url
    elsewhere = here + "healthz"
    await page.evaluate("url => document.getElementById('leave').href = url", elsewhere)

    await page.get_by_role("link", name="Leave this page quickly").click()
    await page.wait_for_url(elsewhere)

    assert await page.evaluate("sessionStorage.length") == 0
    await page.go_back()
    assert page.url != here


@needs_browser
async def test_new_messages_do_not_move_a_person_who_reads_further_up(
    page: Page, bot: StandInBot, store: Store
) -> None:
    bot.replies = [{"text": "\n".join(f"line {n}" for n in range(60))}]
    await say(page, "one")
    await expect(page.locator(".message--assistant").last).to_contain_text("line 59")
    await page.locator("#log").evaluate("log => { log.scrollTop = 0; }")
    chat = await page.evaluate("sessionStorage.getItem('helpline.id')")
    await store.append_assistant(chat, [Draft(text="something new")])

    more = page.get_by_role("button", name="New messages")
    await expect(more).to_be_visible()
    assert await page.locator("#log").evaluate("log => log.scrollTop") == 0
    await more.click()
    await expect(page.get_by_text("something new").first).to_be_in_viewport()
    await expect(more).to_be_hidden()


@needs_browser
async def test_words_sent_to_a_chat_that_is_gone_are_kept_and_begin_a_new_one(
    page: Page, store: Store
) -> None:
    await say(page, "one")
    await expect(page.locator(".message--assistant").last).to_contain_text("33 weeks")
    chat = await page.evaluate("sessionStorage.getItem('helpline.id')")
    await page.route_web_socket("**/socket", lambda ws: ws.close())
    await page.reload()
    await expect(page.locator(".message--assistant").last).to_contain_text("33 weeks")
    await store.erase(chat)
    await say(page, "two")
    await page.get_by_role("button", name="Try again").click()

    await expect(page.locator(".message--assistant").last).to_contain_text("33 weeks")
    await expect(page.locator(".message--user")).to_have_text(re.compile("two"))
    assert await page.evaluate("sessionStorage.getItem('helpline.id')") != chat


@needs_browser
async def test_a_long_answer_is_shown_from_its_start(page: Page, bot: StandInBot) -> None:
    bot.replies = [{"text": "\n".join(f"line {n} of the answer" for n in range(60))}]
    await say(page, "one")

    await expect(page.get_by_text("line 59 of the answer").last).to_be_attached()
    await expect(page.locator(".message--user")).to_be_in_viewport()
    await expect(page.get_by_text("line 0 of the answer", exact=True)).to_be_in_viewport()
    await expect(page.get_by_role("button", name="New messages")).to_be_visible()


@needs_browser
async def test_nothing_is_lost_at_320_pixels_and_every_target_is_large_enough(page: Page) -> None:
    await page.set_viewport_size({"width": 320, "height": 640})
    await say(page, "How long is the wait, and averylongwordwithoutanyspacesthatcouldpushthepagewide" * 2)
    await expect(page.locator(".message--assistant").last).to_contain_text("33 weeks")

    assert await page.evaluate("document.documentElement.scrollWidth") <= 320
    sizes = await page.eval_on_selector_all(
        "button, summary, .leave",
        "all => all.filter(e => e.offsetParent).map(e => [e.textContent, e.getBoundingClientRect().height])",
    )
    assert [text for text, height in sizes if height < 44] == []


@needs_browser
@pytest.mark.parametrize("state", ["opened", "answered", "danger", "waiting", "not sent", "ending"])
async def test_axe_finds_nothing_in_any_state(page: Page, bot: StandInBot, state: str) -> None:
    match state:
        case "answered":
            await say(page, "hello")
            await expect(page.locator(".message--assistant").last).to_contain_text("33 weeks")
            for summary in await page.locator(".message--assistant summary").all():
                await summary.click()
        case "danger":
            await say(page, "DANGER")
            await expect(page.locator(".card--crisis")).to_be_visible()
        case "waiting":
            bot.fault = "500"
            await page.locator(".actions").get_by_role("button", name="Talk to a person").click()
            await page.get_by_role("button", name="Yes, pass it on").click()
            await expect(page.locator("#status")).to_contain_text("number 1 in the queue")
        case "not sent":
            await page.route("**/api/**", lambda route: route.abort())
            await say(page, "hello")
            await expect(page.locator(".message--unsent")).to_contain_text("Not sent")
        case "ending":
            await say(page, "hello")
            await page.get_by_role("button", name="End and delete this chat").click()
            await expect(page.get_by_role("button", name="Yes, delete it")).to_be_visible()

    assert await violations(page) == []


@needs_browser
@pytest.mark.parametrize("path", ["/accessibility", "/demo?area=derbyshire"])
async def test_axe_finds_nothing_on_the_pages_around(page: Page, path: str) -> None:
    await page.goto(path)
    assert await violations(page) == []


@needs_browser
async def test_axe_finds_nothing_on_the_page_without_javascript(browser: Browser, client: Client) -> None:
    # axe itself needs JavaScript: the plain page is shown by keeping only the chat's script away.
    context = await browser.new_context(
        base_url=str(client.make_url("/")), viewport={"width": 320, "height": 640}
    )
    plain = await context.new_page()
    await plain.route("**/widget.js", lambda route: route.abort())
    await plain.goto("/")
    await plain.get_by_label("Your message").fill("How long is the wait?")
    await plain.get_by_role("button", name="Send").click()
    await expect(plain.get_by_text("33 weeks on average.")).to_be_visible()

    assert await violations(plain) == []
    assert await plain.evaluate("document.documentElement.scrollWidth") <= 320
    await plain.get_by_role("button", name="End and delete this chat").click()
    await expect(plain.get_by_role("button", name="Yes, delete it")).to_be_in_viewport()
    assert await violations(plain) == []
    await context.close()


# -- without JavaScript ----------------------------------------------------------------------------


async def html(response: ClientResponse, status: int = 200) -> str:
    text = await response.text()
    assert response.status == status, text
    assert response.content_type == "text/html"
    return text


def hidden(page_text: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page_text)
    assert found is not None
    return unescape(found.group(1))


def form(page_text: str, **more: str) -> dict[str, str]:
    return {n: hidden(page_text, n) for n in ("conversation", "token", "client_message_id")} | more


async def test_without_javascript_there_is_a_page_with_help_and_a_form_that_works(
    client: Client, bot: StandInBot
) -> None:
    start = await html(await client.get("/"))
    assert "000" in start
    assert "automated assistant" in start
    assert 'id="latest"' not in start

    first_form = form(start, text="How long is the wait?")
    first = await html(await client.post("/", data=first_form))
    second = await html(await client.post("/", data=form(first, payload="/adults", text="a draft")))

    assert "How long is the wait?" in first
    assert "33 weeks on average." in first
    assert "The strategy" in first
    assert second.count("33 weeks on average.") == 2
    # The page comes back at what was said last, and not at its top.
    assert re.search(r'<form[^>]*action="[^"]*#latest"', start)
    assert re.findall(r'<li class="message message--(\w+)" id="latest">', second) == ["user"]
    assert second.index('id="latest"') > second.index("33 weeks on average.")
    assert "a draft</textarea>" in second
    assert bot.texts == ["How long is the wait?", "/adults"]


@pytest.mark.parametrize("phone", ["", "01632 960000"])
async def test_the_page_says_which_number_to_call_instead(client: Client, phone: str) -> None:
    assert client.app is not None
    client.app[SETTINGS].phone = phone
    start = await html(await client.get("/"))
    assert ('<a href="tel:01632960000">01632 960000</a>' in start) == bool(phone)
    assert (await (await client.get("/api/v1/start")).json())["phone"] == (phone or None)


async def test_sending_the_same_form_again_asks_once(client: Client, bot: StandInBot) -> None:
    first = await html(await client.post("/", data=form(await html(await client.get("/")), text="one")))
    again = form(first, text="two")

    await client.post("/", data=again)
    await client.post("/", data=again)

    assert bot.texts == ["one", "two"]


async def test_other_words_in_a_form_that_was_sent_before_are_kept_and_hide_no_danger(client: Client) -> None:
    fields = {"client_message_id": "same"}
    first = await html(await client.post("/", data={"text": "one", **fields}))
    fields |= {name: hidden(first, name) for name in ("conversation", "token")}

    for text in ("two", "DANGER"):
        answer = await client.post("/", data={**fields, "text": text})
        page = await answer.text()
        assert (answer.status, answer.content_type) == (409, "text/html")
        assert "Please send them once more." in page
        assert f">{text}</textarea>" in page
        assert ("Please get help now (crisis_self_harm_suicide" in page) is (text == "DANGER")
    again = await html(await client.post("/", data=form(page, text="two")))
    assert hidden(again, "conversation") == fields["conversation"]
    assert "33 weeks on average." in again


async def test_a_form_that_cannot_be_read_is_refused_on_a_page(client: Client) -> None:
    answer = await client.post("/", data=b"x", headers={"Content-Type": "multipart/form-data"})
    assert (answer.status, answer.content_type) == (400, "text/html")


async def test_the_form_can_delete_the_chat(client: Client, store: Store) -> None:
    first = await html(await client.post("/", data=form(await html(await client.get("/")), text="one")))

    last = await html(await client.post("/", data=form(first, text="", end="1")))

    assert "This chat is deleted." in last
    assert await store.messages(hidden(first, "conversation")) == []


async def test_without_javascript_deleting_is_asked_first_and_the_draft_is_kept(
    client: Client, store: Store, bot: StandInBot
) -> None:
    first = await html(await client.post("/", data=form(await html(await client.get("/")), text="one")))
    assert 'name="end"' not in first  # nothing that one press deletes

    asked = await html(await client.post("/", data=form(first, ending="ask", text="a draft")))
    assert "Delete this chat? It cannot be brought back." in asked
    offered = re.findall(r'name="(end|ending)" value="(\w+)"', asked)
    assert offered == [("end", "1"), ("ending", "keep")]
    assert asked.count('id="latest"') == 1
    kept = await html(await client.post("/", data=form(asked, ending="keep", text="a draft")))

    for page in (asked, kept):
        assert "a draft</textarea>" in page
        assert "33 weeks on average." in page
    assert "It cannot be brought back." not in kept
    assert bot.texts == ["one"]
    assert await store.messages(hidden(first, "conversation")) != []


async def test_without_javascript_one_can_look_for_new_messages_and_nothing_is_sent(
    client: Client, store: Store, bot: StandInBot
) -> None:
    start = await html(await client.get("/"))
    assert 'name="look"' not in start  # there is no chat yet
    first = await html(await client.post("/", data=form(start, text="one")))
    assert ">Look for new messages</button>" in first
    seen = form(first, look="1", text="a draft", seen=hidden(first, "seen"))

    nothing = await html(await client.post("/", data=seen))
    assert "There is no new message yet." in nothing
    assert nothing.count('id="latest"') == 1
    chat = hidden(first, "conversation")
    adviser, _ = await store.add_adviser("Sam Smith")
    await store.escalate(chat, reason="x", priority=Priority.NORMAL, summary={}, who="user")
    await store.claim(chat, adviser.id)
    await store.append_adviser(chat, adviser.id, "Hello, I am Sam.")
    new = await html(await client.post("/", data=seen))

    assert "There is no new message yet." not in new
    [came] = re.findall(r'<li class="message message--\w+" id="latest">(.*?)</li>', new, re.DOTALL)
    assert "Sam" in came
    assert "Hello, I am Sam." in new
    for page_text in (nothing, new):
        assert "a draft</textarea>" in page_text
        assert "33 weeks on average." in page_text
    assert bot.texts == ["one"]
    last = await store.last_word(chat)
    assert last is not None
    assert last.arrived  # the adviser is told so


@pytest.mark.parametrize("pressed", [{"look": "1"}, {"ending": "ask"}, {"ending": "keep"}, {"end": "1"}])
async def test_without_javascript_looking_begins_no_chat(
    client: Client, store: Store, bot: StandInBot, pressed: dict[str, str]
) -> None:
    start = await html(await client.get("/"))
    page_text = await html(await client.post("/", data=form(start, text="a draft", **pressed)))
    assert hidden(page_text, "conversation") == ""
    assert "a draft</textarea>" in page_text
    assert "It cannot be brought back." not in page_text
    assert sum((await store.count_by_owner()).values()) == 0
    assert bot.texts == []


async def test_without_javascript_looking_after_a_failure_leads_to_what_is_new(
    client: Client, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await html(await client.post("/", data=form(await html(await client.get("/")), text="one")))
    seen = hidden(first, "seen")

    async def fails(*_of: object, **_named: object) -> None:
        raise StoreUnavailable("away")

    with monkeypatch.context() as broken:
        broken.setattr(ConversationLog, "messages", fails)
        sent = form(first, text="two", seen=seen)
        failed = await html(await client.post("/", data=sent), 503)
    assert hidden(failed, "conversation") == hidden(first, "conversation")
    assert hidden(failed, "seen") == seen
    await store.append_assistant(hidden(first, "conversation"), [Draft(text="This is new.")])

    looked = form(failed, look="1", text="two", seen=hidden(failed, "seen"))
    new = await html(await client.post("/", data=looked))
    assert new.count('id="latest"') == 1
    assert new.index('id="latest"') > new.index("33 weeks on average.")


@pytest.mark.parametrize("words", ["", "   ", " \r\n\t"])
async def test_without_javascript_spaces_alone_are_not_sent_and_no_chat_is_begun(
    client: Client, store: Store, bot: StandInBot, words: str
) -> None:
    start = await html(await client.post("/", data=form(await html(await client.get("/")), text=words)))
    assert "Please write your message first." in start
    assert hidden(start, "conversation") == ""
    assert sum((await store.count_by_owner()).values()) == 0

    first = await html(await client.post("/", data=form(start, text="one")))
    answer = await html(await client.post("/", data=form(first, text=words)))
    assert "Please write your message first." in answer
    assert answer.count("message--user") == 1
    assert "33 weeks on average." in answer
    assert bot.texts == ["one"]


@needs_browser
async def test_without_javascript_no_link_of_the_page_loses_the_chat(
    browser: Browser, client: Client
) -> None:
    context = await browser.new_context(base_url=str(client.make_url("/")), java_script_enabled=False)
    plain = await context.new_page()
    await plain.goto("/")
    await say(plain, "How long is the wait?")
    await expect(plain.get_by_text("33 weeks on average.")).to_be_visible()
    for link in await plain.locator("footer a").all():
        async with context.expect_page() as opening:
            await link.click()
        assert "(opens in a new tab)" in await link.inner_text()
        await (await opening.value).close()
        await expect(plain.get_by_text("33 weeks on average.")).to_be_visible()
    assert await plain.locator("footer a").count() > 0
    await context.close()


@needs_browser
async def test_without_javascript_back_does_not_show_the_chat_that_was_left_quickly(client: Client) -> None:
    """The browser keeps no copy, not even of the whole page: it asks whether to send the form again."""
    assert client.app is not None
    client.app[SETTINGS].leave_url = f"http://localhost:{client.port}/healthz"
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(
            executable_path=str(CHROMIUM),
            args=ARGUMENTS,
            ignore_default_args=["--disable-back-forward-cache"],
        )
        context = await running.new_context(base_url=str(client.make_url("/")), java_script_enabled=False)
        plain = await context.new_page()
        await plain.goto("/")
        await say(plain, "something private")
        await expect(plain.get_by_text("33 weeks on average.")).to_be_visible()
        await plain.get_by_role("link", name="Leave this page quickly").click()
        await plain.wait_for_url("**/healthz")

        with contextlib.suppress(Error):  # the browser asks whether to send the form again
            await plain.go_back()
        await plain.wait_for_url("chrome-error://**")
        assert "something private" not in await plain.content()
        assert "33 weeks" not in await plain.content()
        await running.close()


@pytest.mark.parametrize("token", ["wrong", ""])
async def test_a_form_with_a_wrong_token_shows_nothing_of_the_chat_and_keeps_the_words(
    client: Client, token: str
) -> None:
    first = await html(await client.post("/", data=form(await html(await client.get("/")), text="private")))

    answer = await html(await client.post("/", data=form(first) | {"token": token, "text": "my words"}), 401)

    assert "private" not in answer
    assert "my words</textarea>" in answer


async def test_without_javascript_the_hours_and_what_is_kept_are_told(client: Client, store: Store) -> None:
    await store.set_hours(read_weekly("mon-fri 09:00-17:00"), closed_on_bank_holidays=False, by="boss")
    assert client.app is not None
    client.app[SERVICE_STATE][0] = await store.service_state()
    start = await html(await client.get("/"))
    assert "People answer Monday to Friday 9am to 5pm" in start
    assert f"kept for {client.app[SETTINGS].retention_days} days" in start


async def test_without_javascript_the_same_words_are_not_offered_as_simpler_ones(
    client: Client, bot: StandInBot
) -> None:
    bot.replies = [{"text": "33 weeks."}, {"custom": {"easy_read": "33 weeks."}}]
    answer = await html(await client.post("/", data=form(await html(await client.get("/")), text="one")))
    assert "33 weeks." in answer
    assert answer.count("Explain more simply") == 1  # the welcome's


async def test_markup_in_the_plain_page_is_text(client: Client) -> None:
    start = await html(await client.get("/"))
    answer = await html(await client.post("/", data=form(start, text=f"what is {MARKUP}")))

    assert "<img" not in answer
    assert "&lt;b&gt;bold" in answer


async def test_no_inline_script_style_or_handler(client: Client) -> None:
    text = await html(await client.get("/"))

    assert re.findall(r"<script(?![^>]*\bsrc=)", text) == []
    assert "<style" not in text
    assert re.findall(r"\son\w+=|\sstyle=", text) == []
    assert re.findall(r'\ssrc="(?!/static/|/widget\.js")|<link[^>]*href="(?!/static/)', text) == []


# -- too long, and nothing can be saved ------------------------------------------------------------


async def test_without_javascript_a_call_back_is_offered_and_asked_for_when_nobody_is_here(
    client: Client, bot: StandInBot
) -> None:
    bot.replies = HANDOFF
    start = await html(await client.get("/"))
    offer = await html(await client.post("/", data=form(start, payload="/human_request")))
    waits = await html(await client.post("/", data=form(offer, payload="/pass_on")))
    assert "Or ask for a call back" in waits
    assert 'value="/call_back"' in waits

    how = await html(await client.post("/", data=form(waits, payload="/call_back")))

    assert "How should an adviser get in touch with you?" in how
    assert 'value="/call_back_phone"' in how


async def test_without_javascript_a_message_that_is_too_long_is_told_on_a_page(client: Client) -> None:
    response = await client.post("/", data={"text": "word " * 20_000})

    assert response.status == 413
    assert response.content_type == "text/html"
    text = await response.text()
    assert "too long" in text
    assert "Please get help now" not in text


async def test_without_javascript_a_message_that_is_too_long_hides_no_danger(client: Client) -> None:
    response = await client.post("/", data={"text": "I can\u2019t go on. DANGER " + "word " * 20_000})

    text = await html(response, 413)
    assert "Please get help now" in text
    assert "Call 000" in text
    assert "too long" in text


async def test_a_form_of_another_page_is_read_too_and_refused_when_too_long(
    client: Client, bot: StandInBot
) -> None:
    for text, status in (("How long is the wait?", 200), ("word " * 20_000, 413)):
        fields = FormData(default_to_multipart=True)
        fields.add_field("text", text)
        await html(await client.post("/", data=fields), status)

    assert bot.texts == ["How long is the wait?"]


@needs_browser
async def test_a_message_that_is_too_long_stays_in_the_box(page: Page) -> None:
    words = "word " * 20_000
    await say(page, words)

    await expect(page.locator("#status")).to_contain_text("too long")
    assert await page.get_by_label("Your message").input_value() == words
    await expect(page.get_by_role("button", name="Try again")).to_have_count(0)
    await expect(page.locator("#messages")).not_to_contain_text("Call 000")


@needs_browser
async def test_a_message_that_is_too_long_hides_no_danger(page: Page) -> None:
    words = "DANGER " + "word " * 20_000
    await say(page, words)

    await expect(page.locator("#messages")).to_contain_text("Call 000")
    await expect(page.locator("#status")).to_contain_text("too long")
    assert await page.get_by_label("Your message").input_value() == words


@needs_browser
async def test_the_numbers_come_when_not_even_a_chat_can_be_created(
    page: Page, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise StoreUnavailable("gone")

    monkeypatch.setattr(store, "create", fails)
    monkeypatch.setattr(store, "authenticate", fails)
    await say(page, "DANGER")

    await expect(page.locator("#messages")).to_contain_text("Call 000")
    await expect(page.locator("#messages")).to_contain_text("Not sent")
    # The welcome changes its form, and takes nothing away.
    await page.get_by_role("button", name="Easy Read").click()
    await expect(page.locator("#messages")).to_contain_text("Call 000")
    await expect(page.get_by_role("button", name="Try again")).to_be_visible()
    await expect(page.locator(".message--assistant")).to_have_count(2)

"""A family and an adviser in two real browsers, over the whole running helpline."""

from __future__ import annotations

import re
import uuid
from collections.abc import Generator

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.stack.running import CHROMIUM_FLAGS, Stack

#: A turn over Rasa and the action server, on a busy machine.
_TURN_MS = 20_000


@pytest.fixture
def browser(chromium: str) -> Generator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield opened
        opened.close()


def _ask(page: Page, words: str) -> None:
    page.get_by_label("Your message").fill(words)
    page.get_by_role("button", name="Send").click()


def _said(page: Page, words: str) -> Locator:
    """Paragraphs that can be seen in the chat and hold these words; what is folded away does not count."""
    return page.get_by_role("log").locator("p:visible").filter(has_text=re.compile(words))


def _violations(page: Page) -> list[str]:
    return [found["id"] for found in Axe().run(page).response["violations"]]


def test_a_parent_gets_a_dated_answer_with_its_source(stack: Stack, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(stack.url)
    _ask(page, "how long is the wait for an autism assessment for my 7 year old? we live in Chesterfield")
    expect(_said(page, r"33 weeks.*December 2022")).to_have_count(1, timeout=_TURN_MS)
    # An answer may be several bubbles, and its sources stand below the last that needs them.
    sources = (
        page.get_by_role("log")
        .locator("details.sources")
        .filter(has_text=re.compile("Autism Strategy 2023-2028"))
    )
    sources.first.locator("summary").click(timeout=_TURN_MS)
    expect(sources.first.get_by_text(re.compile("Autism Strategy 2023-2028")).first).to_be_visible()
    assert _violations(page) == []


def test_somebody_who_was_referred_sees_where_they_are(stack: Stack, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(f"{stack.url}/?area=derbyshire")
    _ask(page, "My daughter is 6 and was referred by her school in May. How does the autism assessment work?")
    here = page.locator("[aria-current=step]")
    expect(here).to_contain_text("You are here. While you wait", timeout=_TURN_MS)

    other = browser.new_context().new_page()
    other.goto(f"{stack.url}/?area=derbyshire")
    _ask(other, "How does my 6 year old get an autism assessment?")
    expect(other.locator(".steps")).to_have_count(1, timeout=_TURN_MS)
    expect(other.locator("[aria-current=step]")).to_have_count(0)


def test_someone_in_danger_sees_the_numbers(stack: Stack, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(stack.url)
    _ask(page, "i dont want to be here anymore")
    log = page.get_by_role("log")
    expect(log.get_by_text(re.compile("116 123")).first).to_be_visible(timeout=_TURN_MS)
    expect(_said(page, "999").first).to_be_visible()
    assert _violations(page) == []


def test_an_area_is_chosen_with_a_button(stack: Stack, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(stack.url)
    _ask(page, "how long do adults wait to be assessed?")
    log = page.get_by_role("log")
    log.get_by_role("button", name="Derbyshire").click(timeout=_TURN_MS)
    expect(_said(page, r"73 weeks.*December 2022")).to_have_count(1, timeout=_TURN_MS)


def test_a_question_that_is_offered_is_answered_at_one_press(stack: Stack, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(stack.url)
    _ask(page, "how do i get an assessment for my son in derby hes 8")
    offered = page.get_by_role("log").get_by_role(
        "button", name=re.compile(r"^(?:How|What|Who|Can|Is) .*\?$")
    )
    expect(offered.first).to_be_visible(timeout=_TURN_MS)
    question = offered.first.inner_text()
    answers = page.locator(".message--assistant").count()
    offered.first.click()
    expect(page.locator(".message--user").last).to_contain_text(question)
    expect(page.locator(".message--assistant").nth(answers)).to_be_visible(timeout=_TURN_MS)
    expect(page.locator(".message--unsent")).to_have_count(0)


def test_an_adviser_takes_over_closes_is_rated_and_the_assistant_goes_on(
    stack: Stack, browser: Browser
) -> None:
    # A new name each time: the tests may be pointed at a helpline that has been tested before.
    name = f"Sam {uuid.uuid4().hex[:8]}"
    made = stack.command("adviser", "add", name)
    assert made.returncode == 0, made.stderr
    link = made.stdout.splitlines()[1].strip()

    family = browser.new_context().new_page()
    family.goto(stack.url)
    _ask(family, "my son is 7 and we live in Chesterfield, how long is the wait?")
    expect(_said(family, "33 weeks")).to_have_count(1, timeout=_TURN_MS)
    _ask(family, "can I talk to a real person?")
    family.get_by_role("button", name="Yes, pass it on").click(timeout=_TURN_MS)
    expect(_said(family, "reference HL-")).to_have_count(1, timeout=_TURN_MS)

    desk = browser.new_context().new_page()
    desk.goto(link)
    desk.get_by_label("New password").fill("quiet-harbour-otter")
    desk.get_by_label("The same password again").fill("quiet-harbour-otter")
    desk.get_by_role("button", name="Set this password").click()
    desk.get_by_label("Your name").fill(name)
    desk.get_by_label("Password").fill("quiet-harbour-otter")
    desk.get_by_role("button", name="Sign in").click()
    reference = re.search(r"HL-\w+", _said(family, "reference HL-").inner_text())
    assert reference is not None
    waiting = desk.locator("#waiting > li").filter(has_text=reference.group())
    waiting.get_by_role("button", name="Take this chat").click()
    expect(desk.get_by_text("how long is the wait?").first).to_be_visible()
    expect(_said(family, "Sam has joined")).to_have_count(1, timeout=_TURN_MS)

    desk.get_by_label("Your reply").fill("Hello, I have read your chat.")
    desk.get_by_role("button", name="Send").click()
    expect(_said(family, "Hello, I have read your chat.")).to_have_count(1, timeout=_TURN_MS)

    _ask(family, "how long is the wait in Derby?")
    expect(desk.get_by_role("log").get_by_text("how long is the wait in Derby?")).to_be_visible(
        timeout=_TURN_MS
    )
    family.wait_for_timeout(2000)  # long enough for an answer of the assistant, which must not come
    assert _said(family, "33 weeks").count() == 1

    desk.get_by_label("How it ended").select_option(label="Question answered")
    desk.get_by_role("button", name="Close the chat").click()
    expect(_said(family, "How was talking to a person for you")).to_have_count(1, timeout=_TURN_MS)
    family.get_by_role("button", name="Very good").click()
    expect(_said(family, "Is there anything you want to say about it")).to_have_count(1, timeout=_TURN_MS)
    family.get_by_role("button", name="Write a comment").click()
    expect(_said(family, "Please type your comment now")).to_have_count(1, timeout=_TURN_MS)
    _ask(family, "Sam was kind")
    expect(_said(family, "Thank you for your comment")).to_have_count(1, timeout=_TURN_MS)

    # The assistant goes on where it was: it still knows the place.
    _ask(family, "and for adults?")
    expect(_said(family, "73 weeks")).to_have_count(1, timeout=_TURN_MS)

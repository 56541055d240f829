"""The desk in a real Chromium: by keyboard, live, zoomed, and without a violation that axe can find."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from datetime import date, time, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import BrowserContext, Page, Route, async_playwright, expect

from conversations.callbacks import CallBacks
from conversations.events import PERSON, QUEUE
from conversations.files import NewFile
from conversations.log import Draft, utc_now
from conversations.models import DeskRole, Owner, Priority, Role
from conversations.sealing import Sealer
from conversations.store import Store
from desk.settings import DeskSettings
from tests.channels.conftest import PHOTO
from tests.desk.conftest import ANSWER, PASSWORD, SUMMARY, alert, new_adviser, waiting_chat
from tests.desk.test_desk_chat import fill_store
from tests.desk.test_desk_pages import finished_chat, promised_call_back

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

#: Takes the server's messages out before the page's script looks, so that it asks for all of them.
EMPTY_THE_LOG = """
document.addEventListener("readystatechange", () => {
  if (document.readyState === "interactive") document.getElementById("log").replaceChildren();
});
"""

#: The next request arrives, its answer does not: the worst case for saying something twice.
LOSE_ONE_ANSWER = """() => {
  const real = window.fetch;
  window.fetch = async (...request) => {
    window.fetch = real;
    await real(...request);
    throw new TypeError("the network is gone");
  };
}"""

#: One of each way to show a file.
FILES = (
    NewFile("letter.png", "image/png", PHOTO),
    NewFile("voice.ogg", "audio/ogg", b"OggS"),
    NewFile("letter.pdf", "application/pdf", b"%PDF-1.7"),
)

pytestmark = pytest.mark.skipif(
    not CHROMIUM.exists(), reason=f"needs Chromium at {CHROMIUM} (apt-get install chromium)"
)


@pytest_asyncio.fixture
async def context(server: TestServer) -> AsyncGenerator[BrowserContext]:
    """A browser's window, and the promise that no page of it complained."""
    complaints: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        context = await browser.new_context(base_url=str(server.make_url("/")))
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        context.on(
            "console",
            lambda said: complaints.append(said.text) if "Content Security Policy" in said.text else None,
        )
        yield context
        await browser.close()
    assert complaints == []


async def sign_in(
    context: BrowserContext, store: Store, name: str = "Sam Surname", role: DeskRole = DeskRole.ADVISER
) -> Page:
    """Sign in by keyboard alone."""
    await new_adviser(store, name, role)
    page = await context.new_page()
    await page.goto("/desk/")
    await expect(page).to_have_title("Sign in - Advisers' desk")
    await page.get_by_label("Your name").focus()
    await page.keyboard.type(name)
    await page.keyboard.press("Tab")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    return page


async def violations(page: Page) -> str:
    """What axe finds, in words; empty when all is well."""
    results = await Axe().run(page)
    return "\n".join(
        f"{found['id']}: {node['html'][:200]}"
        for found in results.response["violations"]
        for node in found["nodes"]
    )


async def too_wide(page: Page) -> bool:
    """Whether the page would have to be scrolled sideways."""
    wide: bool = await page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return wide


#: Width and height of a window: a usual one, the same at a zoom of 200%, and a narrow one.
WINDOWS = ((1280, 900), (640, 450), (320, 640))


async def problems_of(page: Page, address: str = "") -> list[str]:
    """What axe finds on a page, and whether it has to be scrolled sideways, in every window.

    ``address``: where the page is; without it the page that is open is looked at.
    """
    if address:
        await page.goto(address)
        for details in await page.locator("details:visible").all():
            await details.locator("summary").click()
    found = []
    for width, height in WINDOWS:
        await page.set_viewport_size({"width": width, "height": height})
        found += [f"{page.url}, {width} wide: {words}" for words in (await violations(page)).splitlines()]
        if await too_wide(page):
            found.append(f"{page.url}: has to be scrolled sideways at {width} pixels")
    return found


async def family_reads(store: Store, chat: str) -> list[tuple[Role, str]]:
    return [(message.role, message.text) for message in await store.messages(chat)]


async def test_an_adviser_takes_a_chat_talks_and_gives_it_back(context: BrowserContext, store: Store) -> None:
    page = await sign_in(context, store)
    chat = await waiting_chat(store)  # appears by itself
    await page.get_by_role("button", name="Take this chat").click()
    await expect(page.get_by_role("status").first).to_have_text(
        "You have this chat. The assistant is silent."
    )
    await expect(page.get_by_text("Derby (Allestree)")).to_be_visible()

    reply = page.get_by_label("Your reply")
    await reply.fill("Hello, I am Sam.\nHow can I help?")
    await page.keyboard.press("Control+Enter")
    await expect(page.get_by_role("log").get_by_text("Hello, I am Sam.")).to_be_visible()
    await expect(reply).to_have_value("")
    assert (Role.ADVISER, "Hello, I am Sam.\nHow can I help?") in await family_reads(store, chat)

    await store.append_user(chat, None, "<img src=x onerror=alert(1)> thank you")
    said = page.get_by_role("log").get_by_text("<img src=x onerror=alert(1)> thank you")
    await expect(said).to_be_visible()
    await expect(page.locator("#announcer")).to_have_text(
        "Person asking: <img src=x onerror=alert(1)> thank you"
    )
    await expect(reply).to_be_focused()

    await page.get_by_role("button", name="Give back to the assistant").click()
    await expect(page.get_by_text("You gave the chat back to the assistant.")).to_be_visible()
    assert (await store.get(chat)).owner is Owner.BOT


async def test_what_comes_live_looks_as_what_was_there_when_the_page_opened(
    context: BrowserContext, store: Store
) -> None:
    page = await sign_in(context, store)
    chat = await waiting_chat(store)
    await alert(store, chat)
    for file in FILES:
        note = Draft(role=Role.SYSTEM, private=True, text="What they sent:", file=file)
        await store.append_assistant(chat, [note], unless_owned_by_adviser=False)
    await page.goto(f"/desk/chats/{chat}")
    made_by_server = await log_html(page)
    assert (made_by_server.count("<img"), made_by_server.count("<audio")) == (1, 1)

    await page.add_init_script(EMPTY_THE_LOG)
    await page.reload()
    await expect(page.locator("#log > li")).to_have_count(4 + len(FILES))

    assert await log_html(page) == made_by_server
    picture = page.get_by_alt_text("Picture: letter.png")
    await expect(picture).to_be_visible()
    await expect(picture).to_have_js_property("naturalWidth", 1)
    assert await problems_of(page) == []


async def test_a_file_is_chosen_taken_off_and_sent(context: BrowserContext, store: Store) -> None:
    page, chat = await sam_with_a_chat(context, store)
    await page.goto(f"/desk/chats/{chat}")
    choose = page.get_by_label("Attach a file")
    form = {"name": "Form A.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7"}
    await choose.set_input_files([form])  # type: ignore[list-item]
    await page.get_by_role("button", name="Take the file off").click()
    await expect(choose).to_have_value("")

    await choose.set_input_files([{**form, "buffer": bytes(5 * 1024 * 1024 + 1)}])  # type: ignore[list-item]
    await page.get_by_label("Your reply").fill("Here is the form.")
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.get_by_text("Not sent. The file is too large.")).to_be_visible()

    await choose.set_input_files([{**form, "buffer": b"MZ"}])  # type: ignore[list-item]
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.get_by_text("This kind of file cannot be sent")).to_be_visible()
    await expect(page.get_by_label("Your reply")).to_have_value("Here is the form.")
    assert not [role for role, _ in await family_reads(store, chat) if role is Role.ADVISER]

    await choose.set_input_files([form])  # type: ignore[list-item]
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.get_by_role("log").get_by_text("Here is the form.")).to_be_visible()
    await expect(choose).to_have_value("")
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="Form A.pdf").click()
    assert (await downloading.value).suggested_filename == "Form A.pdf"

    note = Draft(role=Role.SYSTEM, private=True, text="The photo that they sent:", file=FILES[0])
    await store.append_assistant(chat, [note], unless_owned_by_adviser=False)
    picture = page.get_by_alt_text("Picture: letter.png")  # comes live
    await expect(picture).to_be_in_viewport()
    await expect(picture).to_have_js_property("naturalWidth", 1)
    assert await problems_of(page) == []


async def log_html(page: Page) -> str:
    """The log's elements, without the white space between them."""
    html = await page.locator("#log").inner_html()
    return re.sub(r"\s*(<[^>]*>)\s*", r"\1", html)


async def test_a_safety_alert_cannot_be_overlooked(context: BrowserContext, store: Store) -> None:
    page = await sign_in(context, store)
    chat = await waiting_chat(store)
    await page.goto(f"/desk/chats/{chat}")
    await page.get_by_role("button", name="Take this chat").click()
    banner = page.locator("#alert")
    await expect(banner).to_be_hidden()

    await alert(store, chat)

    await expect(banner).to_be_visible()
    await expect(banner).to_be_in_viewport()
    await expect(page).to_have_title(
        "Safety alert: Chat " + await reference(store, chat) + " - Advisers' desk"
    )
    await banner.get_by_role("link", name="Go to the alert").click()
    note = page.locator('.message[data-kind="alert"]')
    await expect(note).to_be_in_viewport()
    await expect(banner).to_be_in_viewport()
    assert await violations(page) == ""

    # Who comes to it, or comes back, sees what it was raised for, and not how the chat began.
    for n in range(30):
        await store.append_user(chat, None, f"line {n}")
    await page.goto(f"/desk/chats/{chat}")
    await expect(note).to_be_in_viewport()
    await expect(banner).to_be_in_viewport()

    await banner.get_by_role("button", name="I have seen this alert").click()
    await expect(banner).to_be_hidden()
    await expect(
        page.get_by_role("log").get_by_text("Sam Surname has seen the safety alert.")
    ).to_be_visible()


async def reference(store: Store, chat: str) -> str:
    escalation = await store.escalation(chat)
    assert escalation is not None
    return escalation.reference


async def sam_with_a_chat(context: BrowserContext, store: Store) -> tuple[Page, str]:
    """Sam at the desk, holding a chat: the page and the chat."""
    page = await sign_in(context, store)
    sam = await store.adviser_called("Sam Surname")
    chat = await waiting_chat(store)
    await store.claim(chat, sam.id)
    return page, chat


@pytest.mark.parametrize("address", ["/desk/", "/desk/history"])
async def test_an_alert_is_seen_on_every_page_and_an_open_page_keeps_its_adviser_present(
    context: BrowserContext, store: Store, address: str
) -> None:
    await context.add_init_script(COUNT_SIGNALS)
    page, chat = await sam_with_a_chat(context, store)
    await page.get_by_label("Show a desktop notification").check()
    await page.set_viewport_size({"width": 320, "height": 400})
    await page.goto(address)
    link = page.get_by_role("alert").get_by_role("link")
    await expect(link).to_be_hidden()

    await alert(store, chat)
    store.events.publish(QUEUE)

    told = page.get_by_role("alert").get_by_text("Safety alert in one of your chats")
    await expect(told).to_be_in_viewport()
    await page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    assert await page.evaluate("scrollY") > 0
    await expect(told).to_be_in_viewport()
    assert await page.evaluate("window.signals.told") == ["There is a safety alert."]
    assert await store.advisers_present() == 1
    await link.click()
    await expect(page.get_by_role("button", name="I have seen this alert")).to_be_visible()


@pytest.mark.parametrize("address", ["/desk/", "/desk/history", "/desk/chats/{chat}"])
async def test_an_alert_that_is_told_keeps_the_focus_when_another_comes(
    context: BrowserContext, store: Store, address: str
) -> None:
    page, chat = await sam_with_a_chat(context, store)
    others = [await waiting_chat(store), await waiting_chat(store)]
    await page.goto(address.format(chat=chat))
    links = page.locator("#elsewhere").get_by_role("link")
    for count, other in enumerate(others, start=1):
        await store.claim(other, (await store.adviser_called("Sam Surname")).id)
        await alert(store, other)
        store.events.publish(QUEUE)
        await expect(links).to_have_count(count)
        first = page.get_by_role("link", name=f"Go to chat {await reference(store, others[0])}")
        if count == 1:
            await first.focus()

    await expect(first).to_be_focused()


#: Whether what has the focus lies under the red bar or under the reply box.
COVERED = """() => {
  const [focused, bar, box] = [document.activeElement, ...document.querySelectorAll(".alert, .bottom")].map(
    (element) => element.getBoundingClientRect(),
  );
  return focused.top < bar.bottom || focused.bottom > box.top;
}"""


async def test_what_has_the_focus_is_never_under_the_alert_or_the_reply_box(
    context: BrowserContext, store: Store
) -> None:
    page, chat = await sam_with_a_chat(context, store)
    await alert(store, chat)
    await store.append_assistant(chat, [ANSWER] * 8, unless_owned_by_adviser=False)
    await page.set_viewport_size({"width": 1280, "height": 700})
    await page.goto(f"/desk/chats/{chat}")
    parts = page.locator("#log summary:visible")
    await expect(parts).to_have_count(18)
    await parts.first.focus()
    covered = []
    for key in ["Tab"] * 17 + ["Shift+Tab"] * 17:
        await page.keyboard.press(key)
        covered.append(await page.evaluate(COVERED))
    await expect(parts.first).to_be_focused()
    assert not any(covered), covered

    await page.get_by_role("link", name="Go to the alert").focus()
    before = await page.evaluate("scrollY")
    await page.get_by_role("button", name="I have seen this alert").focus()
    await page.get_by_label("Your reply").press_sequentially("Hello")
    assert await page.evaluate("scrollY") == before, "what is pinned is in sight already"


async def test_who_lost_chats_with_the_connection_is_told_and_puts_it_aside(
    context: BrowserContext, store: Store
) -> None:
    page, _ = await sam_with_a_chat(context, store)
    await expect(page.locator("#mine > li")).to_have_count(1)
    told = page.get_by_role("region", name="Your connection was lost")
    await expect(told).to_be_hidden()

    await store.requeue_unseen(timedelta(seconds=-5), notice=Draft(text="Lost", role=Role.SYSTEM))

    await expect(told).to_contain_text(re.compile(r"Chat HL-\w+ went back in the queue at .* It waits"))
    await expect(page.locator("#announcer")).to_contain_text("Your connection was lost.")
    assert await violations(page) == ""
    await told.get_by_role("button", name="I have read this").click()
    await expect(told).to_be_hidden()


async def test_words_are_kept_and_put_in_by_code_and_from_the_list(
    context: BrowserContext, store: Store
) -> None:
    admin = await new_adviser(store, "Ann Admin", DeskRole.ADMIN)
    await store.set_canned_reply("/Hello", "Hello, thank you for waiting.", by=admin.id)
    page = await sign_in(context, store)
    chat = await waiting_chat(store)
    await page.goto(f"/desk/chats/{chat}")
    await page.get_by_role("button", name="Take this chat").click()
    reply = page.get_by_label("Your reply")
    await reply.press_sequentially("/hello ")
    await expect(reply).to_have_value("Hello, thank you for waiting.")
    await page.reload()
    await expect(reply).to_have_value("Hello, thank you for waiting.")
    await page.keyboard.press("Control+End")
    await page.get_by_label("Canned reply").select_option(index=1)
    assert (await reply.input_value()).count("thank you for waiting") == 2
    await page.get_by_role("button", name="Send").click()
    await expect(page.locator("#reply-state")).to_contain_text("Sent at")
    await page.reload()
    await expect(reply).to_have_value("")


async def test_what_is_typed_before_the_page_is_loaded_is_expanded_and_kept(
    context: BrowserContext, store: Store
) -> None:
    admin = await new_adviser(store, "Ann Admin", DeskRole.ADMIN)
    await store.set_canned_reply("/Hello", "Hello, thank you for waiting.", by=admin.id)
    page, chat = await sam_with_a_chat(context, store)
    typed = asyncio.Event()

    async def slow(route: Route) -> None:
        await typed.wait()
        await route.continue_()

    await page.route("**/chat.js*", slow)
    await page.goto(f"/desk/chats/{chat}", wait_until="commit")
    reply = page.get_by_label("Your reply")
    await reply.press_sequentially("/hello ")
    typed.set()
    await expect(reply).to_have_value("Hello, thank you for waiting.")
    await page.unroute("**/chat.js*")
    await page.reload()
    await expect(reply).to_have_value("Hello, thank you for waiting.")


async def test_a_private_note_is_kept_while_the_chat_is_labelled_until_it_is_added(
    context: BrowserContext, store: Store
) -> None:
    page, chat = await sam_with_a_chat(context, store)
    await page.goto(f"/desk/chats/{chat}")
    note = page.get_by_label("Note for colleagues")
    await note.fill("Prefers the evening.\n\nHas two children.")
    await page.get_by_label("New label").fill("school")
    await page.get_by_role("button", name="Add the label").click()
    await expect(page.get_by_role("button", name="Take off school")).to_be_visible()
    await expect(note).to_have_value("Prefers the evening.\n\nHas two children.")

    await page.get_by_role("button", name="Add the note").click()
    await expect(page.get_by_role("log").get_by_text("Has two children.")).to_be_visible()
    await expect(note).to_have_value("")
    await page.reload()
    await expect(note).to_have_value("")


async def test_canned_replies_are_walked_through_by_keyboard_and_one_is_put_in(
    context: BrowserContext, store: Store
) -> None:
    admin = await new_adviser(store, "Ann Admin", DeskRole.ADMIN)
    await store.set_canned_reply("/bye", "Goodbye for now.", by=admin.id)
    await store.set_canned_reply("/hello", "Hello, thank you for waiting.", by=admin.id)
    page, chat = await sam_with_a_chat(context, store)
    await page.goto(f"/desk/chats/{chat}")
    reply, canned = page.get_by_label("Your reply"), page.get_by_label("Canned reply")
    await canned.focus()
    for words in ("Goodbye for now.", "Hello, thank you for waiting."):
        await page.keyboard.press("ArrowDown")
        await expect(canned).to_have_value(words)
        await expect(canned).to_be_focused()
    await expect(reply).to_have_value("")

    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(reply).to_have_value("Hello, thank you for waiting.")
    await expect(reply).to_be_focused()
    await canned.focus()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(reply).to_have_value("Hello, thank you for waiting. Goodbye for now.")


async def test_an_answer_is_found_beside_the_chat_and_put_into_the_reply_with_its_source(
    context: BrowserContext,
    store: Store,
    settings: DeskSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fill_store(settings, tmp_path, monkeypatch)
    page, chat = await sam_with_a_chat(context, store)
    await page.goto(f"/desk/chats/{chat}")
    reply = page.get_by_label("Your reply")
    await reply.fill("I have looked this up for you. ")
    find = page.get_by_role("region", name="Find an answer")
    await find.get_by_label("Search what the assistant knows").fill("help at school")
    await page.keyboard.press("Enter")
    first = find.get_by_role("listitem").first
    await first.get_by_role("button", name="Insert answer with source").click()

    await expect(reply).to_have_value(re.compile(r"^I have looked this up for you\. .+Source: .+as of", re.S))
    await expect(reply).to_be_focused()
    assert await violations(page) == ""
    await page.keyboard.press("Control+Enter")
    await expect(reply).to_have_value("")
    assert any(r is Role.ADVISER and "Source: " in t for r, t in await family_reads(store, chat))


async def test_who_writes_is_seen_by_the_other_person_and_by_a_colleague(
    context: BrowserContext, store: Store
) -> None:
    page, chat = await sam_with_a_chat(context, store)
    await page.goto(f"/desk/chats/{chat}")
    ada = await new_adviser(store, "Ada Colleague")
    typing = page.locator("#typing")

    store.events.typing(chat, PERSON)
    await expect(typing).to_have_text("The person is writing.")
    store.events.typing(chat, ada.id)
    await expect(typing).to_have_text("Ada Colleague is writing here too.")
    await expect(typing).to_have_text("")  # nothing more was heard of it

    with store.events.subscribe(chat) as heard:
        await page.get_by_label("Your reply").press_sequentially("Hello")
        async with asyncio.timeout(20):
            while not (who := heard.take_typing()):
                await heard.wait(1)
    assert who == {(await store.adviser_called("Sam Surname")).id}


#: Counts tones and notifications in place of making them, on a page that nobody looks at.
COUNT_SIGNALS = """
window.signals = { tones: 0, told: [] };
const createOscillator = AudioContext.prototype.createOscillator;
AudioContext.prototype.createOscillator = function () {
  window.signals.tones += 1;
  return createOscillator.call(this);
};
window.Notification = class {
  static permission = "granted";
  static requestPermission = async () => "granted";
  constructor(title, { body }) { window.signals.told.push(body); }
};
Object.defineProperty(document, "hidden", { get: () => true });
"""


async def test_sound_and_notification_come_only_when_they_were_asked_for(
    context: BrowserContext, store: Store
) -> None:
    await context.add_init_script(COUNT_SIGNALS)
    page = await sign_in(context, store)
    rows = page.locator("#waiting > li")
    await waiting_chat(store)
    await expect(rows).to_have_count(1)
    assert await page.evaluate("window.signals") == {"tones": 0, "told": []}

    await page.get_by_label("Play a sound for new chats").check()
    await page.get_by_label("Show a desktop notification").check()
    tried = await page.evaluate("window.signals.tones")
    await waiting_chat(store)

    await expect(rows).to_have_count(2)
    signals = await page.evaluate("window.signals")
    assert signals["tones"] > tried
    assert signals["told"] == ["One new chat waits."], "and nothing of what was said"


async def test_the_queue_changes_under_the_adviser_without_taking_the_focus(
    context: BrowserContext, store: Store
) -> None:
    page = await sign_in(context, store)
    first = await waiting_chat(store)
    button = page.locator(f'[data-id="{first}"] button')
    await button.focus()

    crisis = await waiting_chat(store, Priority.CRISIS)

    rows = page.locator("#waiting > li")
    await expect(rows).to_have_count(2)
    await expect(rows.first).to_have_attribute("data-id", crisis)
    await expect(rows.first.get_by_text("Crisis", exact=True)).to_be_visible()
    await expect(button).to_be_focused()
    await expect(page).to_have_title("(2) Queue - Advisers' desk")
    await expect(page.locator("#announcer")).to_contain_text("New in the queue: Crisis chat")

    await store.withdraw(crisis, who="user")
    await expect(rows).to_have_count(1)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Chat HL-")).to_be_visible()
    assert (await store.get(first)).owner is Owner.ADVISER


@pytest.mark.parametrize("leaves", [False, True], ids=["stays", "leaves"])
async def test_a_reply_that_was_not_sent_keeps_its_words_and_is_said_once(
    context: BrowserContext, store: Store, leaves: bool
) -> None:
    page = await sign_in(context, store)
    chat = await waiting_chat(store)
    await page.goto(f"/desk/chats/{chat}")
    await page.get_by_role("button", name="Take this chat").click()
    await page.evaluate(LOSE_ONE_ANSWER)
    reply = page.get_by_label("Your reply")
    await reply.fill("Only once")
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_text("Your words are still here")).to_be_visible()
    if leaves:
        await page.get_by_role("link", name="Queue").click()
        await page.get_by_role("link", name="Chat HL-").click()
    await expect(reply).to_have_value("Only once")
    assert (Role.ADVISER, "Only once") in await family_reads(store, chat)

    await page.get_by_role("button", name="Send").click()

    await expect(reply).to_have_value("")
    assert [t for r, t in await family_reads(store, chat) if r is Role.ADVISER] == ["Only once"]


async def test_who_is_on_and_the_live_chats_change_by_themselves_but_not_under_the_supervisors_hands(
    context: BrowserContext, store: Store
) -> None:
    page = await sign_in(context, store, "Ann Super", DeskRole.SUPERVISOR)
    sam = await new_adviser(store, "Sam Surname")
    await page.goto("/desk/supervise")
    await expect(page.get_by_text("No chat waits or is with anybody.")).to_be_visible()

    chat = await waiting_chat(store)
    live = page.get_by_role("region", name="Live chats")
    await expect(live.get_by_role("cell", name="Waiting", exact=True)).to_be_visible()
    give_to = live.get_by_label(re.compile("Give chat"))
    await give_to.focus()
    await store.claim(chat, sam.id)
    await page.wait_for_timeout(6_500)  # longer than it takes to look again
    await expect(live.get_by_role("cell", name="Waiting", exact=True)).to_be_visible()
    await expect(give_to).to_be_focused()

    await page.get_by_role("link", name="Queue").focus()

    await expect(live.get_by_role("cell", name="Sam Surname")).to_be_visible()
    assert await violations(page) == ""


async def test_an_adviser_who_lost_the_chat_sees_who_has_it_and_keeps_the_draft(
    context: BrowserContext, store: Store
) -> None:
    page = await sign_in(context, store)
    ada, _ = await store.add_adviser("Ada Colleague")
    chat = await waiting_chat(store)
    await page.goto(f"/desk/chats/{chat}")
    await page.get_by_role("button", name="Take this chat").click()
    await page.get_by_label("Your reply").fill("Half a sentence")
    holder = (await store.get(chat)).adviser_id
    assert holder is not None

    await store.release(chat, holder, why="connection lost")
    await store.claim(chat, ada.id)

    await expect(page.locator("#status")).to_have_text("Ada Colleague has this chat.")
    await expect(page.get_by_label("Your reply")).to_have_value("Half a sentence")
    await expect(page.get_by_role("button", name="Close the chat")).to_be_hidden()
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_text("Not sent. You do not have this chat. Ada Colleague has")).to_be_visible()


async def test_without_scripts_a_chat_can_be_taken_and_answered(
    context: BrowserContext, store: Store, server: TestServer
) -> None:
    assert context.browser is not None
    plain = await context.browser.new_context(java_script_enabled=False, base_url=str(server.make_url("/")))
    chat = await waiting_chat(store)
    page = await sign_in(plain, store)
    await page.get_by_role("button", name="Take this chat").click()
    await page.get_by_label("Your reply").fill("Hello from a plain page")
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_role("log").get_by_text("Hello from a plain page")).to_be_visible()
    assert (Role.ADVISER, "Hello from a plain page") in await family_reads(store, chat)


@pytest.mark.parametrize(
    ("width", "height"), [(1280, 800), (640, 400), (320, 640)], ids=["wide", "zoom-200", "narrow"]
)
async def test_every_page_fits_and_axe_finds_nothing(
    context: BrowserContext, store: Store, width: int, height: int
) -> None:
    page = await sign_in(context, store)
    await page.set_viewport_size({"width": width, "height": height})
    mine, crisis = await waiting_chat(store), await waiting_chat(store, Priority.CRISIS)
    await waiting_chat(store, summary={**SUMMARY, "asked": ["a-very-long-word-" * 30]})
    await page.goto(f"/desk/chats/{mine}")
    await page.get_by_role("button", name="Take this chat").click()
    await alert(store, mine)
    addresses = ["/desk/", f"/desk/chats/{mine}", f"/desk/chats/{crisis}", "/desk/nowhere"]
    for address in addresses:
        await page.goto(address)
        for details in await page.locator("details:visible").all():
            await details.locator("summary").click()
        assert await violations(page) == "", address
        assert not await too_wide(page), address
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", name="You still have a chat")).to_be_visible()
    assert await violations(page) == ""
    await page.get_by_role("button", name="Put back in the queue and sign out").click()
    await expect(page).to_have_title("Sign in - Advisers' desk")
    await page.get_by_label("Your name").fill("Sam Surname")
    await page.get_by_label("Password").fill("wrong")
    await page.keyboard.press("Enter")
    await expect(page).to_have_title("Error: Sign in - Advisers' desk")
    assert await violations(page) == ""


#: Every page that one may just look at, for whoever may see all.
PAGES = [
    "/desk/",
    "/desk/?only=high",
    "/desk/call-backs",
    "/desk/history",
    "/desk/history?label=school",
    "/desk/history?since=soon",
    "/desk/find?q=school",
    "/desk/supervise",
    "/desk/figures",
    "/desk/canned-replies?code=hello",
    "/desk/service",
    "/desk/audit",
    "/desk/accounts",
    "/desk/account",
    "/desk/account/second-factor",
    "/desk/nowhere",
]


async def test_every_page_of_the_desk_has_no_violation_and_fits_a_narrow_window(
    context: BrowserContext, store: Store, settings: DeskSettings
) -> None:
    page = await sign_in(context, store, "Ann Admin", DeskRole.ADMIN)
    ann = await store.adviser_called("Ann Admin")
    await new_adviser(store, "Sam Surname")
    await store.set_canned_reply("hello", "Hello, thank you for waiting.", by=ann.id)
    await store.announce("Our phones are down today.", by=ann.id)
    await store.add_closure(date(2099, 12, 24), date(2099, 12, 26), "Winter break", by=ann.id)
    day = utc_now().date() + timedelta(days=1)
    link = "https://www.example.gov.uk/term-dates"
    await store.add_school_holiday(day, day, "Half term", source_url=link, area="derby-city", by=ann.id)
    await store.set_hours({0: [(time(9), time(17))]}, closed_on_bank_holidays=True, by=ann.id)
    mine, crisis = await waiting_chat(store), await waiting_chat(store, Priority.CRISIS)
    await store.claim(mine, ann.id)
    await store.add_note(mine, ann.id, "A note for colleagues.")
    await store.add_label(mine, ann.id, "school")
    _, call_back = await promised_call_back(store, settings)
    calls = CallBacks(store.database, store.events, Sealer(settings.secret_keys))
    await calls.claim(call_back, ann.id)
    await calls.attempted(call_back, ann.id, "no_answer")
    await calls.claim(call_back, ann.id)
    _, reference = await finished_chat(store, ann.id)
    lost = await waiting_chat(store)
    await store.claim(lost, ann.id)
    await store.requeue_unseen(timedelta(seconds=-5), notice=Draft(text="Lost", role=Role.SYSTEM))
    await store.claim(mine, ann.id)
    addresses = [
        *PAGES,
        f"/desk/chats/{mine}",
        f"/desk/chats/{crisis}",
        f"/desk/call-backs/{call_back}",
        f"/desk/history/{reference}",
    ]
    problems = []
    for address in addresses:
        problems += await problems_of(page, address)
    await page.goto("/desk/accounts")
    await page.get_by_role("textbox", name="Name").fill("Kim Newcomer")
    await page.get_by_role("button", name="Add the account").click()
    await expect(page.get_by_text("/desk/password?link=")).to_be_visible()
    problems += await problems_of(page)
    assert problems == []

"""Letters and calendar files as the gateway serves them, and the form on the page. Nothing is kept."""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from collections.abc import AsyncGenerator
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import vobject
from aiohttp import FormData, web
from aiohttp.test_utils import TestClient, TestServer
from docx import Document
from icalendar import Calendar
from playwright.async_api import Browser, Page, async_playwright, expect
from sqlalchemy.orm import Session

from actions.letters import letter_card
from gateway.app import init_app
from gateway.errors import Problem
from gateway.page import own_link
from gateway.records import Records
from gateway.settings import Settings
from knowledge.content import Content
from knowledge.database import migrate, open_engine, sessions
from knowledge.dates import today
from knowledge.letter_file import MEDIA_TYPE
from knowledge.letters import FilledLetter, fill
from knowledge.queries.letters import all_letters, letter_by_id
from tests.gateway.conftest import Chat, FakeCrisis, FakeSafety, StandInBot
from tests.gateway.test_page import ARGUMENTS, CHROMIUM, needs_browser, say, violations
from tests.knowledge.conftest import WORDS, load, shipped_content

type Client = TestClient[web.Request, web.Application]

#: Something that stands nowhere else.
MARKER = "Marmaduke Featherstonehaugh"

COMPLAINT = "/letters/letter-complaint"


@pytest.fixture(scope="session")
def letters_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A knowledge store with the letters and rights that ship."""
    shipped = shipped_content()
    content = Content(
        topics=shipped.topics,
        areas=shipped.areas,
        sources=shipped.sources,
        entitlements=shipped.entitlements,
        letters=shipped.letters,
    )
    url = f"sqlite:///{tmp_path_factory.mktemp('letters')}/knowledge.sqlite3"
    engine = open_engine(url)
    migrate(engine)
    load(engine, content, WORDS)
    engine.dispose()
    return url


@pytest.fixture
def settings(settings: Settings, letters_url: str) -> Settings:
    """The gateway's settings, with that store."""
    return settings.model_copy(update={"knowledge_url": letters_url})


def bytes_of(url: str) -> bytes:
    """Everything in the folder of a SQLite database: the file and what lies beside it."""
    folder = Path(url.removeprefix("sqlite:///")).parent
    return b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())


# -- letters ---------------------------------------------------------------------------------------


async def test_a_letter_as_text(client: Client) -> None:
    answer = await client.post(
        COMPLAINT, json={"fields": {"your_name": MARKER, "wanted": "An answer.\nAn apology."}}
    )
    text = await answer.text()

    assert answer.status == 200
    assert answer.content_type == "text/plain"
    assert answer.headers["Cache-Control"] == "no-store"
    assert text.count(MARKER) == 2
    assert "An answer.\nAn apology." in text
    assert "[what went wrong and when]" in text


async def test_a_letter_as_a_word_document(client: Client) -> None:
    by_field = await client.post(COMPLAINT, data={"your_name": MARKER, "format": "docx"})
    by_header = await client.post(
        COMPLAINT, json={"fields": {"your_name": MARKER}}, headers={"Accept": MEDIA_TYPE}
    )

    for answer in (by_field, by_header):
        assert answer.status == 200
        assert answer.content_type == MEDIA_TYPE
        assert answer.headers["Content-Disposition"] == 'attachment; filename="letter-complaint.docx"'
        assert answer.headers["Cache-Control"] == "no-store"
        shown = "\n".join(paragraph.text for paragraph in Document(BytesIO(await answer.read())).paragraphs)
        assert MARKER in shown
        assert "formal complaint" in shown


async def test_the_safety_check_answers_while_many_letters_are_made(
    client: Client, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def slow(_letter: FilledLetter) -> bytes:
        assert go_on.wait(20)
        return b"a document"

    monkeypatch.setattr("knowledge.letter_file.to_docx", slow)
    letters = [
        asyncio.create_task(client.post(COMPLAINT, data={"your_name": MARKER, "format": "docx"}))
        for _ in range(40)
    ]
    try:
        await asyncio.sleep(0.5)
        replies = await asyncio.wait_for(chat.say("DANGER"), 10)
    finally:
        go_on.set()
        answers = await asyncio.gather(*letters)

    assert "Call 000" in str(replies)
    assert {answer.status for answer in answers} == {200}


async def test_a_letter_too_many_is_sent_away_until_the_others_are_done(letters_url: str) -> None:
    records = Records(letters_url, threads=1, most_at_once=2)
    go_on = threading.Event()

    def slow(_session: Session) -> bool:
        return go_on.wait(20)

    taken = [asyncio.create_task(records.read(slow)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Problem) as told:
        await records.read(slow)
    go_on.set()

    assert told.value.document["code"] == "knowledge_unavailable"
    assert told.value.response().headers["Retry-After"]
    assert await asyncio.gather(*taken) == [True, True]
    assert await records.read(slow)
    records.close()


async def test_a_letter_as_a_page_escapes_what_was_written(client: Client) -> None:
    answer = await client.post(
        COMPLAINT, data={"your_name": "</textarea><script>alert(1)</script>", "format": "page"}
    )
    page = await answer.text()

    assert answer.content_type == "text/html"
    assert "&lt;/textarea&gt;&lt;script&gt;" in page
    assert "<script>alert" not in page
    assert "We do not keep it" in page


async def test_the_choices_of_the_form(client: Client) -> None:
    answer = await client.post(
        "/letters/letter-ehc-overdue",
        data={
            "request_date": "3 March 2026",
            "voice": "young-person",
            "limit": "final-plan",
            "format": "text",
        },
    )
    text = await answer.text()

    assert "regulation 13(2)" in text
    assert "21 July 2026" in text
    assert "my child" not in text


async def test_a_time_that_has_not_run_out_is_told_beside_the_letter(client: Client) -> None:
    tomorrow = (today() + timedelta(days=1)).isoformat()
    fields = {"request_date": tomorrow}
    text = await client.post("/letters/letter-ehc-overdue", json={"fields": fields})
    page = await client.post("/letters/letter-ehc-overdue", json={"fields": fields, "format": "page"})

    assert text.headers["Letter-Note"].startswith("The time has not run out yet. The last day is ")
    assert "not run out yet" not in await text.text()
    assert "The time has not run out yet." in await page.text()
    late = await client.post("/letters/letter-ehc-overdue", json={"fields": {"request_date": "2020-01-06"}})
    assert "Letter-Note" not in late.headers


WRONG = {
    "a field that is not there": ({"fields": {"salary": "1"}}, 422, "fields.salary"),
    "a line that is too long": ({"fields": {"your_name": "x" * 301}}, 422, "fields.your_name"),
    "a text that is too long": ({"fields": {"wanted": "x" * 4001}}, 422, "fields.wanted"),
    "no text": ({"fields": {"your_name": 7}}, 422, "fields.your_name"),
    "an unknown voice": ({"voice": "nobody"}, 422, "voice"),
    "an unknown limit": ({"limit": "final-plan"}, 422, "limit"),
    "an unknown format": ({"format": "pdf"}, 422, "format"),
    "an unknown name": ({"letter": {}}, 422, "letter"),
}


@pytest.mark.parametrize("what", WRONG)
async def test_what_is_wrong_is_named_and_not_echoed(client: Client, what: str) -> None:
    body, status, field = WRONG[what]
    answer = await client.post(COMPLAINT, json=body)
    problem = await answer.json()

    assert answer.status == status
    assert problem["code"] == "invalid_fields"
    assert [error["field"] for error in problem["errors"]] == [field]
    assert "xxxx" not in await answer.text()


async def test_an_unknown_letter_and_a_body_of_another_kind(client: Client) -> None:
    unknown = await client.post("/letters/letter-to-santa", json={})
    assert (unknown.status, (await unknown.json())["code"]) == (404, "no_such_letter")

    # A multipart form could be put into files on its way: it is refused before it is read.
    form = FormData()
    form.add_field("your_name", BytesIO(b"x" * 1000), filename="x.txt")
    multipart = await client.post(COMPLAINT, data=form)
    assert (multipart.status, (await multipart.json())["code"]) == (400, "bad_request")
    assert "application/x-www-form-urlencoded" in (await multipart.json())["detail"]

    for encoding in ("foo", "utf-8"):  # one that nobody knows, and one that the bytes are not in
        media_type = f"application/x-www-form-urlencoded; charset={encoding}"
        unread = await client.post(COMPLAINT, data=b"wanted=\xff", headers={"Content-Type": media_type})
        assert (unread.status, (await unread.json())["code"]) == (400, "bad_request")

    huge = await client.post(COMPLAINT, data={"wanted": "x" * 70_000})
    assert (huge.status, (await huge.json())["code"]) == (413, "too_large")
    assert (await client.get(COMPLAINT)).status == 405  # so that nothing is ever written into an address


async def test_without_a_store_the_answer_is_honest(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("no folder")
    broken = settings.model_copy(update={"knowledge_url": f"sqlite:///{tmp_path}/a-file/knowledge.sqlite3"})
    app = init_app(
        broken,
        load_safety=FakeSafety,
        load_crisis=lambda _url: FakeCrisis(),
        load_areas=lambda _url: frozenset(),
    )
    async with TestClient(TestServer(app)) as client:
        for answer in (
            await client.get("/calendar.ics?request-received=2026-03-03"),
            await client.post(COMPLAINT, json={}),
        ):
            assert (answer.status, (await answer.json())["code"]) == (503, "knowledge_unavailable")


async def test_a_letter_is_never_stored(
    client: Client, chat: Chat, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await chat.say("a message that is stored")
    bodies: list[dict[str, Any]] = [
        {"json": {"fields": {"your_name": MARKER}}},
        {"data": {"your_name": MARKER, "format": "docx"}},
        {"data": {"your_name": MARKER, "format": "page"}},
        {"json": {"fields": {"nonsense": MARKER}}},
    ]
    for body in bodies:
        await client.post(COMPLAINT, **body)

    conversations = bytes_of(settings.conversations_url)
    assert b"a message that is stored" in conversations  # this would see it
    assert MARKER.encode() not in conversations
    assert MARKER.encode() not in bytes_of(settings.knowledge_url)
    assert MARKER not in caplog.text
    assert all(MARKER not in repr(vars(record)) for record in caplog.records)
    assert MARKER not in await (await client.get("/metrics")).text()


# -- the calendar ----------------------------------------------------------------------------------


async def test_the_dates_of_a_request_as_a_calendar(client: Client) -> None:
    answer = await client.get("/calendar.ics?request-received=2026-03-03")
    content = await answer.read()

    assert answer.status == 200
    assert answer.content_type == "text/calendar"
    assert answer.headers["Cache-Control"] == "no-store"
    days = [event.decoded("DTSTART") for event in Calendar.from_ical(content).walk("VEVENT")]
    assert days == [date(2026, 4, 14), date(2026, 6, 23), date(2026, 7, 21)]
    assert len(vobject.readOne(content.decode()).vevent_list) == 3


async def test_the_later_of_two_papers(client: Client) -> None:
    answer = await client.get("/calendar.ics?decision-letter=2026-03-18&mediation-certificate=2026-05-15")

    ends = {
        str(event["SUMMARY"]): event.decoded("DTSTART")
        for event in Calendar.from_ical(await answer.read()).walk("VEVENT")
    }
    assert ends == {
        "You must contact the mediation adviser": date(2026, 5, 18),
        "Your appeal must reach the SEND Tribunal": date(2026, 6, 15),
    }


WRONG_DATES = {
    "": "(query)",
    "?birthday=2026-03-03": "birthday",
    "?request-received=soon": "request-received",
    "?request-received=2026-02-30": "request-received",
    "?request-received=2026-W10-2": "request-received",
    "?request-received=20260303": "request-received",
    "?request-received=0001-01-01": "request-received",
    "?request-received=9999-12-31": "request-received",
    "?request-received=": "request-received",
    "?request-received=2026-03-03&request-received=2026-03-04": "request-received",
    f"?{'x' * 200}=2026-03-03": "x" * 40,
}


@pytest.mark.parametrize("query", WRONG_DATES)
async def test_a_wrong_event_or_day_is_named(client: Client, query: str) -> None:
    answer = await client.get(f"/calendar.ics{query}")
    problem = await answer.json()

    assert answer.status == 422
    assert problem["code"] == "invalid_fields"
    assert [error["field"] for error in problem["errors"]] == [WRONG_DATES[query]]


async def test_days_that_nobody_can_count_make_no_empty_calendar(client: Client) -> None:
    answer = await client.get("/calendar.ics?governors-decision=2026-03-03")

    assert (answer.status, (await answer.json())["code"]) == (404, "no_dates")


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        ("/calendar.ics?request-received=2026-03-03", True),
        ("//evil.example/x", False),
        ("/\\evil.example", False),
        ("https://evil.example", False),
        ("javascript:alert(1)", False),
        ("/a b", False),
        (7, False),
    ],
)
def test_only_paths_of_our_own_are_links_of_our_own(url: object, ours: bool) -> None:
    assert (own_link(url) is not None) is ours


# -- on the page -----------------------------------------------------------------------------------


def letter_reply(letters_url: str, letter_id: str = "letter-ehc-overdue") -> list[dict[str, Any]]:
    """What the action says for a letter, with something that the chat knew."""
    engine = open_engine(letters_url)
    with sessions(engine)() as session:
        letter = letter_by_id(session, letter_id)
        assert letter is not None
        given = {"council": "Derbyshire County Council"}
        card = letter_card(session, letter, "parent", given)
        text = fill(session, letter, given).text
    engine.dispose()
    custom = {
        "cards": [card],
        "attachments": [
            {
                "kind": "calendar",
                "url": "/calendar.ics?request-received=2026-03-03",
                "title": "Add these dates to your calendar",
            }
        ],
    }
    return [{"text": text}, {"custom": custom}]


@pytest_asyncio.fixture
async def browser() -> AsyncGenerator[Browser]:
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield running
        await running.close()


@pytest_asyncio.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
async def any_page(
    browser: Browser, client: Client, bot: StandInBot, letters_url: str, request: pytest.FixtureRequest
) -> AsyncGenerator[Page]:
    """The chat with a letter in it."""
    bot.replies = letter_reply(letters_url)
    context = await browser.new_context(
        base_url=str(client.make_url("/")), java_script_enabled=request.param, accept_downloads=True
    )
    page = await context.new_page()
    await page.goto("/")
    await say(page, "write a letter because they are late")
    await expect(page.locator("form.letter")).to_be_visible()
    yield page
    await context.close()


@needs_browser
async def test_the_form_shows_the_letter_and_saves_it(any_page: Page, request: pytest.FixtureRequest) -> None:
    with_script = "without JavaScript" not in request.node.name
    form = any_page.locator("form.letter")

    await expect(form).to_contain_text("We do not keep what you write here.")
    await expect(form.get_by_label("The council", exact=True)).to_have_value("Derbyshire County Council")
    # The text for channels without cards is not shown beside the form.
    await expect(any_page.locator(".message--assistant").last).not_to_contain_text("[your name]")
    await form.get_by_label("Your name").fill(MARKER)
    await form.get_by_label("Day the council got the request").fill("3 March 2026")
    await form.get_by_label("What is late").select_option(label="The council must send the final EHC plan")

    if with_script:
        await form.get_by_role("button", name="Show the letter").click()
        shown = any_page.get_by_label("Your letter", exact=True)
    else:
        async with any_page.context.expect_page() as opening:
            await form.get_by_role("button", name="Show the letter").click()
        shown = (await opening.value).get_by_label("The letter", exact=True)
    await expect(shown).to_have_value(re.compile(MARKER))
    text = await shown.input_value()
    assert text.count(MARKER) == 2
    assert "regulation 13(2)" in text
    assert "21 July 2026" in text
    assert "[your address, email or phone]" in text

    async with any_page.expect_download() as downloading:
        await form.get_by_role("button", name="Download as Word").click()
    download = await downloading.value
    assert download.suggested_filename == "letter-ehc-overdue.docx"
    document = Document(str(await download.path()))
    assert any(MARKER in paragraph.text for paragraph in document.paragraphs)


@needs_browser
async def test_the_calendar_is_a_download(any_page: Page) -> None:
    link = any_page.get_by_role("link", name="Add these dates to your calendar")
    async with any_page.expect_download() as downloading:
        await link.click()
    download = await downloading.value

    assert download.suggested_filename == "dates.ics"
    content = Path(await download.path()).read_bytes()  # noqa: ASYNC240 - a test may block
    assert len(Calendar.from_ical(content).walk("VEVENT")) == 3


@pytest_asyncio.fixture
async def page(browser: Browser, client: Client, bot: StandInBot, letters_url: str) -> AsyncGenerator[Page]:
    """The live chat with a letter in it; fails on script errors and on what the page's policy forbids."""
    bot.replies = letter_reply(letters_url)
    context = await browser.new_context(base_url=str(client.make_url("/")))
    opened = await context.new_page()
    troubles: list[str] = []
    opened.on("pageerror", lambda error: troubles.append(str(error)))
    opened.on(
        "console",
        lambda message: troubles.append(message.text) if "Content Security Policy" in message.text else None,
    )
    await opened.goto("/")
    await say(opened, "write a letter because they are late")
    await expect(opened.locator("form.letter")).to_be_visible()
    yield opened
    await context.close()
    assert troubles == []


@needs_browser
async def test_axe_finds_nothing_wrong_with_the_form_and_the_letter(page: Page) -> None:
    assert await violations(page) == []
    await page.get_by_role("button", name="Show the letter").click()
    await expect(page.get_by_label("Your letter", exact=True)).to_be_focused()
    assert await violations(page) == []


@needs_browser
async def test_a_note_is_shown_above_the_letter(page: Page) -> None:
    await page.get_by_label("Day the council got the request").fill((today() + timedelta(days=1)).isoformat())
    await page.get_by_role("button", name="Show the letter").click()

    await expect(page.locator(".letter__state")).to_contain_text("The time has not run out yet.")


@needs_browser
async def test_a_letter_is_announced_by_its_name_and_not_read_out_whole(page: Page) -> None:
    announced = await page.locator("#announcer p").all_text_contents()

    assert (
        announced[-1]
        == "Automated assistant: A letter to fill in: Chase an EHC decision or plan that is late."
    )


@needs_browser
async def test_two_letters_in_one_chat_keep_their_labels_apart(page: Page) -> None:
    await say(page, "and again")
    await expect(page.locator("form.letter")).to_have_count(2)
    ids = await page.locator("[id]").evaluate_all("all => all.map(one => one.id)")

    assert len(ids) == len(set(ids))
    await page.get_by_label("Your name").nth(1).fill("Second")
    await page.get_by_role("button", name="Show the letter").nth(1).click()
    # Under the second form only.
    await expect(page.get_by_label("Your letter", exact=True)).to_have_value(re.compile("Second"))


@needs_browser
async def test_when_the_letter_cannot_be_made_the_words_stay(page: Page) -> None:
    await page.get_by_label("Your name").fill(MARKER)
    await page.route("**/letters/*", lambda route: route.abort())
    await page.get_by_role("button", name="Show the letter").click()

    await expect(page.locator(".letter__state")).to_contain_text("Your words are still here")
    await expect(page.get_by_label("Your name")).to_have_value(MARKER)


@needs_browser
async def test_what_was_written_is_gone_with_the_page(page: Page) -> None:
    await page.get_by_label("Your name").fill(MARKER)
    await page.reload()

    await expect(page.get_by_label("Your name")).to_have_value("")
    kept = await page.evaluate("JSON.stringify([{...sessionStorage}, {...localStorage}, document.cookie])")
    assert MARKER not in kept


async def test_every_letter_that_ships_can_be_posted_as_its_form_is(client: Client, letters_url: str) -> None:
    engine = open_engine(letters_url)
    with sessions(engine)() as session:
        forms = [(letter.id, letter.fields, letter.voices) for letter in all_letters(session)]
    engine.dispose()

    assert len(forms) == 7
    for letter_id, fields, voices in forms:
        for voice in voices:
            data = {field["name"]: "" for field in fields} | {"voice": voice["id"], "format": "text"}
            answer = await client.post(f"/letters/{letter_id}", data=data)
            assert answer.status == 200, await answer.text()

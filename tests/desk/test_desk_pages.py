"""Call backs, history, the supervisor's and the admin's pages, canned replies and figures."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import timedelta

import pytest
import pytest_asyncio
from aiohttp import CookieJar
from aiohttp.test_utils import TestClient, TestServer

from conversations.callbacks import CallBacks
from conversations.errors import NotFound
from conversations.log import Draft, utc_now
from conversations.models import DeskRole, Owner
from conversations.sealing import Sealer
from conversations.store import Store
from desk.settings import DeskSettings
from knowledge.database import open_engine
from knowledge.unanswered import note_unanswered
from tests.desk.conftest import PASSWORD, Browser, alert, signed_in, waiting_chat

NUMBER = "+441632960001"


@pytest_asyncio.fixture
async def boss(server: TestServer, store: Store) -> AsyncGenerator[Browser]:
    """Ann Osei, an admin, signed in."""
    async with TestClient(server, cookie_jar=CookieJar(unsafe=True)) as client:
        yield await signed_in(client, store, "Ann Osei", DeskRole.ADMIN)


async def promised_call_back(store: Store, settings: DeskSettings) -> tuple[str, str]:
    """A family that asked for a call back; ids of the chat and of the call back."""
    chat = await waiting_chat(store)
    calls = CallBacks(store.database, store.events, Sealer(settings.secret_keys))
    draft = await calls.begin(chat)
    await calls.tell(draft.id, how="phone", address=NUMBER, when="after 4pm", name="Robin")
    await calls.place(draft.id)
    return chat, draft.id


async def finished_chat(
    store: Store, adviser_id: str, before: Callable[[str], Awaitable[object]] | None = None
) -> tuple[str, str]:
    """A chat that an adviser closed; its id and its reference. ``before`` it is closed, something is done."""
    chat = await waiting_chat(store)
    if before is not None:
        await before(chat)
    await store.claim(chat, adviser_id)
    await store.append_adviser(chat, adviser_id, "Hello, I am Sam.")
    escalation = await store.escalation(chat)
    assert escalation is not None
    await store.close(chat, adviser_id, outcome="answered", for_good=True)
    return chat, escalation.reference


async def test_a_call_back_is_taken_tried_and_done(
    sam: Browser, ada: Browser, store: Store, settings: DeskSettings
) -> None:
    chat, call_back = await promised_call_back(store, settings)
    status, page = await sam.page("/desk/call-backs")
    assert status == 200
    assert "Phone call" in page
    assert NUMBER not in page, "a contact is for whoever takes it on"
    assert (await ada.page(f"/desk/call-backs/{call_back}"))[0] == 409

    assert (await sam.post(f"/desk/call-backs/{call_back}/claim"))[0] == 303
    status, page = await ada.post(f"/desk/call-backs/{call_back}/claim")
    assert status == 409
    assert "Sam Surname has this" in page
    _, page = await sam.page(f"/desk/call-backs/{call_back}")
    assert all(told in page for told in ("+441632960001", "after 4pm", "Robin"))

    assert (await sam.post(f"/desk/call-backs/{call_back}/attempted", result="made up"))[0] == 422
    assert (await sam.post(f"/desk/call-backs/{call_back}/attempted", result="no_answer"))[0] == 303
    assert (await ada.post(f"/desk/call-backs/{call_back}/claim"))[0] == 303
    assert "Sam Surname: No answer" in (await ada.page(f"/desk/call-backs/{call_back}"))[1]
    assert (await ada.post(f"/desk/call-backs/{call_back}/done"))[0] == 303

    assert "No call back is waiting" in (await ada.page("/desk/call-backs"))[1]
    assert (await store.get(chat)).owner is Owner.BOT
    assert "has been deleted" in (await store.messages(chat))[-1].text
    actions = [entry.action for entry in await store.audit_log()]
    assert actions.count("call back contact shown") == 2
    assert {"call back claimed", "call back attempted", "call back done"} <= set(actions)
    assert NUMBER not in json.dumps([entry.detail for entry in await store.audit_log()])


async def test_history_is_found_by_reference_label_and_day(sam: Browser, store: Store) -> None:
    chat, reference = await finished_chat(store, sam.adviser_id)
    await store.add_label(chat, sam.adviser_id, "transport")
    today = utc_now().date().isoformat()
    assert reference not in (await sam.page("/desk/history"))[1], "nothing is listed unasked"
    for query in (f"reference={reference.lower()}", "label=transport", f"since={today}&until={today}"):
        assert reference in (await sam.page(f"/desk/history?{query}"))[1], query
    for query in ("reference=HL-222222", "label=other", "until=2020-01-01"):
        assert reference not in (await sam.page(f"/desk/history?{query}"))[1], query
    status, page = await sam.page("/desk/history?since=yesterday")
    assert status == 422
    assert "Write the day as" in page


async def test_what_was_said_after_the_desk_is_not_in_the_history(sam: Browser, store: Store) -> None:
    chat, reference = await finished_chat(store, sam.adviser_id)
    await store.append_user(chat, None, "for the assistant only")
    await store.append_assistant(chat, [Draft(text="an answer of the assistant")])
    for path in ("", "/export?as=text", "/export?as=json"):
        status, page = await sam.page(f"/desk/history/{reference}{path}")
        assert status == 200
        assert "Hello, I am Sam." in page
        assert "for the assistant only" not in page
        assert "an answer of the assistant" not in page


async def test_one_chat_is_exported_and_that_is_on_record(sam: Browser, store: Store) -> None:
    chat, reference = await finished_chat(store, sam.adviser_id)
    answer = await sam.client.get(f"/desk/history/{reference}/export?as=json")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="chat-{reference}.json"'
    exported = await answer.json()
    assert exported["outcome"] == "Question answered"
    assert [m["text"] for m in exported["messages"] if m["kind"] == "adviser"] == ["Hello, I am Sam."]
    assert exported["messages"][1]["sources"][0]["title"] == "Example strategy"
    text = await (await sam.client.get(f"/desk/history/{reference}/export?as=text")).text()
    assert "Adviser Sam:\nHello, I am Sam." in text
    assert "Source: Example strategy" in text
    assert (await sam.page(f"/desk/history/{reference}/export?as=xml"))[0] == 400
    entries = await store.audit_log(conversation_id=chat, action="exported")
    assert [entry.detail["as"] for entry in entries] == ["text", "json"]


async def test_only_a_supervisor_erases_and_only_what_was_typed_again(
    sam: Browser, boss: Browser, store: Store
) -> None:
    chat, reference = await finished_chat(store, sam.adviser_id)
    assert (await sam.post(f"/desk/history/{reference}/erase", again=reference))[0] == 403
    assert (await boss.post(f"/desk/history/{reference}/erase", again="HL-OTHER"))[0] == 422
    await store.get(chat)
    assert (await boss.post(f"/desk/history/{reference}/erase", again=reference.lower()))[0] == 303
    with pytest.raises(NotFound):
        await store.get(chat)
    [entry] = await store.audit_log(action="erased")
    assert (entry.who, entry.reference) == (boss.adviser_id, reference)


async def test_a_closed_chat_is_taken_up_again(sam: Browser, store: Store) -> None:
    chat, reference = await finished_chat(store, sam.adviser_id)
    assert await sam.post(f"/desk/history/{reference}/reopen") == (303, f"/desk/chats/{chat}")
    assert (await store.get(chat)).adviser_id == sam.adviser_id


async def test_a_supervisor_sees_who_is_on_and_takes_a_chat_over(
    sam: Browser, boss: Browser, store: Store
) -> None:
    chat = await waiting_chat(store)
    await sam.post(f"/desk/chats/{chat}/claim")
    _, page = await boss.page("/desk/supervise")
    assert "Sam Surname" in page
    assert "On duty" in page
    assert (await boss.post("/desk/supervise/capacity", adviser=sam.adviser_id, capacity="5"))[0] == 303
    assert (await store.adviser(sam.adviser_id)).capacity == 5
    assert (await boss.post("/desk/supervise/capacity", adviser=sam.adviser_id, capacity="0"))[0] == 422

    status, leads_to = await boss.post(f"/desk/chats/{chat}/transfer", to=boss.adviser_id)
    assert (status, leads_to) == (303, f"/desk/chats/{chat}")
    assert (await store.get(chat)).adviser_id == boss.adviser_id
    assert "Adviser Ann goes on" in (await store.messages(chat))[-1].text
    _, page = await sam.page(f"/desk/chats/{chat}")
    assert "Ann Osei has this chat." in page


async def test_hours_closures_announcement_and_the_off_switch(boss: Browser, store: Store) -> None:
    hours = {"day0": "09:00-12:00, 13:00-17:00", "day1": "9:00-17:00", "bank_holidays": "yes"}
    assert (await boss.post("/desk/service/hours", **hours))[0] == 303
    opening = (await store.service_state()).opening
    assert opening.in_words() == "Monday 9am to 12 noon and 1pm to 5pm, Tuesday 9am to 5pm"
    status, page = await boss.post("/desk/service/hours", day0="nine to five")
    assert status == 422
    assert "Monday: write the hours" in page
    assert "nine to five" in page
    assert (await store.service_state()).opening == opening

    days = {"first": "2099-12-24", "last": "2099-12-26"}
    assert (await boss.post("/desk/service/closures", **days, reason="Winter break"))[0] == 303
    assert (await boss.post("/desk/service/closures", first="2099-12-24", last="2099-12-01"))[0] == 422
    assert (await boss.post("/desk/service/closures", first="soon"))[0] == 422
    [closure] = (await store.service_state()).opening.closures
    assert (await boss.post("/desk/service/closures/remove", closure=str(closure.id)))[0] == 303

    assert (await boss.post("/desk/service/announcement", announcement="Our phones are down."))[0] == 303
    assert (await boss.post("/desk/service/announcement", announcement="x" * 501))[0] == 422
    assert (await store.service_state()).announcement == "Our phones are down."

    assert (await boss.post("/desk/service/assistant"))[0] == 422, "without a reason"
    assert (await boss.post("/desk/service/assistant", why="It gave a wrong figure"))[0] == 303
    assert not (await store.service_state()).assistant_on
    assert (await boss.post("/desk/service/assistant", why="It is mended", on="yes"))[0] == 303
    assert (await store.service_state()).assistant_on

    _, page = await boss.page("/desk/audit")
    assert "assistant switched off" in page
    assert "It gave a wrong figure" in page
    assert "Ann Osei" in page


async def test_school_holidays_are_added_seen_and_removed(boss: Browser, store: Store) -> None:
    first, last = utc_now().date() + timedelta(days=1), utc_now().date() + timedelta(days=9)
    typed = {
        "school_name": "Christmas <holiday>",
        "school_first": first.isoformat(),
        "school_last": last.isoformat(),
        "school_area": "derby-city",
        "school_source_url": "https://www.example.gov.uk/term-dates?a=1&b=2",
    }
    _, page = await boss.page("/desk/service")
    assert "None recorded" in page
    assert (await boss.post("/desk/service/school-holidays", **typed))[0] == 303
    assert (await boss.post("/desk/service/school-holidays", **{**typed, "school_area": ""}))[0] == 303
    one, everywhere = (await store.service_state()).school_holidays
    assert (one.first_day, one.last_day, one.area, everywhere.area) == (first, last, "derby-city", None)
    _, page = await boss.page("/desk/service")
    assert f"{first.day} {first:%B %Y} to {last.day} {last:%B %Y}: Christmas &lt;holiday&gt;, Derby" in page
    assert 'href="https://www.example.gov.uk/term-dates?a=1&amp;b=2"' in page
    assert (
        'Remove<span class="govuk-visually-hidden"> the school holiday Christmas &lt;holiday&gt;, every'
        in page
    )

    assert (await boss.post("/desk/service/school-holidays/remove", school_holiday=str(one.id)))[0] == 303
    assert [left.area for left in (await store.service_state()).school_holidays] == [None]
    again = await boss.post("/desk/service/school-holidays/remove", school_holiday=str(one.id))
    assert again[0] == 404
    assert (await boss.post("/desk/service/school-holidays/remove", school_holiday="x"))[0] == 400


async def test_each_wrong_field_of_a_school_holiday_is_named_and_what_was_typed_stays(
    boss: Browser, store: Store
) -> None:
    wrong = {
        "school_name": "",
        "school_first": "soon",
        "school_last": "2020-01-03",
        "school_area": "leicester",
        "school_source_url": "javascript:alert(1)",
    }
    status, page = await boss.post("/desk/service/school-holidays", **wrong)
    assert status == 422
    assert "<title>Error: " in page
    for field in wrong:
        assert f'<li><a href="#{field}">' in page
        assert f'id="{field}-error"' in page
    assert page.index('href="#school_name"') < page.index('href="#school_source_url"')
    assert 'value="soon"' in page
    assert 'value="javascript:alert(1)"' in page
    assert 'href="javascript' not in page
    assert (await store.service_state()).school_holidays == ()
    status, page = await boss.post("/desk/service/school-holidays")
    assert status == 422
    assert 'href="#school_area"' not in page  # everywhere


async def test_an_adviser_may_not_change_school_holidays(sam: Browser, store: Store) -> None:
    day = utc_now().date().isoformat()
    typed = {"school_name": "x", "school_first": day, "school_last": day}
    link = "https://www.example.gov.uk/"
    answer = await sam.post("/desk/service/school-holidays", **typed, school_source_url=link)
    assert answer[0] == 403
    assert (await store.service_state()).school_holidays == ()

    today = utc_now().date()
    kept = await store.add_school_holiday(today, today, "x", source_url=link, by="x")
    answer = await sam.post("/desk/service/school-holidays/remove", school_holiday=str(kept.id))
    assert answer[0] == 403
    assert len((await store.service_state()).school_holidays) == 1


async def test_the_audit_log_is_read_in_parts(boss: Browser, store: Store) -> None:
    for number in range(120):
        await store.audit(who="system", action="counted", detail={"number": number})
    _, page = await boss.page("/desk/audit?action=counted")
    assert "number: 119" in page
    assert "number: 5<" not in page
    older = page.split('href="/desk/audit?before=', 1)[1].split('"', 1)[0].replace("&amp;", "&")
    assert "number: 5<" in (await boss.page(f"/desk/audit?before={older}"))[1]


async def test_an_admin_adds_changes_and_resets_accounts(
    boss: Browser, visitor: Browser, store: Store
) -> None:
    status, page = await boss.post("/desk/accounts", name="Kim Newcomer", role="editor")
    assert status == 200
    link = page.split("/desk/password?link=", 1)[1].split("<", 1)[0]
    assert link not in (await boss.page("/desk/accounts"))[1], "it is shown once"
    assert (await boss.post("/desk/accounts", name="kim newcomer", role="editor"))[0] == 422
    assert (await boss.post("/desk/accounts", name="", role="editor"))[0] == 422
    assert await store.choose_password(link, PASSWORD)
    visitor.name = "Kim Newcomer"
    assert await visitor.sign_in() == (303, "/desk/figures")

    kim = await store.adviser_called("Kim Newcomer")
    assert "account: Kim Newcomer" in (await boss.page("/desk/audit?action=account added"))[1]
    assert (await boss.post("/desk/accounts/change", account=kim.id, do="adviser"))[0] == 303
    assert (await visitor.page("/desk/"))[0] == 200
    assert (await boss.post("/desk/accounts/change", account=kim.id, do="disable"))[0] == 303
    assert (await visitor.page("/desk/"))[0] == 303
    status, page = await boss.post("/desk/accounts/change", account=boss.adviser_id, do="disable")
    assert status == 422
    assert "only admin" in page
    assert [entry.detail.get("to") for entry in await store.audit_log(action="account changed")] == [
        "disable",
        "adviser",
    ]


async def test_canned_replies_are_written_changed_and_removed(boss: Browser, store: Store) -> None:
    assert (await boss.post("/desk/canned-replies", code="/Hello", text="Hello.\r\nHow can I help?"))[
        0
    ] == 303
    [reply] = await store.canned_replies()
    assert (reply.code, reply.text) == ("hello", "Hello.\nHow can I help?")
    assert "How can I help?" in (await boss.page("/desk/canned-replies?code=hello"))[1]
    for code, text in (("two words", "x"), ("", "x"), ("fine", " ")):
        assert (await boss.post("/desk/canned-replies", code=code, text=text))[0] == 422
    assert (await boss.post("/desk/canned-replies/remove", code="hello"))[0] == 303
    assert await store.canned_replies() == []


async def test_figures_count_what_happened(sam: Browser, boss: Browser, store: Store) -> None:
    await finished_chat(store, sam.adviser_id)
    gave_up = await waiting_chat(store)
    await store.withdraw(gave_up, who="user")
    alone = (await store.create("web")).conversation.id
    asked = await store.append_user(alone, None, "how long is the wait?")
    await store.append_assistant(
        alone, [Draft(text="In the card.", topic="wait_time")], reply_to=asked.message.seq
    )

    found = await store.figures(utc_now() - timedelta(days=1), utc_now() + timedelta(days=1))
    assert (found.chats, found.handed_off, found.by_assistant_alone, found.abandoned) == (3, 2, 1, 1)
    assert found.reasons == {"asked": 2}
    assert found.outcomes == {"answered": 1, "withdrawn": 1}
    assert (found.wait.count, found.first_reply.count, found.handling.count) == (1, 1, 1)
    assert [topics["wait_time"] for topics in found.topics_by_week.values()] == [1]
    nothing = await store.figures(utc_now() + timedelta(days=1), utc_now() + timedelta(days=2))
    assert (nothing.chats, nothing.wait.median, nothing.topics_by_week) == (0, None, {})

    status, page = await boss.page("/desk/figures")
    assert status == 200
    assert "Chats in which a person was asked for" in page
    assert "2 (67%)" in page
    assert 'aria-label="How requests ended. Question answered: 1' in page
    answer = await boss.client.get("/desk/figures.csv")
    rows = list(csv.reader(io.StringIO(await answer.text())))
    assert ["Overview", "Chats", "3"] in rows
    assert ["Answers by topic", "How long the wait is", "1"] in rows
    assert (await boss.page("/desk/figures?since=2026-02-02&until=2026-01-01"))[0] == 422


async def test_an_editor_sees_what_people_asked_without_an_answer_and_why(
    visitor: Browser, store: Store, settings: DeskSettings
) -> None:
    engine = open_engine(settings.knowledge_url)
    for _ in range(2):
        note_unanswered(engine, "is there a swing for my son?", "nothing_known", "wait_time", "derby-city")
    note_unanswered(engine, "=1+1 blah", "not_understood", None, None)
    engine.dispose()
    editor = await signed_in(visitor.client, store, "Edith Editor", DeskRole.EDITOR)

    _, page = await editor.page("/desk/figures")

    row = page.split("is there a swing for my son?</td>")[1].split("</tr>")[0]
    for told in ("Nothing is known about it", "How long the wait is, Derby", ">2<"):
        assert told in row
    assert "Not understood" in page
    rows = list(csv.reader(io.StringIO(await (await editor.client.get("/desk/figures.csv")).text())))
    about = "Without an answer: Nothing is known about it, How long the wait is, Derby"
    assert [about, "is there a swing for my son?", "2"] in rows
    assert ["Without an answer: Not understood", "'=1+1 blah", "1"] in rows


async def test_a_question_in_a_file_is_no_formula() -> None:
    from desk.figures import _safe

    assert _safe("=HYPERLINK(1)") == "'=HYPERLINK(1)"
    assert _safe("how long?") == "how long?"


async def test_alerts_stay_in_the_history(sam: Browser, store: Store) -> None:
    chat = await waiting_chat(store)
    await store.claim(chat, sam.adviser_id)
    await alert(store, chat)
    escalation = await store.escalation(chat)
    assert escalation is not None
    await store.close(chat, sam.adviser_id, outcome="safeguarding", for_good=True)
    _, page = await sam.page(f"/desk/history/{escalation.reference}")
    assert 'data-kind="alert"' in page

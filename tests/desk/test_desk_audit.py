"""Whatever is looked at, taken, given out, erased or set at the desk is on record, and stays there."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from datetime import timedelta
from functools import partial

import pyotp
import pytest
import pytest_asyncio
from aiohttp import CookieJar
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import text

from conversations.errors import StoreFault
from conversations.files import NewFile
from conversations.log import Draft, utc_now
from conversations.models import DeskRole, Role
from conversations.store import Store
from desk.routes import ROUTES
from desk.settings import DeskSettings
from tests.desk.conftest import FORGOTTEN, PASSWORD, Browser, alert, new_adviser, signed_in, waiting_chat
from tests.desk.test_desk_pages import finished_chat, promised_call_back

#: What each way of doing something writes down. Pages with nothing about anybody's chat, and
#: signing in with another service (tried where it is tried), write nothing of their own.
NOT_RECORDED = {
    ("GET", "/socket"),
    ("GET", "/sign-in"),
    ("GET", "/sign-in/elsewhere"),
    ("GET", "/sign-in/elsewhere/back"),
    ("GET", "/password"),
    ("GET", "/account"),
    ("GET", "/account/second-factor"),
    ("GET", "/find"),
    ("GET", "/canned-replies"),
    ("GET", "/service"),
    ("GET", "/accounts"),
    ("POST", "/lost"),
    ("POST", "/chats/{id}/reply"),  # stands in the chat itself, under the adviser's name
}


async def with_a_file(store: Store, chat: str) -> str:
    """A file that comes with a message; its id."""
    letter = NewFile("letter.pdf", "application/pdf", b"%PDF-1.7")
    [message] = await store.append_assistant(chat, [Draft(text="A letter", file=letter)])
    return str(message.attachments[0]["id"])


@pytest_asyncio.fixture
async def boss(server: TestServer, store: Store) -> AsyncGenerator[Browser]:
    """Ann Osei, an admin, signed in."""
    async with TestClient(server, cookie_jar=CookieJar(unsafe=True)) as client:
        yield await signed_in(client, store, "Ann Osei", DeskRole.ADMIN)


async def test_everything_that_is_done_at_the_desk_is_on_record(
    sam: Browser, boss: Browser, store: Store, settings: DeskSettings
) -> None:
    chat = await waiting_chat(store)
    file = await with_a_file(store, chat)
    old, reference = await finished_chat(store, sam.adviser_id, before=partial(with_a_file, store))
    [old_file] = [one["id"] for message in await store.messages(old) for one in message.attachments]
    third = await waiting_chat(store)
    _, call_back = await promised_call_back(store, settings)
    kim = await new_adviser(store, "Kim Newcomer")
    await alert(store, third)
    day = (utc_now() + timedelta(days=1)).date().isoformat()
    holiday = {
        "school_name": "x",
        "school_first": day,
        "school_last": day,
        "school_source_url": "https://www.example.gov.uk/",
    }
    done: list[tuple[Browser, str, str, dict[str, str], str]] = [
        (sam, "GET", "/", {}, "queue viewed"),
        (sam, "GET", f"/chats/{chat}", {}, "viewed"),
        (sam, "GET", f"/chats/{chat}/files/{file}", {}, "file viewed"),
        (sam, "POST", f"/chats/{chat}/claim", {}, "claimed"),
        (sam, "POST", f"/chats/{chat}/note", {"note": "x"}, "note added"),
        (sam, "POST", f"/chats/{chat}/label", {"label": "x"}, "label added"),
        (sam, "POST", f"/chats/{chat}/label-off", {"label": "x"}, "label removed"),
        (sam, "POST", f"/chats/{chat}/priority", {"priority": "high"}, "priority set"),
        (sam, "POST", f"/chats/{third}/acknowledge", {"alert": "4"}, "alert acknowledged"),
        (sam, "POST", f"/chats/{chat}/put-back", {}, "put back"),
        (boss, "POST", f"/chats/{chat}/transfer", {"to": boss.adviser_id}, "handed over"),
        (boss, "POST", f"/chats/{chat}/give-back", {}, "closed"),
        (sam, "POST", f"/chats/{third}/claim", {}, "claimed"),
        (sam, "POST", f"/chats/{third}/close", {"outcome": "answered"}, "closed"),
        (sam, "POST", "/away", {"away": "yes"}, "away"),
        (sam, "GET", "/call-backs", {}, "call backs viewed"),
        (sam, "POST", f"/call-backs/{call_back}/claim", {}, "call back claimed"),
        (sam, "GET", f"/call-backs/{call_back}", {}, "call back contact shown"),
        (sam, "POST", f"/call-backs/{call_back}/attempted", {"result": "no_answer"}, "call back attempted"),
        (sam, "POST", f"/call-backs/{call_back}/claim", {}, "call back claimed"),
        (sam, "POST", f"/call-backs/{call_back}/done", {}, "call back done"),
        (sam, "GET", f"/history?reference={reference}", {}, "searched"),
        (sam, "GET", f"/history/{reference}", {}, "viewed"),
        (sam, "GET", f"/history/{reference}/files/{old_file}", {}, "file viewed"),
        (sam, "GET", f"/history/{reference}/export?as=text", {}, "exported"),
        (sam, "POST", f"/history/{reference}/reopen", {}, "reopened"),
        (boss, "POST", f"/history/{reference}/erase", {"again": reference}, "erased"),
        (boss, "POST", "/canned-replies", {"code": "x", "text": "x"}, "canned reply set"),
        (boss, "POST", "/canned-replies/remove", {"code": "x"}, "canned reply removed"),
        (boss, "GET", "/supervise", {}, "desk viewed"),
        (boss, "GET", "/figures", {}, "figures viewed"),
        (boss, "GET", "/figures.csv", {}, "figures exported"),
        (boss, "POST", "/supervise/capacity", {"adviser": sam.adviser_id, "capacity": "4"}, "capacity set"),
        (boss, "POST", "/service/hours", {"day0": "09:00-17:00"}, "opening hours set"),
        (boss, "POST", "/service/closures", {"first": "2099-12-24", "reason": "x"}, "closure added"),
        (boss, "POST", "/service/closures/remove", {"closure": "1"}, "closure removed"),
        (boss, "POST", "/service/school-holidays", holiday, "school holiday added"),
        (boss, "POST", "/service/school-holidays/remove", {"school_holiday": "1"}, "school holiday removed"),
        (boss, "POST", "/service/announcement", {"announcement": "x"}, "announcement set"),
        (boss, "POST", "/service/assistant", {"why": "x"}, "assistant switched off"),
        (boss, "GET", "/audit?action=viewed", {}, "audit log viewed"),
        (boss, "POST", "/accounts", {"name": "New One", "role": "editor"}, "account added"),
        (boss, "POST", "/accounts/change", {"account": kim.id, "do": "disable"}, "account changed"),
        (boss, "POST", "/sign-out", {"confirmed": "yes"}, "signed out"),
    ]
    for browser, method, path, form, action in done:
        before = (await store.audit_log(limit=1))[0].id
        status, page = (
            await browser.page(f"/desk{path}")
            if method == "GET"
            else await browser.post(f"/desk{path}", **form)
        )
        assert status in (200, 303), (path, page)
        fresh = [entry for entry in await store.audit_log(limit=10) if entry.id > before]
        assert [(e.who, e.action) for e in fresh] == [(browser.adviser_id, action)], path

    covered = {(method, path.split("?")[0]) for _, method, path, _, _ in done} | NOT_RECORDED
    elsewhere = {
        ("POST", "/sign-in"),
        ("POST", "/password"),
        ("POST", "/account/password"),
        ("POST", "/account/second-factor"),
        ("POST", "/account/codes-off"),
        ("GET", "/chats/{id}/socket"),
    }
    for route in ROUTES:
        filled = {
            route.path.replace("{id}", one).replace("{reference}", reference).replace("{file}", which)
            for one in (chat, third, call_back)
            for which in (file, old_file)
        }
        known = any((route.method, path) in covered for path in (*filled, route.path))
        assert known or (route.method, route.path) in elsewhere, f"{route.method} {route.path} is not tried"


async def test_signing_in_and_passwords_are_on_record(store: Store, visitor: Browser) -> None:
    _, link = await store.add_adviser("Kim")
    assert (await visitor.client.get(f"/desk/password?link={link}")).status == 200
    form = {"form_token": await visitor.form_token(), "link": link, "password": PASSWORD, "again": PASSWORD}
    await visitor.client.post("/desk/password", data=form, allow_redirects=False)
    visitor.name = "Kim"
    assert (await visitor.sign_in())[0] == 303
    new = "another-harbour-otter"
    assert (await visitor.post("/desk/account/password", old=PASSWORD, password=new, again=new))[0] == 303
    assert [entry.action for entry in await store.audit_log()][::-1] == [
        "password chosen",
        "signed in",
        "password changed",
    ]


async def test_codes_that_are_set_up_refused_kept_and_removed_are_on_record(
    sam: Browser, store: Store
) -> None:
    now = int(time.time())
    page = await (await sam.client.get("/desk/account/second-factor")).text()
    sealed = page.split('name="sealed" value="', 1)[1].split('"', 1)[0]
    secret = "".join(page.split('desk-secret">', 1)[1].split("<", 1)[0].split())
    code = pyotp.TOTP(secret)
    assert (await sam.post("/desk/account/second-factor", sealed=sealed, code="000000"))[0] == 422
    assert (await sam.post("/desk/account/second-factor", sealed=sealed, code=code.at(now)))[0] == 303
    await sam.post("/desk/sign-out")
    assert (await sam.sign_in("not the password", code=code.at(now + 30)))[0] == 403
    assert (await sam.sign_in())[0] == 403
    assert (await sam.sign_in(code="000000"))[0] == 403
    assert (await sam.sign_in(code=code.at(now + 30)))[0] == 303
    assert await sam.post("/desk/account/second-factor", sealed=sealed, code=code.at(now)) == (
        303,
        "/desk/account",
    ), "another secret is no way around the password"
    assert (await sam.post("/desk/account/codes-off", old_for_factor="wrong"))[0] == 422
    assert (await sam.post("/desk/account/codes-off", old_for_factor=PASSWORD))[0] == 303

    entries = (await store.audit_log(who=sam.adviser_id))[::-1]
    assert [(entry.action, entry.detail) for entry in entries] == [
        ("signed in", {}),
        ("second factor set", {}),
        ("signed out", {}),
        ("second factor refused", {"given": False}),
        ("second factor refused", {"given": True}),
        ("signed in", {}),
        ("second factor kept", {"why": "wrong password"}),
        ("second factor removed", {}),
    ]
    kept = str([entry.detail for entry in entries])
    assert not any(word in kept for word in (secret, code.at(now), PASSWORD))


async def test_a_socket_without_its_page_is_a_view_too_and_once(sam: Browser, store: Store) -> None:
    chat = await waiting_chat(store)
    origin = str(sam.client.make_url("/")).rstrip("/")
    for _ in range(2):
        async with sam.client.ws_connect(f"/desk/chats/{chat}/socket?after=1", origin=origin) as socket:
            await socket.receive_json()
    [entry] = await store.audit_log(action="viewed")
    assert (entry.who, entry.conversation_id) == (sam.adviser_id, chat)
    # The page asks without a body whether its session still stands: nobody reads anything.
    await sam.client.head(f"/desk/chats/{chat}")
    assert len(await store.audit_log(action="viewed")) == 1


async def test_what_is_erased_is_gone_from_the_bot_too_and_the_record_stays(
    server: TestServer, sam: Browser, boss: Browser, store: Store
) -> None:
    chat, reference = await finished_chat(store, sam.adviser_id)
    assert (await boss.post(f"/desk/history/{reference}/erase", again=reference))[0] == 303
    assert server.app[FORGOTTEN] == [chat]
    [erased] = await store.audit_log(action="erased")
    assert (erased.who, erased.conversation_id, erased.reference) == (boss.adviser_id, chat, reference)
    by_the_family = await waiting_chat(store)
    await store.erase(by_the_family)
    assert not await store.erase(by_the_family)
    assert [entry.who for entry in await store.audit_log(action="erased")] == ["user", boss.adviser_id]
    await waiting_chat(store)
    await store.purge(utc_now() + timedelta(days=1))
    [purged] = await store.audit_log(action="old chats deleted")
    assert (purged.who, purged.detail) == ("system", {"chats": 1})
    assert "The person who chatted" in (await boss.page("/desk/audit"))[1]


async def test_nobody_changes_or_deletes_an_entry(sam: Browser, store: Store) -> None:
    for statement in ("UPDATE audit SET who = 'x'", "DELETE FROM audit"):
        with pytest.raises(StoreFault):
            async with store.database.writing() as session:
                await session.execute(text(statement))
    assert [entry.action for entry in await store.audit_log(who=sam.adviser_id)] == ["signed in"]


async def test_an_adviser_who_comes_back_reads_which_chats_they_lost(
    sam: Browser, ada: Browser, store: Store
) -> None:
    chat, other = await waiting_chat(store), await waiting_chat(store)
    for one in (chat, other):
        await sam.post(f"/desk/chats/{one}/claim")
    assert "Your connection was lost</h2>" in (await sam.page("/desk/"))[1]
    assert 'id="lost-part" aria-labelledby="lost-title" hidden' in (await sam.page("/desk/"))[1]
    await store.adviser_left(sam.adviser_id)  # as after a minute without a sign of life
    await store.requeue_unseen(timedelta(seconds=-5), notice=Draft(text="Lost", role=Role.SYSTEM))
    await ada.post(f"/desk/chats/{chat}/claim")

    _, page = await sam.page("/desk/")

    part = page.split('id="lost-part"')[1].split("</section>")[0]
    assert not part.startswith(' aria-labelledby="lost-title" hidden')
    assert "Ada Colleague has it." in part
    assert "It waits in the queue." in part
    assert 'id="lost-part" aria-labelledby="lost-title" hidden' in (await ada.page("/desk/"))[1]
    assert (await sam.post("/desk/lost"))[0] == 303
    assert 'id="lost-part" aria-labelledby="lost-title" hidden' in (await sam.page("/desk/"))[1]

"""A file that an adviser sent, as the family gets it: with the chat's token, and not without."""

from __future__ import annotations

from aiohttp import web
from aiohttp.test_utils import TestClient

from conversations.files import NewFile
from conversations.models import Priority
from conversations.store import Store
from tests.gateway.conftest import Chat

PDF = b"%PDF-1.7 a form"


async def _sent(store: Store, chat: Chat, name: str = "Form für A.pdf") -> str:
    adviser, _ = await store.add_adviser(f"Sam {chat.id}")
    await store.escalate(chat.id, reason="asked", priority=Priority.NORMAL, summary={}, who="user")
    await store.claim(chat.id, adviser.id)
    file = NewFile(name, "application/pdf", PDF)
    message = await store.append_adviser(chat.id, adviser.id, "Here it is.", file=file)
    return str(message.attachments[0]["id"])


async def test_the_family_gets_the_file_as_a_download(chat: Chat, store: Store) -> None:
    file_id = await _sent(store, chat)
    [attachment] = (await chat.read())["messages"][-1]["attachments"]
    assert attachment["url"] == f"/api/v1/conversations/{chat.id}/files/{file_id}"
    answer = await chat.client.get(attachment["url"], headers=chat.auth)
    assert await answer.read() == PDF
    assert answer.content_type == "application/pdf"
    told = answer.headers["Content-Disposition"]
    assert told == "attachment; filename=\"Form f_r A.pdf\"; filename*=UTF-8''Form%20f%C3%BCr%20A.pdf"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer.headers["Cache-Control"] == "no-store"


async def test_nobody_else_gets_it(
    chat: Chat, store: Store, client: TestClient[web.Request, web.Application]
) -> None:
    file_id = await _sent(store, chat)
    made = await (await client.post("/api/v1/conversations")).json()
    other = {"Authorization": f"Bearer {made['token']}"}
    url = f"/api/v1/conversations/{chat.id}/files/{file_id}"
    assert (await client.get(url)).status == 401
    assert (await client.get(url, headers=other)).status == 401
    elsewhere = f"/api/v1/conversations/{made['id']}/files/{file_id}"
    answer = await client.get(elsewhere, headers=other)
    assert (answer.status, (await answer.json())["code"]) == (404, "no_such_file")
    form = {"conversation": made["id"], "token": made["token"]}
    assert (await client.post(f"/files/{file_id}", data=form)).status == 404
    assert (await client.post(f"/files/{file_id}", data={**form, "conversation": chat.id})).status == 401
    assert (await client.delete(f"/api/v1/conversations/{chat.id}", headers=chat.auth)).status == 204
    assert (await client.get(url, headers=chat.auth)).status == 404


async def test_without_javascript_a_button_of_the_page_gets_it(chat: Chat, store: Store) -> None:
    file_id = await _sent(store, chat)
    form = {"conversation": chat.id, "token": chat.token, "text": "hello"}
    page = await (await chat.client.post("/", data=form)).text()
    assert f'formaction="/files/{file_id}"' in page
    assert "Download Form für A.pdf (1 KB)" in page
    answer = await chat.client.post(f"/files/{file_id}", data=form)
    assert await answer.read() == PDF
    assert answer.headers["Content-Disposition"].startswith("attachment;")

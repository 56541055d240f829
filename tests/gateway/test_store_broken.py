"""Somebody in danger gets the numbers at every door while the database is really broken."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from conversations.errors import StoreFault
from conversations.store import Store
from gateway.settings import Settings
from tests.gateway.conftest import Chat

type Client = TestClient[web.Request, web.Application]


async def break_database(settings: Settings, store: Store) -> None:
    """A directory where the database was, and no connection that still holds the old file."""
    async with store.database.writing():
        pass  # whatever the gateway does at its start is over
    await store.database.close()
    _replace(Path(settings.conversations_url.removeprefix("sqlite:///")))


def _replace(file: Path) -> None:
    for path in file.parent.glob(f"{file.name}*"):
        path.unlink()
    file.mkdir()


@pytest.mark.parametrize("danger", [True, False])
async def test_the_web_contract_says_not_saved_and_gives_the_numbers(
    chat: Chat, settings: Settings, store: Store, danger: bool
) -> None:
    await break_database(settings, store)

    response = await chat.post(text="DANGER" if danger else "How long?")

    assert response.status == 503
    problem = await response.json()
    assert problem["code"] == "not_saved"
    assert ("000 111" in str(problem.get("crisis"))) is danger


@pytest.mark.parametrize("danger", [True, False])
async def test_the_rest_channel_says_not_saved_and_gives_the_numbers(
    client: Client, settings: Settings, store: Store, danger: bool
) -> None:
    await break_database(settings, store)

    response = await client.post(
        "/webhooks/rest/webhook", json={"sender": "x", "message": "DANGER" if danger else "How long?"}
    )

    assert response.status == 503
    problem = await response.json()
    assert problem["code"] == "not_saved"
    assert ("000 111" in str(problem.get("crisis"))) is danger


@pytest.mark.parametrize("words", ["DANGER and more", "How long?"])
async def test_the_page_is_a_page_with_the_numbers_after_a_fault_of_our_own_too(
    chat: Chat, store: Store, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise StoreFault("ProgrammingError")

    monkeypatch.setattr(store, "append_user", fails)
    form = {"conversation": chat.id, "token": chat.token, "text": words}

    response = await chat.client.post("/", data=form)

    assert response.status == 500
    page = await response.text()
    assert "Something went wrong on our side" in page
    assert f">{words}</textarea>" in page
    assert ("Please get help now (crisis_self_harm_suicide" in page) is ("DANGER" in words)
    assert chat.token in page  # the next try goes on with the same chat


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("words", ["DANGER and more", "How long?"])
async def test_the_page_is_a_page_with_the_numbers_and_the_words_in_the_box(
    chat: Chat, settings: Settings, store: Store, known: bool, words: str
) -> None:
    await break_database(settings, store)
    form = {"conversation": chat.id, "token": chat.token} if known else {}

    response = await chat.client.post("/", data={**form, "text": words})

    assert response.status == 503
    assert response.content_type == "text/html"
    page = await response.text()
    assert f">{words}</textarea>" in page
    assert ("Please get help now (crisis_self_harm_suicide" in page) is ("DANGER" in words)
    assert (chat.token in page) is known  # the next try goes on with the same chat

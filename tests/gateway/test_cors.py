"""The chat on a council's own pages: which origins may use it, and for which area."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import WSServerHandshakeError, web
from aiohttp.test_utils import TestClient
from pydantic import ValidationError

from gateway.keys import STORE
from gateway.settings import Settings
from tests.gateway.conftest import Chat

type Client = TestClient[web.Request, web.Application]

COUNCIL = {"Origin": "https://council.example"}
DERBYSHIRE = {"Origin": "https://www.derbyshire.example"}
FOREIGN = {"Origin": "https://elsewhere.example"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    origins = ("https://council.example", "derbyshire=https://www.derbyshire.example")
    return settings.model_copy(update={"allowed_origins": origins})


async def test_a_page_of_an_allowed_origin_may_ask_send_and_read_the_answer(client: Client) -> None:
    before = await client.options(
        "/api/v1/conversations",
        headers={**COUNCIL, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x"},
    )
    assert before.status == 204
    assert before.headers["Access-Control-Allow-Origin"] == "https://council.example"
    assert "Authorization" in before.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in before.headers

    answer = await client.post("/api/v1/conversations", headers=COUNCIL)
    assert answer.status == 201
    assert answer.headers["Access-Control-Allow-Origin"] == "https://council.example"
    assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]
    assert "Origin" in answer.headers["Vary"]


async def test_an_error_can_be_read_by_the_page_too(client: Client) -> None:
    answer = await client.get("/api/v1/conversations/none/messages", headers=COUNCIL)

    assert answer.status == 401
    assert answer.headers["Access-Control-Allow-Origin"] == "https://council.example"


@pytest.mark.parametrize(
    "origin",
    [
        "https://elsewhere.example",
        "http://council.example",  # not encrypted: anybody on the way could be that page
        "https://council.example.evil.example",
        "https://sub.council.example",
        "null",
    ],
)
async def test_a_page_that_nobody_allowed_begins_no_chat(client: Client, origin: str) -> None:
    for method, path in (
        ("POST", "/api/v1/conversations"),
        ("POST", "/api/v1/help"),
        ("GET", "/api/v1/start"),
    ):
        answer = await client.request(method, path, headers={"Origin": origin})
        assert answer.status == 403
        assert (await answer.json())["code"] == "origin_not_allowed"
        assert "Access-Control-Allow-Origin" not in answer.headers
    asked = await client.options(
        "/api/v1/conversations", headers={"Origin": origin, "Access-Control-Request-Method": "POST"}
    )
    assert asked.status == 403


async def test_an_origin_that_stands_for_an_area_begins_there_and_nowhere_else(client: Client) -> None:
    async def begin(headers: dict[str, str], **body: Any) -> tuple[int, str | None]:
        answer = await client.post("/api/v1/conversations", headers=headers, json=body)
        document = await answer.json()
        assert client.app is not None
        if answer.status != 201:
            return answer.status, None
        return 201, (await client.app[STORE].get(document["id"])).area

    assert await begin(DERBYSHIRE) == (201, "derbyshire")
    assert await begin(DERBYSHIRE, area="derbyshire") == (201, "derbyshire")
    assert await begin(DERBYSHIRE, area="herefordshire") == (422, None)
    assert await begin(COUNCIL, area="herefordshire") == (201, "herefordshire")
    assert await begin(COUNCIL) == (201, None)


async def test_letters_and_calendars_can_be_read_by_an_allowed_page_only(client: Client) -> None:
    for headers, allowed in ((COUNCIL, True), (FOREIGN, False)):
        for path in ("/calendar.ics?x=y", "/letters/none"):
            answer = await client.request("POST" if "letters" in path else "GET", path, headers=headers)
            assert ("Access-Control-Allow-Origin" in answer.headers) is allowed


async def test_nothing_else_is_opened_to_other_origins(client: Client) -> None:
    for path in ("/", "/metrics", "/healthz", "/desk/", "/webhooks/rest/webhook"):
        answer = await client.get(path, headers=COUNCIL)
        assert "Access-Control-Allow-Origin" not in answer.headers


async def test_the_socket_of_a_foreign_page_is_refused(chat: Chat, client: Client) -> None:
    with pytest.raises(WSServerHandshakeError) as refused:
        await client.ws_connect(f"/api/v1/conversations/{chat.id}/socket", headers=FOREIGN)
    assert refused.value.status == 403


@pytest.mark.parametrize(
    "entry",
    ["*", "https://*.example", "council.example", "https://council.example/path", "https://a@b.example"],
)
def test_what_is_no_origin_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch, entry: str) -> None:
    monkeypatch.setenv("HELPLINE_ALLOWED_ORIGINS", entry)
    with pytest.raises(ValidationError, match="is no origin"):
        Settings()

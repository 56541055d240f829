"""What programs rely on: the contract, one error shape everywhere, and nothing half done."""

from __future__ import annotations

import logging
import sqlite3
from typing import Any

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from conversations.errors import StoreFault, StoreUnavailable
from conversations.models import Priority
from conversations.store import Store
from gateway.app import init_app
from gateway.bodies import MAX_BODY_BYTES
from gateway.crisis import check_complete, own_age
from gateway.errors import MESSAGES, Code
from gateway.settings import Settings
from tests.gateway.conftest import Chat, FakeCrisis, FakeReply, FakeSafety, StandInBot, free_port

type Client = TestClient[web.Request, web.Application]


async def problem(response: ClientResponse, status: int, code: str) -> dict[str, Any]:
    """The problem document, after checking that it is one."""
    assert response.status == status, await response.text()
    assert response.content_type == "application/problem+json"
    document: dict[str, Any] = await response.json()
    assert {"type", "title", "status", "detail", "code"} <= document.keys()
    assert (document["status"], document["code"]) == (status, code)
    return document


async def test_creating_gives_an_id_a_token_and_a_welcome(client: Client) -> None:
    response = await client.post("/api/v1/conversations", json={"area": "derbyshire"})

    body = await response.json()
    assert response.status == 201
    assert len(body["id"]) == 32
    assert len(body["token"]) > 30
    assert (body["owner"], body["adviser"], body["position"]) == ("bot", None, None)
    assert "automated assistant" in body["messages"][0]["text"]
    assert [m["seq"] for m in body["messages"]] == [1]
    assert body["messages"][0]["created_at"].endswith("Z")


async def test_a_message_has_every_field_of_the_contract(chat: Chat) -> None:
    [reply] = await chat.say("hello")

    fields = "seq role text easy_read buttons cards sources attachments topic created_at"
    assert set(fields.split()) <= reply.keys()


async def test_reading_goes_on_from_a_sequence_number(chat: Chat) -> None:
    await chat.say("one")
    last = (await chat.read())["messages"][-1]["seq"]
    await chat.say("two")

    assert [m["text"] for m in (await chat.read(after=last))["messages"]] == ["two", "33 weeks on average."]


async def test_deleting_really_deletes_also_in_the_bots_memory(
    chat: Chat, bot: StandInBot, settings: Settings
) -> None:
    await chat.say("something private")

    response = await chat.client.delete(f"/api/v1/conversations/{chat.id}", headers=chat.auth)

    assert response.status == 204
    assert bot.forgotten == [chat.id]
    await problem(await chat.post(text="hello?"), 404, "no_such_conversation")
    path = settings.conversations_url.removeprefix("sqlite:///")
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT count(*) FROM message").fetchone() == (0,)


# -- errors ----------------------------------------------------------------------------------------


async def test_every_code_has_a_sentence_and_a_status() -> None:
    assert set(MESSAGES) == set(Code)


async def test_unknown_addresses_and_methods_are_problems(client: Client) -> None:
    await problem(await client.get("/nothing/here"), 404, "no_such_route")
    response = await client.put("/healthz")
    await problem(response, 405, "method_not_allowed")
    assert "GET" in response.headers["Allow"]


@pytest.mark.parametrize(
    "body", ["{", "[]", '"text"', "\x00", "{'a': 1}", "[" * 20000, '{"a": ' + "9" * 5000 + "}"]
)
async def test_bad_json_is_a_problem_that_says_where(chat: Chat, body: str) -> None:
    response = await chat.client.post(
        f"/api/v1/conversations/{chat.id}/messages", data=body, headers=chat.auth
    )
    await problem(response, 400, "bad_json")


async def test_bytes_that_are_no_text_are_a_problem(client: Client) -> None:
    await problem(await client.post("/webhooks/rest/webhook", data=b"\xff\xfe{"), 400, "bad_json")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "client_message_id"),
        ({"client_message_id": "a"}, "(body)"),
        ({"client_message_id": "a", "text": "x", "payload": "/y"}, "(body)"),
        ({"client_message_id": 1, "text": "x"}, "client_message_id"),
        ({"client_message_id": "a b", "text": "x"}, "client_message_id"),
        ({"client_message_id": "a", "text": 5}, "text"),
        ({"client_message_id": "a", "text": ["x"]}, "text"),
        ({"client_message_id": "a", "text": "x", "extra": 1}, "extra"),
    ],
)
async def test_a_wrong_field_is_named_and_nothing_is_logged(
    chat: Chat, body: dict[str, Any], field: str
) -> None:
    response = await chat.client.post(
        f"/api/v1/conversations/{chat.id}/messages", json=body, headers=chat.auth
    )

    document = await problem(response, 422, "invalid_fields")

    assert field in [error["field"] for error in document["errors"]]
    assert all(m["role"] != "user" for m in (await chat.read())["messages"])


async def test_an_area_that_is_not_covered_is_refused_with_those_that_are(client: Client) -> None:
    response = await client.post("/api/v1/conversations", json={"area": "narnia"})

    document = await problem(response, 422, "invalid_fields")
    assert document["errors"] == [{"field": "area", "message": "must be one of: derbyshire, herefordshire"}]


@pytest.mark.parametrize("area", [5, "Derby City", "", "a" * 65, "../etc"])
async def test_a_wrong_area_is_refused(client: Client, area: object) -> None:
    document = await problem(
        await client.post("/api/v1/conversations", json={"area": area}), 422, "invalid_fields"
    )
    assert document["errors"][0]["field"] == "area"


@pytest.mark.parametrize("after", ["-1", "x", "1.5", "9" * 30, "²"])
async def test_a_wrong_cursor_is_refused(chat: Chat, after: str) -> None:
    response = await chat.client.get(
        f"/api/v1/conversations/{chat.id}/messages", params={"after": after}, headers=chat.auth
    )
    await problem(response, 422, "invalid_fields")


async def test_a_body_that_is_too_large_is_a_problem(chat: Chat) -> None:
    response = await chat.post(text="x" * MAX_BODY_BYTES)
    await problem(response, 413, "too_large")


async def test_a_body_that_is_too_large_hides_no_danger(chat: Chat, client: Client) -> None:
    text = "DANGER " + "word " * MAX_BODY_BYTES
    over_rest = await client.post("/webhooks/rest/webhook", json={"sender": "anna", "message": text})
    for response in (await chat.post(text=text), over_rest):
        document = await problem(response, 413, "too_large")
        assert document["crisis"]["cards"][0]["contacts"]
    harmless = await problem(await chat.post(text="word " * MAX_BODY_BYTES), 413, "too_large")
    assert "crisis" not in harmless


@pytest.mark.parametrize("what", ["gone", "moved", "used before"])
@pytest.mark.parametrize("danger", [True, False])
async def test_no_refusal_hides_danger(chat: Chat, what: str, danger: bool) -> None:
    await chat.post(text="one", client_message_id="same")
    if what == "gone":
        await chat.client.delete(f"/api/v1/conversations/{chat.id}", headers=chat.auth)
    elif what == "moved":
        chat.token = "another"

    response = await chat.post(text="DANGER" if danger else "two", client_message_id="same")

    assert response.status in (401, 404, 409)
    assert ("000 111" in str((await response.json()).get("crisis"))) is danger


@pytest.mark.parametrize("method", ["get", "post", "delete"])
async def test_no_route_of_a_conversation_answers_without_its_token(
    chat: Chat, client: Client, method: str
) -> None:
    other = await (await client.post("/api/v1/conversations")).json()
    path = f"/api/v1/conversations/{chat.id}" + ("" if method == "delete" else "/messages")
    call = getattr(client, method)

    await problem(await call(path), 401, "token_missing")
    await problem(await call(path, headers={"Authorization": "Basic eDp5"}), 401, "token_missing")
    wrong = {"Authorization": f"Bearer {other['token']}"}
    response = await call(path, headers=wrong)
    await problem(response, 401, "token_wrong")
    assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_an_id_used_for_other_words_is_refused(chat: Chat) -> None:
    await chat.post(text="one", client_message_id="same")
    await problem(await chat.post(text="two", client_message_id="same"), 409, "message_id_reused")


async def test_when_the_log_cannot_be_written_the_sender_is_told_to_try_again(
    chat: Chat, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_args: object, **_kwargs: object) -> None:
        raise StoreUnavailable("disk full")

    monkeypatch.setattr(store, "append_user", broken)
    response = await chat.post(text="hello", client_message_id="again")
    document = await problem(response, 503, "not_saved")
    assert response.headers["Retry-After"]
    assert "crisis" not in document
    in_danger = await problem(await chat.post(text="DANGER"), 503, "not_saved")
    assert "000" in in_danger["crisis"]["text"]

    monkeypatch.undo()
    assert (await chat.post(text="hello", client_message_id="again")).status == 201


async def test_an_error_nobody_expected_gives_away_nothing(
    chat: Chat, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_args: object, **_kwargs: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(store, "append_user", broken)
    with caplog.at_level(logging.ERROR):
        document = await problem(await chat.post(text="hello"), 500, "internal_error")

    assert "secret" not in str(document)
    assert any(record.exc_info for record in caplog.records)


@pytest.mark.parametrize("error", [StoreFault("ProgrammingError"), ZeroDivisionError("a bug")])
async def test_an_error_nobody_expected_keeps_the_numbers_from_nobody(
    chat: Chat, store: Store, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def broken(*_args: object, **_kwargs: object) -> None:
        raise error

    monkeypatch.setattr(store, "append_user", broken)
    document = await problem(await chat.post(text="DANGER"), 500, "internal_error")
    assert "000" in document["crisis"]["text"]
    assert document["title"] == "Something went wrong on our side"
    harmless = await problem(await chat.post(text="hello"), 500, "internal_error")
    assert "crisis" not in harmless


async def test_logs_hold_no_words_of_a_message(chat: Chat, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        await chat.say("my very private story")
        await chat.say("DANGER in my very private story")

    assert "private story" not in caplog.text


# -- Rasa's REST channel ---------------------------------------------------------------------------


async def rest(client: Client, message: object, sender: str = "somebody") -> list[dict[str, Any]]:
    response = await client.post("/webhooks/rest/webhook", json={"sender": sender, "message": message})
    assert response.status == 200, await response.text()
    replies: list[dict[str, Any]] = await response.json()
    return replies


async def test_the_rest_webhook_has_rasas_shape_and_the_rest_in_custom(client: Client) -> None:
    [reply] = await rest(client, "how long")

    assert reply["recipient_id"] == "somebody"
    assert reply["text"] == "33 weeks on average."
    assert reply["buttons"] == [{"title": "And adults?", "payload": "/adults"}]
    assert reply["custom"]["topic"] == "wait_time"
    assert reply["custom"]["sources"][0]["title"] == "The strategy"
    assert reply["custom"]["easy_read"] == "33 weeks."


async def test_a_sender_keeps_one_conversation(client: Client, bot: StandInBot) -> None:
    await rest(client, "one")
    await rest(client, "two")
    await rest(client, "three", sender="somebody else")

    senders = [body["sender"] for body in bot.heard]
    assert senders[0] == senders[1] != senders[2]
    assert "somebody" not in senders


async def test_on_the_rest_webhook_an_offered_payload_is_a_button_and_any_other_slash_is_text(
    client: Client, bot: StandInBot
) -> None:
    await rest(client, "/adults")
    await rest(client, "/adults")
    await rest(client, "/restart")

    assert bot.texts == ["adults", "/adults", "restart"]


async def test_danger_on_the_rest_webhook(client: Client) -> None:
    replies = await rest(client, "DANGER")
    assert "000" in replies[0]["text"]
    assert replies[0]["custom"]["cards"][0]["kind"] == "crisis"


async def test_while_an_adviser_has_it_the_rest_webhook_says_so(client: Client, store: Store) -> None:
    await rest(client, "hello")
    conversation = await store.for_sender("rest", "somebody")
    adviser, _ = await store.add_adviser("Sam Smith")
    await store.escalate(conversation.id, reason="x", priority=Priority.NORMAL, summary={}, who="user")
    await store.claim(conversation.id, adviser.id)

    [reply] = await rest(client, "are you there?")

    assert reply["text"] == "Adviser Sam has this chat."


@pytest.mark.parametrize(
    "body", [{"message": "x"}, {"sender": "", "message": "x"}, {"sender": "a"}, {"sender": 1}]
)
async def test_the_rest_webhook_names_what_is_wrong(client: Client, body: dict[str, Any]) -> None:
    await problem(await client.post("/webhooks/rest/webhook", json=body), 422, "invalid_fields")


# -- alive, ready, figures, the document -----------------------------------------------------------


async def test_alive_and_ready(client: Client) -> None:
    assert (await client.get("/healthz")).status == 200
    response = await client.get("/readyz")
    assert response.status == 200
    assert (await response.json())["checks"] == {"database": "ok", "bot": "ok", "actions": "ok"}


async def test_not_ready_names_what_is_missing(client: Client, bot: StandInBot) -> None:
    bot.has_model = False
    response = await client.get("/readyz")
    assert response.status == 503
    assert (await response.json())["checks"]["bot"] == "the bot has no model"


async def test_with_everything_down_the_gateway_still_answers(settings: Settings) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    alone = settings.model_copy(
        update={
            "bot_url": nowhere,
            "actions_url": nowhere,
            "knowledge_url": "postgresql+psycopg://nobody@127.0.0.1:1/none",
        }
    )
    app = init_app(alone, load_safety=FakeSafety, load_crisis=lambda _url: FakeCrisis())
    async with TestClient(TestServer(app)) as client:
        no_areas = await client.post("/api/v1/conversations", json={"area": "derbyshire"})
        await problem(no_areas, 422, "invalid_fields")
        created = await (await client.post("/api/v1/conversations")).json()
        chat = Chat(client, created["id"], created["token"])
        assert "could not work out" in (await chat.say("hello"))[0]["text"]
        assert "No adviser is on duty" in (await chat.press("/human_request"))[0]["text"]
        assert "Nobody is here" in (await chat.press("/pass_on"))[0]["text"]
        assert "000" in (await chat.say("DANGER"))[0]["text"]
        checks = (await (await client.get("/readyz")).json())["checks"]
    assert checks["bot"] == "the bot does not answer"
    assert checks["actions"] == "the action server does not answer"


async def test_what_was_said_survives_a_restart(settings: Settings) -> None:
    def gateway() -> web.Application:
        return init_app(settings, load_safety=FakeSafety, load_crisis=lambda _url: FakeCrisis())

    async with TestClient(TestServer(gateway())) as client:
        created = await (await client.post("/api/v1/conversations")).json()
        before = Chat(client, created["id"], created["token"])
        await before.say("hello")
        said = await before.read()
    async with TestClient(TestServer(gateway())) as client:
        after = Chat(client, created["id"], created["token"])
        assert await after.read() == said


async def test_figures(chat: Chat) -> None:
    await chat.say("hello")
    await chat.say("DANGER")

    text = await (await chat.client.get("/metrics")).text()

    assert 'helpline_turns_total{outcome="answered"} 1.0' in text
    assert 'helpline_crisis_replies_total{danger="crisis_self_harm_suicide"} 1.0' in text
    assert 'helpline_open_conversations{owner="queued"} 1.0' in text
    assert "helpline_turn_seconds_bucket" in text


async def test_the_document_names_every_route_and_no_other(client: Client) -> None:
    document = await (await client.get("/api/openapi.json")).json()

    assert client.app is not None
    routes = {
        (route.resource.canonical, route.method.lower())
        for route in client.app.router.routes()
        if route.resource is not None and route.method != "HEAD" and route.resource.name != "static"
    }
    described = {
        (path, method)
        for path, item in document["paths"].items()
        for method in item
        if method in {"get", "post", "put", "patch", "delete"}
    }
    assert described == routes
    assert document["openapi"].startswith("3.1")
    assert set(document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]) == set(Code)


async def test_every_answer_carries_the_security_headers(client: Client) -> None:
    for path in ("/", "/healthz", "/nothing", "/static/page.css", "/widget.js", "/demo", "/accessibility"):
        headers = (await client.get(path)).headers
        assert "script-src 'self'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "Set-Cookie" not in headers
        assert "aiohttp" not in headers["Server"]


# -- small parts -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("I'm 13 and scared", 13),
        ("im 9", 9),
        ("I am only 15", 15),
        ("I'm 10 minutes away", None),
        ("she is 7", None),
    ],
)
async def test_the_age_a_person_states_of_themselves(text: str, age: int | None) -> None:
    assert own_age(text) == age


async def test_a_gateway_without_crisis_numbers_does_not_start() -> None:
    class Silent(FakeCrisis):
        def reply(self, danger: str, area: str | None, age: int | None, young: bool) -> FakeReply:
            if danger == "crisis_missing":
                raise KeyError(danger)
            return super().reply(danger, area, age, young)

    with pytest.raises(RuntimeError, match="crisis_missing"):
        check_complete(Silent())


async def test_allowed_origins_are_read_from_one_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELPLINE_ALLOWED_ORIGINS", "https://A.example/, https://b.example")
    assert Settings().allowed_origins == ("https://a.example", "https://b.example")


# -- before and after the words ---------------------------------------------------------------------


async def test_the_start_shows_the_welcome_with_the_numbers_and_stores_nothing(
    client: Client, store: Store
) -> None:
    start = await (await client.get("/api/v1/start?area=derbyshire")).json()

    [welcome] = start["messages"]
    assert "automated assistant" in welcome["text"]
    assert "not for emergencies" in welcome["text"]
    assert "000" in welcome["text"]
    assert "30 days" in welcome["text"]
    assert start["contacts"][0]["phone"] == "000"
    assert start["area"] == "derbyshire"
    assert sum((await store.count_by_owner()).values()) == 0
    await problem(await client.get("/api/v1/start?area=nowhere"), 422, "invalid_fields")


async def test_whether_an_answer_helped_is_kept_with_it(chat: Chat) -> None:
    [reply] = await chat.say("hello")
    path = f"/api/v1/conversations/{chat.id}/messages/{reply['seq']}/feedback"
    assert reply["helpful"] is None

    for helpful in (True, False):
        answer = await chat.client.put(path, json={"helpful": helpful}, headers=chat.auth)
        assert answer.status == 204
        assert (await chat.read())["messages"][-1]["helpful"] is helpful

    async def put(path: str, body: dict[str, Any], headers: dict[str, str]) -> ClientResponse:
        return await chat.client.put(path, json=body, headers=headers)

    await problem(await put(path, {"helpful": "yes"}, chat.auth), 422, "invalid_fields")
    await problem(await put(path, {"helpful": True}, {}), 401, "token_missing")
    own = path.replace(f"/{reply['seq']}/", f"/{reply['seq'] - 1}/")
    await problem(await put(own, {"helpful": True}, chat.auth), 404, "no_such_message")

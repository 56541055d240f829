"""Nobody gets in without a session, and no form or socket from elsewhere is taken."""

from __future__ import annotations

import re

import pytest
from aiohttp import WSServerHandshakeError
from aiohttp.test_utils import TestServer

from conversations.models import DeskRole
from conversations.store import Store
from desk.access import COOKIE
from desk.permissions import MAY, Can
from desk.routes import ROUTES
from tests.desk.conftest import PASSWORD, Browser, new_adviser, signed_in, waiting_chat


def routes_of(server: TestServer) -> list[tuple[str, str, str]]:
    """Method, path and name of every route of the desk, with an id filled in."""
    found = []
    for route in server.app.router.routes():
        resource = route.resource
        if resource is not None and resource.canonical.startswith("/desk/"):
            path = re.sub(r"\{[^}]+\}", "0123", resource.canonical)
            found.append((route.method, path, resource.name or ""))
    return found


#: What a stranger may see: signing in, choosing a password with a link, and our own styles and scripts.
OPEN = {"desk.sign_in", "desk.password", "desk.elsewhere", "desk.elsewhere_back", "desk.static"}


async def test_every_route_refuses_whoever_is_not_signed_in(server: TestServer, visitor: Browser) -> None:
    routes = routes_of(server)
    assert len(routes) > 25
    for method, path, name in routes:
        if name in OPEN:
            continue
        for accept in ("text/html", "application/json"):
            answer = await visitor.client.request(
                method, path, headers={"Accept": accept}, allow_redirects=False
            )
            leads_to = answer.headers.get("Location")
            assert answer.status == 401 or (answer.status, leads_to) == (303, "/desk/sign-in"), (method, path)


async def test_only_signing_in_and_our_own_files_are_open(server: TestServer) -> None:
    assert {route.name for route in ROUTES if route.needs is Can.BE_ANYBODY} | {"desk.static"} == OPEN
    assert all(name for _, _, name in routes_of(server)), "a route without a name cannot be told from others"
    assert {name for _, _, name in routes_of(server)} == {route.name for route in ROUTES} | {"desk.static"}


@pytest.mark.parametrize("role", list(DeskRole))
async def test_every_route_refuses_who_has_not_the_role(
    server: TestServer, store: Store, visitor: Browser, role: DeskRole
) -> None:
    browser = await signed_in(visitor.client, store, "Kim", role)
    refused = 0
    for route in ROUTES:
        path = "/desk" + re.sub(r"\{[^}]+\}", "0123", route.path)
        # Without a form token: whoever has the role is refused for that, and nothing is done.
        answer = await browser.client.request(
            route.method, path, headers={"Accept": "application/json"}, allow_redirects=False
        )
        said = await answer.text()
        if route.needs in MAY[role]:
            assert "not_your_role" not in said, (route.method, path)
        else:
            assert (answer.status, "not_your_role" in said) == (403, True), (route.method, path)
            refused += 1
    assert refused or role is not DeskRole.EDITOR


async def test_an_editor_never_sees_a_chat(store: Store, visitor: Browser) -> None:
    chat = await waiting_chat(store)
    editor = await signed_in(visitor.client, store, "Edith Editor", DeskRole.EDITOR)
    for path in ("/desk/", f"/desk/chats/{chat}", "/desk/socket", f"/desk/chats/{chat}/socket"):
        status, page = await editor.page(path)
        assert status == 403
        assert "how long is the wait?" not in page


async def test_a_role_that_is_taken_away_is_gone_at_the_next_click(sam: Browser, store: Store) -> None:
    assert (await sam.page("/desk/"))[0] == 200
    await store.set_role("Sam Surname", DeskRole.EDITOR)
    assert (await sam.page("/desk/"))[0] == 403


async def test_an_address_that_does_not_exist_tells_a_stranger_nothing(visitor: Browser) -> None:
    status, _ = await visitor.page("/desk/chats/1/anything")
    assert status == 303


async def test_every_post_refuses_without_its_form_token(
    server: TestServer, visitor: Browser, store: Store
) -> None:
    admin = await signed_in(visitor.client, store, "Ann", DeskRole.ADMIN)
    chat = await waiting_chat(store)
    posts = [path.replace("0123", chat) for method, path, _ in routes_of(server) if method == "POST"]
    assert len(posts) >= 7
    for path in posts:
        for form in ({"x": "y"}, {"form_token": ""}, {"form_token": "0" * 64}):
            answer = await admin.client.post(path, data=form, allow_redirects=False)
            assert answer.status == 403, path
            assert "too old" in await answer.text()
    assert (await store.get(chat)).owner == "queued"


async def test_a_form_token_of_another_session_is_refused(sam: Browser, ada: Browser, store: Store) -> None:
    chat = await waiting_chat(store)
    other = await ada.form_token("/desk/")
    answer = await sam.client.post(f"/desk/chats/{chat}/claim", data={"form_token": other})
    assert answer.status == 403


@pytest.mark.parametrize("origin", [None, "https://elsewhere.example", "null", "http://127.0.0.1:1"])
async def test_a_socket_from_another_origin_is_refused(sam: Browser, origin: str | None) -> None:
    for path in ("/desk/socket", "/desk/chats/0123/socket"):
        with pytest.raises(WSServerHandshakeError) as refused:
            await sam.client.ws_connect(path, origin=origin)
        assert refused.value.status == 403


async def test_signing_in_changes_the_cookie_and_hides_it_from_scripts(
    visitor: Browser, store: Store
) -> None:
    await new_adviser(store, "Kim")
    token = await visitor.form_token()
    before = visitor.client.session.cookie_jar.filter_cookies(visitor.client.make_url("/desk/"))[COOKIE].value

    form = {"form_token": token, "name": "kim ", "password": PASSWORD}
    answer = await visitor.client.post(
        "/desk/sign-in", data=form, headers={"X-Forwarded-Proto": "https"}, allow_redirects=False
    )

    cookie = answer.cookies[COOKIE]
    assert cookie.value != before
    assert cookie["httponly"]
    assert cookie["secure"]
    assert (cookie["samesite"], cookie["path"]) == ("Strict", "/desk/")


async def test_elsewhere_than_on_ones_own_machine_the_cookie_is_for_https_only(visitor: Browser) -> None:
    answer = await visitor.client.get("/desk/sign-in", headers={"Host": "help.example.gov.uk"})
    assert answer.cookies[COOKIE]["secure"]


async def test_the_cookie_is_sent_over_plain_http_on_ones_own_machine(visitor: Browser) -> None:
    answer = await visitor.client.get("/desk/sign-in")
    assert not answer.cookies[COOKIE]["secure"]


async def test_signing_out_ends_the_session_for_good(sam: Browser, store: Store) -> None:
    cookies = sam.client.session.cookie_jar.filter_cookies(sam.client.make_url("/desk/"))
    kept = cookies[COOKIE].value

    assert await sam.post("/desk/sign-out") == (303, "/desk/sign-in")

    assert await store.adviser_in_session(kept) is None
    assert await store.advisers_present() == 0
    answer = await sam.client.get("/desk/", headers={"Cookie": f"{COOKIE}={kept}"}, allow_redirects=False)
    assert answer.status != 200


async def test_a_disabled_adviser_is_out_at_once(sam: Browser, store: Store) -> None:
    assert (await sam.page("/desk/"))[0] == 200
    await store.disable_adviser("Sam Surname")
    assert (await sam.page("/desk/"))[0] == 303


async def test_every_answer_carries_the_security_headers(sam: Browser) -> None:
    for path in ("/desk/", "/desk/nowhere", "/desk/static/queue.js", "/desk/sign-in"):
        answer = await sam.client.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == ("no-cache" if "static" in path else "no-store")


async def test_pages_hold_no_inline_script_or_style(sam: Browser, store: Store) -> None:
    chat = await waiting_chat(store)
    for path in ("/desk/", f"/desk/chats/{chat}", "/desk/nowhere"):
        _, page = await sam.page(path)
        assert "style=" not in page
        assert "<style" not in page
        assert not re.search(r"\son\w+=", page)
        assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page))


async def test_the_address_without_a_slash_leads_to_the_desk(visitor: Browser) -> None:
    answer = await visitor.client.get("/desk", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (308, "/desk/")

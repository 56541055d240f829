"""Signing in at a council's own OpenID Connect service: a real provider on this machine."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import flask
import httpx
import pytest
import pytest_asyncio
from aiohttp import CookieJar
from aiohttp.test_utils import TestClient, TestServer
from oidc_provider_mock import User, app
from oidc_provider_mock._server import _threaded_server
from pydantic import ValidationError

from conversations.models import DeskRole
from conversations.store import Store
from desk.settings import DeskSettings
from tests.desk.conftest import Browser, new_adviser

ROLES = {"Helpline.Adviser": DeskRole.ADVISER, "Helpline.Admin": DeskRole.ADMIN}

SAM = User(sub="sam", claims={"name": "Sam Surname", "roles": ["Helpline.Adviser"]})
ANN = User(sub="ann", claims={"name": "Ann Osei", "roles": ["Other", "Helpline.Adviser", "Helpline.Admin"]})
EVE = User(sub="eve", claims={"name": "Eve Elsewhere", "roles": ["Payroll"]})
SECOND_SAM = User(sub="sam2", claims={"name": "Sam Surname", "roles": ["Helpline.Adviser"]})


@dataclass
class Provider:
    """The running provider. It refuses a code whose PKCE verifier does not fit its challenge (RFC 7636)."""

    url: str = ""
    challenges: dict[str, str] = field(default_factory=dict)
    refused: int = 0
    takes: list[str] | None = None  # how a client proves itself, if the provider names that
    secret_came: set[str] = field(default_factory=set)  # "header", "form"

    def set_user(self, user: User) -> None:
        httpx.put(f"{self.url}/users/{user.sub}", json=dict(user.claims)).raise_for_status()


@pytest.fixture
def provider() -> Generator[Provider]:
    found = Provider()
    service = app(require_nonce=True, user_claims=[SAM, ANN, EVE, SECOND_SAM])

    @service.after_request
    def remember_challenge(response: flask.Response) -> flask.Response:
        sent_to = parse_qs(urlsplit(response.headers.get("Location", "")).query)
        if flask.request.path == "/oauth2/authorize" and "code" in sent_to:
            assert flask.request.args["code_challenge_method"] == "S256"
            found.challenges[sent_to["code"][0]] = flask.request.args["code_challenge"]
        return response

    @service.after_request
    def name_what_it_takes(response: flask.Response) -> flask.Response:
        if flask.request.path.endswith("/openid-configuration"):
            document = response.get_json()
            document.pop("token_endpoint_auth_methods_supported", None)
            named = {"token_endpoint_auth_methods_supported": found.takes} if found.takes else {}
            response.set_data(json.dumps({**document, **named}))
        return response

    @service.before_request
    def check_verifier() -> tuple[dict[str, str], int] | None:
        if flask.request.path != "/oauth2/token":
            return None
        found.secret_came |= {"header"} if "Authorization" in flask.request.headers else set()
        found.secret_came |= {"form"} if "client_secret" in flask.request.form else set()
        digest = hashlib.sha256(flask.request.form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if found.challenges.pop(flask.request.form["code"], None) != challenge:
            found.refused += 1
            return {"error": "invalid_grant"}, 400
        return None

    with _threaded_server(service) as running:
        found.url = f"http://localhost:{running.server_port}"
        yield found


@pytest.fixture
def settings(settings: DeskSettings, provider: Provider) -> DeskSettings:
    """A desk that knows the provider."""
    return settings.model_copy(
        update={
            "oidc_issuer": provider.url,
            "oidc_client_id": "helpline",
            "oidc_client_secret": "of this client",
            "oidc_roles": ROLES,
            "oidc_name": "Derbyshire account",
        }
    )


@dataclass
class Journey:
    """A browser that goes to the provider and comes back."""

    browser: Browser

    async def go(self) -> str:
        """To the provider; the address there."""
        answer = await self.browser.client.get("/desk/sign-in/elsewhere", allow_redirects=False)
        assert answer.status == 303, await answer.text()
        return answer.headers["Location"]

    async def choose(self, address: str, sub: str) -> str:
        """Sign in there; the address to come back to."""
        async with httpx.AsyncClient() as client:
            answer = await client.post(address, data={"sub": sub})
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    async def come_back(self, address: str) -> tuple[int, str]:
        parts = urlsplit(address)
        answer = await self.browser.client.get(f"{parts.path}?{parts.query}", allow_redirects=False)
        return answer.status, await answer.text()

    async def sign_in(self, sub: str) -> tuple[int, str]:
        return await self.come_back(await self.choose(await self.go(), sub))


@pytest_asyncio.fixture
async def journey(server: TestServer) -> AsyncGenerator[Journey]:
    async with TestClient(server, cookie_jar=CookieJar(unsafe=True)) as client:
        yield Journey(Browser(client))


async def test_an_adviser_signs_in_at_the_council_and_gets_the_role_it_gives(
    journey: Journey, store: Store
) -> None:
    assert "Sign in with Derbyshire account" in (await journey.browser.page("/desk/sign-in"))[1]
    status, page = await journey.sign_in("sam")
    assert status == 200
    assert 'content="0; url=/desk/"' in page
    status, page = await journey.browser.page("/desk/")
    assert status == 200
    assert "Signed in as Sam Surname (adviser)" in page
    [made] = await store.advisers()
    assert (made.role, made.password_hash) == (DeskRole.ADVISER, None)

    assert (await journey.sign_in("sam"))[0] == 200
    assert len(await store.advisers()) == 1, "the second time it is the same account"


@pytest.mark.parametrize(
    ("takes", "came"),
    [
        (None, "header"),  # what a service does not name is the standard's default
        (["client_secret_post", "private_key_jwt", "client_secret_basic"], "header"),
        (["client_secret_post", "private_key_jwt"], "form"),  # as Entra ID's public page shows it
    ],
    ids=["not named", "both", "form only"],
)
async def test_the_secret_goes_where_the_service_wants_it(
    journey: Journey, provider: Provider, takes: list[str] | None, came: str
) -> None:
    provider.takes = takes
    assert (await journey.sign_in("sam"))[0] == 200
    assert provider.secret_came == {came}


async def test_of_several_roles_the_one_that_may_most_counts(journey: Journey, store: Store) -> None:
    assert (await journey.sign_in("ann"))[0] == 200
    assert (await store.adviser_called("Ann Osei")).role is DeskRole.ADMIN


async def test_without_a_role_nobody_gets_in_and_who_lost_it_is_out(
    journey: Journey, store: Store, provider: Provider
) -> None:
    status, page = await journey.sign_in("eve")
    assert (status, await store.advisers()) == (403, [])
    assert "no role at this desk" in page
    assert "You signed in as Eve Elsewhere." in page
    assert "Try again with Derbyshire account" in page

    await journey.sign_in("sam")
    provider.set_user(User(sub="sam", claims={"name": "Sam Surname", "roles": []}))
    assert (await journey.sign_in("sam"))[0] == 403
    assert (await journey.browser.page("/desk/"))[0] == 303


async def test_a_disabled_account_stays_out(journey: Journey, store: Store) -> None:
    await journey.sign_in("sam")
    await store.disable_adviser("Sam Surname")
    status, page = await journey.sign_in("sam")
    assert status == 403
    assert "Your account at this desk is closed" in page
    assert (await journey.browser.page("/desk/"))[0] == 303


async def test_who_came_with_the_wrong_account_may_choose_another_there(journey: Journey) -> None:
    _, page = await journey.sign_in("eve")
    assert 'href="/desk/sign-in/elsewhere?other=yes"' in page

    def asked(address: str) -> list[str] | None:
        return parse_qs(urlsplit(address).query).get("prompt")

    other = await journey.browser.client.get("/desk/sign-in/elsewhere?other=yes", allow_redirects=False)
    assert asked(other.headers["Location"]) == ["select_account"]
    assert asked(await journey.go()) is None


async def test_a_no_of_the_service_is_no_fault_and_says_how_to_go_on(journey: Journey, store: Store) -> None:
    status, page = await journey.come_back(
        "/desk/sign-in/elsewhere/back?error=access_denied&error_description=<b>Sam</b>"
    )
    assert status == 403
    assert "Your organisation did not sign you in" in page
    assert "Try again with Derbyshire account" in page
    assert "Sign in with a password of this desk" in page
    assert "<b>Sam</b>" not in page
    assert await store.advisers() == []


async def test_somebody_else_of_a_name_does_not_get_the_account_of_that_name(
    journey: Journey, store: Store
) -> None:
    local = await new_adviser(store, "Sam Surname", DeskRole.ADMIN)
    status, page = await journey.sign_in("sam2")
    assert status == 403
    assert "Somebody of your name" in page
    assert (await store.adviser(local.id)).subject_hash is None


async def test_an_answer_that_another_browser_asked_for_is_refused(
    journey: Journey, server: TestServer, store: Store
) -> None:
    back = await journey.choose(await journey.go(), "sam")
    assert (await journey.come_back(re.sub(r"state=[^&]+", "state=other", back)))[0] == 403
    assert (await journey.come_back("/desk/sign-in/elsewhere/back?error=access_denied"))[0] == 403
    async with TestClient(server, cookie_jar=CookieJar(unsafe=True)) as client:
        stranger = Journey(Browser(client))
        assert (await stranger.come_back(back))[0] == 403  # has no cookie at all
        await stranger.go()
        assert (await stranger.come_back(back))[0] == 403  # has one of its own
    assert await store.advisers() == []


async def test_a_code_works_once(journey: Journey, provider: Provider) -> None:
    back = await journey.choose(await journey.go(), "sam")
    assert (await journey.come_back(back))[0] == 200
    assert (await journey.come_back(back))[0] == 403


async def test_a_stolen_code_is_worth_nothing_with_another_verifier(
    journey: Journey, server: TestServer, provider: Provider, store: Store
) -> None:
    stolen = parse_qs(urlsplit(await journey.choose(await journey.go(), "ann")).query)["code"][0]
    async with TestClient(server, cookie_jar=CookieJar(unsafe=True)) as client:
        thief = Journey(Browser(client))
        own = await thief.choose(await thief.go(), "eve")
        assert (await thief.come_back(re.sub(r"code=[^&]+", f"code={stolen}", own)))[0] == 403
    assert provider.refused == 1
    assert await store.advisers() == []


@pytest.mark.parametrize(
    "claims",
    [{"iss": "https://elsewhere.example"}, {"aud": "another client"}, {"nonce": "another"}, {"exp": 1000}],
    ids=str,
)
async def test_an_id_token_that_is_for_something_else_is_refused(
    journey: Journey,
    provider: Provider,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    claims: dict[str, object],
) -> None:
    """Signed by the right key, and still not good."""
    import joserfc.jwt

    real = joserfc.jwt.encode

    def encode(header: dict[str, object], content: dict[str, object], *rest: object, **more: object) -> str:
        return real(header, {**content, **claims}, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr("authlib.oidc.core.grants.util.jwt.encode", encode)
    assert (await journey.sign_in("sam"))[0] == 403
    assert await store.advisers() == []


async def test_an_id_token_signed_with_another_key_is_refused(
    journey: Journey, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    import joserfc.jwt
    from joserfc.jwk import RSAKey

    real = joserfc.jwt.encode

    def encode(header: dict[str, object], content: dict[str, object], _key: object, *rest: object) -> str:
        return real({"alg": "RS256"}, content, RSAKey.generate_key(2048))

    monkeypatch.setattr("authlib.oidc.core.grants.util.jwt.encode", encode)
    assert (await journey.sign_in("sam"))[0] == 403
    assert await store.advisers() == []


async def test_a_service_that_is_down_is_said_plainly(journey: Journey, server: TestServer) -> None:
    from desk.keys import OIDC

    desk = server.app._subapps[0]
    service = desk[OIDC]
    assert service is not None
    service._settings = service._settings.model_copy(update={"oidc_issuer": "http://127.0.0.1:1"})
    answer = await journey.browser.client.get("/desk/sign-in/elsewhere", allow_redirects=False)
    assert answer.status == 503
    assert "does not answer just now" in await answer.text()


def test_settings_that_let_nobody_in_or_anybody_listen_are_refused() -> None:
    with pytest.raises(ValidationError, match="lets nobody in"):
        DeskSettings(local_sign_in=False)
    with pytest.raises(ValidationError, match="HELPLINE_OIDC_ROLES"):
        DeskSettings(oidc_issuer="https://login.example.org")
    with pytest.raises(ValidationError, match="https"):
        DeskSettings(oidc_issuer="http://login.example.org", oidc_client_id="x", oidc_roles=ROLES)

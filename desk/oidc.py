"""OpenID Connect: who somebody is, as a council's own sign-in service tells it.

Authorization code flow with PKCE (RFC 7636), found by discovery; the ID token's signature, issuer, audience,
times and nonce are checked (OpenID Connect Core 1.0, section 3.1.3.7).
"""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass
from typing import Any

import httpx
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from conversations.errors import CannotUnseal
from conversations.models import DeskRole, Json
from conversations.sealing import Sealer
from desk.permissions import MAY
from desk.settings import DeskSettings

#: How long somebody may take at the sign-in service, in seconds.
_ROUND_TRIP_SECONDS = 600

#: The service's addresses and keys are asked for again after so many seconds.
_KEEP_SECONDS = 3600
_TIMEOUT_SECONDS = 10.0

#: Signatures by the service's own private key. Never "none", never a shared secret.
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]

#: Clocks may differ by so many seconds.
_LEEWAY_SECONDS = 60


class SignInFailed(Exception):
    """Nobody was signed in. The message is for the log; it holds no token and no name."""


class ServiceDown(SignInFailed):
    """The service does not answer, or answers something else than a sign-in service does."""


@dataclass(frozen=True, slots=True)
class Person:
    """Whoever signed in there. ``role`` is None when none of their roles there is one of the desk."""

    issuer: str
    subject: str
    name: str
    role: DeskRole | None


class OpenIdConnect:
    """One sign-in service. Every method raises ``SignInFailed``, or ``ServiceDown`` if it does not answer."""

    def __init__(self, settings: DeskSettings, sealer: Sealer) -> None:
        self._settings, self._sealer = settings, sealer
        self._metadata: Json = {}
        self._keys: KeySet | None = None
        self._until = 0.0

    async def begin(self, come_back_to: str, *, choose: bool = False) -> tuple[str, str]:
        """Where to send the browser, and what it must bring back, sealed.

        ``choose``: the service asks which account, also of somebody whom it knows already.
        """
        metadata = await self._discover()
        verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
        async with self._client(come_back_to, metadata) as client:
            url, state = client.create_authorization_url(
                metadata["authorization_endpoint"],
                code_verifier=verifier,
                nonce=nonce,
                **({"prompt": "select_account"} if choose else {}),
            )
        kept = {"state": state, "nonce": nonce, "verifier": verifier, "at": time.time()}
        return url, self._sealer.seal(json.dumps(kept))

    async def finish(self, come_back_to: str, sealed: str, state: str, code: str) -> Person:
        """Who came back with ``state`` and ``code``. ``sealed``: what ``begin`` gave it."""
        try:
            kept = json.loads(self._sealer.unseal(sealed))
        except CannotUnseal as error:
            raise SignInFailed("the browser brought nothing back that we gave it") from error
        if time.time() - kept["at"] > _ROUND_TRIP_SECONDS:
            raise SignInFailed("the sign-in took too long")
        if not secrets.compare_digest(kept["state"].encode(), state.encode()):
            raise SignInFailed("the state is another one")
        metadata = await self._discover()
        try:
            async with self._client(come_back_to, metadata) as client:
                token = await client.fetch_token(
                    metadata["token_endpoint"], code=code, code_verifier=kept["verifier"]
                )
        except httpx.TransportError as error:
            raise ServiceDown(f"no token: {type(error).__name__}") from error
        except (OAuthError, httpx.HTTPError, ValueError) as error:
            raise SignInFailed(f"no token: {type(error).__name__}") from error
        return self._person(await self._claims(str(token.get("id_token", "")), kept["nonce"]))

    def _client(self, come_back_to: str, metadata: Json) -> AsyncOAuth2Client:
        # What a service does not name is HTTP Basic (OpenID Connect Discovery 1.0, section 3).
        takes = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        by_secret = "client_secret_basic" if "client_secret_basic" in takes else "client_secret_post"
        return AsyncOAuth2Client(
            self._settings.oidc_client_id,
            self._settings.oidc_client_secret or None,
            token_endpoint_auth_method=by_secret if self._settings.oidc_client_secret else "none",
            scope=self._settings.oidc_scope,
            redirect_uri=come_back_to,
            code_challenge_method="S256",
            timeout=_TIMEOUT_SECONDS,
        )

    async def _claims(self, id_token: str, nonce: str) -> Json:
        registry = jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": self._settings.oidc_issuer},
            aud={"essential": True, "value": self._settings.oidc_client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            try:
                claims = jwt.decode(id_token, await self._key_set(), algorithms=_ALGORITHMS).claims
            except (JoseError, ValueError):
                # The service may have changed its keys since we last asked.
                claims = jwt.decode(id_token, await self._key_set(anew=True), algorithms=_ALGORITHMS).claims
            registry.validate(claims)
        except (JoseError, ValueError) as error:
            raise SignInFailed(f"the ID token is not good: {type(error).__name__}") from error
        audience = claims["aud"]
        is_shared = isinstance(audience, list) and len(audience) > 1
        if is_shared and claims.get("azp") != self._settings.oidc_client_id:
            raise SignInFailed("the ID token was made for another client")
        return dict(claims)

    def _person(self, claims: Json) -> Person:
        name = str(claims.get("name") or claims.get("preferred_username") or "").strip()
        if not name:
            raise SignInFailed("the ID token holds no name")
        there = _at_path(claims, self._settings.oidc_role_claim)
        named = [there] if isinstance(there, str) else there if isinstance(there, list) else []
        roles = [role for key, role in self._settings.oidc_roles.items() if key in named]
        best = max(roles, key=lambda role: len(MAY[role]), default=None)
        return Person(self._settings.oidc_issuer, str(claims["sub"]), name[:120], best)

    async def _discover(self) -> Json:
        if time.monotonic() >= self._until:
            issuer = self._settings.oidc_issuer
            found = await _get_json(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            if found.get("issuer") != issuer:
                raise SignInFailed("HELPLINE_OIDC_ISSUER is not the issuer that the service itself names")
            if missing := {"authorization_endpoint", "token_endpoint", "jwks_uri"} - found.keys():
                raise SignInFailed(f"the service does not name: {', '.join(sorted(missing))}")
            self._metadata, self._keys, self._until = found, None, time.monotonic() + _KEEP_SECONDS
        return self._metadata

    async def _key_set(self, *, anew: bool = False) -> KeySet:
        if self._keys is None or anew:
            found: Any = await _get_json((await self._discover())["jwks_uri"])
            self._keys = KeySet.import_key_set(found)
        return self._keys


async def _get_json(url: str) -> Json:
    try:
        async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS) as client:
            answer = await client.get(url)
            answer.raise_for_status()
            found = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise ServiceDown(f"the sign-in service does not answer: {type(error).__name__}") from error
    if not isinstance(found, dict):
        raise ServiceDown("the sign-in service answers something else")
    return found


def _at_path(claims: Json, path: str) -> Any:
    """The claim at ``path``: ``roles``, or ``realm_access.roles`` inside another one."""
    found: Any = claims
    for part in path.split("."):
        if not isinstance(found, dict):
            return None
        found = found.get(part)
    return found

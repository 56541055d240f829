"""Settings of the desk, read from environment variables that start with ``HELPLINE_``."""

from __future__ import annotations

from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from conversations.models import DeskRole


class DeskSettings(BaseSettings):
    """Every setting with its default. ``HELPLINE_SESSION_HOURS=4`` sets ``session_hours``, and so on."""

    model_config = SettingsConfigDict(env_prefix="HELPLINE_", extra="ignore")

    #: SQLAlchemy URL of the knowledge store: what areas and topics are called.
    knowledge_url: str = "sqlite:///var/knowledge.sqlite3"

    #: What this service is called, as on the public page.
    service_name: str = "Autism and SEND helpline"

    #: Fernet keys with commas between; ``helpline run`` gives the ones of this helpline.
    secret_keys: str = ""

    #: Whether accounts with a password of their own may sign in.
    local_sign_in: bool = True

    #: The council's own sign-in service (OpenID Connect), by its issuer; empty: there is none.
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = ""

    #: What the service is called on the sign-in page.
    oidc_name: str = "your organisation's account"
    oidc_scope: str = "openid profile"

    #: Which claim of the ID token lists a person's roles there, and which role of the desk each one is.
    oidc_role_claim: str = "roles"
    oidc_roles: dict[str, DeskRole] = Field(default_factory=dict)

    #: An adviser signs in again after this long: one working day.
    session_hours: float = Field(default=12.0, gt=0)

    #: The longest reply an adviser can send.
    max_reply_chars: int = Field(default=4000, ge=100)

    @field_validator("oidc_issuer")
    @classmethod
    def _over_tls(cls, issuer: str) -> str:
        parts = urlsplit(issuer)
        if issuer and parts.scheme != "https" and parts.hostname not in ("localhost", "127.0.0.1"):
            raise ValueError("the issuer is an https:// address")
        return issuer

    @model_validator(mode="after")
    def _some_way_in(self) -> Self:
        if self.oidc_issuer and not (self.oidc_client_id and self.oidc_roles):
            raise ValueError("HELPLINE_OIDC_ISSUER needs HELPLINE_OIDC_CLIENT_ID and HELPLINE_OIDC_ROLES too")
        if not self.oidc_issuer and not self.local_sign_in:
            raise ValueError("without HELPLINE_OIDC_ISSUER, HELPLINE_LOCAL_SIGN_IN=false lets nobody in")
        return self

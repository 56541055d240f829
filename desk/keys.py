"""The typed names under which the desk and its requests keep what handlers need."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from aiohttp import web

from conversations.models import Adviser
from conversations.sealing import Sealer
from conversations.store import Store
from desk.names import Names
from desk.oidc import OpenIdConnect
from desk.permissions import Can
from desk.settings import DeskSettings
from desk.sockets import Sockets

if TYPE_CHECKING:  # it needs the keys itself
    from desk.find import Finder

SETTINGS = web.AppKey("desk_settings", DeskSettings)
NAMES = web.AppKey("desk_names", Names)
#: What each route needs, by its name.
NEEDS: web.AppKey[dict[str, Can]] = web.AppKey("desk_needs", dict)
#: The council's own sign-in service, if there is one.
OIDC: web.AppKey[OpenIdConnect | None] = web.AppKey("desk_oidc")
FINDER: web.AppKey[Finder] = web.AppKey("desk_finder")
SEALER = web.AppKey("desk_sealer", Sealer)
#: Makes the bot forget an erased chat, by its id.
FORGET: web.AppKey[Callable[[str], Awaitable[None]]] = web.AppKey("desk_forget")
SOCKETS = web.AppKey("desk_sockets", Sockets)

#: Under which name the application that holds the desk keeps the store.
WHERE_THE_STORE_IS: web.AppKey[web.AppKey[Store]] = web.AppKey("desk_where_the_store_is", web.AppKey)

#: Who is signed in; absent on the pages that need nobody.
ADVISER = web.RequestKey("desk_adviser", Adviser)


def store_of(request: web.Request) -> Store:
    """The store that the whole process shares, so that wake-ups reach both sides of a chat."""
    return request.config_dict[request.app[WHERE_THE_STORE_IS]]

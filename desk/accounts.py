"""For admins: the accounts, their roles, and one-time links."""

from __future__ import annotations

from aiohttp import web

from conversations.advisers import LINK_LASTS
from conversations.errors import AdviserExists, LastAdmin
from conversations.models import DeskRole, Json
from desk.access import needs_https
from desk.keys import ADVISER, store_of
from desk.pages import render, url_of


async def show(request: web.Request) -> web.Response:
    """``GET /desk/accounts``."""
    return await _page(request)


async def add(request: web.Request) -> web.Response:
    """``POST /desk/accounts``: shows the new account's link, this once."""
    form = await request.post()
    name, role = str(form.get("name", "")), str(form.get("role", ""))
    if role not in list(DeskRole):
        return await _page(request, {"role": "Choose a role."}, name=name)
    try:
        account, secret = await store_of(request).add_adviser(name, role=DeskRole(role))
    except (AdviserExists, ValueError) as error:
        return await _page(request, {"name": f"{str(error).capitalize()}."}, name=name)
    await _record(request, "account added", {"account": account.id, "role": role})
    return await _page(request, link=_link(request, secret), whose=account.name)


async def change(request: web.Request) -> web.Response:
    """``POST /desk/accounts/change``: ``do`` is a role, "disable" or "reset"."""
    store, form = store_of(request), await request.post()
    account, what = await store.adviser(str(form.get("account", ""))), str(form.get("do", ""))
    try:
        if what == "disable":
            await store.disable_adviser(account.name)
        elif what == "reset":
            secret = await store.reset_adviser(account.name)
            await _record(request, "account reset", {"account": account.id})
            return await _page(request, link=_link(request, secret), whose=account.name)
        elif what in list(DeskRole):
            await store.set_role(account.name, DeskRole(what))
        else:
            return await _page(request, {"do": "Choose what to do."})
    except LastAdmin as error:
        return await _page(request, {"do": f"{error}."})
    await _record(request, "account changed", {"account": account.id, "to": what})
    raise web.HTTPSeeOther(f"{url_of(request, 'desk.accounts')}?done=changed")


async def _page(
    request: web.Request,
    errors: dict[str, str] | None = None,
    *,
    name: str = "",
    link: str = "",
    whose: str = "",
) -> web.Response:
    context = {
        "accounts": await store_of(request).advisers(),
        "roles": [(str(role), str(role)) for role in DeskRole],
        "errors": errors or {},
        "name": name,
        "link": link,
        "whose": whose,
        "hours": int(LINK_LASTS.total_seconds() // 3600),
        "done": "The account is changed." if request.query.get("done") == "changed" else None,
    }
    return render(request, "accounts.html", context, status=422 if errors else 200)


def _link(request: web.Request, secret: str) -> str:
    scheme = "https" if needs_https(request) else "http"
    return f"{scheme}://{request.host}{url_of(request, 'desk.password')}?link={secret}"


async def _record(request: web.Request, action: str, detail: Json) -> None:
    await store_of(request).audit(who=request[ADVISER].id, action=action, detail=detail)

"""Canned replies: words that advisers put into a chat by a short code."""

from __future__ import annotations

from aiohttp import web

from desk.keys import ADVISER, store_of
from desk.pages import render, url_of


async def show(request: web.Request) -> web.Response:
    """``GET /desk/canned-replies``, with ``?code=...`` to change one."""
    return await _page(request, request.query.get("code", ""), {})


async def set_one(request: web.Request) -> web.Response:
    """``POST /desk/canned-replies``: write one anew, or for the first time."""
    form = await request.post()
    code, text = str(form.get("code", "")), str(form.get("text", ""))
    try:
        await store_of(request).set_canned_reply(code, text, by=request[ADVISER].id)
    except ValueError as error:
        field = "code" if "code" in str(error) else "text"
        return await _page(request, code, {field: f"{str(error).capitalize()}."}, text)
    raise web.HTTPSeeOther(f"{url_of(request, 'desk.canned')}?done=set")


async def remove(request: web.Request) -> web.Response:
    """``POST /desk/canned-replies/remove``."""
    code = str((await request.post()).get("code", ""))
    await store_of(request).remove_canned_reply(code, by=request[ADVISER].id)
    raise web.HTTPSeeOther(f"{url_of(request, 'desk.canned')}?done=removed")


async def _page(
    request: web.Request, code: str, errors: dict[str, str], text: str | None = None
) -> web.Response:
    replies = await store_of(request).canned_replies()
    stored = next((reply.text for reply in replies if reply.code == code), "")
    done = {"set": "The reply is set.", "removed": "The reply is removed."}
    context = {
        "replies": replies,
        "code": code,
        "text": stored if text is None else text,
        "errors": errors,
        "done": done.get(request.query.get("done", "")),
    }
    return render(request, "canned.html", context, status=422 if errors else 200)

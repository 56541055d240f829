"""Lists that somebody looked at, in the audit log: once an hour each, not at every redraw of the page."""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web

from conversations.log import utc_now
from desk.keys import ADVISER, store_of

_AGAIN_AFTER = timedelta(hours=1)


async def record_look(request: web.Request, action: str) -> None:
    """Write that the adviser looked at a list, unless the same stands there from the last hour.

    Args:
        action: the list, as "queue viewed".

    Raises:
        StoreUnavailable: the database cannot be reached.
    """
    store, who = store_of(request), request[ADVISER].id
    if not await store.audit_log(who=who, action=action, since=utc_now() - _AGAIN_AFTER, limit=1):
        await store.audit(who=who, action=action)

"""What a client can do about people without typing it into the chat: a call back, a rating."""

from __future__ import annotations

from aiohttp import web

from conversations.models import CallBackStatus, Owner
from gateway import person_wording
from gateway.access import opened_by_header
from gateway.bodies import NewCallBack, Rating, read_body
from gateway.call_back import CallBackTalk
from gateway.contact import read_contact
from gateway.errors import Code, Problem
from gateway.keys import CALL_BACKS, STORE
from gateway.wire import message_json, status_json


async def ask_call_back(request: web.Request) -> web.Response:
    """``POST .../call-back``: everything in one form. The contact is stored sealed, and nowhere else."""
    store, call_backs = request.app[STORE], request.app[CALL_BACKS]
    conversation = await opened_by_header(request, store)
    body = await read_body(request, NewCallBack)
    read = read_contact(body.how, body.address)
    if read.wrong:
        raise Problem(Code.INVALID_FIELDS, errors=[{"field": "address", "message": read.wrong}])
    if conversation.owner is Owner.ADVISER:
        raise Problem(Code.WITH_ADVISER)
    draft = await call_backs.begin(conversation.id)
    if draft.status is not CallBackStatus.DRAFT:
        raise Problem(Code.CALL_BACK_EXISTS)
    known = await call_backs.tell(
        draft.id, how=body.how, address=read.address, when=body.when, name=" ".join(body.name.split())
    )
    told = await CallBackTalk(store, call_backs).place(draft, known)
    [message] = await store.append_assistant(conversation.id, [told], unless_owned_by_adviser=False)
    return web.json_response(
        {"message": message_json(message), **await status_json(store, conversation.id)}, status=201
    )


async def cancel_call_back(request: web.Request) -> web.Response:
    """``DELETE .../call-back``: cancelled, and the contact deleted. Nothing to cancel is no error."""
    store = request.app[STORE]
    conversation = await opened_by_header(request, store)
    await request.app[CALL_BACKS].cancel(
        conversation.id, who="user", notice=person_wording.call_back_cancelled()
    )
    return web.Response(status=204)


async def rate(request: web.Request) -> web.Response:
    """``PUT .../rating``: how talking to a person was. A second one takes the place of the first."""
    store = request.app[STORE]
    conversation = await opened_by_header(request, store)
    body = await read_body(request, Rating)
    if not await store.rate_hand_off(conversation.id, rating=body.rating, comment=body.comment):
        raise Problem(Code.NOTHING_TO_RATE)
    return web.Response(status=204)

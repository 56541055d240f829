"""Every address of the desk, below ``/desk``, with what it needs of whoever uses it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from desk import (
    account,
    accounts,
    call_backs,
    canned_replies,
    casework,
    chat,
    elsewhere,
    figures,
    files,
    find,
    history,
    queue,
    sign_in,
    supervise,
)
from desk.permissions import Can


@dataclass(frozen=True, slots=True)
class Route:
    """One address. ``name`` belongs to its path: routes of one path share it and what they need."""

    name: str
    method: str
    path: str
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    needs: Can


ROUTES = (
    Route("desk.sign_in", "GET", "/sign-in", sign_in.show, Can.BE_ANYBODY),
    Route("desk.sign_in", "POST", "/sign-in", sign_in.submit, Can.BE_ANYBODY),
    Route("desk.elsewhere", "GET", "/sign-in/elsewhere", elsewhere.go, Can.BE_ANYBODY),
    Route("desk.elsewhere_back", "GET", "/sign-in/elsewhere/back", elsewhere.come_back, Can.BE_ANYBODY),
    Route("desk.password", "GET", "/password", account.show_choose, Can.BE_ANYBODY),
    Route("desk.password", "POST", "/password", account.choose, Can.BE_ANYBODY),
    Route("desk.sign_out", "POST", "/sign-out", sign_in.leave, Can.BE_SIGNED_IN),
    Route("desk.account", "GET", "/account", account.show, Can.BE_SIGNED_IN),
    Route("desk.change_password", "POST", "/account/password", account.change_password, Can.BE_SIGNED_IN),
    Route("desk.factor", "GET", "/account/second-factor", account.show_second_factor, Can.BE_SIGNED_IN),
    Route("desk.factor", "POST", "/account/second-factor", account.set_second_factor, Can.BE_SIGNED_IN),
    Route("desk.factor_off", "POST", "/account/codes-off", account.drop_second_factor, Can.BE_SIGNED_IN),
    Route("desk.queue", "GET", "/", queue.show, Can.ANSWER),
    Route("desk.queue_socket", "GET", "/socket", queue.socket, Can.ANSWER),
    Route("desk.chat", "GET", "/chats/{id}", chat.show, Can.ANSWER),
    Route("desk.chat_socket", "GET", "/chats/{id}/socket", chat.socket, Can.ANSWER),
    Route("desk.claim", "POST", "/chats/{id}/claim", chat.claim, Can.ANSWER),
    Route("desk.reply", "POST", "/chats/{id}/reply", chat.reply, Can.ANSWER),
    Route("desk.chat_file", "GET", "/chats/{id}/files/{file}", files.show, Can.ANSWER),
    Route("desk.give_back", "POST", "/chats/{id}/give-back", chat.give_back, Can.ANSWER),
    Route("desk.put_back", "POST", "/chats/{id}/put-back", chat.put_back, Can.ANSWER),
    Route("desk.note", "POST", "/chats/{id}/note", casework.add_note, Can.ANSWER),
    Route("desk.label", "POST", "/chats/{id}/label", casework.add_label, Can.ANSWER),
    Route("desk.label_off", "POST", "/chats/{id}/label-off", casework.remove_label, Can.ANSWER),
    Route("desk.priority", "POST", "/chats/{id}/priority", casework.set_priority, Can.ANSWER),
    Route("desk.transfer", "POST", "/chats/{id}/transfer", casework.transfer, Can.ANSWER),
    Route("desk.acknowledge", "POST", "/chats/{id}/acknowledge", casework.acknowledge, Can.ANSWER),
    Route("desk.find", "GET", "/find", find.find, Can.ANSWER),
    Route("desk.lost", "POST", "/lost", queue.told_of_lost, Can.ANSWER),
    Route("desk.away", "POST", "/away", queue.set_away, Can.ANSWER),
    Route("desk.call_backs", "GET", "/call-backs", call_backs.show, Can.ANSWER),
    Route("desk.call_back", "GET", "/call-backs/{id}", call_backs.one, Can.ANSWER),
    Route("desk.call_back_claim", "POST", "/call-backs/{id}/claim", call_backs.claim, Can.ANSWER),
    Route("desk.call_back_attempt", "POST", "/call-backs/{id}/attempted", call_backs.attempted, Can.ANSWER),
    Route("desk.call_back_done", "POST", "/call-backs/{id}/done", call_backs.done, Can.ANSWER),
    Route("desk.history", "GET", "/history", history.show, Can.ANSWER),
    Route("desk.history_one", "GET", "/history/{reference}", history.one, Can.ANSWER),
    Route("desk.export", "GET", "/history/{reference}/export", history.export, Can.ANSWER),
    Route("desk.history_file", "GET", "/history/{reference}/files/{file}", history.file, Can.ANSWER),
    Route("desk.reopen", "POST", "/history/{reference}/reopen", history.reopen, Can.ANSWER),
    Route("desk.erase", "POST", "/history/{reference}/erase", history.erase, Can.SUPERVISE),
    Route("desk.canned", "GET", "/canned-replies", canned_replies.show, Can.WRITE_REPLIES),
    Route("desk.canned", "POST", "/canned-replies", canned_replies.set_one, Can.WRITE_REPLIES),
    Route("desk.canned_remove", "POST", "/canned-replies/remove", canned_replies.remove, Can.WRITE_REPLIES),
    Route("desk.figures", "GET", "/figures", figures.show, Can.SEE_FIGURES),
    Route("desk.figures_csv", "GET", "/figures.csv", figures.as_csv, Can.SEE_FIGURES),
    Route("desk.supervise", "GET", "/supervise", supervise.show, Can.SUPERVISE),
    Route("desk.capacity", "POST", "/supervise/capacity", supervise.set_capacity, Can.SUPERVISE),
    Route("desk.service", "GET", "/service", supervise.show_service, Can.SUPERVISE),
    Route("desk.hours", "POST", "/service/hours", supervise.set_hours, Can.SUPERVISE),
    Route("desk.closures", "POST", "/service/closures", supervise.add_closure, Can.SUPERVISE),
    Route("desk.closure_off", "POST", "/service/closures/remove", supervise.remove_closure, Can.SUPERVISE),
    Route("desk.school", "POST", "/service/school-holidays", supervise.add_school_holiday, Can.SUPERVISE),
    Route(
        "desk.school_off",
        "POST",
        "/service/school-holidays/remove",
        supervise.remove_school_holiday,
        Can.SUPERVISE,
    ),
    Route("desk.announce", "POST", "/service/announcement", supervise.announce, Can.SUPERVISE),
    Route("desk.assistant", "POST", "/service/assistant", supervise.switch_assistant, Can.SUPERVISE),
    Route("desk.audit", "GET", "/audit", supervise.show_audit, Can.SUPERVISE),
    Route("desk.accounts", "GET", "/accounts", accounts.show, Can.KEEP_ACCOUNTS),
    Route("desk.accounts", "POST", "/accounts", accounts.add, Can.KEEP_ACCOUNTS),
    Route("desk.accounts_change", "POST", "/accounts/change", accounts.change, Can.KEEP_ACCOUNTS),
    Route("desk.close", "POST", "/chats/{id}/close", chat.close, Can.ANSWER),
)


def add_routes(desk: web.Application) -> dict[str, Can]:
    """Add every route to ``desk``; returns what each needs, by its name."""
    needs: dict[str, Can] = {}
    paths: dict[str, web.Resource] = {}
    for route in ROUTES:
        if route.name not in paths:
            needs[route.name] = route.needs
            paths[route.name] = desk.router.add_resource(route.path, name=route.name)
        elif needs[route.name] is not route.needs or paths[route.name].canonical != route.path:
            raise ValueError(f"{route.name} is two addresses, or needs two things")
        paths[route.name].add_route(route.method, route.handler)
        if route.method == "GET":
            paths[route.name].add_route("HEAD", route.handler)
    return needs

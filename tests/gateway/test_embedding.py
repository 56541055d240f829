"""The script that a council's page loads: with whom to contact in danger, for when nothing can be reached."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from gateway.keys import CRISIS
from helpline.settings import ROOT

type Client = TestClient[web.Request, web.Application]

_BUILT = (ROOT / "gateway" / "static" / "widget.js").read_text(encoding="utf-8")


def _contacts(script: str) -> list[dict[str, Any]]:
    """What is put around the built file."""
    before, after = script.split(_BUILT)
    assert before == "((helplineContacts)=>{"
    found = re.fullmatch(r"\}\)\(JSON\.parse\((\".*\")\)\);\n", after)
    assert found is not None
    contacts: list[dict[str, Any]] = json.loads(json.loads(found.group(1)))
    return contacts


def _know(client: Client, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The store holds one contact now, of this name."""
    assert client.app is not None
    cards = client.app[CRISIS]
    reply = cards.reply("x", None, None, False)
    reply.contacts[:] = [{"name": name, "phone": "000 333"}]
    monkeypatch.setattr(cards, "reply", lambda *_: reply)


async def test_the_script_holds_the_crisis_contacts_for_everybody_and_is_fetched_anew_when_they_change(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await client.get("/widget.js")
    assert [one["phone"] for one in _contacts(await first.text())] == ["000", "000 111"]
    known = {"If-None-Match": first.headers["ETag"]}
    assert (await client.get("/widget.js", headers=known)).status == 304

    _know(client, monkeypatch, "A line that is new")
    second = await client.get("/widget.js", headers=known)
    assert second.status == 200
    assert [one["name"] for one in _contacts(await second.text())] == ["A line that is new"]


async def test_what_a_contact_says_stays_data(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "</script><!-- \"');alert(1)//\\ \u2028\u2029 caf\u00e9 \U0001f600\n"
    _know(client, monkeypatch, name)
    script = await (await client.get("/widget.js")).text()
    assert [one["name"] for one in _contacts(script)] == [name]
    after = script.split(_BUILT)[1]
    assert after.isascii()
    assert "<" not in after
    assert after.count("\n") == 1


async def test_without_any_contact_the_script_is_served_all_the_same(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(*_: object) -> None:
        raise KeyError("gone")

    assert client.app is not None
    monkeypatch.setattr(client.app[CRISIS], "reply", nothing)
    answer = await client.get("/widget.js")
    assert answer.status == 200
    assert await answer.text() == _BUILT

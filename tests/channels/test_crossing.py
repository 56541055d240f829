"""From the phone to the web page: with consent, once, and back."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

import pytest
from aiohttp import ClientResponse

from gateway.channels.keys import RECIPIENTS
from tests.channels.conftest import OnTelegram, Person, World


async def _link(person: Person) -> str:
    """Ask for a link; its path on the gateway."""
    before = len(person.texts())
    await person.says("WEB")
    said = await person.hears("https://helpline.example/continue/", before)
    found = re.search(r"https://helpline\.example(/continue/[\w-]+)", said)
    assert found is not None
    return found.group(1)


async def _ticket(page: ClientResponse) -> tuple[str, str]:
    """The conversation and the token that the page came with."""
    html = await page.text()
    found = [re.search(rf'name="{name}" value="([^"]+)"', html) for name in ("conversation", "token")]
    assert all(found), html
    conversation, token = (match.group(1) for match in found if match)
    return conversation, token


async def test_the_chat_goes_on_in_the_page_after_a_yes(world: World, person: Person) -> None:
    await person.says("how long is the wait")
    await person.hears("33 weeks")
    path = await _link(person)
    for _ in range(3):  # an app that previews the link, and the person's own browser
        question = await world.client.get(path)
        assert question.status == 200
        assert "Is this a safe place" in await question.text()
        assert "33 weeks" not in await question.text()
    page = await world.client.post(path)
    assert page.status == 200
    assert "33 weeks" in await page.text()
    conversation, token = await _ticket(page)
    await person.hears("goes on in the web page")
    await world.settled()

    count = len(person.texts())
    answer = await world.client.post(
        f"/api/v1/conversations/{conversation}/messages",
        json={"client_message_id": "w1", "text": "and for adults?"},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status == 201
    await world.settled()
    assert len(person.texts()) == count  # what is said in the page stays in the page

    await person.says("back on my phone")
    await person.hears("Welcome back", count)
    await person.hears("33 weeks", count)


async def test_a_link_works_once_and_the_others_stop_with_it(world: World, on_telegram: OnTelegram) -> None:
    await on_telegram.says("hello")
    await on_telegram.hears("33 weeks")
    first, second = await _link(on_telegram), await _link(on_telegram)
    assert first != second
    both = await asyncio.gather(world.client.post(first), world.client.post(first))
    assert sorted(response.status for response in both) == [200, 404]
    for path in (first, second):
        assert (await world.client.get(path)).status == 404
        refused = await world.client.post(path)
        assert refused.status == 404
        assert "33 weeks" not in await refused.text()


async def test_a_page_that_the_chat_has_left_is_closed_at_once(world: World, on_telegram: OnTelegram) -> None:
    await on_telegram.says("hello")
    await on_telegram.hears("33 weeks")
    conversation, token = await _ticket(await world.client.post(await _link(on_telegram)))
    path = await _link(on_telegram)
    async with world.client.ws_connect(f"/api/v1/conversations/{conversation}/socket") as old_page:
        await old_page.send_json({"type": "hello", "token": token, "after": 0})
        while (await old_page.receive_json(timeout=30))["type"] != "status":
            pass
        await world.client.post(path)

        assert (await old_page.receive_json(timeout=30))["problem"]["code"] == "token_wrong"
        assert (await old_page.receive(timeout=30)).data == 4401


async def test_a_link_that_is_too_old_or_made_up_shows_nothing(world: World, on_telegram: OnTelegram) -> None:
    await on_telegram.says("hello")
    conversation = await world.conversation(on_telegram)
    assert conversation is not None
    token = await world.app[RECIPIENTS].open_crossing(conversation.id, timedelta(seconds=-1))
    for path in (f"/continue/{token}", "/continue/made-up"):
        assert (await world.client.get(path)).status == 404
        assert (await world.client.post(path)).status == 404


async def test_a_deleted_chat_takes_its_links_along(world: World, on_telegram: OnTelegram) -> None:
    await on_telegram.says("hello")
    await on_telegram.hears("33 weeks")
    path = await _link(on_telegram)
    await on_telegram.says("DELETE")
    await on_telegram.hears("We deleted our copy")
    assert (await world.client.post(path)).status == 404


async def test_a_new_link_ends_the_page_that_was_open(world: World, on_telegram: OnTelegram) -> None:
    await on_telegram.says("hello")
    await on_telegram.hears("33 weeks")
    old = await _ticket(await world.client.post(await _link(on_telegram)))
    await on_telegram.says("hello again")
    await world.client.post(await _link(on_telegram))
    conversation, token = old
    response = await world.client.get(
        f"/api/v1/conversations/{conversation}/messages", headers={"Authorization": f"Bearer {token}"}
    )
    assert response.status == 401


@pytest.mark.parametrize("channel_settings", [{"telegram_token": "1:a", "telegram_polling": True}])
async def test_without_a_public_address_there_is_no_link_and_polling_works(
    world: World, on_telegram: OnTelegram
) -> None:
    world.telegram.write(int(on_telegram.address), "hello")
    await world.telegram.tell()
    await on_telegram.hears("33 weeks")
    world.telegram.write(int(on_telegram.address), "WEB")
    await world.telegram.tell()
    await on_telegram.hears("can't open a web page")
    await world.until(lambda: not world.telegram.updates or len(world.telegram.updates) <= 1)
    assert (await world.client.post("/channels/whatsapp/webhook", data=b"{}")).status == 404

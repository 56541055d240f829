"""A person truly takes a chat over, answers, and hands it on; the family's side is read through the store."""

from __future__ import annotations

import asyncio
import json
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType
from sqlalchemy import delete

import knowledge.search
from conversations.errors import StoreUnavailable
from conversations.log import Draft
from conversations.models import Conversation, Escalation, Owner, Priority, Role
from conversations.store import Store
from desk.settings import DeskSettings
from knowledge import models
from knowledge.database import open_engine
from tests.desk.conftest import SUMMARY, Browser, alert, waiting_chat
from tests.knowledge.conftest import SMALL, WORDS, load


async def family_reads(store: Store, chat: str) -> list[tuple[Role, str]]:
    return [(message.role, message.text) for message in await store.messages(chat)]


async def test_an_adviser_takes_a_chat_writes_and_gives_it_back(sam: Browser, store: Store) -> None:
    chat = await waiting_chat(store)

    assert await sam.post(f"/desk/chats/{chat}/claim") == (303, f"/desk/chats/{chat}")
    taken = await store.get(chat)
    assert (taken.owner, taken.adviser_id) == (Owner.ADVISER, sam.adviser_id)
    role, joined = (await family_reads(store, chat))[-1]
    assert role is Role.SYSTEM
    assert joined.startswith("Adviser Sam has joined.")
    assert "Surname" not in joined
    assert await store.append_assistant(chat, [Draft(text="the bot")]) == []

    status, _ = await sam.post(f"/desk/chats/{chat}/reply", text="Hello,\r\nI am Sam.", reply_id="r1")
    assert status == 303
    message = (await store.messages(chat))[-1]
    assert (message.role, message.author, message.text) == (Role.ADVISER, "Sam", "Hello,\nI am Sam.")

    assert await sam.post(f"/desk/chats/{chat}/give-back") == (303, "/desk/?done=given-back")
    assert (await store.get(chat)).owner is Owner.BOT
    assert "automated assistant answers again" in (await family_reads(store, chat))[-1][1]
    assert await store.append_assistant(chat, [Draft(text="the bot")])


async def test_of_two_advisers_one_gets_the_chat_and_the_other_is_told_who_has_it(
    sam: Browser, ada: Browser, store: Store
) -> None:
    chat = await waiting_chat(store)

    answers = await asyncio.gather(*(b.post(f"/desk/chats/{chat}/claim") for b in (sam, ada)))

    assert sorted(status for status, _ in answers) == [303, 409]
    holder = (await store.get(chat)).adviser_id
    winner = next(adviser.name for adviser in await store.advisers() if adviser.id == holder)
    page = next(page for status, page in answers if status == 409)
    assert f"{winner} has this chat." in page
    joined = [text for _, text in await family_reads(store, chat) if "has joined" in text]
    assert len(joined) == 1


async def test_taking_a_chat_twice_is_no_error(sam: Browser, store: Store) -> None:
    chat = await waiting_chat(store)
    for _ in range(2):
        assert await sam.post(f"/desk/chats/{chat}/claim") == (303, f"/desk/chats/{chat}")


async def test_closing_ends_the_chat_and_the_family_can_write_again(sam: Browser, store: Store) -> None:
    chat = await waiting_chat(store)
    await sam.post(f"/desk/chats/{chat}/claim")

    assert await sam.post(f"/desk/chats/{chat}/close", outcome="answered") == (303, "/desk/?done=closed")

    assert (await store.get(chat)).owner is Owner.CLOSED
    assert "write here again" in (await family_reads(store, chat))[-1][1]
    status, page = await sam.page(f"/desk/chats/{chat}")
    assert status == 404
    assert "not waiting for a person" in page
    await store.append_user(chat, None, "one more thing")
    assert (await store.get(chat)).owner is Owner.BOT


async def test_a_chat_put_back_waits_with_its_place_and_the_family_is_told(
    sam: Browser, store: Store
) -> None:
    chat, other = await waiting_chat(store), await waiting_chat(store)
    await sam.post(f"/desk/chats/{chat}/claim")

    assert await sam.post(f"/desk/chats/{chat}/put-back") == (303, "/desk/?done=put-back")

    assert [waiting.conversation.id for waiting in await store.open_escalations()] == [chat, other]
    assert "back in the queue" in (await family_reads(store, chat))[-1][1]


async def test_only_the_adviser_who_has_the_chat_can_act_on_it(
    sam: Browser, ada: Browser, store: Store
) -> None:
    chat = await waiting_chat(store)
    await sam.post(f"/desk/chats/{chat}/claim")
    before = await family_reads(store, chat)

    for action in ("reply", "give-back", "put-back", "close"):
        status, page = await ada.post(
            f"/desk/chats/{chat}/{action}", text="Hello", reply_id="r1", outcome="answered"
        )
        assert status == 409
        assert "Sam Surname has this chat." in page

    assert await family_reads(store, chat) == before
    assert "Sam Surname has this chat." in (await ada.page(f"/desk/chats/{chat}"))[1]


async def test_a_reply_sent_twice_is_said_once(sam: Browser, store: Store) -> None:
    chat = await waiting_chat(store)
    await sam.post(f"/desk/chats/{chat}/claim")
    path = f"/desk/chats/{chat}/reply"

    answers = [await sam.post(path, json=True, text="Hello", reply_id="r1") for _ in range(2)]

    assert answers[0] == answers[1]
    assert answers[0][0] == 201
    assert [t for r, t in await family_reads(store, chat) if r is Role.ADVISER] == ["Hello"]
    status, problem = await sam.post(path, json=True, text="Other words", reply_id="r1")
    assert status == 409
    assert "message_id_reused" in problem


@pytest.mark.parametrize(
    ("text", "reply_id", "status", "code"),
    [
        ("", "r1", 422, "text_missing"),
        (" \n ", "r1", 422, "text_missing"),
        ("x" * 4001, "r1", 422, "text_too_long"),
        ("Hello", "", 403, "form_too_old"),
        ("Hello", "odd id!", 403, "form_too_old"),
    ],
)
async def test_a_reply_that_cannot_be_sent_says_why(
    sam: Browser, store: Store, text: str, reply_id: str, status: int, code: str
) -> None:
    chat = await waiting_chat(store)
    await sam.post(f"/desk/chats/{chat}/claim")
    answer = await sam.post(f"/desk/chats/{chat}/reply", json=True, text=text, reply_id=reply_id)
    assert answer[0] == status
    assert f'"code": "{code}"' in answer[1]


async def test_the_page_tells_the_whole_story_and_runs_none_of_it(sam: Browser, store: Store) -> None:
    chat = await waiting_chat(store)

    status, page = await sam.page(f"/desk/chats/{chat}")

    assert status == 200
    for told in (
        "Derby (Allestree)",
        "a child, 7 years old",
        "How long the wait is",
        "Easy Read",
        "how long is the wait?",
        "Example assessment service",
        "Children &lt;b&gt;under&lt;/b&gt; 11",
        "Example strategy",
        "as of 2022-12",
        "Buttons offered",
        "Talk to a person",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
    ):
        assert told in page, told
    assert "<script>alert" not in page
    assert "javascript:" not in page


async def test_a_chat_that_nobody_asked_a_person_for_is_not_shown(sam: Browser, store: Store) -> None:
    chat = (await store.create("web")).conversation.id
    await store.append_user(chat, None, "between me and the assistant")
    for path in (f"/desk/chats/{chat}", "/desk/chats/0123"):
        status, page = await sam.page(path)
        assert status == 404
        assert "between me" not in page


async def test_a_safety_alert_heads_the_page_and_marks_the_queue(sam: Browser, store: Store) -> None:
    chat = await waiting_chat(store)
    await sam.post(f"/desk/chats/{chat}/claim")
    _, page = await sam.page(f"/desk/chats/{chat}")
    assert '<div id="alert" hidden>' in page

    await alert(store, chat)

    _, page = await sam.page(f"/desk/chats/{chat}")
    assert '<div id="alert">' in page
    assert "<title>Safety alert: Chat" in page
    assert "It was taken for: Suicide." in page
    assert 'data-kind="alert"' in page
    assert "Safety alert" in (await sam.page("/desk/"))[1]
    assert all("Safety alert" not in text for _, text in await family_reads(store, chat))


async def test_a_chat_that_was_queued_as_a_crisis_says_what_danger(sam: Browser, store: Store) -> None:
    danger = {"danger": "crisis_self_harm_suicide", "safety_reason": "rule x"}
    chat = await waiting_chat(store, Priority.CRISIS, danger)
    _, page = await sam.page(f"/desk/chats/{chat}")
    assert "marked as a crisis: Suicide." in page
    assert "rule x" in page


async def test_the_queue_shows_crisis_first_then_whoever_waits_longest(sam: Browser, store: Store) -> None:
    first, second, third = [
        await waiting_chat(store, priority)
        for priority in (Priority.NORMAL, Priority.NORMAL, Priority.CRISIS)
    ]
    _, page = await sam.page("/desk/")
    places = [page.index(f'data-id="{chat}"') for chat in (third, first, second)]
    assert places == sorted(places)
    assert "Derby (Allestree), a child, 7 years old" in page


async def test_signing_out_with_chats_asks_first_and_then_leaves_nobody_waiting_for_it(
    sam: Browser, store: Store
) -> None:
    chat = await waiting_chat(store)
    await sam.post(f"/desk/chats/{chat}/claim")

    status, page = await sam.post("/desk/sign-out")
    assert status == 200
    assert "You still have a chat" in page
    assert (await store.get(chat)).owner is Owner.ADVISER

    assert await sam.post("/desk/sign-out", confirmed="yes") == (303, "/desk/sign-in")
    assert (await store.get(chat)).owner is Owner.QUEUED
    assert "has to leave" in (await family_reads(store, chat))[-1][1]


async def test_a_database_that_does_not_answer_is_said_plainly(
    sam: Browser, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise StoreUnavailable("disk I/O error")

    monkeypatch.setattr(store, "adviser_in_session", broken)
    status, page = await sam.page("/desk/")
    assert status == 503
    assert "does not answer just now" in page
    assert "disk" not in page


async def test_closing_needs_an_outcome_and_says_so_where_the_chat_is(
    sam: Browser, ada: Browser, store: Store
) -> None:
    chat = await waiting_chat(store)
    await sam.post(f"/desk/chats/{chat}/claim")
    for outcome in ("", "made_up", "withdrawn"):
        status, page = await sam.post(f"/desk/chats/{chat}/close", outcome=outcome)
        assert status == 422
        assert '<a href="#outcome">Choose how it ended</a>' in page  # the GOV.UK error summary
        assert 'id="outcome-error"' in page
        assert 'id="reply"' in page  # on the chat's own page, where the work goes on
    status, page = await ada.post(f"/desk/chats/{chat}/close", outcome="")
    assert status == 409
    assert "outcome-error" not in page
    assert (await store.get(chat)).owner is Owner.ADVISER


async def test_a_note_and_a_label_are_for_colleagues_only(sam: Browser, ada: Browser, store: Store) -> None:
    chat = await waiting_chat(store)
    before = await family_reads(store, chat)
    assert (await ada.post(f"/desk/chats/{chat}/note", note="Mum sounds tired\r\nGo slowly"))[0] == 303
    assert (await ada.post(f"/desk/chats/{chat}/label", label=" School  Transport "))[0] == 303
    assert (await ada.post(f"/desk/chats/{chat}/note", note=" "))[0] == 422

    _, page = await sam.page(f"/desk/chats/{chat}")
    assert "Mum sounds tired\nGo slowly" in page
    assert "Note by Ada Colleague, only advisers see this" in page
    assert "school transport" in page
    assert await family_reads(store, chat) == before
    await sam.post(f"/desk/chats/{chat}/label-off", label="school transport")
    assert await store.labels(chat) == []


async def test_a_chat_is_handed_to_a_colleague_who_is_there(sam: Browser, ada: Browser, store: Store) -> None:
    chat = await waiting_chat(store)
    await sam.post(f"/desk/chats/{chat}/claim")
    _, page = await sam.page(f"/desk/chats/{chat}")
    assert f'<option value="{ada.adviser_id}">Ada Colleague' in page

    assert await sam.post(f"/desk/chats/{chat}/transfer", to=ada.adviser_id) == (
        303,
        "/desk/?done=handed-over",
    )
    assert (await store.get(chat)).adviser_id == ada.adviser_id
    assert "Adviser Ada goes on with this chat" in (await family_reads(store, chat))[-1][1]
    assert "Colleague" not in (await family_reads(store, chat))[-1][1]

    # Sam is no supervisor, and has it no more.
    assert (await sam.post(f"/desk/chats/{chat}/transfer", to=sam.adviser_id))[0] == 409
    await store.set_away(sam.adviser_id, True)
    status, page = await ada.post(f"/desk/chats/{chat}/transfer", to=sam.adviser_id)
    assert status == 409
    assert "is not at the desk, or is away" in page


async def test_nobody_takes_more_chats_than_they_can_answer_but_a_crisis(sam: Browser, store: Store) -> None:
    await store.set_capacity(sam.adviser_id, 1)
    first, second = await waiting_chat(store), await waiting_chat(store)
    crisis = await waiting_chat(store, Priority.CRISIS)
    assert (await sam.post(f"/desk/chats/{first}/claim"))[0] == 303
    status, page = await sam.post(f"/desk/chats/{second}/claim")
    assert status == 409
    assert "Finish or hand on a chat first" in page
    assert (await sam.post(f"/desk/chats/{crisis}/claim"))[0] == 303
    assert "You have 2 of at most 1 chats" in (await sam.page("/desk/"))[1]


async def test_a_filter_hides_no_crisis_and_says_what_it_hides(sam: Browser, store: Store) -> None:
    normal, high = await waiting_chat(store), await waiting_chat(store, Priority.HIGH)
    crisis = await waiting_chat(store, Priority.CRISIS)
    _, page = await sam.page("/desk/?only=high")
    assert [chat in page for chat in (normal, high, crisis)] == [False, True, True]
    assert "1 more wait that this filter does not show" in page
    assert "The longest wait is" in page


async def test_away_counts_for_nobody_new(sam: Browser, store: Store) -> None:
    assert await store.advisers_present() == 1
    await sam.post("/desk/away", away="yes")
    assert await store.advisers_present() == 0
    assert "You are away." in (await sam.page("/desk/"))[1]
    await sam.post("/desk/away")
    assert await store.advisers_present() == 1


async def test_an_acknowledged_alert_says_who_has_seen_it(sam: Browser, store: Store) -> None:
    chat = await waiting_chat(store)
    await alert(store, chat)
    seq = (await store.get(chat)).last_seq
    assert (await sam.post(f"/desk/chats/{chat}/acknowledge", alert=str(seq)))[0] == 303
    _, page = await sam.page(f"/desk/chats/{chat}")
    assert '<div id="alert" hidden>' in page
    assert "Sam Surname has seen the safety alert." in page
    await alert(store, chat)
    assert '<div id="alert">' in (await sam.page(f"/desk/chats/{chat}"))[1], "a new alert is a new alert"


async def test_what_is_done_with_a_chat_is_in_the_audit_log(sam: Browser, store: Store) -> None:
    chat = await waiting_chat(store)
    reference = (await store.open_escalations())[0].escalation.reference
    await sam.page(f"/desk/chats/{chat}")
    await sam.post(f"/desk/chats/{chat}/claim")
    await sam.post(f"/desk/chats/{chat}/label", label="school")
    await sam.post(f"/desk/chats/{chat}/close", outcome="answered")
    entries = await store.audit_log(conversation_id=chat)
    assert [entry.action for entry in reversed(entries)] == ["viewed", "claimed", "label added", "closed"]
    assert {(entry.who, entry.reference) for entry in entries} == {(sam.adviser_id, reference)}


def fill_store(settings: DeskSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a small store of answers in place of the desk's empty one."""
    engine = open_engine(settings.knowledge_url)
    with engine.begin() as connection:
        for table in reversed(models.Base.metadata.sorted_tables):
            connection.execute(delete(table))
    for name, kinds in SMALL.items():
        (tmp_path / name).write_text(json.dumps(kinds))
    load(engine, tmp_path)
    engine.dispose()
    monkeypatch.setattr(knowledge.search, "search_encoder", lambda: WORDS)


async def test_the_store_is_searched_beside_the_chat(
    sam: Browser, settings: DeskSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_store(settings, tmp_path, monkeypatch)

    answer = await sam.client.get(
        "/desk/find", params={"q": "help at school"}, headers={"Accept": "application/json"}
    )

    assert answer.status == 200, await answer.text()
    results = (await answer.json())["results"]
    assert results
    for result in results:
        assert result["insert"].endswith(f"Source: {result['source']}")
        assert "as of" in result["source"]
    assert results[0]["title"] in unescape((await sam.page("/desk/find?q=help+at+school"))[1])


# -- live -----------------------------------------------------------------------------------------


async def connected(browser: Browser, path: str) -> ClientWebSocketResponse:
    origin = str(browser.client.make_url("/")).rstrip("/")
    return await browser.client.ws_connect(path, origin=origin)


async def frame(ws: ClientWebSocketResponse, kind: str) -> dict[str, Any]:
    """The next frame of this kind."""
    while True:
        found: dict[str, Any] = await ws.receive_json(timeout=30)
        if found["type"] == kind:
            return found


async def test_the_chat_is_live_and_resumes_where_it_was(sam: Browser, store: Store) -> None:
    chat = await waiting_chat(store)
    seen = (await store.get(chat)).last_seq
    ws = await connected(sam, f"/desk/chats/{chat}/socket?after={seen}")
    assert (await frame(ws, "status"))["state"] == "waiting"

    await sam.post(f"/desk/chats/{chat}/claim")
    assert (await frame(ws, "messages"))["messages"][0]["kind"] == "system"
    assert (await frame(ws, "status"))["state"] == "mine"

    await store.append_user(chat, None, "thank you <b>")
    [message] = (await frame(ws, "messages"))["messages"]
    assert (message["kind"], message["who"], message["text"]) == ("user", "Person asking", "thank you <b>")
    await alert(store, chat)
    [message] = (await frame(ws, "messages"))["messages"]
    assert (message["kind"], message["seq"]) == ("alert", seen + 3)
    await ws.close()


async def test_an_alert_in_one_chat_is_told_on_the_page_of_another_until_somebody_has_seen_it(
    sam: Browser, store: Store
) -> None:
    here, there = await waiting_chat(store), await waiting_chat(store)
    for chat in (here, there):
        await sam.post(f"/desk/chats/{chat}/claim")
    ws = await connected(sam, f"/desk/chats/{here}/socket")
    assert await with_alert(ws) == []

    await alert(store, there)
    store.events.publish(here)  # sooner than the next look
    assert await with_alert(ws) == [there]
    assert f'href="/desk/chats/{there}">Go to chat' in (await sam.page(f"/desk/chats/{here}"))[1]

    await store.append_adviser(there, sam.adviser_id, "I am with you")
    seq = (await store.get(there)).last_seq - 1
    assert (await sam.post(f"/desk/chats/{there}/acknowledge", alert=str(seq)))[0] == 303
    store.events.publish(here)
    assert await with_alert(ws) == []
    await ws.close()


async def with_alert(ws: ClientWebSocketResponse) -> list[str]:
    """The adviser's other chats with an alert that nobody has seen, as the next frame tells them."""
    return [chat["id"] for chat in (await frame(ws, "others"))["chats"] if chat["unseen_alert"]]


async def test_a_chat_s_page_shows_which_other_chats_of_the_adviser_wait_for_a_reply(
    sam: Browser, ada: Browser, store: Store
) -> None:
    here, there, hers = [await waiting_chat(store) for _ in range(3)]
    for chat in (here, there):
        await sam.post(f"/desk/chats/{chat}/claim")
    await ada.post(f"/desk/chats/{hers}/claim")
    reference = (await status_of(store, there)).reference
    ws = await connected(sam, f"/desk/chats/{here}/socket")

    [other] = (await frame(ws, "others"))["chats"]
    assert (other["id"], other["reference"], other["line"]) == (there, reference, "waits for your reply")
    assert other["about"].startswith("“")  # references alone are hard to tell apart
    _, page = await sam.page(f"/desk/chats/{here}")
    part = page.split('id="others-part"')[1].split("</nav>")[0]
    assert f'href="/desk/chats/{there}"' in part
    assert "waits for your reply" in part
    assert hers not in part

    await store.add_note(there, sam.adviser_id, "A note is no reply.")
    assert "wait for your reply" in (await sam.page("/desk/"))[1]
    await store.append_adviser(there, sam.adviser_id, "Hello")
    store.events.publish(here)
    assert [(o["line"], o["waits"]) for o in (await frame(ws, "others"))["chats"]] == [("", False)]
    await sam.post(f"/desk/chats/{there}/give-back")
    store.events.publish(here)
    assert (await frame(ws, "others"))["chats"] == []
    await ws.close()


async def status_of(store: Store, chat: str) -> Escalation:
    found = await store.escalation(chat)
    assert found is not None
    return found


async def test_the_summary_says_what_they_want_how_they_like_to_be_written_to_and_what_safety_saw(
    sam: Browser, store: Store
) -> None:
    told = {
        "wants": "is there help at school?",
        "communication": ["slowly, one thing at a time", "Urdu"],
        "safety": ["distress", "crisis_self_harm_suicide"],
    }
    chat = await waiting_chat(store, summary={**SUMMARY, **told})

    _, page = await sam.page(f"/desk/chats/{chat}")

    for label, value in (
        ("What they want", "is there help at school?"),
        (
            "How they like to be written to",
            "Easy Read: short, plain sentences; slowly, one thing at a time; Urdu",
        ),
        ("Safety", "They sounded distressed; Suicide"),
    ):
        assert f"<dt>{label}</dt><dd>{value}</dd>" in page


async def test_what_the_store_could_not_give_comes_at_the_next_look(
    sam: Browser, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = await waiting_chat(store)
    ws = await connected(sam, f"/desk/chats/{chat}/socket?after={(await store.get(chat)).last_seq}")
    await frame(ws, "others")
    working = store.claimed_by

    async def fails_once(adviser_id: str) -> list[Conversation]:
        monkeypatch.setattr(store, "claimed_by", working)
        raise StoreUnavailable("busy")

    monkeypatch.setattr(store, "claimed_by", fails_once)
    await store.append_user(chat, None, "not lost")
    await asyncio.sleep(0.2)
    store.events.publish(chat)

    assert [m["text"] for m in (await frame(ws, "messages"))["messages"]] == ["not lost"]
    await ws.close()


async def test_after_a_chat_left_the_desk_its_socket_tells_nothing_more(sam: Browser, store: Store) -> None:
    chat = await waiting_chat(store)
    await sam.post(f"/desk/chats/{chat}/claim")
    ws = await connected(sam, f"/desk/chats/{chat}/socket?after={(await store.get(chat)).last_seq}")
    await frame(ws, "others")

    await sam.post(f"/desk/chats/{chat}/give-back")
    await store.append_user(chat, None, "for the assistant only")

    gone = await frame(ws, "status")
    assert gone["state"] == "gone"
    with pytest.raises(TimeoutError):
        await ws.receive(timeout=0.3)
    await ws.close()


async def test_a_chat_that_was_erased_is_gone(sam: Browser, store: Store) -> None:
    chat = await waiting_chat(store)
    ws = await connected(sam, f"/desk/chats/{chat}/socket")
    await frame(ws, "status")
    await store.erase(chat)
    assert (await frame(ws, "status"))["state"] == "gone"
    await ws.close()


async def test_the_queue_is_live(sam: Browser, store: Store) -> None:
    ws = await connected(sam, "/desk/socket")
    assert (await frame(ws, "queue"))["waiting"] == []

    chat = await waiting_chat(store, Priority.HIGH)
    [row] = (await frame(ws, "queue"))["waiting"]
    assert (row["id"], row["tag"], row["detail"]) == (chat, "High priority", "Waiting less than a minute")

    await sam.post(f"/desk/chats/{chat}/claim")
    changed = await frame(ws, "queue")
    assert (changed["waiting"], [row["id"] for row in changed["mine"]]) == ([], [chat])
    await ws.close()


async def test_who_is_writing_is_seen_by_colleagues_and_told_to_nobody_else(
    sam: Browser, ada: Browser, store: Store
) -> None:
    chat = await waiting_chat(store)
    await sam.post(f"/desk/chats/{chat}/claim")
    mine = await connected(sam, f"/desk/chats/{chat}/socket")
    hers = await connected(ada, f"/desk/chats/{chat}/socket")
    await frame(mine, "others")
    await frame(hers, "others")
    with store.events.subscribe(chat) as family:
        await hers.send_str('{"type":"typing"}')
        assert (await frame(mine, "typing"))["colleagues"] == ["Ada Colleague"]
        await family.wait(5)
        assert family.take_typing() == {ada.adviser_id}
    store.events.typing(chat, "user")
    assert (await frame(mine, "typing"))["person"]
    await mine.close()
    await hers.close()


async def test_an_open_page_keeps_its_adviser_present(sam: Browser, store: Store) -> None:
    await store.adviser_left(sam.adviser_id)
    assert await store.advisers_present() == 0
    ws = await connected(sam, "/desk/socket")
    await frame(ws, "queue")
    assert await store.advisers_present() == 1
    await ws.close()


async def test_an_open_page_is_told_when_its_session_ends(sam: Browser, store: Store) -> None:
    ws = await connected(sam, "/desk/socket")
    await frame(ws, "queue")
    await sam.post("/desk/sign-out")
    end = await ws.receive(timeout=10)
    assert (end.type, ws.close_code) == (WSMsgType.CLOSE, 4401)

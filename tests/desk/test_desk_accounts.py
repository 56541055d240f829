"""Accounts: choosing a password with a link, being locked out, codes from an app, and the command line."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest
from aiohttp.test_utils import TestServer
from click.testing import CliRunner

from conversations.advisers import TRIES
from conversations.errors import LastAdmin
from conversations.log import utc_now
from conversations.models import DeskRole
from conversations.passwords import WeakPassword, check_strength
from conversations.store import Store, open_store
from helpline.commands.adviser import adviser as command
from tests.desk.conftest import PASSWORD, Browser, new_adviser


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("short", "at least 12"),
        ("password1234", "tried first"),
        ("PasswordPassword99", "tried first"),
        ("qwertyuiopasdf", "tried first"),
        ("121212121212", "repeats"),
        ("83719264583719", "tried first"),  # figures only
        ("samsurname1234", "your name"),
        ("x1y2z" * 60, "at most 256"),
    ],
)
def test_a_password_that_would_be_guessed_is_refused(password: str, words: str) -> None:
    with pytest.raises(WeakPassword, match=words):
        check_strength(password, "Sam Surname")


@pytest.mark.parametrize("password", ["quiet harbour otter", "sixteen füchse ☂ laufen", "tK9!vb2#Lq7z"])
def test_a_long_password_needs_no_signs(password: str) -> None:
    check_strength(password, "Sam Surname")


async def test_a_link_sets_a_password_once(visitor: Browser, store: Store) -> None:
    _, link = await store.add_adviser("Kim Newcomer")
    status, page = await visitor.page(f"/desk/password?link={link}")
    assert status == 200
    assert "Kim Newcomer" in page

    async def choose(password: str, again: str) -> tuple[int, str]:
        form = {
            "form_token": await visitor.form_token("/desk/password"),
            "link": link,
            "password": password,
            "again": again,
        }
        answer = await visitor.client.post("/desk/password", data=form, allow_redirects=False)
        return answer.status, await answer.text()

    status, page = await choose("password1234", "password1234")
    assert status == 422
    assert "tried first" in page
    assert "differ" in (await choose(PASSWORD, PASSWORD + "x"))[1]
    assert (await choose(PASSWORD, PASSWORD))[0] == 303
    status, page = await choose(PASSWORD, PASSWORD)
    assert status == 422
    assert "was used" in page
    visitor.name = "Kim Newcomer"
    assert await visitor.sign_in() == (303, "/desk/")


async def test_of_two_who_use_a_link_at_once_one_sets_the_password(store: Store) -> None:
    _, link = await store.add_adviser("Kim")
    chosen = await asyncio.gather(*(store.choose_password(link, f"quiet-harbour-{n}-otter") for n in "ab"))
    assert sum(adviser is not None for adviser in chosen) == 1


async def test_a_link_runs_out(store: Store) -> None:
    _, link = await store.add_adviser("Kim", link_lasts=timedelta(seconds=-1))
    assert await store.choose_password(link, PASSWORD) is None


async def test_wrong_tries_lock_the_account_for_longer_and_longer(visitor: Browser, store: Store) -> None:
    account = await new_adviser(store, "Kim")
    visitor.name = "Kim"
    for _ in range(TRIES):
        status, page = await visitor.sign_in("not the password")
        assert status == 403
        assert "do not fit together" in page
    # The right password opens nothing now, and nobody is told that it was the right one.
    assert (await visitor.sign_in())[0] == 403
    first = (await store.adviser(account.id)).locked_until
    assert first is not None
    assert timedelta(seconds=40) < first - utc_now() <= timedelta(minutes=1)

    await unlock(store, "Kim")
    assert (await visitor.sign_in("wrong again"))[0] == 403
    second = (await store.adviser(account.id)).locked_until
    assert second is not None
    assert second - utc_now() > timedelta(seconds=100)

    await unlock(store, "Kim")
    assert (await visitor.sign_in())[0] == 303
    assert (await store.adviser(account.id)).wrong_tries == 0


async def unlock(store: Store, name: str) -> None:
    """Time passes."""
    async with store.database.writing() as session:
        account = await session.get(
            type(await store.adviser_called(name)), (await store.adviser_called(name)).id
        )
        assert account is not None
        account.locked_until = utc_now() - timedelta(seconds=1)


async def test_many_guesses_at_once_are_not_free(store: Store) -> None:
    await new_adviser(store, "Kim")
    guesses = [store.adviser_by_password("Kim", f"guess number {n}") for n in range(12)]
    assert await asyncio.gather(*guesses) == [None] * 12
    assert await store.adviser_by_password("Kim", PASSWORD) is None


async def test_an_unknown_name_is_refused_in_the_same_words(visitor: Browser, store: Store) -> None:
    await new_adviser(store, "Kim")
    answers = []
    for name in ("Kim", "Nobody"):
        visitor.name = name
        status, page = await visitor.sign_in("not the password")
        answers.append((status, page.split("<main", 1)[1].replace(name, "")))
    assert answers[0][0] == answers[1][0] == 403
    assert [part for part in answers[0][1].split() if "form_token" not in part] == [
        part for part in answers[1][1].split() if "form_token" not in part
    ]


async def test_codes_from_an_app_are_asked_for_and_good_once(sam: Browser, store: Store) -> None:
    _, page = await sam.page("/desk/account/second-factor")
    assert "<svg" in page
    secret = page.split('class="desk-secret">', 1)[1].split("<", 1)[0].replace(" ", "")
    sealed = page.split('name="sealed" value="', 1)[1].split('"', 1)[0]
    assert secret not in sealed
    wrong = await sam.post("/desk/account/second-factor", sealed=sealed, code="000000x")
    assert wrong[0] == 422
    assert (await sam.post("/desk/account/second-factor", sealed="made up", code="000000"))[0] == 422
    now = pyotp.TOTP(secret)
    assert (await sam.post("/desk/account/second-factor", sealed=sealed, code=now.now()))[0] == 303
    stored = (await store.adviser(sam.adviser_id)).totp_sealed
    assert stored is not None
    assert secret not in stored

    await sam.post("/desk/sign-out")
    assert (await sam.sign_in())[0] == 403
    assert (await sam.sign_in(code=now.now()))[0] == 403, "that code was used to set it up"
    fresh = now.at(time.time() + 30)
    assert (await sam.sign_in("wrong", code=fresh))[0] == 403
    assert (await sam.sign_in(code=fresh))[0] == 303
    await sam.post("/desk/sign-out")
    assert (await sam.sign_in(code=fresh))[0] == 403, "seen over a shoulder"


async def test_codes_are_dropped_with_the_password_only(sam: Browser, store: Store) -> None:
    await store.set_second_factor(sam.adviser_id, "sealed")
    status, page = await sam.post("/desk/account/codes-off", old_for_factor="wrong")
    assert status == 422
    assert "not your password" in page
    assert (await sam.post("/desk/account/codes-off", old_for_factor=PASSWORD))[0] == 303
    assert (await store.adviser(sam.adviser_id)).totp_sealed is None


async def test_a_changed_password_ends_every_session(sam: Browser, store: Store) -> None:
    new = "another-quiet-harbour"
    assert (await sam.post("/desk/account/password", old="wrong", password=new, again=new))[0] == 422
    status, leads_to = await sam.post("/desk/account/password", old=PASSWORD, password=new, again=new)
    assert (status, leads_to) == (303, "/desk/sign-in?done=password")
    assert (await sam.page("/desk/"))[0] == 303
    assert (await sam.sign_in())[0] == 403
    assert (await sam.sign_in(new))[0] == 303


async def test_a_reset_ends_sessions_and_forgets_password_and_codes(sam: Browser, store: Store) -> None:
    await store.set_second_factor(sam.adviser_id, "sealed")
    link = await store.reset_adviser("Sam Surname")
    assert (await sam.page("/desk/"))[0] == 303
    assert (await sam.sign_in())[0] == 403
    assert await store.choose_password(link, PASSWORD)
    assert (await sam.sign_in())[0] == 303


async def test_the_last_admin_stays(store: Store) -> None:
    await new_adviser(store, "Ann", DeskRole.ADMIN)
    with pytest.raises(LastAdmin):
        await store.disable_adviser("Ann")
    with pytest.raises(LastAdmin):
        await store.set_role("Ann", DeskRole.ADVISER)
    await new_adviser(store, "Bob", DeskRole.ADMIN)
    await store.disable_adviser("Ann")


def test_accounts_are_made_and_looked_after_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HELPLINE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("HELPLINE_CONVERSATIONS_URL", f"sqlite:///{tmp_path}/c.sqlite3")

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(command, arguments)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.output

    link = run("add", "Sam  Okafor", "--role", "supervisor").splitlines()[1]
    assert "/desk/password?link=" in link
    assert "already an adviser" in run("add", "sam okafor")
    assert "Sam Okafor: supervisor, no password yet, last seen: never" in run("list")
    assert "is now: admin" in run("role", "Sam Okafor", "admin")
    assert "only admin" in run("disable", "Sam Okafor")
    assert "is not one of" in run("role", "Sam Okafor", "king")

    async def choose(secret: str) -> bool:
        store = open_store(f"sqlite:///{tmp_path}/c.sqlite3")
        chosen = await store.choose_password(secret, PASSWORD)
        await store.database.close()
        return chosen is not None

    new_link = run("reset", "Sam Okafor").splitlines()[1]
    assert not asyncio.run(choose(link.split("link=")[1]))
    assert asyncio.run(choose(new_link.split("link=")[1]))
    run("add", "Ada")
    run("role", "Ada", "admin")
    assert "can no longer sign in" in run("disable", "Sam Okafor")
    assert "Sam Okafor: admin, disabled" in run("list")


async def _nothing(_chat: str) -> None:
    return


async def test_the_desk_does_not_start_without_secret_keys(server: TestServer) -> None:
    from desk.app import add_desk
    from desk.settings import DeskSettings
    from tests.desk.conftest import STORE

    with pytest.raises(ValueError, match="HELPLINE_SECRET_KEYS"):
        add_desk(server.app, DeskSettings(secret_keys=""), STORE, forget=_nothing)

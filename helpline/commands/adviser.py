"""``helpline adviser``: who may work at the desk, and as what."""

from __future__ import annotations

import click

from conversations.advisers import LINK_LASTS
from conversations.models import Adviser, DeskRole
from conversations.store import Store
from helpline.conversations_store import in_store
from helpline.settings import Settings

_ROLE = click.Choice([str(role) for role in DeskRole])


@click.group()
def adviser() -> None:
    """The advisers' accounts."""


@adviser.command()
@click.argument("name")
@click.option(
    "--role", type=_ROLE, default=str(DeskRole.ADVISER), show_default=True, help="What they may do."
)
def add(name: str, role: str) -> None:
    """Make an account for NAME and print the one-time link with which they choose their password."""

    async def work(store: Store) -> tuple[Adviser, str]:
        made, secret = await store.add_adviser(name, role=DeskRole(role))
        await _record(store, "account added", made, role=role)
        return made, secret

    account, secret = in_store(work)
    _print_link(account.name, secret)


@adviser.command(name="list")
def list_() -> None:
    """List the accounts."""
    for account in in_store(lambda store: store.advisers()):
        seen = account.last_seen.isoformat(timespec="minutes") if account.last_seen else "never"
        ways = [
            "signs in at the organisation" if account.subject_hash else "",
            "" if account.password_hash or account.subject_hash else "no password yet",
            "with codes" if account.totp_sealed else "",
            "disabled" if account.disabled else "",
        ]
        notes = "".join(f", {way}" for way in ways if way)
        click.echo(f"{account.name}: {account.role}{notes}, last seen: {seen}")


@adviser.command()
@click.argument("name")
def disable(name: str) -> None:
    """Close NAME's account."""

    async def work(store: Store) -> None:
        await store.disable_adviser(name)
        await _record(store, "account changed", await store.adviser_called(name), to="disable")

    in_store(work)
    click.echo(f"{name} can no longer sign in.")


@adviser.command(name="role")
@click.argument("name")
@click.argument("new_role", metavar="ROLE", type=_ROLE)
def role_(name: str, new_role: str) -> None:
    """Give NAME another role: adviser, supervisor, editor or admin."""

    async def work(store: Store) -> None:
        await store.set_role(name, DeskRole(new_role))
        await _record(store, "account changed", await store.adviser_called(name), to=new_role)

    in_store(work)
    click.echo(f"{name} is now: {new_role}.")


@adviser.command()
@click.argument("name")
def reset(name: str) -> None:
    """Forget NAME's password and codes, open the account again and print a new one-time link."""

    async def work(store: Store) -> str:
        made = await store.reset_adviser(name)
        await _record(store, "account reset", await store.adviser_called(name))
        return made

    secret = in_store(work)
    _print_link(name, secret)


async def _record(store: Store, action: str, account: Adviser, **detail: str) -> None:
    await store.audit(who="command line", action=action, detail={"account": account.id, **detail})


def _print_link(name: str, secret: str) -> None:
    hours = LINK_LASTS.total_seconds() / 3600
    click.echo(f"{name} chooses a password here, once, within {hours:.0f} hours:")
    click.echo(f"{Settings().gateway_url}/desk/password?link={secret}")
    click.echo("Give it to nobody else. It is not shown again; `helpline adviser reset` makes another one.")

"""``helpline channel``: the messaging channels, and a phone to try one on."""

from __future__ import annotations

import os
import secrets
import socket

import click
from aiohttp import web

from gateway.channels.registry import CHANNELS, channels_on
from gateway.channels.settings import ChannelSettings
from helpline.cli import fail
from helpline.commands.run import run_until_stopped, told_plainly
from helpline.settings import Settings
from helpline.simulator.bot_api import BotApi
from helpline.simulator.phone import phone_app


@click.group()
def channel() -> None:
    """Messaging channels for young people."""


@channel.command("list")
def list_channels() -> None:
    """Say which channels are on, where their webhooks are, and what is missing."""
    settings = ChannelSettings()
    on = channels_on(settings)
    for name, title in CHANNELS.items():
        if name not in on:
            click.echo(f"off  {name}: {title}")
        elif name == "telegram" and settings.telegram_polling:
            click.echo(f"on   {name}: {title}, by polling")
        else:
            where = settings.public_url.rstrip("/") or "https://YOUR-ADDRESS"
            click.echo(f"on   {name}: {title}, webhook {where}/channels/{name}/webhook")
    if problems := settings.problems():
        fail("\n".join(problems))


@channel.command()
@click.argument("name", type=click.Choice(["telegram"]))
@click.option("--port", type=click.IntRange(0, 65535), default=8090, help="Port of the phone's page.")
def simulate(name: str, port: int) -> None:
    """Start the helpline with a phone on the screen, to chat as on Telegram without Telegram."""
    if channels_on(ChannelSettings()):
        fail("A channel is on in these settings. Unset it first: a simulation must not answer real people.")
    token = f"1:{secrets.token_hex(16)}"
    try:
        listener = socket.create_server(("127.0.0.1", port))
    except OSError:
        fail(f"Port {port} is already in use. Give another with --port.")
        return
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    # The gateway is a process of its own and reads its settings there.
    os.environ |= {
        "HELPLINE_TELEGRAM_TOKEN": token,
        "HELPLINE_TELEGRAM_POLLING": "true",
        "HELPLINE_TELEGRAM_API_URL": url,
    }
    settings = Settings()
    os.environ.setdefault("HELPLINE_PUBLIC_URL", settings.gateway_url)

    async def both() -> None:
        runner = web.AppRunner(phone_app(BotApi(token)), access_log=None)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        try:
            await run_until_stopped(settings, f"The simulated phone: {url}")
        finally:
            await runner.cleanup()

    told_plainly(both())

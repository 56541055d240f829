"""The public process: the gateway with the advisers' desk beside it, on one event loop."""

from __future__ import annotations

import sys

from aiohttp import web

from desk.app import add_desk
from desk.settings import DeskSettings
from encoder.threads import multiply_with_one_thread
from gateway.app import init_app
from gateway.channels.settings import WrongSettings
from gateway.keys import BOT, STORE
from gateway.logs import set_up_logging
from gateway.settings import Settings


def main() -> None:
    """Serve until stopped; settings come from the environment."""
    multiply_with_one_thread()
    settings = Settings()
    set_up_logging(settings.log_level)
    try:
        app = init_app(settings)
    except WrongSettings as error:
        sys.exit(f"The gateway cannot start. {error}")
    add_desk(app, DeskSettings(), STORE, forget=lambda chat: app[BOT].forget(chat))
    web.run_app(app, host=settings.host, port=settings.port, access_log=None, print=None)


if __name__ == "__main__":
    main()

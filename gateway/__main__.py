"""``python -m gateway``: serve until stopped."""

from __future__ import annotations

import sys

from aiohttp import web

from gateway.app import init_app
from gateway.channels.settings import WrongSettings
from gateway.logs import set_up_logging
from gateway.settings import Settings


def main() -> None:
    """Read the settings from the environment and serve."""
    settings = Settings()
    set_up_logging(settings.log_level)
    try:
        app = init_app(settings)
    except WrongSettings as error:
        sys.exit(f"The gateway cannot start. {error}")
    # Our own middleware logs requests, by route and without addresses: no access log.
    web.run_app(app, host=settings.host, port=settings.port, access_log=None, print=None)


if __name__ == "__main__":
    main()

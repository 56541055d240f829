"""``python -m gateway``: serve until stopped."""

from __future__ import annotations

from aiohttp import web

from gateway.app import init_app
from gateway.logs import set_up_logging
from gateway.settings import Settings


def main() -> None:
    """Read the settings from the environment and serve."""
    settings = Settings()
    set_up_logging(settings.log_level)
    # Our own middleware logs requests, by route and without addresses: no access log.
    web.run_app(init_app(settings), host=settings.host, port=settings.port, access_log=None, print=None)


if __name__ == "__main__":
    main()

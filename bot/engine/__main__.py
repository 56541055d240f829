"""Starts Rasa with our tracker store and our changes: ``python -m bot.engine --model FILE [--port N]``.

Rasa's own command line imports every command it has, training included; this imports what serving needs.
Environment: HELPLINE_BOT_TOKEN, HELPLINE_ACTIONS_URL, HELPLINE_TRACKER_URL, HELPLINE_LOCK_URL,
HELPLINE_ENGINE_OFF, HELPLINE_RETENTION_DAYS, HELPLINE_BOT_TIMEOUT_SECONDS.
"""

from __future__ import annotations

import argparse
import logging
import math
import os
import sys
from pathlib import Path
from typing import Any, Optional
from urllib.parse import unquote, urlsplit

from bot.engine import no_tensorflow, tuning

_ROOT = Path(__file__).resolve().parent.parent.parent

#: Rasa asks Redis on its event loop, so that all chats wait for it: for ten seconds each if we said nothing.
_LOCKS_WITHIN_SECONDS = 2

#: How long the gateway waits for a turn unless it is told otherwise (HELPLINE_BOT_TIMEOUT_SECONDS).
_TURN_SECONDS = 10


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m bot.engine", description=__doc__)
    parser.add_argument("--model", required=True, help="the trained model, a .tar.gz")
    parser.add_argument("--interface", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5005)
    arguments = parser.parse_args()
    if not Path(arguments.model).is_file():
        parser.error(f"there is no model {arguments.model}")
    if tuning.is_on("one_thread"):
        # Before numpy and scipy come, each with an OpenBLAS of its own: a second thread goes on turning after
        # each small product.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("TICKET_LOCK_LIFETIME", str(lock_lifetime()))
    without = tuning.is_on("no_tensorflow") and not no_tensorflow.needed_by(Path(arguments.model))
    if without:
        no_tensorflow.leave_out()

    made = tuning.apply()

    import rasa.core.run
    from rasa.shared.exceptions import RasaException
    from rasa.utils.common import configure_logging_and_warnings
    from rasa.utils.log_utils import configure_structlog

    configure_logging_and_warnings(logging.INFO, None, warn_only_once=True, filter_repeated_logs=True)
    configure_structlog(logging.INFO)
    also = {"one_thread": tuning.is_on("one_thread"), "no_tensorflow": without}
    changes = dict.fromkeys([*made, *(name for name, made_too in also.items() if made_too)])
    logging.getLogger("bot.engine").info(f"Changes to Rasa: {', '.join(changes) or 'none'}.")
    if sys.path[0] != str(_ROOT):
        sys.path.insert(1, str(_ROOT))  # our components are found from wherever this was started
    try:
        rasa.core.run.serve_application(
            arguments.model,
            interface=arguments.interface,
            port=arguments.port,
            credentials=str(_ROOT / "credentials.yml"),
            endpoints=_endpoints(),
            auth_token=os.environ.get("HELPLINE_BOT_TOKEN") or None,
            enable_api=True,
            server_listeners=[(tuning.close_sessions, "after_server_stop")],
        )
    except RasaException as error:
        sys.exit(f"{type(error).__name__}: {error}")


def _endpoints() -> Any:
    """``endpoints.yml``, with what the environment says of this machine."""
    from rasa.core.utils import AvailableEndpoints
    from rasa.utils.endpoints import EndpointConfig

    endpoints = AvailableEndpoints.read_endpoints(str(_ROOT / "endpoints.yml"))
    if actions := os.environ.get("HELPLINE_ACTIONS_URL"):
        endpoints.action = EndpointConfig(f"{actions.rstrip('/')}/webhook")
    if locks := os.environ.get("HELPLINE_LOCK_URL"):
        endpoints.lock_store = lock_store(locks)
    if not tuning.is_on("tracker_store"):
        endpoints.tracker_store = None  # Rasa's own, in memory
    return endpoints


def lock_lifetime() -> int:
    """The seconds for which a bot locks a chat for a turn: as long as the gateway waits for that.

    A bot that vanished keeps the chats locked whose turns it had. Rasa's own minute would leave them without
    an answer for five turns more.
    """
    return math.ceil(float(os.environ.get("HELPLINE_BOT_TIMEOUT_SECONDS") or _TURN_SECONDS))


def lock_store(url: str) -> Any:
    """Rasa's documented lock store on Redis, from a URL ``redis[s]://[user:password@]host[:port][/db]``.

    Raises:
        ValueError: the URL is no Redis URL.
    """
    from rasa.utils.endpoints import EndpointConfig

    parts = urlsplit(url)
    if parts.scheme not in ("redis", "rediss") or not parts.hostname:
        raise ValueError(f"HELPLINE_LOCK_URL: expected redis://host[:port][/db], not a {parts.scheme!r} URL")
    return EndpointConfig(
        parts.hostname,
        store_type="redis",
        port=parts.port or 6379,
        db=int(parts.path.strip("/") or 0),
        username=_or_none(parts.username),
        password=_or_none(parts.password),
        use_ssl=parts.scheme == "rediss",
        key_prefix="helpline",
        socket_timeout=_LOCKS_WITHIN_SECONDS,
    )


def _or_none(value: Optional[str]) -> Optional[str]:
    return unquote(value) if value else None


if __name__ == "__main__":
    main()

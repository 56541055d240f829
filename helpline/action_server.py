"""The action server: rasa-sdk serving our actions, on loopback only."""

from __future__ import annotations

import os
import sys
import warnings


def main() -> None:
    """Serve until stopped. Usage: ``python -m helpline.action_server PORT``."""
    # rasa-sdk listens on every interface unless told otherwise by this variable.
    os.environ["SANIC_HOST"] = "127.0.0.1"
    # It warns at each call that Rasa 3.6 is older than itself; the pair is tested together here.
    warnings.filterwarnings("ignore", message="Your versions of rasa and rasa_sdk might not be compatible")
    from rasa_sdk.__main__ import main as serve

    from actions.store import warm_up

    warm_up()
    sys.argv = [sys.argv[0], "--actions", "actions", "--port", sys.argv[1], "--quiet"]
    serve()  # type: ignore[no-untyped-call]  # rasa-sdk types none of its entry points


if __name__ == "__main__":
    main()

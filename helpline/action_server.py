"""The action server: rasa-sdk serving our actions in one process, on loopback unless told otherwise."""

from __future__ import annotations

import sys
import warnings

from rasa_sdk.endpoint import create_app
from rasa_sdk.executor import ActionExecutor

from actions.store import warm_up
from encoder.threads import multiply_with_one_thread


def main(port: int, host: str = "127.0.0.1") -> None:
    """Serve until stopped.

    Args:
        port: port to listen on.
        host: address to listen on. Another than the default only where a network keeps all but Rasa away.
    """
    # rasa-sdk warns at each call that Rasa 3.6 is older than itself; the pair is tested together here.
    warnings.filterwarnings("ignore", message="Your versions of rasa and rasa_sdk might not be compatible")
    multiply_with_one_thread()
    executor = ActionExecutor()
    executor.register_package("actions")
    warm_up()
    # No CORS: a page in a browser has no business here, Rasa alone calls it.
    app = create_app(executor, cors_origins=None)
    # rasa-sdk's own start spawns a worker process, which would load the encoder a second time and outlive
    # a supervisor that was killed.
    app.run(host=host, port=port, single_process=True, access_log=False, motd=False)


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:3])

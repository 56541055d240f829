"""The processes of a helpline: Rasa, the action server and the gateway, as the supervisor runs them."""

from __future__ import annotations

import secrets
import sys

from helpline.settings import ROOT, Settings
from helpline.supervisor import Program
from helpline.training import BOT_PYTHON, MODEL, RASA_ENVIRONMENT

#: What the old libraries under Rasa are told: no keys, and no database but its own.
_FOR_THE_BOT = (
    "HELPLINE_BOT_TOKEN",
    "HELPLINE_ACTIONS_URL",
    "HELPLINE_TRACKER_URL",
    "HELPLINE_LOCK_URL",
    "HELPLINE_ENGINE_OFF",
)


def programs(settings: Settings) -> list[Program]:
    """What to run, the slowest to be ready first."""
    logs = settings.data_dir / "log"
    # Rasa listens on loopback only. The token guards its HTTP API (trackers, events), not the REST channel.
    token = secrets.token_urlsafe(24)
    told = {**settings.environment(), "HELPLINE_BOT_TOKEN": token}
    return [
        Program(
            name="assistant",
            token=token,
            command=[
                str(BOT_PYTHON),
                "-m",
                "bot.engine",
                "--model",
                str(MODEL),
                "--port",
                str(settings.bot_port),
            ],
            ready_url=f"{settings.bot_url}/status?token={token}",
            log=logs / "assistant.log",
            directory=ROOT,
            environment={**RASA_ENVIRONMENT, **{name: told[name] for name in _FOR_THE_BOT}},
        ),
        Program(
            name="actions",
            command=[sys.executable, "-m", "helpline.action_server", str(settings.actions_port)],
            ready_url=f"{settings.actions_url}/health",
            log=logs / "actions.log",
            directory=ROOT,
            environment=told,
        ),
        Program(
            name="gateway",
            command=[sys.executable, "-m", "helpline.serve"],
            ready_url=f"{settings.gateway_url}/readyz",
            log=logs / "gateway.log",
            directory=ROOT,
            # It listens before Rasa has loaded its model: what was sent meanwhile waits for that.
            environment={"HELPLINE_BOT_START_SECONDS": "60", **told},
        ),
    ]

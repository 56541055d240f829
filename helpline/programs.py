"""The processes of a helpline: Rasa, the action server and the gateway, as the supervisor runs them."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

from ruamel.yaml import YAML

from helpline.settings import ROOT, Settings
from helpline.supervisor import Program
from helpline.training import BOT_PYTHON, MODEL, RASA_ENVIRONMENT


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
                "rasa",
                "run",
                "--model",
                str(MODEL),
                "--interface",
                "127.0.0.1",
                "--port",
                str(settings.bot_port),
                "--enable-api",
                "--auth-token",
                token,
                "--endpoints",
                str(_endpoints(settings)),
                "--credentials",
                str(ROOT / "credentials.yml"),
            ],
            ready_url=f"{settings.bot_url}/status?token={token}",
            log=logs / "assistant.log",
            directory=ROOT,
            environment=RASA_ENVIRONMENT,
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
            environment=told,
        ),
    ]


def _endpoints(settings: Settings) -> Path:
    """Rasa's endpoints file: the project's own, or a copy that names another action port."""
    own = ROOT / "endpoints.yml"
    yaml = YAML()
    endpoints = yaml.load(own.read_text())
    url = f"{settings.actions_url}/webhook"
    if endpoints["action_endpoint"]["url"] == url:
        return own
    endpoints["action_endpoint"]["url"] = url
    copy = settings.data_dir / "endpoints.yml"
    copy.parent.mkdir(parents=True, exist_ok=True)
    with copy.open("w") as file:
        yaml.dump(endpoints, file)
    return copy

"""The parts of a turn inside Rasa: what ``bot/engine/measure.py`` finds in Rasa's own interpreter."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.processes import BenchFailed
from helpline.settings import ROOT
from helpline.training import BOT_PYTHON, RASA_ENVIRONMENT


@dataclass(frozen=True)
class Parts:
    """Processor time in milliseconds, and the size of a call to the action server, at one turn of a chat."""

    what: str
    turn: int
    store_ms: float  # the conversation stored and read again
    states_ms: float  # the states that the policies look at
    call_ms: float  # the call to the action server written
    call_kb: float
    reply_ms: float  # an action's reply checked


def measure() -> list[Parts]:
    """Run it. Raises ``BenchFailed``."""
    done = subprocess.run(
        [str(BOT_PYTHON), "-m", "bot.engine.measure"],
        cwd=ROOT,
        env={**os.environ, **RASA_ENVIRONMENT, "HELPLINE_ENGINE_OFF": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BenchFailed(f"bot.engine.measure: {done.stderr.strip()[-500:]}")
    return [Parts(**json.loads(line)) for line in done.stdout.splitlines() if line.startswith("{")]


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The figures as a plain table."""
    names = ("store_ms", "states_ms", "call_ms", "call_kb", "reply_ms")
    lines = [f"{'what':<12} {'turn':>5} " + " ".join(f"{name.replace('_', ' '):>10}" for name in names)]
    lines += [
        f"{row['what']:<12} {row['turn']:>5} " + " ".join(f"{row[name]:>10.2f}" for name in names)
        for row in rows
    ]
    return "\n".join(lines)

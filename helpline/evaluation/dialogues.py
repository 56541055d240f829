"""Scripted chats through the running helpline: what the replies must hold and must not hold."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import Any

import aiohttp

from helpline.evaluation.files import Dialogue


@dataclass(frozen=True)
class CheckedTurn:
    """One turn: what was said, what came back, which checks failed."""

    dialogue: str
    user: str
    replies: str
    checks: int
    failed: list[str]


async def talk_all(gateway_url: str, dialogues: list[Dialogue]) -> list[CheckedTurn]:
    """Hold every chat over the REST webhook and check each turn.

    Args:
        gateway_url: "http://127.0.0.1:8080".
        dialogues: the scripts.
    """
    checked = []
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as http:
        for dialogue in dialogues:
            sender = f"evaluation-{uuid.uuid4().hex}"
            for turn in dialogue.turns:
                body = {"sender": sender, "message": turn.user}
                async with http.post(f"{gateway_url}/webhooks/rest/webhook", json=body) as response:
                    response.raise_for_status()
                    said = visible_text(await response.json())
                failed = [f"expected: {regex}" for regex in turn.expect if not _matches(regex, said)]
                failed += [f"rejected: {regex}" for regex in turn.reject if _matches(regex, said)]
                checks = len(turn.expect) + len(turn.reject)
                checked.append(CheckedTurn(dialogue.id, turn.user, said, checks, failed))
    return checked


def visible_text(replies: list[dict[str, Any]]) -> str:
    """All that a person sees of a turn: texts, button titles, card and source titles, a line each."""
    lines: list[str] = []
    for reply in replies:
        lines.append(reply.get("text") or "")
        lines += [button["title"] for button in reply.get("buttons") or []]
        custom = reply.get("custom") or {}
        lines += [card.get("title") or "" for card in custom.get("cards") or []]
        lines += [source["title"] for source in custom.get("sources") or []]
    return "\n".join(line for line in lines if line)


def _matches(regex: str, text: str) -> bool:
    return re.search(regex, text, re.IGNORECASE | re.DOTALL) is not None


def score(checked: list[CheckedTurn]) -> dict[str, Any]:
    """Shares of chats fully right and of single checks right, and what failed."""
    ids = list(dict.fromkeys(turn.dialogue for turn in checked))
    wrong = {turn.dialogue for turn in checked if turn.failed}
    checks = sum(turn.checks for turn in checked)
    failed = sum(len(turn.failed) for turn in checked)
    return {
        "dialogues": len(ids),
        "fully_right": round(1 - len(wrong) / len(ids), 4) if ids else 0.0,
        "checks": checks,
        "checks_right": round(1 - failed / checks, 4) if checks else 0.0,
        "misses": [
            {
                "dialogue": turn.dialogue,
                "user": turn.user,
                "failed": turn.failed,
                "replies": turn.replies[:600],
            }
            for turn in checked
            if turn.failed
        ],
    }

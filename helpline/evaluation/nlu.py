"""How often the topic of a single message is understood, through Rasa's own ``/model/parse``."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

import aiohttp

from helpline.evaluation.calibration import reliability
from helpline.evaluation.files import TopicLine
from helpline.evaluation.noise import noise_class

#: What Rasa calls "I do not know"; right for a message that is out of scope.
_REFUSED = ("nlu_fallback", "out_of_scope")


@dataclass(frozen=True)
class Understood:
    """A message with what was understood."""

    line: TopicLine
    topic: str
    confidence: float

    @property
    def right(self) -> bool:
        """Whether it counts as right."""
        if self.line.topic == "out_of_scope":
            return self.topic in _REFUSED
        return self.topic in (self.line.topic, *self.line.also)


async def parse_all(bot_url: str, token: str, lines: list[TopicLine]) -> list[Understood]:
    """Ask Rasa about each message.

    Args:
        bot_url: where Rasa listens.
        token: its HTTP API's token.
        lines: labelled messages.
    """
    understood = []
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as http:
        for line in lines:
            url = f"{bot_url}/model/parse?token={token}"
            async with http.post(url, json={"text": line.text.lstrip("/ ")}) as response:
                response.raise_for_status()
                parsed: dict[str, Any] = await response.json()
            intent = parsed["intent"]
            understood.append(Understood(line, intent["name"], float(intent["confidence"])))
    return understood


def score(understood: list[Understood]) -> dict[str, Any]:
    """Accuracy, macro-F1, the share refused, per topic and kind of noise, calibration, and confused pairs."""
    by_topic: dict[str, list[Understood]] = defaultdict(list)
    for result in understood:
        by_topic[result.line.topic].append(result)
    inside = [result for result in understood if result.line.topic != "out_of_scope"]
    outside = by_topic.get("out_of_scope", [])
    recalls = {topic: _share(results) for topic, results in sorted(by_topic.items())}
    by_noise: dict[str, list[Understood]] = defaultdict(list)
    for result in understood:
        by_noise[result.line.noise or noise_class(result.line.text)].append(result)
    confused = Counter((result.line.topic, result.topic) for result in understood if not result.right)
    return {
        "messages": len(understood),
        "accuracy": _share(understood),
        "macro_f1": _macro_f1(understood),
        "in_scope_accuracy": _share(inside),
        "in_scope_refused": _rate(result.topic in _REFUSED for result in inside),
        "out_of_scope_refused": _share(outside),
        "lowest_topics": dict(sorted(recalls.items(), key=lambda item: item[1])[:5]),
        "per_topic": recalls,
        "per_noise": {noise: _share(results) for noise, results in sorted(by_noise.items())},
        "messages_per_noise": {noise: len(results) for noise, results in sorted(by_noise.items())},
        # Of those that were given a topic: a refusal's confidence is another number.
        "calibration": reliability(
            [(result.confidence, result.right) for result in understood if result.topic not in _REFUSED]
        ),
        "confused": [
            {"topic": topic, "taken_for": taken, "times": times}
            for (topic, taken), times in confused.most_common(15)
        ],
    }


def _share(results: list[Understood]) -> float:
    return _rate(result.right for result in results)


def _rate(values: Any) -> float:
    values = list(values)
    return round(sum(values) / len(values), 4) if values else 0.0


def _macro_f1(understood: list[Understood]) -> float:
    scores = []
    for topic in {result.line.topic for result in understood}:
        hit = sum(1 for result in understood if result.line.topic == topic and result.right)
        meant = sum(1 for result in understood if result.line.topic == topic)
        # A topic that also counts as right is no false alarm.
        false = sum(1 for result in understood if result.topic == topic and not result.right)
        scores.append(2 * hit / (hit + false + meant) if hit else 0.0)
    return round(sum(scores) / len(scores), 4) if scores else 0.0

"""What is counted, for Prometheus. Nothing here names a person, a conversation or a word."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 10, 15, 20)


class Metrics:
    """One set a gateway, on a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.turns = Counter("helpline_turns", "Turns by how they ended", ["outcome"], registry=self.registry)
        self.turn_seconds = Histogram(
            "helpline_turn_seconds",
            "From a message being logged to its replies being logged",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.bot_failures = Counter(
            "helpline_bot_failures", "Failed calls of the bot by kind", ["kind"], registry=self.registry
        )
        self.crisis_replies = Counter(
            "helpline_crisis_replies", "Crisis replies by danger", ["danger"], registry=self.registry
        )
        self.safety_failures = Counter(
            "helpline_safety_failures", "Messages the safety check could not read", registry=self.registry
        )
        self.set_aside = Counter(
            "helpline_set_aside",
            "Messages that always failed in handling and were set aside",
            ["channel"],
            registry=self.registry,
        )
        self.conversations = Gauge(
            "helpline_open_conversations",
            "Conversations that are kept, by who has them",
            ["owner"],
            registry=self.registry,
        )

"""A talk with the actions as Rasa holds it: the very call that Rasa makes, slots kept from turn to turn.

The dialogue model is not here: a test says which intent and which words a message was understood to hold.
What Rasa would do with it is read from the project's own rules and domain.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from rasa_sdk.executor import ActionExecutor
from ruamel.yaml import YAML

import actions.crisis
import actions.store
import knowledge.search
from conversations.reasons import REASONS
from tests.knowledge.conftest import real_encoder

ROOT = Path(__file__).parents[2]


def _yaml(path: Path) -> Any:
    return YAML(typ="safe").load(path.read_text(encoding="utf-8"))


DOMAIN: dict[str, Any] = _yaml(ROOT / "domain.yml")


def _actions_by_intent() -> dict[str, str]:
    """What the rules do for an intent on its own, outside a form."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "data" / "rules").glob("*.yml")):
        for rule in _yaml(path)["rules"]:
            steps = rule["steps"]
            if "condition" not in rule and len(steps) == 2 and "intent" in steps[0] and "action" in steps[1]:
                found[steps[0]["intent"]] = steps[1]["action"]
    return found


ACTION_FOR = _actions_by_intent()


@pytest.fixture(scope="session")
def store_url(tmp_path_factory: pytest.TempPathFactory, shipped_file: Path) -> str:
    """What ships, in a database of the room's own."""
    return f"sqlite:///{shutil.copy(shipped_file, tmp_path_factory.mktemp('actions'))}"


@pytest.fixture(scope="module", autouse=True)
def shipped_store(store_url: str) -> Generator[None]:
    """The actions of a module read that store, with the run's one encoder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HELPLINE_KNOWLEDGE_URL", store_url)
        patch.setattr(knowledge.search, "search_encoder", real_encoder)
        forget()
        yield
        forget()


def forget() -> None:
    """Read settings and store anew."""
    if actions.store.engine.cache_info().currsize:
        actions.store.engine().dispose()
    for cached in (actions.store.engine, actions.store.search, actions.store.records, actions.crisis._cards):
        cached.cache_clear()


@pytest.fixture(scope="session")
def executor() -> ActionExecutor:
    """The action server's own registry of actions."""
    found = ActionExecutor()
    found.register_package("actions")
    return found


@dataclass
class Turn:
    """What came back for one message."""

    responses: list[dict[str, Any]]
    events: list[dict[str, Any]]

    @property
    def texts(self) -> list[str]:
        return [response["text"] for response in self.responses if response.get("text")]

    @property
    def text(self) -> str:
        """All that is said."""
        return "\n".join(self.texts)

    @property
    def templates(self) -> list[str]:
        """Names of the domain's responses that are used."""
        found = [response.get("response") or response.get("template") for response in self.responses]
        return [str(name) for name in found if name]

    @property
    def buttons(self) -> dict[str, str]:
        """Title -> payload."""
        return {
            button["title"]: button["payload"]
            for response in self.responses
            for button in response.get("buttons") or []
        }

    @property
    def custom(self) -> list[dict[str, Any]]:
        return [response["custom"] for response in self.responses if response.get("custom")]

    def _all(self, key: str) -> list[dict[str, Any]]:
        return [item for custom in self.custom for item in custom.get(key) or []]

    @property
    def sources(self) -> dict[str, str]:
        """Title of each source -> as of when."""
        return {source["title"]: source["as_of"] for source in self._all("sources")}

    @property
    def cards(self) -> list[dict[str, Any]]:
        return self._all("cards")

    def card_ids(self, kind: str = "service") -> list[str]:
        return [card["id"] for card in self.cards if card["kind"] == kind]

    @property
    def easy_read(self) -> str:
        return "\n".join(custom["easy_read"] for custom in self.custom if custom.get("easy_read"))

    @property
    def slots(self) -> dict[str, Any]:
        return {event["name"]: event["value"] for event in self.events if event["event"] == "slot"}

    @property
    def follow_ups(self) -> list[str]:
        return [event["name"] for event in self.events if event["event"] == "followup"]


def fell_short(turn: Turn) -> str | None:
    """Why an answer is less than one, for the gateway to ask about a person; None when it is not."""
    noted = [custom.get("falls_short") for custom in turn.custom]
    assert not any(noted[:-1])  # the question would come in the middle
    because: str | None = noted[-1] if noted else None
    assert because is None or because in REASONS
    return because


#: (entity, the words of the message that are it, its value; the words themselves when left out).
Entity = tuple[str, str] | tuple[str, str, str]


def entities_of(text: str, found: Iterable[Entity]) -> list[dict[str, Any]]:
    """Entities as Rasa hands them over: with their place in the message."""
    entities = []
    for name, words, *value in found:
        start = text.index(words)
        place = {"start": start, "end": start + len(words)}
        entities.append({"entity": name, "value": value[0] if value else words, **place})
    return entities


@dataclass
class Talk:
    """A chat: what is said to the actions, and what they keep."""

    executor: ActionExecutor
    slots: dict[str, Any] = field(default_factory=lambda: dict.fromkeys(DOMAIN["slots"]))
    area_of_page: str | None = None  # a council's own site knows where its visitors live

    async def say(
        self,
        text: str,
        intent: str,
        *entities: Entity,
        also_likely: Iterable[str] = (),
        action: str | None = None,
        confidence: float = 0.95,
        loop: str | None = None,
        loop_has_asked: bool = True,
        questions: Iterable[tuple[str, str]] = (),
        answerability: float = 0.9,
        pressed: bool = False,
        after: str = "action_listen",
    ) -> Turn:
        """Say something that was understood as ``intent``; the rules choose the action.

        Args:
            also_likely: intents that were thought of besides, the likelier first.
            action: an action to run in place of the rules' (one that a form calls).
            loop: the form that is asking.
            loop_has_asked: whether it did so before this message; not when it begins with it.
            questions: those that the message was found to hold, each with its intent.
            answerability: how plainly the message was understood, 0 to 1.
            pressed: it is a question that was offered on a button, as the gateway tells.
            after: what Rasa did last before the action.
        """
        likely = [{"name": intent, "confidence": confidence}]
        likely += [{"name": name, "confidence": 0.3 / rank} for rank, name in enumerate(also_likely, 1)]
        message = {
            "text": text,
            "intent": likely[0],
            "intent_ranking": likely,
            "answerability": answerability,
            "entities": entities_of(text, entities),
            "metadata": ({"area": self.area_of_page} if self.area_of_page else {})
            | ({"pressed": True} if pressed else {}),
            "questions": [
                {"text": words, "intent": {"name": name, "confidence": 0.9}, "answerability": 0.7}
                for words, name in questions
            ],
        }
        turn = await self._run(action or ACTION_FOR[intent], message, loop, loop_has_asked, after)
        self.slots.update({name: value for name, value in turn.slots.items() if name in self.slots})
        return turn

    async def press(self, payload: str) -> Turn:
        """Press a button: "/wait_time" or '/inform{"area": "derbyshire"}'."""
        found = re.fullmatch(r"/(\w+)(\{.*\})?", payload)
        assert found, payload
        entities = YAML(typ="safe").load(found[2]) if found[2] else {}
        message = {
            "text": payload,
            "intent": {"name": found[1], "confidence": 1.0},
            "intent_ranking": [{"name": found[1], "confidence": 1.0}],
            "entities": [{"entity": name, "value": value} for name, value in entities.items()],
            "metadata": {"area": self.area_of_page} if self.area_of_page else {},
        }
        turn = await self._run(ACTION_FOR[found[1]], message, None)
        self.slots.update({name: value for name, value in turn.slots.items() if name in self.slots})
        return turn

    async def _run(
        self,
        action: str,
        message: dict[str, Any],
        loop: str | None,
        loop_has_asked: bool = True,
        after: str = "action_listen",
    ) -> Turn:
        form: dict[str, Any] = {"name": loop} if loop else {}
        required = DOMAIN["forms"][loop]["required_slots"][0] if loop and loop_has_asked else None
        result = await self.executor.run(
            {
                "next_action": action,
                "sender_id": "somebody",
                "domain": DOMAIN,
                "tracker": {
                    "sender_id": "somebody",
                    "slots": {**self.slots, "requested_slot": required},
                    "latest_message": message,
                    "latest_event_time": 0.0,
                    "paused": False,
                    "events": [],
                    "latest_input_channel": "rest",
                    "active_loop": form,
                    "latest_action_name": after,
                    "followup_action": None,
                },
            }
        )
        assert result is not None
        answer = result.model_dump() if hasattr(result, "model_dump") else dict(result)
        return Turn(answer["responses"], answer["events"])


@pytest.fixture
def talk(executor: ActionExecutor) -> Talk:
    """A new chat."""
    return Talk(executor)

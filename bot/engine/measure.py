"""What the parts of a turn cost in processor time, as Rasa has them and as we do: ``helpline bench engine``.

No model and no other process takes part: the figures hardly depend on what else the machine does. Prints
one JSON object a line.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict, List

from bot.engine import no_tensorflow, tuning

_ROOT = Path(__file__).resolve().parent.parent.parent

#: Turns of a chat before the one that is looked at.
TURNS = (5, 50, 200)


def main() -> None:
    """Measure the stock parts first, then make our changes and measure again."""
    no_tensorflow.leave_out()
    from rasa.core.actions.action import RemoteAction
    from rasa.core.tracker_store import InMemoryTrackerStore
    from rasa.shared.core.domain import Domain

    from bot.engine.tracker_store import BoundedTrackerStore

    domain = Domain.load(str(_ROOT / "domain.yml"))
    action = RemoteAction("action_waits", None)
    _measure("stock Rasa", action, domain, InMemoryTrackerStore(domain))
    tuning.apply()
    with tempfile.TemporaryDirectory() as folder:
        store = BoundedTrackerStore(domain, host=f"sqlite:///{folder}/bot.sqlite3")
        _measure("our Rasa", action, domain, store)


def _measure(what: str, action: Any, domain: Any, store: Any) -> None:
    slots = [slot.name for slot in domain.slots][:15]
    events = [{"event": "slot", "name": name, "value": "x", "timestamp": None} for name in slots]
    reply = {"events": events, "responses": [{"text": "a", "custom": {}}] * 2}
    for turns in TURNS:
        tracker = asyncio.run(_chat(domain, store, slots, turns))
        call = action._action_call_format(tracker, domain)

        def kept(tracker: Any = tracker) -> None:
            async def keep() -> None:
                await store.save(tracker)
                await store.retrieve(tracker.sender_id)

            asyncio.run(keep())

        parts: Dict[str, Callable[[], object]] = {
            "store_ms": kept,
            "states_ms": lambda tracker=tracker: domain.states_for_tracker_history(tracker),
            "call_ms": lambda tracker=tracker: json.dumps(action._action_call_format(tracker, domain)),
            "reply_ms": lambda: action._validate_action_result(reply),
        }
        figures = {name: _milliseconds(work) for name, work in parts.items()}
        kilobytes = len(json.dumps(call)) / 1024
        print(json.dumps({"what": what, "turn": turns, "call_kb": kilobytes, **figures}), flush=True)


async def _chat(domain: Any, store: Any, slots: List[str], turns: int) -> Any:
    """A chat of so many turns, as the store gives it back."""
    from rasa.shared.core.events import ActionExecuted, BotUttered, SessionStarted, SlotSet, UserUttered

    def said(number: int) -> List[Any]:
        intent = {"name": "wait_time", "confidence": 0.9}
        reading = {"text": f"how long is the wait {number}", "intent": intent, "entities": []}
        reading["text_tokens"] = [[0, 3]] * 8
        reading["intent_ranking"] = [intent] * 5
        cards = {"custom": {"cards": [{"title": "b" * 200}] * 5}}
        return [
            UserUttered(reading["text"], intent, [], reading),
            ActionExecuted("action_waits"),
            BotUttered("words " * 40, cards),
            *(SlotSet(name, f"x{number}") for name in slots),
            ActionExecuted("action_listen"),
        ]

    tracker = await store.get_or_create_tracker(f"chat-{turns}", append_action_listen=False)
    begun = [ActionExecuted("action_session_start"), SessionStarted(), ActionExecuted("action_listen")]
    for number in range(turns):
        for event in [*(begun if number == 0 else []), *said(number)]:
            event.timestamp = time.time()
            tracker.update(event)
        if number % 10 == 0 or number == turns - 1:
            await store.save(tracker)
            tracker = await store.retrieve(tracker.sender_id)
    return tracker


def _milliseconds(work: Callable[[], object], times: int = 5) -> float:
    """Processor time of one run, all threads of this process; the first is not counted."""
    work()
    begun = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - begun) / times * 1000


if __name__ == "__main__":
    main()

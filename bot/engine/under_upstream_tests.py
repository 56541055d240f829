"""A pytest plugin: runs Rasa's own public tests on the Rasa that we serve, with our changes made.

Loaded with ``-p bot.engine.under_upstream_tests`` in a checkout of Rasa; docs/decisions/0009-engine.md says
how. Nothing of Rasa is in here. Environment: HELPLINE_ENGINE_OFF, as at the start of the bot; ``all`` gives
the run to compare with.
"""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, List, Optional

import pytest

from bot.engine import no_tensorflow, tuning

_made: List[str] = []


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    """Make the changes before the first conftest imports Rasa, in the order of the bot's start."""
    if tuning.is_on("one_thread"):
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        _made.append("one_thread")
    if tuning.is_on("no_tensorflow"):
        no_tensorflow.leave_out()
        _made.append("no_tensorflow")
    if tuning.is_on("tracker_store"):
        _take_the_place_of_the_default_store()
        _made.append("tracker_store")
    _made.extend(dict.fromkeys(tuning.apply()))


def pytest_report_header() -> List[str]:
    """Which Rasa is tested, and which changes were made to it."""
    import rasa

    where = Path(rasa.__file__).parent
    return [f"Rasa {rasa.__version__} in {where}", f"Changes to Rasa: {', '.join(_made) or 'none'}"]


def _take_the_place_of_the_default_store() -> None:
    """Where Rasa or its tests make the store in memory, they get ours.

    A store in memory begins empty, so each of ours gets a file of its own.
    """
    import rasa.core.tracker_store

    from bot.engine.tracker_store import BoundedTrackerStore

    folder = tempfile.TemporaryDirectory(prefix="bot-memory-", ignore_cleanup_errors=True)
    numbers = itertools.count()

    class StoreOfOurs(BoundedTrackerStore):
        def __init__(self, domain: Any, event_broker: Optional[Any] = None, **kwargs: Any) -> None:
            super().__init__(
                domain, f"sqlite:///{folder.name}/{next(numbers)}.sqlite3", event_broker, **kwargs
            )

    stock = rasa.core.tracker_store.InMemoryTrackerStore
    StoreOfOurs.__name__ = stock.__name__  # pytest names tests after it: the same names in both runs
    for name, module in list(sys.modules.items()):
        if name.startswith("rasa.") and getattr(module, stock.__name__, None) is stock:
            setattr(module, stock.__name__, StoreOfOurs)

"""Two of everything, each killed in turn while people write. Longer: ``helpline bench machines``."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

import pytest

import helpline.stack
from bench.machines import VICTIMS, missing, run
from helpline.training import BOT_PYTHON, is_current
from tests.knowledge.conftest import VectorsOf


@pytest.mark.timeout(900)
def test_nothing_is_lost_doubled_or_out_of_order_whatever_dies(
    shipped_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if lacking := missing():
        pytest.skip(lacking)
    if not BOT_PYTHON.exists() or not is_current():
        pytest.skip("Rasa or a trained model is missing; run `make train`")
    monkeypatch.setattr(helpline.stack, "search_encoder", lambda threads: VectorsOf(shipped_file))
    # Not below pytest's own folder: the next pytest shuts that one for PostgreSQL's user. Kept when it fails.
    folder = Path(tempfile.mkdtemp(prefix="helpline-machines-"))
    verdict = asyncio.run(run(1, 6, 2.0, print, folder))
    assert [outcome.victim for outcome in verdict.outcomes] == list(VICTIMS)
    assert verdict.sent > 6 * len(VICTIMS)
    assert (verdict.lost, verdict.doubled, verdict.out_of_order, verdict.unanswered) == (0, 0, 0, 0)
    # Deaths are noticed by some, but the bot answers most: else nothing of it was tried.
    assert verdict.without_bot < verdict.sent / 2
    shutil.rmtree(folder)

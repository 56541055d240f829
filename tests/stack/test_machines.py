"""Two of everything, each killed in turn, or its network cut, while people write.

Longer: ``helpline bench machines``, with ``--hosts`` and without.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

import helpline.stack
from bench import hosts
from bench.machines import APPLICATIONS, DATA, VICTIMS, Verdict, missing, run
from bench.processes import BenchFailed
from helpline.training import BOT_PYTHON, is_current
from tests.knowledge.conftest import VectorsOf


@pytest.fixture
def folder(shipped_file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where data and logs go. Kept when a test fails."""
    if lacking := missing():
        pytest.skip(lacking)
    if not BOT_PYTHON.exists() or not is_current():
        pytest.skip("Rasa or a trained model is missing; run `make train`")
    monkeypatch.setattr(helpline.stack, "search_encoder", lambda threads: VectorsOf(shipped_file))
    # Not below pytest's own folder: the next pytest shuts that one for PostgreSQL's user.
    return Path(tempfile.mkdtemp(prefix="helpline-machines-"))


@pytest.mark.timeout(900)
def test_nothing_is_lost_doubled_or_out_of_order_whatever_dies(folder: Path) -> None:
    verdict = asyncio.run(run(1, 6, 2.0, print, folder))
    assert [outcome.victim for outcome in verdict.outcomes] == list(VICTIMS)
    assert verdict.sent > 6 * len(VICTIMS)
    _all_is_well(verdict)
    shutil.rmtree(folder)


@pytest.mark.timeout(900)
def test_nothing_is_lost_doubled_or_out_of_order_when_the_network_of_a_host_is_cut(folder: Path) -> None:
    if lacking := hosts.missing():
        pytest.skip(lacking)
    # One is killed, to see that it is found again where it was; the rest dies in the test above.
    victims = (APPLICATIONS, DATA, "redis")
    verdict = asyncio.run(run(1, 4, 1.0, print, folder, victims, separate_hosts=True))
    assert [outcome.victim for outcome in verdict.outcomes] == list(victims)
    one_of_two, only_one, _ = verdict.outcomes
    assert one_of_two.served, "the other host served nobody meanwhile"
    assert only_one.served == 0, "it was not cut"
    _all_is_well(verdict)
    shutil.rmtree(folder)


def test_nothing_is_left_of_separate_hosts_when_something_fails() -> None:
    if lacking := hosts.missing():
        pytest.skip(lacking)
    network = os.readlink("/proc/thread-self/ns/net")
    seen, left = [], []

    def fail_among_them() -> None:
        with hosts.separate() as made:
            seen.append(Path("/run/netns", made.data.namespace))
            assert seen[0].exists()
            left.append(subprocess.Popen(made.data.command(["sleep", "600"])))
            assert os.readlink("/proc/thread-self/ns/net") != network
            raise BenchFailed("on purpose")

    with pytest.raises(BenchFailed, match="on purpose"):
        fail_among_them()
    assert os.readlink("/proc/thread-self/ns/net") == network
    assert not seen[0].exists()
    assert left[0].wait(5) == -signal.SIGKILL


def _all_is_well(verdict: Verdict) -> None:
    assert (verdict.lost, verdict.doubled, verdict.out_of_order, verdict.unanswered) == (0, 0, 0, 0)
    # Deaths are noticed by some, but the bot answers most: else nothing of it was tried.
    assert verdict.without_bot < verdict.sent / 2

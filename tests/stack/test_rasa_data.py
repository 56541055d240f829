"""Rasa's own checks: of the domain, the training data and the rules, and of chats with the trained model."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from helpline.settings import ROOT
from helpline.training import BOT_PYTHON, MODEL, RASA_ENVIRONMENT

#: What Rasa takes for unused, since no rule names it, and what says it.
SAID_ELSEWHERE = {
    "utter_ask_cohort": "cohort_form",
    "utter_ask_event_date": "deadline_form",
    "utter_bot_identity": "actions/about_us.py",
    "utter_boundary": "actions/about_us.py",
    "utter_easy_read_off": "actions/follow_up.py",
    "utter_easy_read_on": "actions/follow_up.py",
    "utter_insult": "actions/about_us.py",
    "utter_out_of_scope": "actions/not_understood.py",
    "utter_privacy_data": "actions/forms.py",
    "utter_restart": "Rasa's action_restart",
}

_WARNING = re.compile(r"(?:UserWarning|WARNING|ERROR)\S*\s*(.+)")
_UNUSED = re.compile(r"The utterance '(\w+)' is not used in any story or rule")


TEST_STORIES = Path(__file__).parent / "data" / "test_stories.yml"

needs_rasa = pytest.mark.skipif(
    not BOT_PYTHON.exists(), reason="Rasa's environment is not installed; run `make install`"
)


def rasa(*words: str) -> subprocess.CompletedProcess[str]:
    """Run Rasa in the project's folder."""
    return subprocess.run(
        [str(BOT_PYTHON), "-m", "rasa", *words],
        cwd=ROOT,
        env={**os.environ, **RASA_ENVIRONMENT},
        capture_output=True,
        text=True,
        check=False,
    )


@needs_rasa
def test_rasa_finds_nothing_wrong_with_its_files() -> None:
    checked = rasa("data", "validate", "--domain", "domain.yml", "--data", "data")
    said = checked.stdout + checked.stderr
    assert checked.returncode == 0, said[-2000:]
    warned = [match[1] for match in _WARNING.finditer(said)]
    unused = {found[1] for line in warned if (found := _UNUSED.search(line))}
    assert unused == set(SAID_ELSEWHERE)
    assert [line for line in warned if not _UNUSED.search(line)] == []


@pytest.mark.usefixtures("stack")  # which has trained the model
def test_rasa_tests_clean(tmp_path: Path) -> None:
    """What is understood of each message and which action follows, by Rasa's own test of whole chats."""
    tested = rasa(
        *("test", "core", "--model", str(MODEL), "--stories", str(TEST_STORIES)),
        *("--out", str(tmp_path), "--fail-on-prediction-errors", "--e2e"),
    )
    assert tested.returncode == 0, (tested.stdout + tested.stderr)[-3000:]

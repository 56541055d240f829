"""Rasa's own check of the domain, the training data and the rules."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from helpline.settings import ROOT
from helpline.training import BOT_PYTHON, RASA_ENVIRONMENT

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


@pytest.mark.skipif(not BOT_PYTHON.exists(), reason="Rasa's environment is not installed; run `make install`")
def test_rasa_finds_nothing_wrong_with_its_files() -> None:
    checked = subprocess.run(
        [str(BOT_PYTHON), "-m", "rasa", "data", "validate", "--domain", "domain.yml", "--data", "data"],
        cwd=ROOT,
        env={**os.environ, **RASA_ENVIRONMENT},
        capture_output=True,
        text=True,
        check=False,
    )
    said = checked.stdout + checked.stderr
    assert checked.returncode == 0, said[-2000:]
    warned = [match[1] for match in _WARNING.finditer(said)]
    unused = {found[1] for line in warned if (found := _UNUSED.search(line))}
    assert unused == set(SAID_ELSEWHERE)
    assert [line for line in warned if not _UNUSED.search(line)] == []

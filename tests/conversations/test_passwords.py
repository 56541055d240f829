"""What is kept in place of a password."""

from __future__ import annotations

import subprocess
import sys

from argon2 import extract_parameters
from argon2.profiles import RFC_9106_LOW_MEMORY

from helpline.settings import ROOT


def test_what_ships_makes_a_guess_cost_what_rfc_9106_asks_for() -> None:
    # In a process of its own: in this one the tests have made it cheap.
    code = "from conversations.passwords import hash_password; print(hash_password('quiet-harbour-otter'))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert extract_parameters(run.stdout.strip()) == RFC_9106_LOW_MEMORY

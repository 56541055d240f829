"""Fixtures: a whole running helpline, and a browser."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Generator
from pathlib import Path

import pytest

from helpline.settings import ROOT
from tests.stack.running import Stack, start_stack

#: Training (when no model is there yet) and a slow machine together.
_READY_WITHIN = 420.0


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Generator[Stack]:
    """One helpline for all tests that only talk to it.

    HELPLINE_TEST_URL points them at one that runs already, with the data that the settings name.
    """
    if url := os.environ.get("HELPLINE_TEST_URL"):
        yield Stack(url, 0, dict(os.environ), None, Path(os.devnull))
        return
    if not (ROOT / "bot" / ".venv" / "bin" / "python").exists():
        pytest.skip("Rasa's environment is not installed; run `make install`")
    folder = tmp_path_factory.mktemp("stack")
    running = start_stack(folder)
    try:
        running.wait_until_ready(_READY_WITHIN)
        yield running
    finally:
        running.process.send_signal(signal.SIGINT)
        try:
            running.process.wait(30)
        finally:
            os.killpg(running.process.pid, signal.SIGKILL) if running.process.poll() is None else None


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's path; tests that need it skip where there is none."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    return path

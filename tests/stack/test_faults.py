"""Processes killed for real: nobody is left in silence, and the helpline comes back by itself."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from helpline.settings import ROOT
from tests.stack.running import Stack, free_port, processes_of, start_stack


def _pid_listening_on(port: int, folder: Path) -> int:
    """The process of a stack that runs Rasa on this port."""
    for pid in processes_of(folder):
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
        if "bot.engine" in command and str(port) in command:
            return pid
    raise AssertionError(f"no Rasa on port {port}")


@pytest.fixture
def own_stack(stack: Stack, shipped_file: Path, tmp_path: Path) -> Stack:
    """A second helpline that a test may break; the first has made sure that there is a model.

    It finds the knowledge loaded, as after a restart; the first has shown that it can begin with nothing.
    """
    shutil.copy(shipped_file, tmp_path)
    own = start_stack(tmp_path)
    own.wait_until_ready()
    return own


def test_rasa_killed_restarted_and_everything_stopped(own_stack: Stack, tmp_path: Path) -> None:
    try:
        assert "33 weeks" in own_stack.chat("How long do children in Derbyshire wait for assessment?")[0]

        os.kill(_pid_listening_on(own_stack.bot_port, tmp_path), signal.SIGKILL)
        _wait_for_port_closed(own_stack.bot_port)

        down = own_stack.say(uuid.uuid4().hex, "how long is the wait in Derby?")
        assert "your message is saved" in down[0]["text"].lower()
        assert any("person" in button["title"].lower() for button in down[0]["buttons"])

        crisis = own_stack.say(uuid.uuid4().hex, "my daughter says she wants to kill herself")
        assert "999" in crisis[0]["text"]
        assert "116 123" in crisis[0]["text"]

        own_stack.wait_until_ready()
        assert "73 weeks" in own_stack.chat("How long do adults in Derbyshire wait for assessment?")[0]
    finally:
        own_stack.process.send_signal(signal.SIGINT)
        own_stack.process.wait(30)
    assert processes_of(tmp_path) == []


def test_nothing_is_left_behind_when_the_supervisor_itself_is_killed(
    own_stack: Stack, tmp_path: Path
) -> None:
    own_stack.process.kill()
    own_stack.process.wait(10)
    deadline = time.monotonic() + 10
    while processes_of(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert processes_of(tmp_path) == []


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port()))
        taken.listen()
        port = taken.getsockname()[1]
        result = _run({"HELPLINE_PORT": str(port)}, tmp_path)
    assert result.returncode == 1
    assert result.stderr.strip() == (
        f"Port {port} is already in use. Stop the program that uses it, "
        "or set HELPLINE_PORT to another number."
    )


def test_a_data_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("not a folder")
    result = _run({"HELPLINE_DATA_DIR": str(in_the_way)}, tmp_path)
    assert result.returncode == 1
    assert str(in_the_way) in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def _run(settings: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    ports = {f"HELPLINE_{name}PORT": str(free_port()) for name in ("", "BOT_", "ACTIONS_")}
    return subprocess.run(
        [sys.executable, "-m", "helpline", "run"],
        cwd=ROOT,
        env={**os.environ, **ports, "HELPLINE_DATA_DIR": str(folder), **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _wait_for_port_closed(port: int) -> None:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"port {port} is still open")

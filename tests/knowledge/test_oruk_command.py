"""``helpline knowledge import oruk`` and ``export oruk``, as a person and as cron run them."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, select

from helpline.cli import main
from knowledge import models
from knowledge.database import open_engine, sessions
from tests.knowledge.conftest import load, url_of
from tests.knowledge.directory_server import Directory, Running, directory_service, many_services

_HELPLINE = [sys.executable, "-m", "helpline", "knowledge"]


def environment(url: str, rate: float = 1000) -> dict[str, str]:
    """The settings of a store that is read as quickly as it goes."""
    return os.environ | {
        "HELPLINE_KNOWLEDGE_URL": url,
        "HELPLINE_ORUK_REQUESTS_PER_SECOND": str(rate),
    }


def helpline(url: str, *words: str) -> Result:
    """Run a command of ``helpline knowledge`` to its end."""
    return CliRunner().invoke(main, ["knowledge", *words], env=environment(url), catch_exceptions=False)


@pytest.fixture
def filled(engine: Engine, folder: Callable[..., Path]) -> str:
    """The URL of a store with the small content."""
    load(engine, folder())
    return url_of(engine)


def imported(url: str) -> dict[str, list[str]]:
    """Service id -> its revisions, of what came from a directory."""
    engine = open_engine(url)
    found: dict[str, list[str]] = {}
    with sessions(engine)() as session:
        for record_id, change in session.execute(
            select(models.Record.id, models.Revision.change)
            .join(models.Revision, models.Revision.record_id == models.Record.id)
            .where(models.Record.origin == "oruk:county")
        ):
            found.setdefault(record_id, []).append(change)
    engine.dispose()
    return found


def test_killed_half_way_and_run_again(filled: str) -> None:
    """What was read stays whole; the second run asks only for the rest; the result is the same."""
    with Running(Directory(many_services(300))) as directory:
        words = ["import", "oruk", directory.url, "--name", "county", "--allow-private"]
        # As slowly as it takes to be killed in the middle of a page.
        process = subprocess.Popen(
            [*_HELPLINE, *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment(filled, rate=80),
        )
        deadline = time.monotonic() + 100
        while len(directory.details_asked) < 150 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait(10)

        kept = imported(filled)
        assert len(kept) == 100  # one whole page, nothing of the second

        directory.asked.clear()
        again = helpline(filled, *words)
        assert again.exit_code == 0, again.stderr
        assert len(directory.details_asked) == 200
        assert not set(directory.details_asked) & kept.keys()
    now = imported(filled)
    assert len(now) == 300
    assert set(map(tuple, now.values())) == {("created",)}  # nothing twice


def test_what_it_says(filled: str, tmp_path: Path) -> None:
    wrong = directory_service("Wrong Club", minimum_age="many")
    page, report = tmp_path / "county.json", tmp_path / "report.csv"
    page.write_text(json.dumps({"contents": [wrong, directory_service("Good Club")]}))

    done = helpline(filled, "import", "oruk", str(page), "--publisher", "A Council", "--report", str(report))

    assert done.exit_code == 0, done.stderr
    assert "2 services listed" in done.stdout
    assert "2 new" in done.stdout
    assert "minimum_age: must be a number" in done.stdout
    with report.open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["record", "field", "problem"],
            [wrong["id"], "minimum_age", "must be a number"],
        ]

    target = tmp_path / "out.ndjson"
    assert "3 services written" in helpline(filled, "export", "oruk", str(target)).stdout
    lines = helpline(filled, "export", "oruk").stdout.splitlines()
    assert lines == target.read_text().splitlines()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["import", "oruk", "/no/such/file.json"], "cannot be read: No such file"),
        (["import", "oruk", "/no/such/file.ndjson"], "cannot be read: No such file"),
        (
            ["import", "oruk", "x.json", "--report", "/no/such/folder/x.csv"],
            "cannot be written: No such file",
        ),
        (["import", "oruk", "http://[bad"], "no web address"),
        (["import", "oruk", "http://127.0.0.1:9/api"], "not an address of the public internet"),
        (["import", "oruk", "ftp://example.org/x"], "no web address"),
        (["import", "oruk", "x.json", "--name", "Not A Name"], "must be small letters, digits and hyphens"),
        (["import", "oruk", "x.json", "--area", "narnia"], "'narnia' is none of the store's"),
        (["export", "oruk", "/no/such/folder/x.json"], "cannot be written: No such file"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, words: list[str], told: str) -> None:
    done = helpline(f"sqlite:///{tmp_path}/store.sqlite3", *words)
    assert done.exit_code == 1
    assert told in done.stderr

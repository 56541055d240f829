"""The chat's script: built from the sources that are here, typed, and small."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from helpline.settings import ROOT

_STATIC = ROOT / "gateway" / "static"
_MOST_BYTES = 40 * 1024


@pytest.fixture(scope="module")
def tools() -> Path:
    """The folder with the build's tools, as the lock file says; skips where they are not to be had."""
    if shutil.which("npm") is None:
        pytest.skip("no Node.js on this machine (Debian: apt-get install nodejs npm)")
    made = subprocess.run(
        ["make", "--silent", "node_modules/.installed"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    if made.returncode != 0:
        pytest.skip(f"the build's tools cannot be installed: {(made.stdout + made.stderr)[-300:]}")
    return ROOT


def _run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


def test_the_committed_files_are_what_the_sources_make(tools: Path, tmp_path: Path) -> None:
    built = _run(tools, "node", "gateway/web/build.mjs", str(tmp_path))
    assert built.returncode == 0, built.stderr
    made = sorted(path.name for path in tmp_path.iterdir())
    assert made == ["page.css", "widget.js"]
    for name in made:
        assert (tmp_path / name).read_bytes() == (_STATIC / name).read_bytes(), f"{name}: run `make web`"


def test_the_types_hold(tools: Path) -> None:
    checked = _run(tools, "npm", "run", "--silent", "check")
    assert checked.returncode == 0, checked.stdout


def test_the_script_is_small_and_asks_nobody_else(capsys: pytest.CaptureFixture[str]) -> None:
    script = (_STATIC / "widget.js").read_bytes()
    packed = len(gzip.compress(script, 9, mtime=0))
    with capsys.disabled():
        print(f"\nwidget.js: {len(script):,} bytes, {packed:,} gzipped")
    assert packed < _MOST_BYTES
    addresses = set(re.findall(rb"https?://[\w.-]+", script))
    assert addresses <= {b"http://www.w3.org"}  # the name of SVG, which nobody fetches
    assert b"document.cookie" not in script
    assert b"localStorage" not in script
    assert b"innerHTML" not in script

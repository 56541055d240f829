"""Training the dialogue model, and knowing whether the one we have is the one the files describe."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from helpline.settings import ROOT

MODEL = ROOT / "models" / "helpline.tar.gz"
_FINGERPRINT = ROOT / "models" / "helpline.fingerprint"

#: Where Rasa puts a model first. Beside an older model of the same content it would write none.
_FRESH = ROOT / "models" / "fresh"

#: Rasa's interpreter, in its own environment.
BOT_PYTHON = ROOT / "bot" / ".venv" / "bin" / "python"

#: All that a model depends on.
_TRAINED_FROM = (
    "config.yml",
    "domain.yml",
    "data/**/*.yml",
    "bot/*.py",
    "bot/uv.lock",
    "encoder/*.py",
    "encoder/tokenizer.json",
)

#: Told to every Rasa process: nothing is reported to anyone, and TensorFlow is quiet.
RASA_ENVIRONMENT = {
    "RASA_TELEMETRY_ENABLED": "false",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
    "PYTHONWARNINGS": "ignore",
}


_under_way: list[subprocess.Popen[bytes]] = []


class TrainingFailed(RuntimeError):
    """Rasa could not train; the message says why and where the whole output is."""


def fingerprint() -> str:
    """A hash over everything the model is trained from."""
    digest = hashlib.sha256()
    for path in _training_files():
        digest.update(path.relative_to(ROOT).as_posix().encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _training_files() -> Iterator[Path]:
    for pattern in _TRAINED_FROM:
        yield from sorted(ROOT.glob(pattern))


def is_current() -> bool:
    """Whether there is a model and it was trained from the files as they are."""
    return MODEL.is_file() and _FINGERPRINT.is_file() and _FINGERPRINT.read_text().strip() == fingerprint()


def train(log: Path) -> None:
    """Train the model. Takes one to two minutes on two cores.

    Args:
        log: file for Rasa's output.

    Raises:
        TrainingFailed: Rasa is not installed or refused the files; the old model is kept.
    """
    if not BOT_PYTHON.exists():
        raise TrainingFailed("Rasa's environment is not installed; run `make install`")
    trained_from = fingerprint()
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [
        str(BOT_PYTHON),
        "-m",
        "rasa",
        "train",
        "--fixed-model-name",
        "helpline",
        "--out",
        str(_FRESH),
    ]
    shutil.rmtree(_FRESH, ignore_errors=True)
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **RASA_ENVIRONMENT},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # stopped with its children by `stop_training`
        )
        _under_way.append(process)
        code = process.wait()
        _under_way.remove(process)
    new = _FRESH / MODEL.name
    if code != 0 or not new.is_file():
        raise TrainingFailed(f"Rasa could not train the model: {_last_words(log)} (all of it: {log})")
    # The model is put in place in one step, then marked: a stop in between only means training again.
    _FINGERPRINT.unlink(missing_ok=True)
    new.replace(MODEL)
    _FINGERPRINT.write_text(trained_from + "\n")
    shutil.rmtree(_FRESH, ignore_errors=True)


def stop_training() -> None:
    """End a training that is under way in another thread; the old model is kept."""
    for process in _under_way:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)


def _last_words(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it printed nothing"

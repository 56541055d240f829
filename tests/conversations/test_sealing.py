"""What is stored encrypted can be read again with the right key only."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from conversations.errors import CannotUnseal
from conversations.sealing import Sealer, key_in, new_key


def test_what_is_sealed_is_read_again_and_not_in_clear() -> None:
    sealer = Sealer(new_key())
    sealed = sealer.seal("01632 960001")
    assert "960001" not in sealed
    assert sealer.unseal(sealed) == "01632 960001"


def test_an_older_key_still_opens_and_a_newer_one_seals() -> None:
    old, new = new_key(), new_key()
    sealed = Sealer(old).seal("a number")
    both = Sealer(f"{new}, {old}")
    assert both.unseal(sealed) == "a number"
    with pytest.raises(CannotUnseal):
        Sealer(old).unseal(both.seal("a number"))


@pytest.mark.parametrize("changed", ["", "zzz", "\N{SNOWMAN}"])
def test_what_was_not_sealed_is_refused(changed: str) -> None:
    with pytest.raises(CannotUnseal):
        Sealer(new_key()).unseal(changed)


@pytest.mark.parametrize("keys", ["", " , ", "too-short"])
def test_keys_that_are_none_are_named_and_never_repeated(keys: str) -> None:
    with pytest.raises(ValueError, match="HELPLINE_SECRET_KEYS") as raised:
        Sealer(keys)
    assert "too-short" not in str(raised.value)


def test_two_that_start_at_once_share_one_key_that_only_its_owner_reads(tmp_path: Path) -> None:
    file = tmp_path / "data" / "secret.key"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: key_in(file), range(32)))
    assert len(keys) == 1
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]

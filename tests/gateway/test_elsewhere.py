"""What the gateway takes from the knowledge store never fails, whatever is wrong with the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from desk.names import Names, Titles
from gateway.elsewhere import covered

#: Addresses under which no store can be read.
BROKEN = ("postgresq://helpline", "knowledge", "sqlite:////dev/null/store.sqlite3")


@pytest.mark.parametrize("url", BROKEN)
def test_no_area_is_covered_without_a_store(url: str) -> None:
    assert covered(url) == frozenset()


@pytest.mark.parametrize("url", BROKEN)
async def test_the_desk_shows_ids_without_a_store(url: str) -> None:
    assert await Names(url).titles() == Titles()


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    assert covered(f"sqlite:///{tmp_path}") == frozenset()

"""Opening the store: a start that was cut short does not spoil the next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, inspect

from knowledge.database import migrate, open_engine
from knowledge.models import Base


def test_a_migration_cut_short_leaves_nothing_behind(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/knowledge.sqlite3"
    engine = open_engine(url)
    seen = 0

    def pull_the_plug(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        nonlocal seen
        seen += "CREATE TABLE" in statement
        if seen == 6:
            raise RuntimeError("the plug was pulled")

    event.listen(engine, "before_cursor_execute", pull_the_plug)
    with pytest.raises(RuntimeError, match="plug"):
        migrate(engine)
    engine.dispose()

    again = open_engine(url)
    assert inspect(again).get_table_names() == []
    migrate(again)
    assert set(Base.metadata.tables) <= set(inspect(again).get_table_names())
    again.dispose()

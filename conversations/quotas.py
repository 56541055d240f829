"""Quotas that several gateways count together, in PostgreSQL. With SQLite there is one, and it counts alone.

Counted as the generic cell rate algorithm does: of each key there is one point in time, up to which what was
taken has used its rate up. Taking moves it on; who would move it too far has to wait. One statement does it,
so that of two gateways that ask at once only one has the last one.
"""

from __future__ import annotations

from sqlalchemy import text

from conversations.database import Database
from conversations.sealing import Sealer

_NOW = "extract(epoch FROM clock_timestamp())"

#: No row comes back where the limit is reached.
_TAKE = text(
    f"""
    INSERT INTO quota (key, used_until) VALUES (:key, {_NOW} + :each)
    ON CONFLICT (key) DO UPDATE SET used_until = greatest(quota.used_until, {_NOW}) + :each
    WHERE greatest(quota.used_until, {_NOW}) + :each <= {_NOW} + :window
    RETURNING used_until - {_NOW}
    """  # noqa: S608 - our own constants
)
_LOOK = text(f"SELECT used_until - {_NOW} FROM quota WHERE key = :key")  # noqa: S608
_FORGET = text(f"DELETE FROM quota WHERE used_until < {_NOW}")  # noqa: S608


class SharedQuotas:
    """The quotas of all gateways on one PostgreSQL. Every method raises ``StoreUnavailable``."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def take(self, key: str, each: float, window: float) -> tuple[bool, float]:
        """Take one, if there is one.

        Args:
            key: whom it is counted for. Only a mark of it is stored, which tells nobody without the keys who
                that is.
            each: the seconds that one uses.
            window: the seconds that may be used up at once.

        Returns:
            Whether there was one, and the seconds that are used up now.
        """
        mark = self._sealer.mark(key)
        async with self._database.writing() as session:
            used = (await session.execute(_TAKE, {"key": mark, "each": each, "window": window})).scalar()
            if used is not None:
                return True, float(used)
            used = (await session.execute(_LOOK, {"key": mark})).scalar()
            return False, float(used or 0.0)

    async def forget(self) -> None:
        """Delete what nobody has to wait for any more."""
        async with self._database.writing() as session:
            await session.execute(_FORGET)

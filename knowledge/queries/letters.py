"""Letters to fill in, and the law that they quote."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from knowledge.models import Deadline, Entitlement, Letter
from knowledge.queries.common import about, position_in, published
from knowledge.queries.kept import records_by_id, records_found


def all_letters(session: Session) -> list[Letter]:
    """Every published letter, the first to offer first."""
    query = select(Letter).where(published()).order_by(Letter.rank)
    return records_found(session, query)


def letter_by_id(session: Session, letter_id: str) -> Letter | None:
    """The published letter of this id."""
    found = records_by_id(session, [letter_id]).get(letter_id)
    return found if isinstance(found, Letter) else None


def letter_about(session: Session, topic: str) -> Letter | None:
    """The letter to offer with answers on a topic: the one whose main topic it is, else the first."""
    query = select(Letter).where(published(), about(topic)).order_by(Letter.rank)
    found = records_found(session, query)

    def fit(letter: Letter) -> tuple[int, int]:
        return position_in(letter, topic), letter.rank

    return min(found, key=fit, default=None)


def entitlement_by_id(session: Session, entitlement_id: str) -> Entitlement | None:
    """The published entitlement of this id."""
    found = records_by_id(session, [entitlement_id]).get(entitlement_id)
    return found if isinstance(found, Entitlement) else None


def limits_by_id(session: Session, ids: Sequence[str]) -> list[Deadline]:
    """The deadline rules of these ids, in the order given; their entitlement is loaded."""
    query = select(Deadline).join(Deadline.entitlement).where(published(), Deadline.id.in_(ids))
    query = query.options(joinedload(Deadline.entitlement))
    found = {rule.id: rule for rule in session.scalars(query).unique()}
    return [found[rule_id] for rule_id in ids if rule_id in found]

"""How often the right record is found: hit@1, hit@3 and mean reciprocal rank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, select

from helpline.evaluation.files import EvaluationFileError, SearchLine
from knowledge.database import sessions
from knowledge.models import Area, Record
from knowledge.queries.areas import areas_from_near_to_wide
from knowledge.search import KINDS, Search

#: A right record further down than this counts as not found.
_DEPTH = 10


@dataclass(frozen=True)
class Found:
    """A question with what was found for it, best first."""

    line: SearchLine
    record_ids: list[str]

    @property
    def rank(self) -> int | None:
        """The place of the first record that answers or helps, from 1; None when it is not there."""
        return self._rank_of({*self.line.records, *self.line.also})

    @property
    def rank_in_full(self) -> int | None:
        """The place of the first record that answers in full, from 1; None when it is not there."""
        return self._rank_of(set(self.line.records))

    def _rank_of(self, right: set[str]) -> int | None:
        return next((place for place, slug in enumerate(self.record_ids, start=1) if slug in right), None)


def find_all(engine: Engine, search: Search, lines: list[SearchLine]) -> list[Found]:
    """Search for each question.

    Raises:
        EvaluationFileError: a line names a record or an area that the store does not have; all are named.
    """
    with sessions(engine)() as session:
        known = set(session.scalars(select(Record.id).where(Record.status == "published")))
        areas = set(session.scalars(select(Area.id)))
        near = {area: areas_from_near_to_wide(session, area) for area in {None, *areas}}
    wrong = [
        f"line {number}, {line.text!r}: there is no {what} {name!r}"
        for number, line in enumerate(lines, start=1)
        for what, names, among in (
            ("record", [*line.records, *line.also], known),
            ("area", [line.area] if line.area else [], areas),
        )
        for name in names
        if name not in among
    ]
    if wrong:
        raise EvaluationFileError("\n".join(wrong))
    return [
        Found(
            line,
            [
                match.record_id
                for match in search.closest(
                    line.text, KINDS, near[line.area], limit=_DEPTH, before=line.before, age=line.age
                )
            ],
        )
        for line in lines
    ]


def score(found: list[Found]) -> dict[str, Any]:
    """Shares of questions whose right record is first and among the first three, and the mean of 1/rank.

    Right are the records that answer and those that help (``also``); ``in_full_at_3`` counts the former only.
    """
    ranks = [result.rank for result in found]
    in_full = [result.rank_in_full for result in found]
    count = max(len(ranks), 1)
    return {
        "questions": len(ranks),
        "hit_at_1": round(sum(rank == 1 for rank in ranks) / count, 4),
        "hit_at_3": round(sum(rank is not None and rank <= 3 for rank in ranks) / count, 4),
        "in_full_at_3": round(sum(rank is not None and rank <= 3 for rank in in_full) / count, 4),
        "mrr": round(sum(1 / rank for rank in ranks if rank is not None) / count, 4),
    }

"""What was wrong with a directory, record by record."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

#: So many are kept with their record; of more only the number is known.
MOST = 10_000


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that was wrong: in which record and field, and what."""

    record: str
    field: str
    problem: str


@dataclass
class Problems:
    """All problems of one reading, bounded however bad the directory is."""

    listed: list[Problem] = field(default_factory=list)
    by_kind: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, record: str, field: str, problem: str) -> None:
        """Note a problem; the texts are cut, since they may hold what a stranger wrote."""
        kind = (field[:100], problem[:200])
        if kind in self.by_kind or len(self.by_kind) < 1000:
            self.by_kind[kind] += 1
        else:
            self.by_kind["(others)", "further kinds of problems"] += 1
        if len(self.listed) < MOST:
            self.listed.append(Problem(record[:80], *kind))

    @property
    def total(self) -> int:
        """How many there were."""
        return self.by_kind.total()

    def summary(self, most: int = 20) -> list[str]:
        """One line a kind of problem, the most frequent first."""
        lines = [
            f"{count:6}  {field}: {problem}" for (field, problem), count in self.by_kind.most_common(most)
        ]
        if len(self.by_kind) > most:
            lines.append(f"        and {len(self.by_kind) - most} more kinds of problems")
        return lines

    def write(self, path: Path) -> None:
        """All that are listed as a CSV file with the columns record, field, problem."""
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("record", "field", "problem"))
            # A leading = or @ would be a formula in a spreadsheet.
            writer.writerows(
                tuple(f"'{cell}" if cell[:1] in "=+-@" else cell for cell in (p.record, p.field, p.problem))
                for p in self.listed
            )
            if self.total > len(self.listed):
                writer.writerow(("", "", f"and {self.total - len(self.listed)} more"))

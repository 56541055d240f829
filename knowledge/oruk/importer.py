"""One reading of a directory, from its first page to its last.

Each page is one transaction: a reading that is cut short leaves whole pages behind. Read again, it goes
through the list from the start, which is cheap, and asks in detail only for what it has not got.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import batched
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session, sessionmaker

from encoder import SentenceEncoder
from knowledge import models
from knowledge.database import writing
from knowledge.dates import today
from knowledge.oruk.duplicates import names_of, shown_by_others
from knowledge.oruk.errors import FeedError, Refused
from knowledge.oruk.fetch import NotThere, check_address
from knowledge.oruk.mapping import Mapper
from knowledge.oruk.reader import Page, Reader
from knowledge.oruk.report import Problems
from knowledge.oruk.shapes import Document, clean_service, identify
from knowledge.oruk.storing import Entry, Keeper
from knowledge.oruk.values import moment

#: So many services that fail one after the other mean that the server has gone, not the service.
_MOST_FAILURES_IN_A_ROW = 10

#: A reading that would withdraw all services, or at least this many and more than this share of them, is
#: taken for a mistake of the directory, not for news.
_MANY, _MANY_SHARE = 5, 0.5

_BATCH = 200

#: Details asked for together; how many at once and how quickly is the fetcher's.
_ASKED_TOGETHER = 16

_FEED_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


@dataclass(frozen=True)
class Source:
    """Which directory is read, and how its records are marked.

    Publisher and area that are not given are those of the last reading.
    """

    feed_id: str
    address: str  # URL, or the name of a file
    publisher: str | None = None
    default_area: str | None = None  # "" for none

    def __post_init__(self) -> None:
        if not _FEED_ID.fullmatch(self.feed_id) or len(self.feed_id) > 34:
            raise FeedError(
                f"the name {self.feed_id!r} of the directory must be small letters, digits and hyphens, "
                "at most 34"
            )
        if "://" in self.address:
            check_address(self.address)

    @property
    def shown_address(self) -> str:
        """The address without its query, which may hold a key; or the name of the file."""
        if "://" not in self.address:
            return self.address
        return urlsplit(self.address)._replace(query="", fragment="").geturl()


@dataclass
class Report:
    """What a reading did."""

    listed: int = 0  # services that the directory lists
    read: int = 0  # of these, read in detail
    failed: int = 0  # of these, not to be read
    changes: Counter[str] = field(default_factory=Counter)  # created, updated, unchanged, withdrawn, left out
    outcomes: dict[str, int] = field(default_factory=dict)  # what the store now has of this directory
    duplicates: list[tuple[str, str]] = field(default_factory=list)  # id there, id of ours; at most 1,000
    problems: Problems = field(default_factory=Problems)
    not_withdrawn: str | None = None  # why services that are gone were not withdrawn


def read_directory(
    engine: Engine,
    encoder: SentenceEncoder,
    source: Source,
    reader: Reader,
    *,
    full: bool = False,
    withdraw_many: bool = False,
    progress: Callable[[Page, Report], None] = lambda _page, _report: None,
) -> Reading:
    """Prepare to read a directory into the store; ``await`` its ``run()``.

    Args:
        full: ask for every service in detail, also for those that did not change.
        withdraw_many: believe a directory that suddenly has lost most of its services.
        progress: called after each page.
    """
    return Reading(writing(engine), encoder, source, reader, full, withdraw_many, progress)


class Reading:
    """One reading; made by ``read_directory``."""

    def __init__(
        self,
        make_session: sessionmaker[Session],
        encoder: SentenceEncoder,
        source: Source,
        reader: Reader,
        full: bool,
        withdraw_many: bool,
        progress: Callable[[Page, Report], None],
    ) -> None:
        self._sessions = make_session
        self._encoder = encoder
        self._source = source
        self._reader = reader
        self._full = full
        self._withdraw_many = withdraw_many
        self._progress = progress
        self._failures_in_a_row = 0
        self._registered = False
        self.report = Report()

    async def run(self) -> Report:
        """Read it all.

        Raises:
            FeedError: it could not be read to its end. What was read before is stored, nothing is withdrawn,
                and ``report`` holds what was done.
        """
        keeper = self._begin()
        self.report.changes = keeper.changes
        seen: set[str] = set()
        total = 0
        stated: int | None = None
        try:
            async for page in self._reader.pages():
                total += len(page.items)
                stated = page.total_items if page.total_items is not None else stated
                await self._page(keeper, page, seen)
                self._progress(page, self.report)
            with self._sessions.begin() as session:
                self._look_for_duplicates_again(session, keeper)
            self._withdraw_gone(keeper, seen, None if stated is None else stated - total)
            self._finish()
        finally:
            self._count(keeper)
        return self.report

    def _begin(self) -> Keeper:
        """What a reading needs of the store; nothing is written before the directory has answered."""
        with self._sessions() as session:
            areas = frozenset(session.scalars(select(models.Area.id)))
            feed = session.get(models.Feed, self._source.feed_id)
            publisher, area, run = self._source.publisher, self._source.default_area, 1
            if feed is not None:
                publisher = publisher or feed.publisher
                area = feed.default_area if area is None else area
                run = feed.run if feed.finished_at is None else feed.run + 1
            if area and area not in areas:
                raise FeedError(
                    f"the area {area!r} is none of the store's: "
                    f"{', '.join(sorted(areas)) or 'it has none yet; run `helpline knowledge load` first'}"
                )
            mapper = Mapper(
                publisher=publisher or urlsplit(self._source.address).hostname or self._source.address,
                areas=areas,
                topics=frozenset(session.scalars(select(models.Topic.name))),
                default_area=area or None,
                today=today(),
            )
            return Keeper(
                feed_id=self._source.feed_id,
                source_id=f"oruk-{self._source.feed_id}",
                run=run,
                mapper=mapper,
                shown=shown_by_others(session, f"oruk:{self._source.feed_id}"),
                encoder=self._encoder,
                problems=self.report.problems,
            )

    def _register(self, session: Session, keeper: Keeper) -> None:
        """Write down, once a reading, which directory this is and that it is being read."""
        if self._registered:
            return
        self._registered = True
        address, publisher = self._source.shown_address, keeper.mapper.publisher
        is_url = "://" in address
        session.merge(
            models.Source(
                id=keeper.source_id,
                title=f"Service directory of {publisher}",
                publisher=publisher,
                published_note="each service has a date of its own",
                url=address if is_url else None,
                document=None if is_url else address,
                archived_copy=False,
            )
        )
        session.flush()
        feed = session.get(models.Feed, self._source.feed_id)
        if feed is None:
            feed = models.Feed(id=self._source.feed_id, run=0)
            session.add(feed)
        feed.url, feed.publisher, feed.source_id = address, publisher, keeper.source_id
        feed.default_area = keeper.mapper.default_area
        if feed.run != keeper.run:
            feed.run, feed.started_at, feed.finished_at = keeper.run, datetime.now(UTC), None
        session.flush()

    async def _page(self, keeper: Keeper, page: Page, seen: set[str]) -> None:
        listed = self._listed(page, seen)
        self.report.listed += len(listed)
        seen.update(listed)
        wanted, known = (listed, []) if self._reader.whole else self._to_ask(keeper, listed)
        entries = []
        gone: FeedError | None = None
        for some in batched(wanted.items(), _ASKED_TOGETHER):
            answers = await asyncio.gather(*(self._ask(raw) for _, (raw, _) in some))
            for (external_id, (_, last_modified)), answer in zip(some, answers, strict=True):
                document = self._document(external_id, answer)
                if document is not None:
                    entries.append(Entry(document, last_modified))
            if self._failures_in_a_row >= _MOST_FAILURES_IN_A_ROW:
                gone = FeedError(
                    f"{self._failures_in_a_row} services in a row could not be read, the last one because "
                    f"{answers[-1]}. Run the import again later: it goes on where it was"
                )
                break
        with self._sessions.begin() as session:
            self._register(session, keeper)
            keeper.keep(session, entries)
            if known:
                keeper.again(session, known)
        if gone:
            raise gone

    def _listed(self, page: Page, seen: set[str]) -> dict[str, tuple[dict[str, Any], str | None]]:
        """The services of a page by UUID: as sent, and when the list says that they changed last."""
        found: dict[str, tuple[dict[str, Any], str | None]] = {}
        for raw in page.items:
            external_id = identify(raw, self._source.feed_id, self.report.problems)
            if external_id is None:
                self.report.failed += 1
            elif external_id in seen or external_id in found:
                self.report.problems.add(external_id, "id", "is listed twice; the second is left out")
            else:
                found[external_id] = (raw, _last_modified(raw))
        return found

    def _to_ask(
        self, keeper: Keeper, listed: dict[str, tuple[dict[str, Any], str | None]]
    ) -> tuple[dict[str, tuple[dict[str, Any], str | None]], list[str]]:
        """What must be asked for in detail; and what is known but is to be stored in another way now."""
        note = models.FeedService
        with self._sessions() as session:
            rows = session.execute(
                select(
                    note.external_id,
                    note.last_modified,
                    note.read_in,
                    note.outcome,
                    note.digest,
                    note.document,
                ).where(note.feed_id == self._source.feed_id, note.external_id.in_(listed))
            ).all()
        wanted, known = dict(listed), []
        for external_id, last_modified, read_in, outcome, digest, document in rows:
            now = listed[external_id][1]
            read_already = read_in == keeper.run  # in this reading, before it was cut short
            same = last_modified is not None and last_modified == now
            if not (read_already and last_modified == now) and (self._full or not same):
                continue
            del wanted[external_id]
            if outcome == "gone" or digest != keeper.mapper.digest(document):
                known.append(external_id)
            else:
                self.report.changes["unchanged"] += 1
        return wanted, known

    async def _ask(self, raw: dict[str, Any]) -> Any:
        """All there is of a service, or the error instead: the others of its batch are not lost by it."""
        try:
            return raw if self._reader.whole else await self._reader.detail(str(raw["id"]))
        except FeedError as error:
            return error

    def _document(self, external_id: str, answer: Any) -> Document | None:
        if isinstance(answer, FeedError):
            self.report.failed += 1
            self.report.problems.add(external_id, "(details)", str(answer))
            # A server that answers "no" is there, however often it says so.
            in_passing = not isinstance(answer, NotThere | Refused)
            self._failures_in_a_row = self._failures_in_a_row + 1 if in_passing else 0
            return None
        self._failures_in_a_row = 0
        self.report.read += 1
        document = clean_service(answer, self._source.feed_id, self.report.problems)
        if document is not None and document["id"] != external_id:
            self.report.problems.add(external_id, "id", "is another one in the details; it is left out")
            document = None
        if document is None:
            self.report.failed += 1
        return document

    def _look_for_duplicates_again(self, session: Session, keeper: Keeper) -> None:
        """Our own content may have gained or lost a service since this one was read."""
        service, organization, note = models.Service, models.Organization, models.FeedService
        rows = session.execute(
            select(
                service.id,
                service.name,
                service.alternate_name,
                organization.name,
                service.url,
                note.duplicate_of,
            )
            .join(organization, service.organization_id == organization.id)
            .join(note, note.record_id == service.id)
            .where(note.feed_id == self._source.feed_id, note.outcome.in_(["shown", "outside", "duplicate"]))
        ).all()
        changed = [
            row_id
            for row_id, name, alternate, organization_name, url, duplicate_of in rows
            if keeper.shown.same_as(row_id, names_of(name, alternate), organization_name, url) != duplicate_of
        ]
        for start in range(0, len(changed), _BATCH):
            keeper.again(session, changed[start : start + _BATCH])

    def _withdraw_gone(self, keeper: Keeper, seen: Collection[str], missing: int | None) -> None:
        note = models.FeedService
        with self._sessions() as session:
            had = list(
                session.scalars(
                    select(note.external_id).where(
                        note.feed_id == self._source.feed_id, note.outcome != "gone"
                    )
                )
            )
        gone = [external_id for external_id in had if external_id not in seen]
        if not gone:
            return
        if missing is not None and missing > 0:
            self.report.not_withdrawn = f"the directory says that it has {missing} more services than it gave"
        elif not self._withdraw_many and (
            len(gone) == len(had) or (len(gone) >= _MANY and len(gone) > _MANY_SHARE * len(had))
        ):
            self.report.not_withdrawn = (
                f"{len(gone)} of {len(had)} services are no longer listed. If that is so, run it again with "
                "--withdraw-many"
            )
        else:
            for start in range(0, len(gone), _BATCH):
                with self._sessions.begin() as session:
                    keeper.withdraw(session, gone[start : start + _BATCH])

    def _finish(self) -> None:
        with self._sessions.begin() as session:
            feed = session.get_one(models.Feed, self._source.feed_id)
            feed.finished_at = datetime.now(UTC)

    def _count(self, keeper: Keeper) -> None:
        note = models.FeedService
        with self._sessions() as session:
            counted = session.execute(
                select(note.outcome, func.count())
                .where(note.feed_id == self._source.feed_id)
                .group_by(note.outcome)
            )
            self.report.outcomes = dict(counted.all())
            doubled = session.execute(
                select(note.external_id, note.duplicate_of)
                .where(note.feed_id == self._source.feed_id, note.outcome == "duplicate")
                .order_by(note.external_id)
                .limit(1000)
            )
            self.report.duplicates = [(own, other) for own, other in doubled.all() if other]


def _last_modified(raw: dict[str, Any]) -> str | None:
    # A wrong one is noted with the details; here it only means that nothing is known of when it changed.
    try:
        return str(moment(raw.get("last_modified")))[:40]
    except ValueError:
        return None


def explain(error: FeedError) -> str:
    """The error as a line for the terminal."""
    kind = "Refused" if isinstance(error, Refused) else "Not read to the end"
    return f"{kind}: {error}."

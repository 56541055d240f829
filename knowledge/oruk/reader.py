"""The pages of a directory, from its API, a file or a folder of files."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from knowledge.oruk.errors import FeedError, Refused
from knowledge.oruk.fetch import Fetcher, Limits
from knowledge.oruk.shapes import refuse_version_1
from knowledge.oruk.text import read_json

#: The largest file that is read whole. A larger directory is exported as JSON lines or into a folder.
_MOST_FILE_BYTES = 256 * 1024 * 1024

_VERSION_1 = re.compile(r"(?i)^(?:v|hsds-?|oruk-?|open ?referral(?: ?uk)?[- ]?)?v?[12](?:\.\d+)*\b")


@dataclass(frozen=True)
class Page:
    """Some services, as they were sent: any JSON."""

    number: int
    items: list[Any]
    total_items: int | None = None  # of the whole directory, if it says so
    total_pages: int | None = None


class Reader(Protocol):
    """A directory that can be read."""

    #: Whether the pages hold all there is of a service; else ``detail`` gets it.
    whole: bool

    def pages(self) -> AsyncIterator[Page]:
        """Every page, in order. Raises ``FeedError`` when the directory cannot be read to its end."""
        ...

    async def detail(self, service_id: str) -> Any:
        """All there is of one service, as it was sent. Raises ``FeedError``."""
        ...


class ApiReader:
    """A directory's API."""

    whole = False

    def __init__(self, fetcher: Fetcher, url: str) -> None:
        """``url`` is where the API begins; one that ends in ``/services`` is understood."""
        self._fetcher = fetcher
        self._limits = fetcher.limits
        parts = urlsplit(url)
        self._base = parts._replace(path=parts.path.rstrip("/").removesuffix("/services"), fragment="")
        self._query = parse_qsl(parts.query)

    async def pages(self) -> AsyncIterator[Page]:
        """Every page of ``/services``, at most as many as the limits allow."""
        await self._check_version()
        seen: set[str] = set()
        services = 0
        for number in range(1, self._limits.max_pages + 1):
            url = self._url("/services", page=number, per_page=self._limits.per_page)
            page, last = _page(url, await self._fetcher.json(url), number, self._limits.per_page)
            ids = {_id_of(item) for item in page.items}
            if page.items and ids <= seen:
                raise FeedError(
                    f"{url} gives the same services as the pages before: the directory would never end. "
                    "What was read is kept; nothing is withdrawn"
                )
            seen |= ids
            services += len(page.items)
            if services > self._limits.max_services:
                raise FeedError(
                    f"the directory has more than {self._limits.max_services} services, the most that is "
                    "read. What was read is kept; nothing is withdrawn"
                )
            yield page
            if last:
                return
        raise FeedError(
            f"the directory has more than {self._limits.max_pages} pages, the most that is read. "
            "What was read is kept; nothing is withdrawn"
        )

    async def detail(self, service_id: str) -> Any:
        """``/services/{id}``."""
        return await self._fetcher.json(self._url(f"/services/{quote(service_id, safe='')}"))

    async def _check_version(self) -> None:
        """Refuse what says itself that it is of version 1; many directories have no page that says."""
        try:
            about = await self._fetcher.json(self._url("/"))
        except FeedError:
            return
        version = about.get("version") if isinstance(about, dict) else None
        if isinstance(version, str) and _VERSION_1.match(version.strip()):
            raise Refused(
                f"{self._url('/')} says that it is version {version[:40]!r}; only version 3.0 is read. "
                "Ask its supplier for the address of the version 3.0 API"
            )

    def _url(self, path: str, **query: int) -> str:
        whole = [*self._query, *((name, str(value)) for name, value in query.items())]
        return urlunsplit(self._base._replace(path=self._base.path + path, query=urlencode(whole)))


class FileReader:
    """Files with whole services: JSON (a page, a list or one service), JSON lines, or a folder of both."""

    whole = True

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path = path
        self._limits = limits

    async def pages(self) -> AsyncIterator[Page]:
        """The services, so many a page as are asked for of an API."""
        items: list[Any] = []
        number = services = 0
        for item in self._told_plainly():
            items.append(item)
            services += 1
            if services > self._limits.max_services:
                raise FeedError(f"{self._path} holds more than {self._limits.max_services} services")
            if len(items) == self._limits.per_page:
                number += 1
                yield Page(number, items)
                items = []
        yield Page(number + 1, items, total_items=services, total_pages=number + 1)

    async def detail(self, service_id: str) -> Any:
        """Never asked for: the pages hold all."""
        raise NotImplementedError(service_id)

    def _told_plainly(self) -> Iterator[Any]:
        try:
            yield from self._services()
        except OSError as error:
            raise FeedError(f"{error.filename or self._path} cannot be read: {error.strerror}") from None

    def _services(self) -> Iterator[Any]:
        if not self._path.is_dir():
            yield from _in_file(self._path)
            return
        files = sorted(
            path
            for path in self._path.iterdir()
            if re.fullmatch(r"services.*\.(json|ndjson|jsonl)", path.name)
        )
        if not files:
            raise FeedError(f"{self._path} holds no file services*.json or services*.ndjson")
        for path in files:
            yield from _in_file(path)


def _in_file(path: Path) -> Iterable[Any]:
    if path.suffix in (".ndjson", ".jsonl"):
        return _in_lines(path)
    if path.stat().st_size > _MOST_FILE_BYTES:
        raise FeedError(
            f"{path} is larger than {_MOST_FILE_BYTES // 2**20} MB; export the directory as JSON lines"
        )
    whole = _parsed(path.read_bytes(), str(path))
    if isinstance(whole, dict) and not ({"contents", "content"} & whole.keys()):
        return [whole]
    return _page(str(path), whole, 1, 1)[0].items


def _in_lines(path: Path) -> Iterator[Any]:
    limit = Limits().max_bytes
    with path.open("rb") as file:
        number = 0
        while line := file.readline(limit):
            number += 1
            if not line.endswith(b"\n") and len(line) == limit:
                raise FeedError(f"{path}, line {number}: is longer than {limit // 1024} KB")
            if line.strip():
                yield _parsed(line, f"{path}, line {number}")


def _parsed(raw: bytes, where: str) -> Any:
    try:
        return read_json(raw)
    except (ValueError, RecursionError):
        raise Refused(f"{where} is not JSON") from None


def _page(where: str, raw: Any, number: int, asked: int) -> tuple[Page, bool]:
    """The page and whether it is the last one; tolerant of what the envelope leaves out."""
    if isinstance(raw, list):
        return Page(number, raw, len(raw), 1), True
    if not isinstance(raw, dict):
        raise Refused(f"{where} gives no page of services")
    refuse_version_1(raw)
    items = raw.get("contents", raw.get("content"))
    if items is None and raw.get("empty") is True:
        items = []
    if not isinstance(items, list):
        raise Refused(f"{where} gives no page of services: it has no list 'contents'")
    total_pages = _count(raw.get("total_pages"))
    if total_pages is not None:
        last = number >= total_pages
    elif "last_page" in raw:
        last = raw["last_page"] in (True, "true")
    else:
        last = len(items) < asked
    return Page(number, items, _count(raw.get("total_items")), total_pages), last or not items


def _count(value: Any) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 16:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**15 else None


def _id_of(item: Any) -> str:
    return str(item.get("id"))[:200] if isinstance(item, dict) else repr(item)[:200]

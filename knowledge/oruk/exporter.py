"""The store's services as files that another directory can read back."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import batched
from math import ceil
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy.orm import Session

from knowledge.oruk import published
from knowledge.oruk.published import PROFILE, VERSION, Slice

#: Services in one file of a folder.
PER_FILE = 500

_PAGE_FILE = re.compile(r"services-\d{5,}\.json")


def export_lines(session: Session, out: TextIO) -> int:
    """Write every service as a line of JSON; gives their number."""
    count = 0
    for document in published.every_service(session):
        out.write(json.dumps(document, ensure_ascii=False) + "\n")
        count += 1
    return count


def export_file(session: Session, path: Path) -> int:
    """Write every service into one file: ``.ndjson`` or ``.jsonl`` as lines, anything else as one page.

    The file is there whole or not at all. Gives the number of services.
    """
    with _whole(path) as out:
        if path.suffix in (".ndjson", ".jsonl"):
            return export_lines(session, out)
        total = published.count_services(session)
        return _write_page(out, published.every_service(session), total, 1, 1, total)


def export_folder(session: Session, folder: Path) -> int:
    """Write the services as pages ``services-00001.json`` ..., with the taxonomies and ``api.json``.

    Pages of an earlier, longer export are removed. Gives the number of services.
    """
    folder.mkdir(parents=True, exist_ok=True)
    total = published.count_services(session)
    pages = max(1, ceil(total / PER_FILE))
    written: set[str] = set()
    count = 0
    for number, some in enumerate(batched(published.every_service(session), PER_FILE), start=1):
        name = f"services-{number:05}.json"
        with _whole(folder / name) as out:
            count += _write_page(out, iter(some), total, number, pages, len(some))
        written.add(name)
    _everything(folder / "taxonomies.json", lambda offset: published.taxonomies(session, offset, PER_FILE))
    _everything(
        folder / "taxonomy_terms.json", lambda offset: published.taxonomy_terms(session, offset, PER_FILE)
    )
    _everything(
        folder / "organizations.json", lambda offset: published.organizations(session, offset, PER_FILE)
    )
    with _whole(folder / "api.json") as out:
        json.dump({"version": VERSION, "profile": PROFILE}, out, indent=2)
    for path in folder.iterdir():
        if _PAGE_FILE.fullmatch(path.name) and path.name not in written:
            path.unlink()
    return count


def envelope(total: int, number: int, pages: int, size: int) -> dict[str, Any]:
    """The standard's page without its contents.

    Args:
        total: of all pages together.
        number: of this page, from 1.
        size: how many are on this page.
    """
    return {
        "total_items": total,
        "total_pages": pages,
        "page_number": number,
        "size": size,
        "first_page": number == 1,
        "last_page": number >= pages,
        "empty": size == 0,
    }


def _everything(path: Path, read: Callable[[int], Slice]) -> None:
    def contents() -> Iterator[Any]:
        offset = 0
        while found := read(offset).contents:
            yield from found
            offset += len(found)

    total = read(0).total
    with _whole(path) as out:
        _write_page(out, contents(), total, 1, 1, total)


def _write_page(out: TextIO, contents: Iterator[Any], total: int, number: int, pages: int, size: int) -> int:
    """A page written as it comes, so that a large directory is never in memory whole."""
    head = json.dumps(envelope(total, number, pages, size))
    out.write(head[:-1] + ', "contents": [')
    count = 0
    for document in contents:
        out.write(("," if count else "") + "\n" + json.dumps(document, ensure_ascii=False))
        count += 1
    out.write("\n]}\n")
    return count


@contextmanager
def _whole(path: Path) -> Iterator[TextIO]:
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w", encoding="utf-8") as out:
            yield out
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)

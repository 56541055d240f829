"""How a record's source is shown: title, who published it, when, where in it, and as of when it holds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from knowledge.dates import say_partial
from knowledge.models import Record


def source_of(record: Record) -> dict[str, Any]:
    """The first source of a record, in the shape that messages carry."""
    return sources_of([record])[0]


def sources_of(records: Iterable[Record]) -> list[dict[str, Any]]:
    """The sources of records, each document once, in the order they are relied on.

    Returns:
        ``{"title", "publisher", "published", "url", "locator", "as_of", "as_of_said"}``; dates are
        partial ISO dates; ``published`` may be words ("no date shown"), ``as_of_said`` always is.
    """
    found: dict[str, dict[str, Any]] = {}
    for record in records:
        for citation in record.citations:
            source = citation.source
            # The record's date is that of the source it mainly rests on; the others have dates of their own.
            as_of = record.as_of if citation.position == 0 else source.published
            found.setdefault(
                source.id,
                {
                    "title": source.title,
                    "publisher": source.publisher,
                    "published": source.published or source.published_note,
                    "url": source.url,
                    "locator": citation.locator,
                    "as_of": as_of,
                    "as_of_said": say_partial(as_of) if as_of else None,
                },
            )
    return list(found.values())

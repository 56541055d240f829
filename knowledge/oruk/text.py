"""Text as others publish it, made plain: no markup, no control characters, of a length we can show."""

from __future__ import annotations

import json
import re
import warnings
from html import unescape
from typing import Any

from bs4 import BeautifulSoup, MarkupResemblesLocatorWarning, Tag
from bs4.exceptions import ParserRejectedMarkup

#: The longest text that is read at all; HTML beyond it is not even parsed.
LONGEST = 20_000

#: How often text may be wrapped in further HTML ("&lt;b&gt;") before what is left is taken out by force.
_LAYERS = 4

#: More tags than any description has: such a text is made to keep the parser busy.
_MOST_TAGS = 1000

_TAG = re.compile(r"</?[a-zA-Z!?]")
_ENTITY = re.compile(r"&#?\w{1,31};")
_UNSEEN = ("script", "style", "template", "head", "noscript", "iframe", "object")
_BLOCKS = ("p", "div", "ul", "ol", "table", "tr", "section", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote")
# Control characters, and those that turn the direction of writing and can make a text lie.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")

# Half of a pair of UTF-16, which no text in UTF-8 can hold: it may be one alone.
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def read_json(raw: bytes) -> Any:
    """JSON as others send it (RFC 8259), with numbers and texts that every database takes.

    NaN and Infinity become null, and halves of surrogate pairs that stand alone are left out.

    Raises:
        ValueError: it is not JSON.
        RecursionError: it is nested too deep.
    """
    text = raw.decode(json.detect_encoding(raw))
    value = json.loads(text, parse_constant=_nothing)
    if _SURROGATE.search(text):
        whole = json.dumps(value, ensure_ascii=False).encode("utf-8", "ignore")
        value = json.loads(whole, parse_constant=_nothing)
    return value


def _nothing(_constant: str) -> None:
    return None


def plain_text(raw: str) -> str:
    """Plain text of what may be HTML; a paragraph is a blank line, a list item a line that starts with "- ".

    Making plain text plain again changes nothing, so that what is passed on from directory to directory
    stays as it is.
    """
    text = raw[:LONGEST].encode("utf-8", "ignore").decode("utf-8")
    for _ in range(_LAYERS):
        stripped = _one_layer(text)
        if stripped == text:
            return text
        text = stripped
    return _by_force(text)


def _one_layer(text: str) -> str:
    if text.count("<") > _MOST_TAGS:
        return _by_force(text)
    if _TAG.search(text):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", MarkupResemblesLocatorWarning)
                soup = BeautifulSoup(text, "html.parser")
        except (ParserRejectedMarkup, RecursionError):
            return _by_force(text)
        for tag in soup.find_all(_UNSEEN):
            tag.decompose()
        for tag in soup.find_all("br"):
            tag.replace_with("\n")
        for tag in soup.find_all("li"):
            _wrap(tag, "\n- ", "")
        for tag in soup.find_all(_BLOCKS):
            _wrap(tag, "\n\n", "\n\n")
        text = soup.get_text()
    elif _ENTITY.search(text):
        text = unescape(text)
    return _tidy(text)


def _by_force(text: str) -> str:
    """What no parser gets to the end of: no tag and no entity is left, whatever else is."""
    return _tidy(re.sub(r"&(?=#?\w{1,31};)", "& ", re.sub(r"[<>]", " ", text)))


def _wrap(tag: Tag, before: str, after: str) -> None:
    tag.insert(0, before)
    tag.append(after)


def _tidy(text: str) -> str:
    text = _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " "))
    lines = [re.sub(r"[ \t]+", " ", line).strip() for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()

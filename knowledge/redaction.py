"""Taking out of a text what could tell who wrote it: for what is kept so that editors learn from it."""

from __future__ import annotations

import re
from collections.abc import Iterable

import phonenumbers

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_LINK = re.compile(r"\b(?:https?://|www\.)\S+", re.IGNORECASE)
#: A whole postcode names a few houses; its first half, which a person gives for an area, does not.
_POSTCODE = re.compile(r"\b([A-Z]{1,2}\d[A-Z\d]?)\s*\d[A-Z]{2}\b", re.IGNORECASE)
#: Ten digits, also in groups; NHS numbers have a check digit, but a mistyped one tells as much.
_NHS_NUMBER = re.compile(r"\b\d{3}[ -]?\d{3}[ -]?\d{4}\b")
#: National Insurance numbers: https://www.gov.uk/hmrc-internal-manuals/national-insurance-manual/nim39110
_NI_NUMBER = re.compile(r"\b[A-Z]{2}\s?(?:\d{2}\s?){3}[A-D]\b", re.IGNORECASE)
_DATE_OF_BIRTH = re.compile(
    r"\b(?:born(?: on)?|dob|d\.o\.b\.?|date of birth|birthday(?: is)?)\W{0,3}(?:on )?[\w/.-]+(?:"
    r" [a-z]{3,9})?(?: \d{2,4})?",
    re.IGNORECASE,
)
_STREET = re.compile(
    r"\b\d{1,4}[a-z]? (?:[A-Z][\w'’]+ ){1,3}(?:street|st|road|rd|avenue|ave|lane|close|drive|way|crescent"
    r"|court)\b",
    re.IGNORECASE,
)
_LONG_NUMBER = re.compile(r"\b\d[\d -]{5,}\d\b")
#: "my name is ...", "a boy called ..."; the next words up to a stop are the name, at most two.
_CALLED = re.compile(
    r"\b((?:my|his|her|their|its) (?:full )?name(?:['’]?s| is)|(?:he|she|they|is|are|boy|girl|son|daughter"
    r"|child|lad|lass)"
    r" (?:is )?(?:called|named)|called|named|i am called|this is)\s+"
    r"(?!(?:a|an|the|my|his|her|not|it|that|what|so|autism|adhd|sen)\b)"
    r"[A-Za-z][\w'’-]+(?:\s+[A-Z][\w'’-]+)?",
    re.IGNORECASE,
)
_TITLED = re.compile(
    r"\b((?i:mr|mrs|ms|miss|mx|dr|prof|doctor|nurse|sir|teacher)\.?)\s+[A-Z][\w'’-]+(?:\s+[A-Z][\w'’-]+)?"
)


#: A year is a possible number too: what has fewer digits rings nobody outside its own town.
_FEWEST_DIGITS = 6


def redacted(text: str, names: Iterable[str] = ()) -> str:
    """A text without numbers, addresses and names that could tell who somebody is.

    Args:
        text: what a person wrote.
        names: words of it that were recognised as people's names.

    Returns:
        The text with a word in square brackets for each thing taken out: ``[phone]``, ``[name]`` ...
    """
    for pattern, instead in (
        (_EMAIL, "[email]"),
        (_LINK, "[link]"),
        (_NI_NUMBER, "[number]"),
        (_DATE_OF_BIRTH, "[date of birth]"),
        (_STREET, "[address]"),
        (_POSTCODE, r"\1 [postcode]"),
    ):
        text = pattern.sub(instead, text)
    # From the end, so that places found before stay right.
    for match in reversed(list(phonenumbers.PhoneNumberMatcher(text, "GB", phonenumbers.Leniency.POSSIBLE))):
        if sum(character.isdigit() for character in match.raw_string) >= _FEWEST_DIGITS:
            text = f"{text[: match.start]}[phone]{text[match.end :]}"
    text = _NHS_NUMBER.sub("[number]", text)
    text = _LONG_NUMBER.sub("[number]", text)
    text = _TITLED.sub(r"\1 [name]", text)
    text = _CALLED.sub(r"\1 [name]", text)
    for name in sorted({name for name in names if len(name) > 1}, key=len, reverse=True):
        text = re.sub(rf"\b{re.escape(name)}(?:['’]s)?\b", "[name]", text)
    return text

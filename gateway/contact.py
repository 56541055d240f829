"""What a person gives for being called back, read kindly: how they write numbers is their affair."""

from __future__ import annotations

import re
from dataclasses import dataclass

import phonenumbers

#: Numbers without a country code are taken for numbers of this country.
_REGION = "GB"

#: No contact is longer, with what is said around it. All after it is left unread: the patterns below take a
#: time that grows with the square of the text.
MOST_CHARS = 300

#: Enough digits to be meant as a telephone number.
_MANY_DIGITS = 5

_EMAIL = re.compile(r"[^@\s,;<>]{1,64}@[^@\s,;<>.]+(?:\.[^@\s,;<>.]+)+")

#: What is said around a number or an address: "it is 07...", "mailto:a@b.example".
_IN_TEXT = re.compile(r"[^\s,;<>:]+@[^\s,;<>]+")
_NUMBER = re.compile(r"\+?[\d(][\d\s().-]{3,}\d")

_MOBILE = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)


@dataclass(frozen=True, slots=True)
class Read:
    """Either the ``address`` in one form (E.164, or an email address), or ``wrong``: what to tell them."""

    address: str = ""
    wrong: str = ""


def is_meant_as_contact(text: str) -> bool:
    """Whether a text holds what must be kept apart: an email address or a telephone number, also mistyped."""
    return "@" in text or sum(sign.isdigit() for sign in text) >= _MANY_DIGITS


def how_of(text: str) -> str:
    """The way a contact is used when the person did not say: "email" for an address, else "phone"."""
    return "email" if "@" in text else "phone"


def read_contact(how: str, text: str) -> Read:
    """The contact in the first ``MOST_CHARS`` of ``text`` for ``how`` ("phone", "text" or "email")."""
    text = text[:MOST_CHARS]
    return _email(text) if how == "email" else _phone(text, for_text=how == "text")


def shown(address: str) -> str:
    """Enough of a contact for the person to see that it is the right one, and too little for anybody else."""
    if "@" in address:
        name, _, domain = address.partition("@")
        return f"{name[:1]}…@{domain}"
    return f"the number that ends with {address[-3:]}"


def _email(text: str) -> Read:
    found = _IN_TEXT.search(text)
    address = found.group().removesuffix(".") if found else ""
    if _EMAIL.fullmatch(address) and len(address) <= 254:
        return Read(address)
    return Read(wrong="That is not a whole email address yet. It looks like name@example.org.")


def _phone(text: str, *, for_text: bool) -> Read:
    found = _NUMBER.search(text)
    try:
        number = phonenumbers.parse(found.group() if found else text, _REGION)
    except phonenumbers.NumberParseException:
        return Read(wrong="That does not look like a telephone number. Please type it with its area code.")
    match phonenumbers.is_possible_number_with_reason(number):
        case phonenumbers.ValidationResult.TOO_SHORT | phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY:
            return Read(wrong="That number seems too short. Please check it: a digit may be missing.")
        case phonenumbers.ValidationResult.TOO_LONG:
            return Read(wrong="That number seems too long. Please check it: a digit may be there twice.")
    if not phonenumbers.is_valid_number(number):
        return Read(wrong="No telephone has that number. Please check it for a mistyped digit.")
    if for_text and phonenumbers.number_type(number) not in _MOBILE:
        return Read(wrong="A text message needs a mobile number, and that is not one.")
    return Read(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))

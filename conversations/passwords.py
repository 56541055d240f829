"""Passwords of the desk: how strong they must be, and the Argon2id hashes that are stored in their place.

The rules follow NIST SP 800-63B: long enough, not one that everybody tries first, no rules about signs.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path
from string import digits

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

SHORTEST = 12
#: Hashing takes as long as its input: nobody may send a book.
LONGEST = 256

#: So few different characters are a pattern: "aaaaaaaaaaaa", "121212121212".
_FEWEST_DIFFERENT = 5

#: What is hung on to a word to make it a password; nobody is the safer for it.
_AT_THE_END = f"{digits}!?."

_HASHER = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)


class WeakPassword(ValueError):
    """The password is one that would be guessed; the message tells the person what to change."""


def check_strength(password: str, name: str) -> None:
    """Raise ``WeakPassword`` unless ``password`` is strong enough for the account called ``name``."""
    plain = _plain(password)
    if len(plain) < SHORTEST:
        raise WeakPassword(f"Use at least {SHORTEST} characters. Three or four words are easy to remember.")
    if len(plain) > LONGEST:
        raise WeakPassword(f"Use at most {LONGEST} characters.")
    folded = plain.casefold()
    if len(set(folded)) < _FEWEST_DIFFERENT:
        raise WeakPassword("This repeats the same few characters. Use three or four words.")
    parts = [part for part in name.casefold().split() if len(part) > 2]
    left = folded
    for part in parts:
        left = left.replace(part, "")
    if len(left) < SHORTEST // 2:
        raise WeakPassword("This is little more than your name. Use three or four other words.")
    if folded in _common() or folded.rstrip(_AT_THE_END) in _common():
        raise WeakPassword("This is one of the passwords that are tried first. Use another one.")


def hash_password(password: str) -> str:
    """The Argon2id hash of ``password``, with its salt and parameters. Takes a while and 64 MiB."""
    return _HASHER.hash(_plain(password))


def is_password(password: str, stored: str | None) -> bool:
    """Whether ``password`` is the one behind ``stored``. Without one it takes as long, and says no."""
    if len(password) > LONGEST:
        return False
    try:
        return _HASHER.verify(stored or _nobodys(), _plain(password)) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def _plain(password: str) -> str:
    """The same password from every keyboard: one way of writing each character (NFKC)."""
    return unicodedata.normalize("NFKC", password)


@cache
def _nobodys() -> str:
    return _HASHER.hash("the password of nobody")


@cache
def _common() -> frozenset[str]:
    lines = Path(__file__).with_name("common_passwords.txt").read_text(encoding="utf-8").splitlines()
    listed = {line for line in lines if not line.startswith("#")}
    return frozenset(listed | {line.rstrip(_AT_THE_END) for line in listed})

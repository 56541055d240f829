"""Random names and secrets, and the hashes that are stored in their place."""

from __future__ import annotations

import hashlib
import hmac
import secrets

#: No I, L, O, U, 0 or 1: a reference survives being read aloud and written down.
_SPOKEN_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_id() -> str:
    """An id that cannot be guessed (128 random bits), in letters and digits."""
    return secrets.token_hex(16)


def new_token() -> str:
    """A secret for a conversation or an adviser (256 random bits). Shown once, never stored."""
    return secrets.token_urlsafe(32)


def new_reference() -> str:
    """A short reference such as ``HL-7K3QPX`` (about 700 million of them)."""
    return "HL-" + "".join(secrets.choice(_SPOKEN_ALPHABET) for _ in range(6))


def hashed(secret: str) -> str:
    """What is stored instead of ``secret``: SHA-256 in hexadecimal.

    A slow password hash is not needed: the secrets above are long and random.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def matches(secret: str, stored_hash: str) -> bool:
    """Whether ``secret`` is the one behind ``stored_hash``, in constant time."""
    return hmac.compare_digest(hashed(secret), stored_hash)

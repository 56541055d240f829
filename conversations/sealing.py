"""What must be readable again but never lies in the database in clear, such as a call-back number."""

from __future__ import annotations

import hashlib
import hmac
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from conversations.errors import CannotUnseal


class Sealer:
    """Encrypts and signs short texts with Fernet (AES-128-CBC and HMAC-SHA256), through ``cryptography``."""

    def __init__(self, keys: str) -> None:
        """``keys``: one or more Fernet keys with commas between. The first seals, all of them open.

        So a key is replaced by putting the new one in front.

        Raises ``ValueError``, which never holds the key itself.
        """
        parts = [part.strip() for part in keys.split(",") if part.strip()]
        if not parts:
            raise ValueError("no secret key is set: HELPLINE_SECRET_KEYS needs at least one")
        try:
            self._keys = MultiFernet([Fernet(part) for part in parts])
            self._marking = hashlib.sha256(b"mark" + parts[0].encode()).digest()
        except ValueError as error:
            raise ValueError(
                "HELPLINE_SECRET_KEYS must hold Fernet keys: 32 random bytes each, in URL-safe base64"
            ) from error

    def seal(self, clear: str) -> str:
        """``clear`` as text that only a holder of the keys can read; another one at each call."""
        return self._keys.encrypt(clear.encode()).decode("ascii")

    def mark(self, clear: str) -> str:
        """A mark of ``clear``: the same at each call, and nobody without the keys can tell of what."""
        return hmac.new(self._marking, clear.encode(), hashlib.sha256).hexdigest()

    def unseal(self, sealed: str) -> str:
        """What was sealed. Raises ``CannotUnseal`` when no key fits or the text was changed."""
        try:
            return self._keys.decrypt(sealed.encode("ascii")).decode()
        except (InvalidToken, UnicodeEncodeError):
            raise CannotUnseal("no key opens this: was HELPLINE_SECRET_KEYS changed?") from None


def new_key() -> str:
    """A new key for ``Sealer``."""
    return Fernet.generate_key().decode("ascii")


def key_in(file: Path) -> str:
    """The key in ``file``, readable by its owner only; made at the first call. Raises ``OSError``."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, made = tempfile.mkstemp(dir=file.parent)  # only its owner may read it
        with os.fdopen(handle, "w") as key:
            key.write(new_key() + "\n")
        # Whole or not at all: of two processes that start at once, both read the key of the first.
        with suppress(FileExistsError):
            os.link(made, file)
        os.unlink(made)
    return file.read_text().strip()

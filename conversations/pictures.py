"""Pictures without what a camera writes into them: where and when they were taken, and with what.

A young person's photo of a letter must not tell an adviser where they live (ICO Children's code, standard 8,
data minimisation, and standard 10, geolocation).
"""

from __future__ import annotations

import io
import warnings
from typing import Any

from PIL import ExifTags, Image, ImageOps

from conversations.files import JPEG, PNG

_FORMATS = {JPEG: "JPEG", PNG: "PNG"}

#: Kinds of files that are pictures.
PICTURES = frozenset(_FORMATS)

#: Width times height. A phone's largest photo has some 50 million; a bomb unpacks to far more.
_MOST_PIXELS = 60_000_000

#: Without these its colours would be others.
_NEEDED = ("icc_profile", "transparency")

#: Of a photo that was turned: small print on a letter stays readable.
_QUALITY = 90


class NoPicture(ValueError):
    """The content is not a whole picture, or has too many pixels to be one that somebody took."""


def without_metadata(content: bytes, media_type: str) -> bytes:
    """The same picture with its pixels, colours and upright, and nothing else.

    Takes up to a second for a phone's photo: call it off the event loop.

    Args:
        content: a JPEG or PNG file.
        media_type: which of them.

    Raises:
        NoPicture: it cannot be read.
    """
    kind = _FORMATS[media_type]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=[kind]) as picture:
                if picture.width * picture.height > _MOST_PIXELS:
                    raise NoPicture("too many pixels")
                kept: dict[str, Any] = {name: picture.info[name] for name in _NEEDED if name in picture.info}
                # Which way up it was held is in what goes.
                held = picture.getexif().get(ExifTags.Base.Orientation, 1)
                upright = picture if held == 1 else ImageOps.exif_transpose(picture)
                if kind == "JPEG":
                    # One that need not be turned keeps its own quality.
                    kept["quality"] = "keep" if upright.format == "JPEG" else _QUALITY
                upright.info.clear()
                cleaned = io.BytesIO()
                upright.save(cleaned, kind, **kept)
    except NoPicture:
        raise
    except Exception as error:  # damaged files raise whatever their decoders do
        raise NoPicture(f"not a whole {kind} picture") from error
    return cleaned.getvalue()

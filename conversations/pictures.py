"""Pictures without what a camera writes into them: where and when they were taken, and with what.

A young person's photo of a letter must not tell an adviser where they live (ICO Children's code, standard 8,
data minimisation, and standard 10, geolocation), and an adviser's must not tell a family where they were.
"""

from __future__ import annotations

import asyncio
import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from PIL import ExifTags, Image, ImageOps, JpegImagePlugin

from conversations.files import JPEG, PNG

_FORMATS = {JPEG: "JPEG", PNG: "PNG"}

#: Kinds of files that are pictures.
PICTURES = frozenset(_FORMATS)

#: Width times height. Unpacked and turned each costs eight bytes: a quarter of a gigabyte.
_MOST_PIXELS = 30_000_000

#: Without these its colours would be others.
_NEEDED = ("icc_profile", "transparency")


#: One picture at a time, on a thread of its own: an album takes neither the memory nor the threads of others.
_ONE = ThreadPoolExecutor(1, thread_name_prefix="picture")


class NoPicture(ValueError):
    """The content is not a whole picture, or has too many pixels; the message says which, for an adviser."""


class TooManyBytes(NoPicture):
    """The picture has more bytes than it may: some have more once they are cleaned."""


async def cleaned(content: bytes, media_type: str, *, most: int) -> bytes:
    """What ``without_metadata`` makes of a picture, while the event loop goes on.

    Raises as that does, and ``TooManyBytes`` if what it makes has more than ``most`` bytes.
    """
    made = await asyncio.get_running_loop().run_in_executor(_ONE, without_metadata, content, media_type)
    if len(made) > most:
        raise TooManyBytes("the picture is too large")
    return made


def without_metadata(content: bytes, media_type: str) -> bytes:
    """The same picture with its pixels, colours and upright, and nothing else.

    Takes up to a second for a phone's photo, and much memory: ``cleaned`` is the way to call it.

    Args:
        content: a JPEG or PNG file.
        media_type: which of them.

    Raises:
        NoPicture: it cannot be read.
    """
    kind = _FORMATS[media_type]
    try:
        with Image.open(io.BytesIO(content), formats=[kind]) as picture:
            if picture.width * picture.height > _MOST_PIXELS:
                raise NoPicture("the picture is too large")
            kept: dict[str, Any] = {name: picture.info[name] for name in _NEEDED if name in picture.info}
            # Which way up it was held is in what goes.
            held = picture.getexif().get(ExifTags.Base.Orientation, 1)
            upright = picture if held == 1 else ImageOps.exif_transpose(picture)
            if isinstance(picture, JpegImagePlugin.JpegImageFile):
                # Its own quality: neither larger than it was nor harder to read.
                kept["qtables"] = picture.quantization
                kept["subsampling"] = JpegImagePlugin.get_sampling(picture)
            upright.info.clear()
            saved = io.BytesIO()
            upright.save(saved, kind, **kept)
    except NoPicture:
        raise
    except Exception as error:  # damaged files raise whatever their decoders do
        raise NoPicture("the picture is damaged") from error
    return saved.getvalue()

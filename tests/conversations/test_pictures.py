"""Pictures that people and advisers send: nothing but the picture is kept."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import ExifTags, Image, ImageChops, ImageStat, PngImagePlugin

import conversations.pictures
from conversations.files import JPEG, PNG, media_type_of
from conversations.pictures import NoPicture, without_metadata

SECRET = b"52.9225 N, 1.4746 W"


def picture(kind: str, size: tuple[int, int] = (40, 20), mode: str = "RGB", **how: Any) -> bytes:
    """Left half red, right half white."""
    made = Image.new("RGB", size, "white")
    made.paste("red", (0, 0, size[0] // 2, size[1]))
    made = made.convert(mode)
    file = io.BytesIO()
    made.save(file, kind, **how)
    return file.getvalue()


def exif(orientation: int = 1) -> Image.Exif:
    tags = Image.Exif()
    tags[ExifTags.Base.Orientation] = orientation
    tags[ExifTags.Base.ImageDescription] = SECRET.decode()
    tags.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSAreaInformation] = SECRET
    return tags


def opened(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def test_where_a_photo_was_taken_is_not_kept() -> None:
    taken = picture("JPEG", exif=exif(), comment=SECRET, quality=95)
    assert SECRET in taken
    cleaned = without_metadata(taken, JPEG)
    assert SECRET not in cleaned
    assert not opened(cleaned).getexif()
    assert media_type_of(cleaned) == JPEG


def test_a_photo_looks_as_it_did() -> None:
    taken = picture("JPEG", exif=exif(), quality=95)
    before, after = opened(taken), opened(without_metadata(taken, JPEG))
    assert before.size == after.size
    difference = ImageStat.Stat(ImageChops.difference(before, after))
    assert max(difference.mean) < 2


def test_a_photo_that_was_taken_sideways_is_upright() -> None:
    upright = opened(without_metadata(picture("JPEG", exif=exif(orientation=6)), JPEG))
    assert upright.size == (20, 40)
    red, white = upright.getpixel((10, 5)), upright.getpixel((10, 35))
    assert isinstance(red, tuple)
    assert isinstance(white, tuple)
    assert red[1] < 60
    assert white[1] > 200


def test_words_in_a_png_are_not_kept() -> None:
    words = PngImagePlugin.PngInfo()
    words.add_text("Location", SECRET.decode())
    taken = picture("PNG", pnginfo=words, exif=exif())
    assert SECRET in taken
    cleaned = without_metadata(taken, PNG)
    assert SECRET not in cleaned
    assert opened(cleaned).tobytes() == opened(taken).tobytes()


def test_what_is_seen_through_stays_so() -> None:
    taken = picture("PNG", mode="P", transparency=0)
    assert opened(without_metadata(taken, PNG)).info["transparency"] == opened(taken).info["transparency"]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (picture("JPEG")[:300], JPEG),
        (picture("PNG")[:60], PNG),
        (b"\xff\xd8\xff\xe0 no picture", JPEG),
        (picture("PNG"), JPEG),
        (b"", PNG),
    ],
    ids=["half a JPEG", "half a PNG", "no picture", "another kind", "nothing"],
)
def test_what_is_no_whole_picture_is_refused(content: bytes, kind: str) -> None:
    with pytest.raises(NoPicture):
        without_metadata(content, kind)


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversations.pictures, "_MOST_PIXELS", 799)
    with pytest.raises(NoPicture, match="too large"):
        without_metadata(picture("PNG"), PNG)

"""Files that come with a message: which kinds are taken, told by their content, and how they are kept.

A file is a row of the database, as the message is, and goes when its chat goes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

from sqlalchemy.ext.asyncio import AsyncSession

from conversations.database import Database
from conversations.keys import new_id
from conversations.models import File, Json, Message

#: In bytes. More than a scanned form of some pages has, and less than any channel's own limit.
MAX_FILE_BYTES = 5 * 1024 * 1024

_LONGEST_NAME = 120

PDF, JPEG, PNG = "application/pdf", "image/jpeg", "image/png"
OGG, MP4_AUDIO, MP3 = "audio/ogg", "audio/mp4", "audio/mpeg"
AAC, AMR = "audio/aac", "audio/amr"

#: What an adviser may send: kinds that every phone opens, and that channels carry.
SENT_BY_ADVISERS = frozenset({PDF, JPEG, PNG})

#: What a person may send to an adviser. Of sounds every kind that WhatsApp carries (Meta, "Audio messages").
SENT_BY_PEOPLE = SENT_BY_ADVISERS | {OGG, MP4_AUDIO, MP3, AAC, AMR}

#: Where a kind shows itself in its content: media type -> offset and bytes.
#: PDF: ISO 32000-2, 7.5.2. PNG: W3C, 5.2. JPEG: ITU T.81, B.1. Ogg: RFC 3533, 6. MP4: ISO 14496-12, 4.3.
#: MP3: id3.org, ID3v2, or without a tag its first frame (ISO 11172-3, 2.4.1.3, ISO 13818-3: Layer III, with a
#: checksum or without). AAC: ISO 14496-3, 1.A.2 (ADTS: the same twelve bits, then layer 0; or ADIF).
#: AMR: RFC 4867, 5.1.
_SIGNS: tuple[tuple[str, int, bytes], ...] = (
    (PDF, 0, b"%PDF-"),
    (PNG, 0, b"\x89PNG\r\n\x1a\n"),
    (JPEG, 0, b"\xff\xd8\xff"),
    (OGG, 0, b"OggS"),
    (MP4_AUDIO, 4, b"ftypM4A "),
    (MP3, 0, b"ID3"),
    *((MP3, 0, bytes((0xFF, second))) for second in (0xFA, 0xFB, 0xF2, 0xF3, 0xE2, 0xE3)),
    *((AAC, 0, bytes((0xFF, second))) for second in (0xF0, 0xF1, 0xF8, 0xF9)),
    (AAC, 0, b"ADIF"),
    (AMR, 0, b"#!AMR\n"),
)

#: What the tracks of an MP4 file hold (ISO 14496-12, 8.4.3): most phones write sound under a film's brand.
_TRACKS = re.compile(rb"hdlr.{8}(soun|vide)", re.DOTALL)

_ENDINGS = {
    PDF: (".pdf",),
    JPEG: (".jpg", ".jpeg"),
    PNG: (".png",),
    OGG: (".ogg", ".oga"),
    MP4_AUDIO: (".m4a",),
    MP3: (".mp3",),
    AAC: (".aac",),
    AMR: (".amr",),
}

_NOT_IN_A_NAME = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069/\\:*?\"<>|]+")


def media_type_of(content: bytes) -> str | None:
    """What a file is, by what it holds: whatever it is called. None: no kind that is taken."""
    found = next((kind for kind, at, sign in _SIGNS if content.startswith(sign, at)), None)
    if found is None and content.startswith(b"ftyp", 4) and set(_TRACKS.findall(content)) == {b"soun"}:
        return MP4_AUDIO
    return found


def file_name(told: str, media_type: str) -> str:
    """A name that no system takes for a path or another kind of file."""
    told = told.encode("utf-8", "replace").decode().replace("\\", "/")  # half characters are no name
    name = " ".join(_NOT_IN_A_NAME.sub(" ", told.rpartition("/")[2]).split()).strip(" .")
    endings = _ENDINGS[media_type]
    if not name.lower().endswith(endings):
        name = f"{name or 'file'}{endings[0]}"
    stem, _, ending = name.rpartition(".")
    return f"{stem[: _LONGEST_NAME - len(ending) - 1]}.{ending}"


def size_in_words(size: int) -> str:
    """ "3 KB", "1.2 MB": as people's own devices say it."""
    return f"{max(1, round(size / 1024))} KB" if size < 1024 * 1024 else f"{size / 1024 / 1024:.1f} MB"


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file that is not kept yet. ``media_type`` is what ``media_type_of`` found."""

    name: str
    media_type: str
    content: bytes = field(repr=False)


class Files:
    """Reads files. The log writes them, with the message that they come with."""

    database: Database

    async def file(self, conversation_id: str, file_id: str) -> File | None:
        """A file of this conversation, with its content. Raises ``StoreUnavailable``."""
        async with self.database.reading() as session:
            found = await session.get(File, file_id)
            return found if found is not None and found.conversation_id == conversation_id else None


async def keep_in(session: AsyncSession, conversation_id: str, new: NewFile, at: datetime) -> Json:
    """Keep a file inside the caller's transaction; what the message says of it, among its attachments."""
    row = File(
        id=new_id(),
        conversation_id=conversation_id,
        name=new.name,
        media_type=new.media_type,
        content=new.content,
        created_at=at,
    )
    session.add(row)
    await session.flush()
    return {
        "kind": "file",
        "id": row.id,
        "title": new.name,
        "media_type": new.media_type,
        "size": len(new.content),
        "size_said": size_in_words(len(new.content)),
        "url": f"/api/v1/conversations/{conversation_id}/files/{row.id}",
    }


def is_file(attachment: Json) -> bool:
    """Whether a message's attachment is a file that is kept here."""
    return attachment.get("kind") == "file"


def came_with(message: Message, file: NewFile | None) -> bool:
    """Whether a message was kept with this file, by name and size; with none, if ``file`` is None."""
    kept = [(one["title"], one["size"]) for one in message.attachments if is_file(one)]
    return kept == ([(file.name, len(file.content))] if file else [])


def headers_of(name: str) -> dict[str, str]:
    """The headers under which a file is given to a browser: to be saved, not to run or to be guessed at.

    ``name``: what ``file_name`` made. Both forms of it, as RFC 6266, 4.3 has it.
    """
    plain = name.encode("ascii", "replace").decode().replace("?", "_")
    return {
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "X-Content-Type-Options": "nosniff",
    }

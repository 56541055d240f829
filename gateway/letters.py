"""Letters, filled in and handed straight back: as text, as a page, or as a Word document.

What a person puts into a letter is in the body of one request and in its answer, and nowhere else: not in a
database, a file, a log or an address. There is no cookie and nothing changes here, so that a form posted from
another site gets that site's visitor a letter and no more: the origin of a request does not matter.
"""

from __future__ import annotations

import aiohttp_jinja2
from aiohttp import web
from sqlalchemy.orm import Session

from gateway.bodies import parse, posted
from gateway.errors import Code, Problem
from gateway.keys import RECORDS, SETTINGS
from gateway.letter_body import LetterBody, checked_letter
from knowledge import letter_file
from knowledge.letters import FilledLetter, fill
from knowledge.queries.letters import letter_by_id

_FORM = "application/x-www-form-urlencoded"

#: Something to know before the letter is sent; it is no part of the letter. The page shows it above.
NOTE_HEADER = "Letter-Note"


async def letter(request: web.Request) -> web.Response:
    """``POST /letters/{id}``: the letter with what was given; what was not is a blank like "[your name]"."""
    body = await _read(request)
    letter_id = request.match_info["id"]
    form = body.format or _accepted(request)

    def write(session: Session) -> tuple[FilledLetter, bytes]:
        # A Word document takes long enough to keep the event loop from everybody else.
        filled = _filled(session, letter_id, body)
        return filled, letter_file.to_docx(filled) if form == "docx" else b""

    filled, document = await request.app[RECORDS].read(write)
    match form:
        case "docx":
            return web.Response(
                body=document,
                content_type=letter_file.MEDIA_TYPE,
                headers={"Content-Disposition": f'attachment; filename="{letter_id}.docx"'},
            )
        case "page":
            return aiohttp_jinja2.render_template(
                "letter.html", request, {"letter": filled, "settings": request.app[SETTINGS]}
            )
        case _:
            headers = {NOTE_HEADER: filled.note} if filled.note else {}
            return web.Response(text=filled.text, content_type="text/plain", charset="utf-8", headers=headers)


def _filled(session: Session, letter_id: str, body: LetterBody) -> FilledLetter:
    found = letter_by_id(session, letter_id)
    if found is None:
        raise Problem(Code.NO_SUCH_LETTER)
    checked_letter(found, body)
    return fill(session, found, body.fields, body.voice, body.limit)


async def _read(request: web.Request) -> LetterBody:
    """The body, as JSON or as a form. Raises ``Problem``."""
    match request.content_type:
        case "application/json":
            return parse(LetterBody, await request.read() or b"{}")
        case form_type if form_type == _FORM:
            return LetterBody.from_form(await posted(request))
        case _:
            # Parts of a multipart form would be put into files on their way.
            raise Problem(Code.BAD_REQUEST, detail=f"Send JSON or a form ({_FORM}).")


def _accepted(request: web.Request) -> str:
    accept = request.headers.get("Accept", "")
    return "docx" if letter_file.MEDIA_TYPE in accept else "text"

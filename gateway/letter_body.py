"""What may come in for a letter: names that it has, of a bounded size. What was sent is never echoed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from gateway.bodies import Body, checked
from gateway.errors import Code, Problem
from knowledge.letters import MAX_LINE, MAX_TEXT
from knowledge.models import Letter

#: In a form these names stand beside those of the fields, so that no field may have them.
CHOICES = ("voice", "limit", "format")

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$", max_length=80)]


class LetterBody(Body):
    """``POST /letters/{id}``. Everything may be left out."""

    fields: dict[Name, str] = Field(default_factory=dict, max_length=40)
    voice: Name | None = None
    limit: Name | None = None
    format: Literal["text", "docx", "page"] | None = None

    @classmethod
    def from_form(cls, form: dict[str, str]) -> LetterBody:
        """A form's names and values. Raises ``Problem`` naming what is wrong."""
        fields = {name: value for name, value in form.items() if name not in CHOICES}
        choices = {name: form[name] for name in CHOICES if form.get(name)}
        return checked(cls, {"fields": fields, **choices})


def checked_letter(letter: Letter, body: LetterBody) -> None:
    """Raises ``Problem`` naming each name that the letter does not have and each text that is too long."""
    lengths = {field["name"]: MAX_TEXT if field["multiline"] else MAX_LINE for field in letter.fields}
    errors = []
    for name, value in body.fields.items():
        if name not in lengths:
            errors.append({"field": f"fields.{name}", "message": "this letter has no such field"})
        elif len(value) > lengths[name]:
            message = f"is too long: at most {lengths[name]} characters"
            errors.append({"field": f"fields.{name}", "message": message})
    if body.voice is not None and body.voice not in {voice["id"] for voice in letter.voices}:
        errors.append({"field": "voice", "message": "this letter has no such voice"})
    if body.limit is not None and body.limit not in letter.limits:
        errors.append({"field": "limit", "message": "this letter has no such limit"})
    if errors:
        raise Problem(Code.INVALID_FIELDS, errors=errors)

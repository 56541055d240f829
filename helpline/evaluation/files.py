"""Evaluation files: JSON lines, one object a line."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class EvaluationFileError(ValueError):
    """A line of an evaluation file is not of its form; the message names file, line and field."""


class TopicLine(BaseModel):
    """A message and what it is about; ``also`` names other topics that count as right."""

    model_config = ConfigDict(extra="forbid")

    text: str
    topic: str
    also: list[str] = []
    noise: str | None = None  # what makes it hard to read; worked out from the text when not given


class SafetyLine(BaseModel):
    """A message and how it must be taken; ``accept`` names other labels that count as right."""

    model_config = ConfigDict(extra="forbid")

    text: str
    label: str
    accept: list[str] = []
    kind: str | None = None  # what sort of wording it is ("indirect", "slang"), for scores by kind


class DialogueTurn(BaseModel):
    """What a person says, and the regexes that the joined replies must and must not match."""

    model_config = ConfigDict(extra="forbid")

    user: str
    expect: list[str] = []
    reject: list[str] = []


class Dialogue(BaseModel):
    """A scripted chat."""

    model_config = ConfigDict(extra="forbid")

    id: str
    turns: list[DialogueTurn]


class SearchLine(BaseModel):
    """A question and the records that answer it; ``also`` names others that count as right."""

    model_config = ConfigDict(extra="forbid")

    text: str
    before: str | None = None  # the question that it carries on, if it does
    area: str | None = None  # where the person lives; None: not known
    age: int | None = None  # years
    records: list[str] = Field(min_length=1)
    also: list[str] = []


def read_lines[Line: BaseModel](path: Path, form: type[Line]) -> list[Line]:
    """Read an evaluation file.

    Raises:
        EvaluationFileError: a line is not JSON or not of the form.
    """
    lines = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not text.strip():
            continue
        try:
            lines.append(form.model_validate(json.loads(text)))
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"]))
            raise EvaluationFileError(f"{path}, line {number}, {field}: {first['msg']}") from error
        except json.JSONDecodeError as error:
            raise EvaluationFileError(f"{path}, line {number}: not JSON: {error.msg}") from error
    return lines

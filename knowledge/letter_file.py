"""A filled letter as a Word document (Office Open XML, ISO/IEC 29500), made in memory only."""

from __future__ import annotations

from io import BytesIO

from docx import Document
from docx.oxml.ns import qn
from docx.shared import Pt

from knowledge.letters import FilledLetter

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def to_docx(letter: FilledLetter) -> bytes:
    """The letter as the bytes of a ``.docx`` file. Its properties name nobody."""
    document = Document()
    normal = document.styles["Normal"]
    normal.font.name = "Arial"
    normal.font.size = Pt(12)
    # So that a screen reader and the spelling check take it for English as written here.
    language = normal.element.get_or_add_rPr().makeelement(qn("w:lang"), {qn("w:val"): "en-GB"})
    normal.element.rPr.append(language)
    for text in letter.paragraphs:
        paragraph = document.add_paragraph()
        run = paragraph.add_run()
        run.bold = text == letter.subject
        for position, line in enumerate(text.split("\n")):
            if position:
                run.add_break()
            run.add_text(line)
    properties = document.core_properties
    properties.author = properties.last_modified_by = ""
    properties.title, properties.comments = letter.title, ""
    file = BytesIO()
    document.save(file)
    return file.getvalue()

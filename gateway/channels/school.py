"""Whether words send somebody to a person at school: then it matters that schools may be closed.

Judged by the sentence, in plain words and in Easy Read. What others do ("they may ask your school"), what
need not be done, and school as a place ("if you cannot go to school") do not count.
"""

from __future__ import annotations

import re

_SENTENCE = re.compile(r"[^.!?\n]+")

#: Who is at school, by what they are called.
_SOMEBODY = (
    r"(?:teachers?|head(?: ?teacher| of year)?(?! of)|sencos?|tutors?|pastoral|governors"
    r"|school (?:nurses?|office|counsellor))\b"
)

#: School itself as one that can be asked: no school place or bus, none to choose, and not what school does.
_SCHOOL = (
    r"(?<!\ba )(?<!\banother )(?<!\bfor )(?<!\bfor the )school\b(?!['’]s)"
    r"(?! (?:places?|transport|bus|reports?|website|days?|years?|trips?|meals?|leaving)\b)"
    r"(?! (?:or college )?you (?:want|would like)\b)"
    r"(?! (?:must|will|should|can|may|might|could|has|is|was|says?|said|does|did)\b)"
)

#: What may stand before them: others who are named in the same breath, and small words.
_OTHERS = (
    r"(?:(?:the|a|an|your|their|another|any|both|new|class|form|or|and|for|at|of|in|first|such as|like"
    r"|someone|somebody|adults?|grown-ups?|you trust|parents?|mum|dad|carers?|family|friends?"
    r"|gps?|doctors?|nurses?|health visitors?|social workers?|team|send team|council|manager"
    r"|college|nursery|(?:child|school)['’]s)[,:]? ){0,9}"
)

_TO_THEM = rf"{_OTHERS}(?:{_SOMEBODY}|{_SCHOOL})"

_GOES = re.compile(
    r"\b(?:"
    + "|".join(
        (
            rf"(?:ask|tell|telling|email|phone|ring|call|contact) {_TO_THEM}",
            rf"(?:talk|talking|speak|write|complain) (?:to|with) {_TO_THEM}",
            rf"(?:see|find|meet|(?:a meeting|book) with|go (?:back )?to) {_OTHERS}{_SOMEBODY}",
            rf"go (?:back )?to (?:the |your )?(?:gp|doctor) or (?:the |your )?{_SCHOOL}",
            r"ask (?:for (?:help|support|changes|a meeting) )?at (?:your |the )?school\b",
            rf"(?:show|give|take|send) (?:[\w'’-]+ ){{1,6}}?to {_TO_THEM}",
            rf"(?:show|give|send|let) {_TO_THEM} (?:a|an|one|this|the|your|know)\b",
        )
    )
    + ")",
    re.IGNORECASE,
)

#: Before the verb: it is not the reader who goes, or the sentence tells no one to.
_NOT_THE_READER = re.compile(
    r"\b(?:"
    r"(?:i|we|they|he|she|it|who|not|never|nobody|\w+n['’]t|council|team|nhs|gp|doctors?|(?<!at )school)"
    r"(?: (?:can|may|will|must|might|should|could|would|do|does|did|not|\w+n['’]t"
    r"|also|then|have|need|want|to|ever))*"
    r"|(?:if|when|before|after|once|whether|until) you"
    r") $",
    re.IGNORECASE,
)


def sends_to_school(text: str) -> bool:
    """Whether ``text`` tells its reader to go to school, or to somebody there, with something."""
    for sentence in _SENTENCE.findall(text):
        words = " ".join(sentence.split())
        if any(not _NOT_THE_READER.search(words[: found.start()]) for found in _GOES.finditer(words)):
            return True
    return False

"""How far somebody is on the way to an assessment, as far as they said so themselves.

Only one thing is told: whether they wait, that is, a referral has gone in and nothing came of it yet. A wrong
"you are here" is worse than none: what is asked, supposed, denied or told of others counts for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from actions.context import Context
from knowledge.dates import today
from knowledge.waits import so_far

_SENTENCE = re.compile(r"[^.!?;\n]+[.!?;\n]?|[.!?;\n]")

#: "not", "haven't", "havent"; not the end of "sent".
_NOT = r"\b(?:not|never|\w+n['’]t|(?:have|has|had|was|were|is|are|did|does|do|could|would|wo|ca)nt)\b"

#: Over, or never begun: refused, sent back, seen already, not referred yet.
_NOT_WAITING = re.compile(
    r"\b(?:reject|refus|declin|discharg)\w*|\bturn(?:ed|ing)? (?:\w+ ){0,3}down\b|\bsent (?:\w+ ){0,2}back\b"
    rf"|{_NOT} accept|\bbounced\b"
    rf"|(?:{_NOT}|\bnobody|\bno one|\bwithout) (?:\w+ ){{0,4}}(?:reff?er\w*|on (?:the|a) (?:waiting )?list)"
    r"|\b(?:was|were|been|got|finally|already|just|now) (?:\w+ ){0,2}(?:diagnosed|assessed)\b"
    r"|\b(?:got|has|have|had|received) (?:\w+ ){0,2}(?:diagnosis|assessment)\b"
    r"(?! (?:in|on|next|this|booked))",
    re.IGNORECASE,
)
#: "she hasn't been assessed yet" says nothing against waiting.
_NOT_SEEN = re.compile(
    rf"(?:{_NOT}|\bstill|\bto be|\bget|\bbefore|\buntil|\btill) (?:\w+ ){{0,3}}(?:diagnosed|assessed)\b"
    rf"|(?:{_NOT}|\bno) (?:\w+ ){{0,3}}(?:diagnosis|assessment)\b",
    re.IGNORECASE,
)
_WAITING = re.compile(
    # "we were referred", "he's just been referred", "I have referred myself"
    r"(?:(?:\w+ |['’])(?:was|were|been|got|am|is|are|has been|have been|s been|ve been)"
    r"(?: just| now| already| finally| both)? reff?err?ed\b)"
    r"|\b(?:s|m|re) (?:been |just |already )*reff?err?ed\b"
    r"|\b(?:gp|doctor|school|senco|nursery|visitor|paediatrician|they|camhs|we|i)(?: has| have|'ve|['’]s)?"
    r"(?: just| now| already| finally)? reff?err?ed (?:us|me|him|her|them|myself|my|our)\b"
    # "the referral went in", "the form has been sent"
    r"|\b(?:referral|form)(?:s)? (?:was|were|has|have|went|is|got)(?: been)?(?: just| already| finally)?"
    r" (?:in|gone|sent|made|accepted|submitted|done)\b|\breferral went\b"
    # "on the waiting list", "waiting for an assessment", "we've been waiting"
    r"|\b(?:on|joined|added to|put on) (?:the|a|their) (?:\w+ )?(?:waiting )?(?:list|pathway)\b"
    r"|\bwaiting (?:\w+ ){0,5}?(?:assessment|assessed|diagnosis|appointment|to be seen)\b"
    r"|\b(?:been|still|['’]m|are|re|am|is) waiting (?:since|for|about|over|nearly|almost|\d)",
    re.IGNORECASE,
)
#: Before it in the sentence: then it is asked, supposed or to come.
_NOT_SAID = re.compile(
    r"\b(?:if|whether|how|once|after|when|before|until|unless|who|why|can|could|should|would|may|might|must|will"
    r"|want\w*|need\w*|ask\w*|hop\w+|to (?:be|get)|suppose\w*|do|does|did)\b",
    re.IGNORECASE,
)
#: Other people, and what else one is referred to or waits for.
_ANOTHER = re.compile(
    r"\b(?:friends?|neighbours?|people|children|kids|families|parents|others?|someone|somebody|everyone)['’]?s?"
    r" (?:\w+ )?(?:is|are|was|were|has|have|been|got|waiting|wait)\b"
    r"|\b(?:ehcp?|plan|council|tribunal|appeal|mediation|housing|speech|occupational|hearing|eye|dla|pip)\b"
    r"|\bphysio\w*|\bsocial (?:work|care|services)|\bcounsell\w*|\bbenefits?\b",
    re.IGNORECASE,
)


def waits(context: Context) -> bool:
    """Whether the person said that a referral has gone in, and nothing that came after it.

    The newest message that tells of either decides; else the day of a referral that is known and past.
    """
    told = told_to_wait(context.asked)
    if told is None:
        return context.referred is not None and so_far(context.referred, today()) is not None
    return told


def told_to_wait(said: Sequence[str]) -> bool | None:
    """What somebody's messages, oldest first, tell of it; None when they tell nothing."""
    for text in reversed(said):
        # What came of it counts, wherever it stands in a message: "It was sent back. He was referred in May."
        told = [found for sentence in _SENTENCE.findall(text) if (found := _tells(sentence)) is not None]
        if told:
            return all(told)
    return None


def _tells(sentence: str) -> bool | None:
    if _ANOTHER.search(sentence):
        return None
    if _NOT_WAITING.search(_NOT_SEEN.sub(" ", sentence)):
        return None if _NOT_SAID.search(sentence) and sentence.rstrip().endswith("?") else False
    found = _WAITING.search(sentence)
    if found is None or _NOT_SAID.search(sentence[: found.start()]):
        return None
    # "has she been referred?" asks; "we were referred, what now?" tells first.
    begins = sentence[: found.end()].strip().lower()
    asks = re.match(r"(?:has|have|had|was|were|is|are|am|did|been)\b", begins) and sentence.rstrip().endswith(
        "?"
    )
    return None if asks else True

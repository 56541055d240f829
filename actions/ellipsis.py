"""Short questions that lean on what was said before: "what if they say no?", "how long have we got?".

Their words alone tell no topic, so that the dialogue model guesses. What was answered last decides: each cue
stands for a whole question of the topic that it continues. The rewritten question says nothing that a person
could be told; the store is searched with it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_PLAN = ("ehcp_request", "ehcp_timescale", "ehcp_review_content", "sen_support_funding")
_ROUTES = ("diagnosis_route_child", "diagnosis_route_adult", "referral_who", "diagnosis_private_rtc")
_WAITS = ("wait_time", "wait_support", "wait_status_chase")
_ANY = "*"


@dataclass(frozen=True)
class Meant:
    """What a short question means."""

    topic: str
    question: str  # in full, to search the store with; "" where the topic's own answer is meant


def _to(topics: tuple[str, ...], topic: str, question: str = "") -> dict[str, Meant]:
    return dict.fromkeys(topics, Meant(topic, question))


#: Of services that were shown: asked for what they are, and not for how to reach them.
WHAT_THEY_DO = "What do they do?"

#: Before and behind a cue, these change nothing.
_BEFORE = (
    r"(?:(?:and|ok|okay|so|but|oh|right|thanks|thank you|then|also|well|great|cheers|yes|no|hmm|um|er)"
    r"[\s,.!]+)*"
)
_BEHIND = (
    r"(?:[\s,]+(?:please|pls|then|though|tho|thanks|now|again|exactly|usually|normally"
    r"|about (?:it|this|that)))*"
)

_THEY = (
    r"(?:they|he|she|it|that|the council|council|the la|la|the school|school|the gp|gp|the panel|the nhs"
    r"|the trust"
    r"|the dwp|dwp|someone)"
)
_REFUSE = (
    r"(?:say[s]?|said) no|(?:'ve |have |has )?refuse[sd]?(?: (?:it|us|me|him|her|to))?(?: assess)?"
    r"|(?:won'?t|wont|will not|don'?t|dont|doesn'?t|doesnt|do not|does not) (?:do it|agree|assess|accept"
    r" it|listen|help)"
    r"|turn(?:s|ed)? (?:it|us|me|him|her|them) down|turn(?:s|ed)? down|reject(?:s|ed)?(?: it| us| me| him|"
    r" her)?"
    r"|disagree[sd]?|gets? (?:refused|rejected|turned down)|(?:is|was) (?:refused|rejected|turned down)"
    r"|comes back no"
)

_CUES: tuple[tuple[re.Pattern[str], dict[str, Meant]], ...] = tuple(
    (re.compile(rf"{_BEFORE}(?:{cue}){_BEHIND}\W*", re.IGNORECASE), meant)
    for cue, meant in (
        (
            rf"(?:what (?:happens |do (?:i|we) do |can (?:i|we) do )?)?(?:if|when) {_THEY} ?(?:{_REFUSE})"
            rf"|(?:and )?if not|if {_THEY} (?:{_REFUSE})(?: what)?(?: (?:do|can) (?:i|we) do| happens)?"
            rf"|{_THEY} (?:might|may|could|will) (?:say no|refuse)",
            {
                **_to(_PLAN, "ehcp_refused_appeal", "The council said no. How do we appeal?"),
                **_to(
                    ("ehcp_refused_appeal",),
                    "ehcp_refused_appeal",
                    "What if we disagree with what the SEND Tribunal or mediation decides?",
                ),
                **_to((*_ROUTES, *_WAITS), "referral_who", "The referral was turned down. What can we do?"),
                **_to(("benefits_money",), "benefits_money", "The benefit was refused. How do we appeal?"),
                **_to(
                    ("social_care_assessment", "support_short_breaks", "support_carer"),
                    "social_care_assessment",
                    "The council refuses a care needs assessment. What can we do?",
                ),
                **_to(
                    ("reasonable_adjustments",),
                    "reasonable_adjustments",
                    "They refuse to make reasonable adjustments. What can we do?",
                ),
                **_to(("exclusion_attendance",), "exclusion_attendance", "How do we challenge an exclusion?"),
            },
        ),
        (
            r"(?:how long|how much time|how many (?:weeks|days|months)) (?:have|do|did|would|ve|'ve)? ?"
            r"(?:we|i|they)"
            r" (?:got|get|have)(?: (?:to|for) \w+(?: \w+)?)?|(?:what(?:'s| is)|is there) (?:the|a|any) "
            r"(?:deadline|time limit|cut[- ]?off)(?: for (?:that|it|this))?|by when|when (?:do|must"
            r"|should) (?:we|i) "
            r"(?:do|ask|send|reply|appeal)(?: (?:it|that))? by",
            {
                **_to(("ehcp_request", "ehcp_timescale"), "ehcp_timescale"),
                **_to(
                    ("ehcp_refused_appeal",),
                    "ehcp_refused_appeal",
                    "How long do we have to appeal to the SEND Tribunal?",
                ),
                **_to(
                    ("ehcp_review_content",),
                    "ehcp_timescale",
                    "What are the time limits of an annual review?",
                ),
                **_to(
                    ("exclusion_attendance",),
                    "exclusion_attendance",
                    "How long do we have to challenge an exclusion?",
                ),
                **_to(
                    ("benefits_money",), "benefits_money", "How long do I have to appeal a benefit decision?"
                ),
                **_to(("complaint",), "complaint", "Is there a time limit for a complaint?"),
            },
        ),
        (
            r"(?:and |roughly |about )?how long(?: (?:does|will|would|is|might|can) (?:it|that|this|all"
            r" that|it all)"
            r"(?: all)?(?: (?:take|be|last))?| until then| for)?|when (?:will|do|should) (?:i|we) (?:hear"
            r"|know|get an answer)"
            r"(?: back)?|how (?:many weeks|many months|soon)(?: is (?:it|that))?",
            {
                **_to(("ehcp_request", "ehcp_timescale", "ehcp_review_content"), "ehcp_timescale"),
                **_to(
                    ("ehcp_refused_appeal",), "ehcp_refused_appeal", "How long does the SEND Tribunal take?"
                ),
                **_to((*_ROUTES, *_WAITS), "wait_time"),
                **_to(("diagnosis_process",), "diagnosis_process", "How long does an assessment take?"),
            },
        ),
        (
            r"(?:what about |when is |when(?:'s| will) )?the (?:finished|final|whole|actual) (?:plan|ehcp"
            r"|ehc plan)"
            r"(?: (?:due|come|be ready|arrive))?|(?:what about |when is )?the (?:draft|decision)(?: due)?",
            _to(("ehcp_request", "ehcp_timescale"), "ehcp_timescale"),
        ),
        (
            r"(?:if (?:we|i) )?(?:(?:pay|go|went|paid) )?private(?:ly)?|(?:what if (?:we|i) )(?:pay|go"
            r"|went|paid)"
            r"(?: for it)?(?: private(?:ly)?)?|(?:can|could) (?:we|i) (?:pay|go private)(?: for (?:it|one"
            r"|that))?",
            _to((*_ROUTES, *_WAITS, "diagnosis_process"), "diagnosis_private_rtc"),
        ),
        (
            r"(?:what (?:can|do|should) (?:we|i) do |what help is there |any help )?"
            r"(?:(?:in the )?mean ?time|meanwhile|until then|while (?:we|i) wait|while (?:we|i)(?:'re|'m|"
            r" are| am) waiting)",
            {
                **_to((*_ROUTES, *_WAITS, "diagnosis_process"), "wait_support"),
                **_to(
                    ("ehcp_request", "ehcp_timescale", "ehcp_refused_appeal"),
                    "sen_support_funding",
                    "What help must school give before there is a plan?",
                ),
            },
        ),
        (
            r"(?:what|and what)? ?(?:happens|comes|is|do (?:we|i) do)? ?(?:after (?:that|this|it)|next"
            r"|afterwards)"
            r"|then what|what then",
            {
                **_to(_ROUTES, "diagnosis_process"),
                **_to(_WAITS, "diagnosis_process"),
                **_to(("diagnosis_process",), "support_post_diagnosis"),
                **_to(("ehcp_request",), "ehcp_timescale"),
            },
        ),
        (
            r"(?:how|where) (?:do|can|would|could|should) (?:i|we) (?:contact|reach|call|ring|phone|email"
            r"|text|find|get (?:hold|in touch)"
            r" (?:of|with)|get in touch with|speak to|talk to) (?:them|it|him|her|this|that|these|those"
            r"|there)"
            r"|(?:what(?:'s| is|s| are)?|have you got|do you have|can i have|give me|got)? ?(?:their|the|a"
            r"|its|any) "
            r"(?:phone |telephone |contact |opening |email )?(?:number|phone|email|address|website|details"
            r"|times|hours)"
            r"(?: for (?:them|it|that))?|who (?:runs|owns|is behind|does) (?:it|that|them|this|these)"
            r"|(?:when|what time|what days) (?:are they|is it|do they|does it) open|are they open (?:at"
            r"|on) \w+|what about "
            r"(?:weekends|evenings|saturdays?|sundays?)|(?:how much )?(?:does|do) (?:it|they) (?:cost"
            r"|charge)(?: anything)?"
            r"|is (?:it|that|this) free|are they free|where (?:is it|are they)(?: based)?",
            {_ANY: Meant("service_contact", "")},
        ),
        (
            r"(?:what|who) (?:do|does|are|is|can) (?:they|it|that|these|those)(?: (?:even|actually|really))*"
            r"(?: (?:do|offer|help with|help|there for|for))*"
            r"(?: (?:for )?(?:us|me|people|families|parents))?",
            {"service_contact": Meant("service_contact", WHAT_THEY_DO)},
        ),
    )
)


def meant_by(text: str, last_topic: str | None) -> Meant | None:
    """What a short question means after an answer; None when it stands for itself.

    Args:
        text: the message as the person wrote it.
        last_topic: the last topic answered; None when there is none.
    """
    if not text or last_topic is None:
        return None
    said = " ".join(text.replace("’", "'").split())
    for cue, meant in _CUES:
        if cue.fullmatch(said) and (found := meant.get(last_topic) or meant.get(_ANY)):
            return found
    return None

"""Why a person was asked for: the one place that names the codes and says what advisers read for each."""

from __future__ import annotations

from types import MappingProxyType

#: Nothing offered it: the person asked.
ASKED = "asked"

#: Code -> words. A chat that speaks of danger has the topic of that danger instead, which the store names.
REASONS = MappingProxyType(
    {
        ASKED: "They asked for a person",
        "not_understood": "The assistant did not understand them",
        "nothing_known": "The assistant had no answer for them",
        "out_of_scope": "The assistant does not answer what they asked about",
        "not_covered": "They live where the assistant knows nothing local",
        "complaint": "They want to complain",
        "distress": "They sounded distressed",
        "reopened": "An adviser took it up again",
        "opened_in_chatwoot": "An adviser opened it in Chatwoot",
    }
)

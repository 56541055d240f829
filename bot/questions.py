"""Two questions in one message: each is understood by itself.

``QuestionSplitter`` stands first in the pipeline and puts each question of a message behind the message, as
a message of its own, so that every later component reads them all. ``QuestionJoiner`` stands last and hangs
what they were understood as on the first: ``questions``, a list of ``{"text", "intent", "answerability"}``
in the order of the message. A message that asks one thing goes through as it is and has no ``questions``.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Text, Type

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.extractors.extractor import EntityExtractorMixin
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message

#: More questions than this in one message are a story with many question marks.
_MOST = 4

#: A question of fewer words ("is that right?") leans on what stands before it.
_FEWEST_WORDS = 3

_ASKING = (
    r"(?:how|what|whats|what['’]s|who|whos|who['’]s|where|wheres|where['’]s|when|why|which|can|could|do"
    r"|does|did|is|are"
    r"|am|will|would|should|shall|may)\b"
)
#: Where a sentence ends, and where a new question begins inside one.
_ENDS = re.compile(r"(?<=[.!?])\s+|\n+")
_BEGINS = re.compile(
    rf"(?:\s*[,;]\s*|\s+)(?:(?:and|also|plus|but|&|then)\s+)+(?:(?:also|then|secondly|if so)[\s,]+)*"
    rf"(?={_ASKING})"
    rf"|(?<=\?)\s*(?=\w)",
    re.I,
)
_STARTS_ASKING = re.compile(
    rf"^(?:(?:hi|hello|hey|hiya|so|please|ok|okay|well|also|and|but|oh|now|pls|firstly|secondly|first"
    rf"|second)[\s,!.]+)*{_ASKING}",
    re.I,
)
_ASKS_WITHIN = re.compile(
    r"\b(?:(?:want|need|like|trying|love|hoping) to (?:know|ask|find out|understand)|wondering|wanna know"
    r"|tell me|how (?:do|can|long|much|to)|what (?:is|are|do|can)"
    r"|(?:can|could|do|should) (?:i|we|he|she|they)|not sure (?:if|how|what|who)|no idea (?:if|how|what"
    r"|who)|any idea)\b",
    re.I,
)
#: Words that every question has: one of these words only asks nothing of its own.
_EMPTY = re.compile(
    r"\b(?:how|whats?|who|where|when|why|which|can|could|do|does|did|is|are|am|will|would|should|shall|may"
    r"|i|we|you"
    r"|he|she|it|they|that|this|there|these|those|be|to|for|of|in|on|the|a|an|and|or|so|not|any|anyone"
    r"|anything"
    r"|something|someone|else|please|help|advice|idea|know|right|true|ok|correct|normal|allowed|legal|fair"
    r"|say|me|us|my"
    r"|him|her|them|now|next|about|if|have|has|get|just|really|even|actually|s|re|m|ve|advise|possible"
    r"|want|need|think)\b",
    re.I,
)


def questions_in(text: str) -> List[str]:
    """The questions of a message, each in its own words; empty when it asks fewer than two things.

    Args:
        text: the message as the person wrote it.
    """
    clauses = [part.strip(" ,;-") for end in _ENDS.split(text) for part in _BEGINS.split(end) if part]
    asked = [clause for clause in clauses if _asks(clause)]
    return asked if 2 <= len(asked) <= _MOST else []


def _asks(clause: str) -> bool:
    words = re.findall(r"\w+", clause)
    if len(words) < _FEWEST_WORDS or not re.search(r"\w", _EMPTY.sub("", clause)):
        return False
    return bool(clause.endswith("?") or _STARTS_ASKING.match(clause) or _ASKS_WITHIN.search(clause))


class _AtBothEnds(GraphComponent, EntityExtractorMixin):
    """What the two ends share: nothing to learn and nothing to keep."""

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> _AtBothEnds:
        """Makes the component."""
        return cls()

    @classmethod
    def required_components(cls) -> List[Type]:
        """None."""
        return []


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class QuestionSplitter(_AtBothEnds):
    """Stands first: puts the questions of a message behind it."""

    def process(self, messages: List[Message]) -> List[Message]:
        """The messages, each followed by its questions."""
        found = []
        for message in messages:
            text = message.get(TEXT) or ""
            # A button's payload is no question.
            asked = [] if text.startswith("/") else questions_in(text)
            found += [message, *(Message(data={TEXT: question, "part": True}) for question in asked)]
        return found


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class QuestionJoiner(_AtBothEnds):
    """Stands last: hangs what the questions were understood as on the message that they stand in."""

    def process(self, messages: List[Message]) -> List[Message]:
        """The messages without their questions, which the messages now tell of."""
        whole: List[Message] = []
        for message in messages:
            if not message.get("part"):
                whole.append(message)
                continue
            question = {
                "text": message.get(TEXT),
                "intent": message.get(INTENT),
                "answerability": message.get("answerability"),
            }
            whole[-1].set("questions", [*(whole[-1].get("questions") or []), question], add_to_output=True)
        return whole

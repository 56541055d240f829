"""The spelling of a message as Rasa features: short runs of letters, the rarer the weightier (TF-IDF).

Stands beside the sentence vector. It sees what the encoder does not: abbreviations of the field (EHCP, DLA,
SENDIASS), names of services, and a misspelt word as nearly the word that was meant. Rasa's own
CountVectorsFeaturizer gives raw counts, which grow with the message: long stories came out far worse with it.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, Text, Type

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.constants import FEATURIZER_CLASS_ALIAS
from rasa.nlu.featurizers.sparse_featurizer.sparse_featurizer import SparseFeaturizer
from rasa.nlu.tokenizers.tokenizer import Tokenizer
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, FEATURE_TYPE_SEQUENCE, TEXT, TEXT_TOKENS
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer

from bot.spelling import as_meant

_FILE = "letters.json"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=True)
class CharacterFeaturizer(SparseFeaturizer, GraphComponent):
    """Sets one sparse sentence feature, of as many numbers as the training examples have runs of letters."""

    @classmethod
    def required_components(cls) -> List[Type]:
        """Rasa lets no featurizer stand before the tokenizer."""
        return [Tokenizer]

    @staticmethod
    def required_packages() -> List[Text]:
        """Names as in ``import``, as Rasa checks them."""
        return ["sklearn"]

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        """The parts of a word that are looked at, and the length of the feature vector.

        ``min_ngram`` and ``max_ngram``: letters in a run; runs do not cross words. ``scale`` multiplies the
        unit vector, as in SentenceEncoderFeaturizer: equal scales give the two equal say.
        """
        return {**SparseFeaturizer.get_default_config(), "min_ngram": 2, "max_ngram": 4, "scale": 4.0}

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> CharacterFeaturizer:
        """Makes an untrained component."""
        vectorizer = _vectorizer(config, min_df=2)
        return cls(config, execution_context.node_name, model_storage, resource, vectorizer)

    def __init__(
        self,
        config: Dict[Text, Any],
        name: Text,
        model_storage: ModelStorage,
        resource: Resource,
        vectorizer: TfidfVectorizer,
    ) -> None:
        super().__init__(name, config)
        self._model_storage = model_storage
        self._resource = resource
        self._vectorizer = vectorizer

    def train(self, training_data: TrainingData) -> Resource:
        """Learns which runs of letters there are and how rare each is."""
        self._vectorizer.fit([example.get(TEXT) for example in training_data.intent_examples])
        vocabulary = self._vectorizer.vocabulary_
        learned = {
            "runs": sorted(vocabulary, key=vocabulary.__getitem__),
            "rarity": self._vectorizer.idf_.tolist(),
        }
        with self._model_storage.write_to(self._resource) as directory:
            (directory / _FILE).write_text(json.dumps(learned), encoding="utf-8")
        return self._resource

    @classmethod
    def load(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> CharacterFeaturizer:
        """Reads back what was learned."""
        with model_storage.read_from(resource) as directory:
            learned = json.loads((directory / _FILE).read_text(encoding="utf-8"))
        vectorizer = _vectorizer(config, vocabulary=learned["runs"])
        vectorizer.idf_ = np.array(learned["rarity"])
        return cls(config, execution_context.node_name, model_storage, resource, vectorizer)

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Featurizes all examples."""
        self.process(training_data.training_examples)
        return training_data

    def process(self, messages: List[Message]) -> List[Message]:
        """Featurizes messages; those without text (dialogue examples) are left alone."""
        with_text = [message for message in messages if message.get(TEXT)]
        if not with_text:
            return messages
        rows = self._vectorizer.transform([as_meant(message) for message in with_text])
        alias = self._config[FEATURIZER_CLASS_ALIAS]
        for message, row in zip(with_text, csr_matrix(rows * self._config["scale"]), strict=False):
            # Rasa wants a sequence feature beside every sentence feature; nothing here reads it.
            sequence = csr_matrix((len(message.get(TEXT_TOKENS) or [None]), row.shape[1]))
            message.add_features(Features(sequence, FEATURE_TYPE_SEQUENCE, TEXT, alias))
            message.add_features(Features(row, FEATURE_TYPE_SENTENCE, TEXT, alias))
        return messages

    @classmethod
    def validate_config(cls, config: Dict[Text, Any]) -> None:
        """Refuses a scale or a run of letters that cannot be meant."""
        if not float(config.get("scale", 1.0)) > 0:
            raise InvalidConfigException(f"config.yml: {cls.__name__}: scale must be greater than 0")
        if not 1 <= int(config.get("min_ngram", 2)) <= int(config.get("max_ngram", 4)):
            raise InvalidConfigException(
                f"config.yml: {cls.__name__}: min_ngram must be at least 1 and at most max_ngram"
            )


def _vectorizer(config: Dict[Text, Any], **settings: Any) -> TfidfVectorizer:
    """Small and capital letters alike; a run that is repeated in a message counts little more."""
    runs = (int(config["min_ngram"]), int(config["max_ngram"]))
    return TfidfVectorizer(analyzer="char_wb", ngram_range=runs, sublinear_tf=True, **settings)

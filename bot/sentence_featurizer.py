"""Sentence vectors as Rasa features: MiniLM through onnxruntime, for Rasa's own classifiers."""

from __future__ import annotations

from typing import Any, Dict, List, Text, Type

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.constants import FEATURIZER_CLASS_ALIAS
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.nlu.tokenizers.tokenizer import Tokenizer
from rasa.shared.exceptions import RasaException
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, FEATURE_TYPE_SEQUENCE, TEXT, TEXT_TOKENS
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.spelling import as_meant
from encoder import DIMENSIONS, EncoderUnavailable, SentenceEncoder
from encoder.sentence_encoder import MODEL_SHA256, TOKENIZER_SHA256


class SentenceEncoderMissing(RasaException):
    """The encoder's model cannot be loaded; the message says what to install."""


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=False)
class SentenceEncoderFeaturizer(DenseFeaturizer, GraphComponent):
    """Sets one dense sentence feature of 384 numbers on each message."""

    @classmethod
    def required_components(cls) -> List[Type]:
        """Rasa lets no featurizer stand before the tokenizer."""
        return [Tokenizer]

    @staticmethod
    def required_packages() -> List[Text]:
        """Distribution names, as Rasa checks them."""
        return ["onnxruntime", "tokenizers"]

    @staticmethod
    def get_default_config() -> Dict[Text, Any]:
        """``scale`` multiplies the unit vector.

        Rasa's LogisticRegressionClassifier has no setting for its regularisation; a longer vector is
        regularised less. 4 was best or as good on the validation splits of three public data sets.
        """
        return {**DenseFeaturizer.get_default_config(), "scale": 4.0}

    @classmethod
    def create(
        cls,
        config: Dict[Text, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> SentenceEncoderFeaturizer:
        """Makes the component.

        Raises:
            SentenceEncoderMissing: the encoder's files are missing or are not the pinned ones.
        """
        return cls(config, execution_context.node_name)

    def __init__(self, config: Dict[Text, Any], name: Text) -> None:
        super().__init__(name, config)
        try:
            self._encoder = SentenceEncoder()
        except EncoderUnavailable as error:
            raise SentenceEncoderMissing(str(error)) from error

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Featurizes all examples."""
        self.process(training_data.training_examples)
        return training_data

    def process(self, messages: List[Message]) -> List[Message]:
        """Featurizes messages; those without text (dialogue examples) are left alone."""
        with_text = [message for message in messages if message.get(TEXT)]
        if not with_text:
            return messages
        vectors = self._encoder.encode([as_meant(message) for message in with_text])
        alias = self._config[FEATURIZER_CLASS_ALIAS]
        for message, vector in zip(with_text, vectors * self._config["scale"], strict=False):
            # Rasa wants a sequence feature beside every sentence feature; nothing here reads it.
            sequence = np.zeros((len(message.get(TEXT_TOKENS) or [None]), DIMENSIONS), dtype=np.float32)
            message.add_features(Features(sequence, FEATURE_TYPE_SEQUENCE, TEXT, alias))
            message.add_features(Features(vector.reshape(1, -1), FEATURE_TYPE_SENTENCE, TEXT, alias))
        return messages

    @classmethod
    def validate_config(cls, config: Dict[Text, Any]) -> None:
        """Refuses a scale that cannot be meant."""
        if not float(config.get("scale", 1.0)) > 0:
            raise SentenceEncoderMissing(f"config.yml: {cls.__name__}: scale must be greater than 0")

    @staticmethod
    def fingerprint_addon(config: Dict[Text, Any]) -> Text:
        """Makes Rasa train anew when the model file is another one."""
        return f"{MODEL_SHA256} {TOKENIZER_SHA256}"

"""Our Rasa components, in Rasa's own interpreter (Python 3.10). Run by `make test`."""

import numpy as np
import pytest
from rasa.engine.graph import ExecutionContext
from rasa.engine.storage.resource import Resource
from rasa.nlu.tokenizers.whitespace_tokenizer import WhitespaceTokenizer
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

import encoder.sentence_encoder
from bot.answerability import AnswerabilityClassifier
from bot.character_featurizer import CharacterFeaturizer
from bot.sentence_featurizer import SentenceEncoderFeaturizer, SentenceEncoderMissing
from bot.spelling import SpellingCorrector, as_meant


def _featurizer(**config):
    context = ExecutionContext(graph_schema=None, model_id="test", node_name="featurizer")
    return SentenceEncoderFeaturizer.create(
        {**SentenceEncoderFeaturizer.get_default_config(), **config}, None, Resource("featurizer"), context
    )


def _messages(*texts):
    messages = [Message(data={TEXT: text}) for text in texts]
    tokenizer = WhitespaceTokenizer(WhitespaceTokenizer.get_default_config())
    return tokenizer.process(messages)


def _vector(message):
    _, sentence = message.get_dense_features(TEXT)
    return sentence.features


def test_a_message_gets_one_sentence_vector_of_the_set_length():
    (message,) = _featurizer(scale=4.0).process(_messages("how long is the wait"))
    assert _vector(message).shape == (1, 384)
    assert np.linalg.norm(_vector(message)) == pytest.approx(4.0, rel=1e-4)


def test_like_messages_are_closer_than_unlike_ones():
    wait, waiting, bins = (
        _vector(message)[0]
        for message in _featurizer().process(
            _messages("how long is the wait", "what is the waiting time", "when are my bins collected")
        )
    )
    assert wait @ waiting > 3 * (wait @ bins)


def test_a_missing_model_is_said_in_words(monkeypatch):
    monkeypatch.setattr(encoder.sentence_encoder, "MODEL_PACKAGE", "no_such_package")
    with pytest.raises(SentenceEncoderMissing, match="make install"):
        _featurizer()


def test_a_tampered_tokenizer_is_refused(monkeypatch, tmp_path):
    changed = tmp_path / "tokenizer.json"
    changed.write_bytes(encoder.sentence_encoder.TOKENIZER_FILE.read_bytes() + b" ")
    monkeypatch.setattr(encoder.sentence_encoder, "TOKENIZER_FILE", changed)
    with pytest.raises(SentenceEncoderMissing, match="not the pinned one"):
        _featurizer()


@pytest.mark.parametrize("scale", [0, -1])
def test_a_scale_that_cannot_be_meant_is_refused(scale):
    with pytest.raises(SentenceEncoderMissing, match="scale"):
        SentenceEncoderFeaturizer.validate_config({"scale": scale})


class _Storage:
    """Just enough of Rasa's model storage."""

    def __init__(self, folder):
        self.folder = folder

    def write_to(self, resource):
        return _Folder(self.folder)

    read_from = write_to


class _Folder:
    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        return self.folder

    def __exit__(self, *_):
        return False


def _judged(tmp_path, text, intent, confidence, threshold=0.3, **surely):
    featurizer = _featurizer()
    examples = featurizer.process(_messages("how long is the wait", "what is the waiting time"))
    for example in examples:
        example.set("intent", "wait_time")
    storage, resource = _Storage(tmp_path), Resource("answerability")
    config = {"threshold": threshold, "surely": surely}
    AnswerabilityClassifier.create(config, storage, resource, None).train(TrainingData(examples))
    judge = AnswerabilityClassifier.load(config, storage, resource, None)
    (message,) = featurizer.process(_messages(text))
    message.set("intent", {"name": intent, "confidence": confidence})
    judge.process([message])
    return message


def test_a_message_like_the_examples_keeps_its_intent(tmp_path):
    message = _judged(tmp_path, "how long will we wait", "wait_time", 0.8)
    assert message.get("intent")["name"] == "wait_time"
    assert message.get("answerability") > 0.5


def test_a_sure_but_far_off_intent_is_not_answered(tmp_path):
    message = _judged(tmp_path, "write me a poem about cheese", "wait_time", 0.9)
    assert message.get("intent")["name"] == "nlu_fallback"
    assert message.get("intent_ranking")[0]["name"] == "nlu_fallback"


def test_an_unsure_intent_is_not_answered(tmp_path):
    message = _judged(tmp_path, "how long will we wait", "wait_time", 0.02)
    assert message.get("intent")["name"] == "nlu_fallback"


def test_an_intent_may_have_to_be_plainer_than_others(tmp_path):
    usual = _judged(tmp_path, "how long will we wait", "wait_time", 0.4)
    plainer = _judged(tmp_path, "how long will we wait", "wait_time", 0.4, wait_time=0.9)
    another = _judged(tmp_path, "how long will we wait", "wait_time", 0.4, sources=0.9)
    assert [message.get("intent")["name"] for message in (usual, plainer, another)] == [
        "wait_time",
        "nlu_fallback",
        "wait_time",
    ]


@pytest.mark.parametrize("threshold", [-0.1, 1.1])
def test_a_threshold_that_is_no_share_is_refused(threshold):
    for config in ({"threshold": threshold}, {"surely": {"sources": threshold}}):
        with pytest.raises(Exception, match="threshold"):
            AnswerabilityClassifier.validate_config(config)


def _spelling(tmp_path, *examples, **config):
    """A character featurizer that has seen these examples, and was written to disk and read back."""
    config = {**CharacterFeaturizer.get_default_config(), **config}
    context = ExecutionContext(graph_schema=None, model_id="test", node_name="characters")
    storage, resource = _Storage(tmp_path), Resource("characters")
    messages = _messages(*examples)
    for message in messages:
        message.set("intent", "wait_time")
    CharacterFeaturizer.create(config, storage, resource, context).train(TrainingData(messages))
    return CharacterFeaturizer.load(config, storage, resource, context)


def _letters(featurizer, text):
    (message,) = featurizer.process(_messages(text))
    _, sentence = message.get_sparse_features(TEXT)
    return sentence.features.toarray()[0]


_SEEN = ("how do we appeal", "can i appeal a refusal", "how long is the wait", "how long must we wait")


def test_a_misspelt_word_is_nearly_the_word_that_was_meant(tmp_path):
    featurizer = _spelling(tmp_path, *_SEEN)
    appeal, misspelt, wait = (_letters(featurizer, text) for text in ("appeal", "APEAL", "wait"))
    assert appeal @ misspelt > 3 * (appeal @ wait)
    assert appeal @ misspelt > 0


def test_a_long_message_has_features_of_the_same_length_as_a_short_one(tmp_path):
    featurizer = _spelling(tmp_path, *_SEEN, scale=4.0)
    for text in ("appeal", "how long must we wait for it, and can we appeal? " * 20):
        assert np.linalg.norm(_letters(featurizer, text)) == pytest.approx(4.0, rel=1e-4)


def test_a_message_in_letters_never_seen_has_features_of_nothing(tmp_path):
    assert not _letters(_spelling(tmp_path, *_SEEN), "\u0437\u0434\u0440\u0430").any()


@pytest.mark.parametrize("config", [{"scale": 0}, {"min_ngram": 0}, {"min_ngram": 5}])
def test_settings_of_the_character_featurizer_that_cannot_be_meant_are_refused(config):
    with pytest.raises(InvalidConfigException, match=r"scale|min_ngram"):
        CharacterFeaturizer.validate_config(config)


def _corrector(tmp_path, *examples):
    messages = _messages(*examples)
    for message in messages:
        message.set("intent", "assessment")
    storage, resource = _Storage(tmp_path), Resource("spelling")
    SpellingCorrector.create({}, storage, resource, None).train(TrainingData(messages))
    return SpellingCorrector.load({}, storage, resource, None)


def test_mistyped_words_are_featurized_as_what_was_meant(tmp_path):
    corrector = _corrector(
        tmp_path, "an assessment for my daughter", "my daughter: assessment?", "assessment of a daughter"
    )
    typed, meant = corrector.process(
        _messages("an assesment for my dauhgter", "an assessment for my daughter")
    )
    assert typed.get(TEXT) == "an assesment for my dauhgter"
    _featurizer().process([typed, meant])
    assert np.array_equal(_vector(typed), _vector(meant))
    storage, resource = _Storage(tmp_path), Resource("letters")
    context = ExecutionContext(graph_schema=None, model_id="test", node_name="letters")
    config = CharacterFeaturizer.get_default_config()
    letters = CharacterFeaturizer.create(config, storage, resource, context)
    examples = _messages("an assessment for my daughter", "my daughter and an assessment")
    for example in examples:
        example.set("intent", "assessment")
    letters.train(TrainingData(examples))
    letters.process([typed, meant])
    (_, seen), (_, wanted) = typed.get_sparse_features(TEXT), meant.get_sparse_features(TEXT)
    assert np.array_equal(seen.features.toarray(), wanted.features.toarray())


def test_a_command_and_a_message_without_text_have_no_spelling(tmp_path):
    corrector = _corrector(tmp_path, "restart it", "do restart", "restart the talk")
    command, empty = Message(data={TEXT: "/restrat"}), Message(data={})
    corrector.process([command, empty])
    assert as_meant(command) == "/restrat"
    assert empty.get(TEXT) is None

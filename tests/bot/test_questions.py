"""Two questions in one message, in Rasa's own interpreter."""

import pytest
from rasa.engine.graph import ExecutionContext
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message

from bot.questions import QuestionJoiner, QuestionSplitter, questions_in

TWO = {
    "how long is the wait in Buxton, and can I claim DLA for her?": [
        "how long is the wait in Buxton",
        "can I claim DLA for her?",
    ],
    "My son is 9. Who can refer him? Also what help is there meanwhile?": [
        "Who can refer him?",
        "Also what help is there meanwhile?",
    ],
    "i need to know how to ask for a plan and also is there a parents group near ledbury": [
        "i need to know how to ask for a plan",
        "is there a parents group near ledbury",
    ],
    "What is masking?How do I complain": ["What is masking?", "How do I complain"],
}
ONE = [
    "how long is the wait",
    "School say we need two cycles first, is that right?",
    "He can't cope with assembly and the dinner hall and they send him home. What are my rights?",
    "can I refer myself or do I have to ask my GP",  # two ways, one question
    "Any advice? What can I do?",
    "My daughter is 12 and she is waiting. She has been on the list for a year.",
]


@pytest.mark.parametrize(("text", "questions"), TWO.items())
def test_each_question_is_found(text, questions):
    assert questions_in(text) == questions


@pytest.mark.parametrize("text", ONE)
def test_one_question_is_left_whole(text):
    assert questions_in(text) == []


def _component(component):
    context = ExecutionContext(graph_schema=None, model_id="test", node_name="questions")
    return component.create({}, None, Resource("questions"), context)


def test_the_questions_travel_through_the_pipeline_behind_their_message():
    texts = ["hello", *TWO]
    read = _component(QuestionSplitter).process([Message(data={TEXT: text}) for text in texts])
    assert len(read) == len(texts) + sum(len(questions) for questions in TWO.values())
    for message in read:  # as the classifiers between the two do
        message.set(INTENT, {"name": message.get(TEXT), "confidence": 0.9}, add_to_output=True)
        message.set("answerability", 0.7, add_to_output=True)

    joined = _component(QuestionJoiner).process(read)

    assert [message.get(TEXT) for message in joined] == texts
    assert joined[0].get("questions") is None
    for message in joined[1:]:
        told = message.as_dict(only_output_properties=True)["questions"]
        assert [question["text"] for question in told] == TWO[message.get(TEXT)]
        assert [question["intent"]["name"] for question in told] == TWO[message.get(TEXT)]


def test_a_button_asks_nothing_twice():
    payload = Message(data={TEXT: '/inform{"area": "derbyshire"} how? and why is that so long?'})
    assert _component(QuestionSplitter).process([payload]) == [payload]

"""Messages in other languages are told from English, however short or badly typed either is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from gateway import considered
from gateway.languages import foreign, languages

ROOT = Path(__file__).parents[2]

# Short, as people type them, with and without the letters of their language.
MESSAGES = [
    ("Polish", "potrzebuję pomocy"),
    ("Polish", "ile sie czeka na diagnoze dziecka"),
    ("Romanian", "fiul meu are autism"),
    ("Romanian", "ajutor"),
    ("Portuguese", "meu filho precisa de ajuda na escola"),
    ("Kurdish (Kurmanji)", "kurê min otîzm e"),
    ("Kurdish (Sorani)", "کوڕەکەم ئۆتیزمی هەیە"),
    ("Ukrainian", "Мені потрібна допомога"),
    ("Russian", "сын не говорит, что делать, мы ждём"),
    ("Urdu", "مجھے مدد چاہیے"),
    ("Urdu", "mera beta autistic hai mujhe madad chahiye"),
    ("Arabic", "أحتاج إلى مساعدة لابنتي"),
    ("Punjabi", "ਮੈਨੂੰ ਮਦਦ ਚਾਹੀਦੀ ਹੈ"),
    ("Punjabi", "menu madad chahidi hai mera munda autistic hai"),
    ("Spanish", "mi hija tiene autismo"),
    ("French", "mon enfant ne va plus à l’école"),
    ("Somali", "wiilkaygu ma tago iskuulka"),
    ("Persian", "چند هفته باید صبر کنم"),
    ("Turkish", "oğlum okula gitmiyor yardım lazım"),
    ("Bengali", "আমার ছেলের সাহায্য দরকার"),
    ("Chinese", "我的孩子需要帮助"),
]


@pytest.mark.parametrize(("name", "text"), MESSAGES, ids=[text[:20] for _, text in MESSAGES])
def test_a_short_message_is_answered_in_its_language(name: str, text: str) -> None:
    found = foreign(text)
    assert found is not None
    assert found.language is not None
    assert found.language.name == name
    reply = considered.read(text, 2000).reply
    assert reply is not None
    assert reply.text.startswith(found.language.line)
    assert "interpreter" in reply.text
    assert "/human_request" in [button["payload"] for button in reply.buttons]


def test_every_language_has_its_line_in_its_own_letters() -> None:
    for language in languages():
        found = foreign(language.line)
        assert found is not None
        assert found.language is not None
        assert found.language.name == language.name


def test_a_script_we_do_not_know_is_still_another_language() -> None:
    found = foreign("χρειάζομαι βοήθεια")
    assert found is not None
    assert found.language is None


# What English speakers type, that looks least like English.
ENGLISH = [
    "hiya u ok",
    "wot r da signs",
    "hes 2 n doesnt tlk",
    "SENDIASS Chesterfield",
    "DLA PIP UC",
    "no no no",
    "my niece",
    "yh gd ty",
    "Aberystwyth",
    "senco ehcp tribunal mediation",
    "la la la",
    "gonna unalive",
    "𝓱𝓮𝓵𝓹 me",
    "bonjour",
]


@pytest.mark.parametrize("text", ENGLISH)
def test_english_of_any_kind_is_english(text: str) -> None:
    assert foreign(text) is None


def test_no_english_message_that_we_have_is_taken_for_another_language() -> None:
    lines = [
        json.loads(line)["text"]
        for name in ("nlu_dev", "nlu_test", "nlu_dev2", "safety", "safety_dev")
        for line in (ROOT / "tests" / "heldout" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    for file in (ROOT / "data" / "nlu").glob("*.yml"):
        if file.name != "entities.yml":
            lines += re.findall(r"^ +- (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(lines) > 5000
    assert {line for line in lines if foreign(line)} <= {"dzien dobry", "dziekuje"}

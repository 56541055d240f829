"""Brings a message into one plain form: a rule is written once, not once for each way of typing it.

The result is lower case, without apostrophes, contractions written out ("dont", "don't" -> "do not"),
text-speak and slang spelt out ("kms" -> "kill myself"), disguised words restored ("k*ll", "su1cide",
"s u i c i d e").
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

#: What one message may hold; the channels cut it earlier, this only bounds the work.
MAX_CHARACTERS = 100_000

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)
_QUOTES = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201a": "'",
        "\u201b": "'",
        "\u02bc": "'",
        "\u00b4": "'",
        "`": "'",
        "\u2032": "'",
    }
    | {
        "\u201c": '"',
        "\u201d": '"',
        "\u201e": '"',
        "\u2033": '"',
        "\u2013": " - ",
        "\u2014": " - ",
        "\u2026": "... ",
    }
)

#: Letters of other alphabets that look like Latin ones; only swapped in words that hold Latin letters too.
_LOOKALIKE = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0455\u03bf\u0131", "aeopcyxisoi"
)
#: Letters that do not come apart into a plain one and its accent.
_UNACCENTED = str.maketrans({"\u0142": "l", "\u0111": "d", "\u00f8": "o", "\u00df": "ss", "\u00e6": "ae"})
_LEET = str.maketrans(
    {"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s", "!": "i", "|": "l"}
)

#: Emoji that name danger, as words; all others are left alone.
_EMOJI = str.maketrans(
    {
        "\U0001f52a": " knife ",
        "\U0001f5e1": " knife ",
        "\U0001fa92": " blade ",
        "\U0001fa78": " blood ",
        "\U0001f48a": " pills ",
        "\u26b0": " coffin ",
        "\U0001faa6": " coffin ",
        "\U0001f52b": " gun ",
        "\U0001faa2": " rope ",
        "\U0001f634": " sleep ",
        "\U0001f4a4": " sleep ",
        "\U0001f44b": " goodbye ",
    }
)
_SAID_TWICE = re.compile(r"\b(knife|blade|blood|pills|coffin|gun|rope|sleep|goodbye)(?:\s+\1\b)+")

#: Words people disguise. A token with digits or symbols in it is only restored when it becomes one of these.
DISGUISED = frozenset(
    """
    kill kills killed killing killer myself himself herself yourself themselves suicide suicidal die
    dies died dying dead death cut cuts cutting harm harmed harming hurt hurts hurting self selfharm
    overdose overdosed overdosing pills tablets knife gun blade rape raped raping raper abuse abused
    abusing abuser sex sexual sexually nude nudes naked porn drugs hang hanging hanged noose murder stab
    stabbed stabbing shoot blood bleeding unalive choke choking strangle strangled drown hit hits beat
    beats touch touched touches molested groomed grooming missing fuck fucking fucked shit hate
    """.split()  # noqa: SIM905 - a block of words is easier to review than a list of strings
)

#: Run together without spaces, or spelt letter by letter.
# fmt: off
_COMPACT = {
    "killmyself": "kill myself", "killhimself": "kill himself", "killherself": "kill herself",
    "endmylife": "end my life", "killme": "kill me", "wanttodie": "want to die",
    "iwanttodie": "i want to die", "wannadie": "want to die", "selfharm": "self harm",
    "selfharming": "self harming", "selfharmed": "self harmed", "selfharms": "self harms",
    "helpme": "help me", "cutmyself": "cut myself", "hurtmyself": "hurt myself",
    "iwanttokillmyself": "i want to kill myself",
}
# fmt: on

#: One token -> what it stands for. Abbreviations, slang and common misspellings.
# fmt: off
_SPELT_OUT: dict[str, str] = {
    # slang for dying and self-harm, as used to get past filters
    "kms": "kill myself", "kmself": "kill myself", "kys": "kill yourself", "ctb": "kill myself",
    "unalive": "kill", "unaliving": "killing", "unalived": "killed", "unaliv": "kill",
    "sewerslide": "suicide", "sewercide": "suicide", "sh": "self harm", "shing": "self harming",
    "sh'd": "self harmed", "oding": "overdosing", "od": "overdose", "od'd": "overdosed",
    "od'ed": "overdosed", "oded": "overdosed", "odd'd": "overdosed", "ods": "overdoses",
    "selfharm": "self harm", "selfharms": "self harms", "selfharmed": "self harmed",
    "selfharming": "self harming", "sewer-slide": "suicide", "graped": "raped", "seggs": "sex",
    "yeet": "throw",
    # misspellings
    "sucide": "suicide", "suiside": "suicide", "suacide": "suicide", "suisidal": "suicidal",
    "sucidal": "suicidal", "suicidle": "suicidal", "suicidel": "suicidal", "suidical": "suicidal",
    "overdoes": "overdose", "overdoze": "overdose", "overdosis": "overdose", "nife": "knife",
    "knive": "knife", "knifes": "knives", "seizer": "seizure", "siezure": "seizure", "seisure": "seizure",
    "ceizure": "seizure", "chocking": "choking", "choaking": "choking", "bleading": "bleeding",
    "brething": "breathing", "breething": "breathing", "breathin": "breathing", "breath-ing": "breathing",
    "kil": "kill", "kll": "kill", "kiling": "killing", "killin": "killing", "cuttin": "cutting",
    "cuting": "cutting", "hurtin": "hurting", "hittin": "hitting", "hiting": "hitting", "dieing": "dying",
    "diein": "dying", "missin": "missing", "poisen": "poison", "swollowed": "swallowed",
    "swolowed": "swallowed", "swallwed": "swallowed", "disapeared": "disappeared",
    "dissapeared": "disappeared", "dissappeared": "disappeared", "runaway": "run away",
    "ranaway": "ran away", "unconcious": "unconscious", "unconsious": "unconscious", "abuseing": "abusing",
    "abussed": "abused", "abusd": "abused", "abusin": "abusing", "mysef": "myself", "myslef": "myself",
    "meself": "myself", "mesen": "myself", "mysen": "myself", "hisself": "himself", "hissen": "himself",
    "themself": "themselves", "theirself": "themselves", "hurself": "herself", "stabed": "stabbed",
    "stabing": "stabbing", "beated": "beat", "punchs": "punches", "ambulence": "ambulance",
    "paracetomol": "paracetamol", "paracetemol": "paracetamol", "parecetamol": "paracetamol",
    "exausted": "exhausted", "exhuasted": "exhausted", "lonley": "lonely", "depresed": "depressed",
    "hopless": "hopeless", "worthles": "worthless",
    # spelt as it sounds
    "sewicide": "suicide", "sewicidal": "suicidal", "suecide": "suicide", "suasidal": "suicidal",
    "suicydal": "suicidal", "blud": "blood", "bludd": "blood", "blod": "blood", "artry": "artery",
    "artary": "artery", "rist": "wrist", "rists": "wrists", "nek": "neck", "hart": "heart",
    "breeving": "breathing", "breving": "breathing", "breethin": "breathing",
    "poysen": "poison", "poyson": "poison", "bleech": "bleach", "tablits": "tablets", "tabletts": "tablets",
    "pilz": "pills", "pillz": "pills", "tuk": "took", "sed": "said", "sez": "says", "ded": "dead",
    "nite": "night", "nites": "nights", "dorter": "daughter", "dawter": "daughter", "sista": "sister",
    "sis": "sister", "bruva": "brother", "brotha": "brother", "skool": "school", "kickin": "kicking",
    "kiking": "kicking", "puncht": "punched", "strangel": "strangle", "stranglin": "strangling",
    "screamin": "screaming", "smashin": "smashing", "throwin": "throwing", "bleedin": "bleeding",
    "scard": "scared", "skared": "scared", "hurtz": "hurts", "evrywhere": "everywhere",
    "everywere": "everywhere", "anywere": "anywhere", "cryin": "crying", "thort": "thought",
    "thorts": "thoughts", "nuffin": "nothing", "sumwhere": "somewhere",
    # text-speak
    "u": "you", "ur": "your", "r": "are", "n": "and", "nd": "and", "b": "be", "y": "why",
    "wanna": "want to", "wana": "want to", "wnna": "want to", "wnt": "want", "gonna": "going to",
    "gunna": "going to", "gna": "going to", "gona": "going to", "gon": "going", "gotta": "got to",
    "hafta": "have to", "2nite": "tonight", "2night": "tonight", "tonite": "tonight", "2day": "today",
    "2moro": "tomorrow", "2morrow": "tomorrow", "tmrw": "tomorrow", "tmr": "tomorrow", "tomoz": "tomorrow",
    "cuz": "because", "coz": "because", "cos": "because", "bcos": "because", "bc": "because",
    "becos": "because", "b4": "before", "rn": "right now", "atm": "at the moment", "idk": "i do not know",
    "idc": "i do not care", "ppl": "people", "sum1": "someone", "some1": "someone", "any1": "anyone",
    "every1": "everyone", "no1": "no one", "noone": "no one", "no-one": "no one", "nobdy": "nobody",
    "smth": "something", "sth": "something", "sumthing": "something", "sumtimes": "sometimes",
    "bf": "boyfriend", "gf": "girlfriend", "pls": "please", "plz": "please", "plse": "please",
    "thx": "thanks", "thru": "through", "wiv": "with", "wid": "with", "dis": "this", "dat": "that",
    "hav": "have", "av": "have", "iz": "is", "woz": "was", "wen": "when", "wot": "what", "wat": "what",
    "wud": "would", "cud": "could", "shud": "should", "luv": "love", "hlp": "help", "jus": "just",
    "anymor": "any more", "anymore": "any more", "nemore": "any more", "liv": "live", "lyf": "life",
    "lyfe": "life", "evry": "every", "evryone": "everyone", "everythin": "everything", "nothin": "nothing",
    "nuthin": "nothing", "rly": "really", "srsly": "seriously", "prob": "probably", "probs": "probably",
    "meds": "medication", "alot": "a lot", "abt": "about", "hes": "he is", "shes": "she is", "im": "i am",
    "ive": "i have", "theres": "there is", "thats": "that is", "whats": "what is", "wheres": "where is",
    "whos": "who is", "theyre": "they are", "youre": "you are", "weve": "we have", "theyve": "they have",
    "imma": "i am going to", "ima": "i am going to", "iam": "i am", "hed": "he would",
    # negations without their apostrophe
    "dont": "do not", "dnt": "do not", "dont't": "do not", "doesnt": "does not", "dosent": "does not",
    "dosnt": "does not", "doesn": "does not", "didnt": "did not", "didn": "did not", "cant": "can not",
    "cannot": "can not", "cnt": "can not", "carnt": "can not", "wont": "will not", "wouldnt": "would not",
    "couldnt": "could not", "shouldnt": "should not", "isnt": "is not", "isn": "is not", "arent": "are not",
    "aint": "is not", "wasnt": "was not", "werent": "were not", "hasnt": "has not", "havent": "have not",
    "hadnt": "had not", "wudnt": "would not", "neva": "never", "nvr": "never",
}
# fmt: on

# fmt: off
_CONTRACTIONS = {
    "can't": "can not", "won't": "will not", "shan't": "shall not", "ain't": "is not", "let's": "let us",
    "y'all": "you all",
}
# fmt: on
_ENDINGS = (
    ("n't", " not"),
    ("'m", " am"),
    ("'re", " are"),
    ("'ve", " have"),
    ("'ll", " will"),
    ("'d", " would"),
)

#: Words whose 's is "is" or "has"; after any other noun it is a possessive and is joined ("nans tablets").
# fmt: off
_IS_AFTER = frozenset({
    "he", "she", "it", "that", "there", "here", "who", "what", "where", "when", "how", "why", "one",
    "everyone", "everything", "nobody", "someone", "somebody",
})
# fmt: on

#: Long words with no common neighbour: one slip of the finger still counts as the word.
# fmt: off
_FUZZY = (
    "suicide", "suicidal", "overdose", "overdosed", "overdosing", "paracetamol", "ibuprofen", "unconscious",
    "unresponsive", "disappeared", "breathing", "swallowed", "strangled", "strangling", "antidepressants",
    "bleeding", "threatening",
)
# fmt: on
_NOT_FUZZY = frozenset(
    {"breeding", "wallowed", "swallows", "suicides", "overdoses", "strangler", "blending", "threatened"}
)

_TOKEN = re.compile(r"[^\s,.;:?()\[\]{}\"<>/\\\n]+|[,.;:?()\[\]{}\"<>/\\\n]")
_SPACED = re.compile(r"(?<![\w'])((?:[a-z][ ._\-*]{1,3}){3,}[a-z])(?![\w'])")
_TRIPLED = re.compile(r"([a-z])\1{2,}")
_WORDISH = re.compile(r"[a-z]")


def normalise(text: str) -> str:
    """The plain form of ``text``; line breaks are kept, since they end sentences."""
    # One character may stand for eighteen, so the bound holds before and after.
    text = unicodedata.normalize("NFKC", text[:MAX_CHARACTERS])[:MAX_CHARACTERS]
    text = _INVISIBLE.sub("", text).translate(_QUOTES).lower()
    if not text.isascii() and (spoken := text.translate(_EMOJI)) != text:
        # Three in a row say no more than one.
        text = _SAID_TWICE.sub(r"\1", spoken)
    if not text.isascii():
        text = _strip_accents(text)
    text = _SPACED.sub(_join_spaced, text)
    text = re.sub(r"[^\S\n]+", " ", text)
    # "self-harm", "run-away": a hyphen between letters is a space to the rules.
    text = re.sub(r"(?<=[a-z])[-_](?=[a-z])", " ", text.replace("no-one", "no one"))
    pieces = [_restore(token) for token in _TOKEN.findall(text)]
    text = " ".join(piece for piece in pieces if piece)
    text = re.sub(r" ([,.;:?!])", r"\1", text)
    text = _phrases(text)
    return re.sub(r"[^\S\n]*\n[^\S\n]*", "\n", text).strip()


def _phrases(text: str) -> str:
    # "want 2 die", "going 2 end it": the digit is only a word between words.
    text = re.sub(
        r"(?<=[a-z]) 2 (?=(?:be|die|kill|end|hurt|live|go|do|cut|get|see|talk|leave|my|the|him|her|me)\b)",
        " to ",
        text,
    )
    text = re.sub(r"\bany more\b", "any more", text)
    return re.sub(r"\bself harm", "self harm", text)


def _strip_accents(text: str) -> str:
    words = []
    for word in re.split(r"(\s+)", text):
        if not word.isascii() and re.search("[a-z]", word):
            word = word.translate(_LOOKALIKE)
        words.append(word)
    decomposed = unicodedata.normalize("NFD", "".join(words).translate(_UNACCENTED))
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if unicodedata.category(c) != "Mn"))


def _join_spaced(found: re.Match[str]) -> str:
    joined = re.sub(r"[^a-z]", "", found.group(1))
    if joined in _COMPACT:
        return _COMPACT[joined]
    # Letter by letter without word gaps ("k i l l m y s e l f now"): cut at the words we know.
    for compact, words in _COMPACT.items():
        if compact in joined:
            before, after = joined.split(compact, 1)
            return " ".join(part for part in (before, words, after) if part)
    return joined


def _restore(token: str) -> str:
    """What one token stands for."""
    if len(token) == 1 and not token.isalnum():
        return token
    return _restore_cached(token) if len(token) <= 24 else token


@lru_cache(maxsize=20_000)
def _restore_cached(token: str) -> str:
    # Trailing "!" and quotes belong to the sentence, not to the word.
    body = token.rstrip("!'\u00b7~")
    tail = "!" if "!" in token[len(body) :] else ""
    body = body.lstrip("'")
    if not body:
        return tail
    return _word(body) + tail


def _word(word: str) -> str:
    if word in _SPELT_OUT:
        return _SPELT_OUT[word]
    if word in _CONTRACTIONS:
        return _CONTRACTIONS[word]
    for ending, words in _ENDINGS:
        if word.endswith(ending) and len(word) > len(ending):
            return _word(word[: -len(ending)]) + words
    if word.endswith("'s"):
        stem = word[:-2]
        return f"{stem} is" if stem in _IS_AFTER else f"{stem}s"
    if word in _COMPACT:
        return _COMPACT[word]
    if not word.isalpha() or not word.isascii():
        restored = _undisguise(word)
        if restored is not None:
            return _SPELT_OUT.get(restored, restored)
        word = word.replace("'", "").replace("*", "")
    if _TRIPLED.search(word):
        word = _untriple(word)
        if word in _SPELT_OUT:
            return _SPELT_OUT[word]
    if len(word) >= 7 and word not in _NOT_FUZZY:
        return _near(word)
    return word


def _undisguise(word: str) -> str | None:
    """``su1cide`` -> ``suicide``, ``k*ll`` -> ``kill``; None when it is no word people disguise."""
    if not _WORDISH.search(word) or word.isalpha():
        return None
    plain = word.translate(_LEET)
    for candidate in (plain, re.sub(r"[^a-z]", "", plain), word.replace("1", "l").translate(_LEET)):
        if candidate in DISGUISED:
            return candidate
    if re.search(r"[*#_\-.+]", word) and len(word) >= 3:
        shape = re.compile("".join("[a-z]" if c in "*#_-.+" else re.escape(c) for c in plain) + "$")
        for candidate in sorted(DISGUISED):
            if shape.match(candidate):
                return candidate
        # One star for several letters: "s*cide".
        shape = re.compile(re.sub(r"(?:\\\*)+", "[a-z]{1,4}", re.escape(plain)) + "$")
        for candidate in sorted(DISGUISED):
            if len(plain) >= 4 and shape.match(candidate):
                return candidate
    return None


def _untriple(word: str) -> str:
    for times in (2, 1):
        shorter = _TRIPLED.sub(lambda found, times=times: found.group(1) * times, word)  # type: ignore[misc]
        if shorter in DISGUISED or shorter in _SPELT_OUT:
            return str(shorter)
    return _TRIPLED.sub(r"\1", word)


def _deletions(word: str) -> Iterator[str]:
    yield word
    for index in range(len(word)):
        yield word[:index] + word[index + 1 :]


_NEAR = {shape: word for word in _FUZZY for shape in _deletions(word)}


def _near(word: str) -> str:
    # Two words one slip apart share a form with one letter left out (omission, swap, wrong letter).
    for shape in _deletions(word):
        found = _NEAR.get(shape)
        if found is not None and abs(len(found) - len(word)) <= 1:
            return found
    return word


_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+|\n+|\s+-\s+|\s*\.{2,}\s*")


def sentences(text: str) -> list[str]:
    """The sentences of a normalised text."""
    return [part.strip() for part in _SENTENCE_END.split(text) if part.strip(" .,!?-")]

"""Every sentence that is said in channels only: short, warm, direct, to a young person. No facts live here.

What is promised here about who sees what is kept by the code; ``docs/privacy.md`` says the same at length.
"""

from __future__ import annotations

import re
from datetime import date

from conversations.files import NewFile
from conversations.log import Draft
from conversations.models import Conversation, Role
from gateway import wording

#: What each channel's own company can see is theirs to say; that there is one, we say.
_ASIDE_AT_MOST = 160

_WHO_SEES = re.compile(
    r"\bwho(?:'?s| is| can| could| will| else)?\s+(?:\w+\s+){0,2}?(?:see|sees|seeing|read|reads|reading)\b"
    r"|\bis (?:this|it) (?:\w+ ){0,2}?(?:private|confidential|anonymous|secret|safe to talk)\b"
    r"|\bcan (?:anyone|anybody|someone|people|my \w+) (?:see|read) (?:this|it|what|my)\b",
    re.IGNORECASE,
)
_WILL_YOU_TELL = re.compile(
    r"\b(?:will|would|are|r|do|can|gonna|going to)?\s*(?:you|u|they)\s+(?:\w+\s+){0,2}?tell(?:ing)?\s+"
    r"(?:my|any|some|the|school|social|mum|dad|them)\w*"
    r"|\b(?:don'?t|do not|please don'?t)\s+tell\s+(?:my|any|the|school|mum|dad)\w*"
    r"|\b(?:will|does|do|would|can)\s+my\s+\w+\s+(?:and \w+ )?(?:know|find out|see|hear)\b",
    re.IGNORECASE,
)

_PARENT = re.compile(
    r"\bmy (?:\w+ )?(?:son|daughter|child|children|kid|kids|boy|girl|grandson|granddaughter|little one)\b"
    r"|\bi'?m (?:his|her|their|a|the) (?:\w+ )?"
    r"(?:mum|mom|mam|dad|parent|carer|gran|grandad|guardian|teacher)\b",
    re.IGNORECASE,
)

#: Emoji that say how somebody feels, or what they want.
_SAD = set("😢😭😔😞😟😣😖😫😩🥺💔😰😥😓☹🙁😿😨😱")
_GLAD = set("😀😃😄😁😊🙂❤💕💖🥰😍🙏👏🎉💜💙💚✨😻☺")
_HELLO = set("👋")
_SOS = set("🆘")
_NOT_THE_SIGN = re.compile("[\U0001f3fb-\U0001f3ff\ufe0e\ufe0f\u200d\\s]")


def intro(service_name: str, retention_days: int, channel: str, *, short: bool) -> Draft:
    """The first thing that is said: who this is, and who sees it, before anything is asked."""
    if short:
        text = (
            f"Hi, this is the {service_name}. I'm a computer, not a person. We keep your texts for "
            f"{retention_days} days. Advisers here can read them if you ask for a person, or if someone "
            "may be in danger. I don't tell your family or school. If someone is in danger, an adviser may "
            "have to get help. Text HELP, STOP or DELETE any time."
        )
    else:
        text = (
            f"Hi 👋 This is the {service_name}. I'm a computer, not a person.\n"
            f"Who sees this? We keep it for {retention_days} days. Advisers here can read it if you ask for "
            "a person, or if someone may be in danger. I don't tell your family or your school. "
            "But if someone is in danger, an adviser may have to get help.\n"
            "You don't have to say your name. Send HELP, STOP or DELETE any time."
        )
    return Draft(
        text=text,
        easy_read=(
            "Hi.\nI am a computer. I am not a person.\n"
            f"We keep what you write for {retention_days} days.\n"
            "An adviser can read it if you ask for a person.\n"
            "An adviser can read it if someone is in danger.\n"
            "Then they may have to get help.\nI do not tell your family or school.\n"
            "You do not have to say your name.\nSend HELP, STOP or DELETE any time."
        ),
        meta={"kind": "intro"},
    )


def aside(conversation: Conversation, text: str) -> Draft | None:
    """What is answered at once in a channel: who sees this, will you tell, and emoji without words."""
    if emoji := _emoji(text):
        return emoji
    if len(text) > _ASIDE_AT_MOST:
        return None
    if _WILL_YOU_TELL.search(text):
        return will_you_tell()
    if _WHO_SEES.search(text):
        return who_sees(conversation.channel)
    return None


def writes_for_a_child(text: str) -> bool:
    """Whether the writer says that they are an adult with a child: then "you" is not the child."""
    return bool(_PARENT.search(text))


def will_you_tell() -> Draft:
    """ "Will you tell my mum?", with the limit there is."""
    return Draft(
        text=(
            "No. I don't tell your family, your school or your friends what you write here.\n"
            "There is one limit. If you or someone else is in danger, an adviser here may have to tell "
            "someone who can keep you safe. They should talk with you about it first, if they can.\n"
            "Someone who uses your phone can see this chat. Send DELETE to remove what we keep."
        ),
        easy_read=(
            "No.\nI do not tell your family or school.\nThere is one limit.\n"
            "If someone is in danger, an adviser may have to tell someone who can help.\n"
            "People who use your phone can see this chat.\nSend DELETE to remove what we keep."
        ),
        buttons=(wording.TALK_TO_A_PERSON,),
    )


def who_sees(channel: str) -> Draft:
    """ "Who sees this?", all of them."""
    carrier = {
        "telegram": "Telegram carries our messages. Its company can see that you write to us.",
        "whatsapp": "WhatsApp carries our messages. Its company can see that you write to us.",
        "sms": "Your phone company carries our texts, and whoever pays the bill may see our number.",
    }.get(channel, "")
    return Draft(
        text=(
            "You can see it, and so can anyone who uses your phone.\n"
            "An adviser here can read it if you ask for a person, or if what you write sounds like danger. "
            "If someone is in danger they may have to get help. I don't tell your family or school.\n"
            f"{carrier} Send DELETE to remove what we keep."
        ).replace("\n ", "\n"),
        easy_read=(
            "You can see it.\nPeople who use your phone can see it.\n"
            "An adviser can read it if you ask for a person.\n"
            "An adviser can read it if someone may be in danger.\n"
            f"I do not tell your family or school.\n{carrier}\nSend DELETE to remove what we keep."
        ).replace("\n\n", "\n"),
        buttons=(wording.TALK_TO_A_PERSON,),
    )


def _call_now(emergency: str) -> str:
    return f"In danger, or is someone else? Get help now:\n{emergency}"


def help_lines(service_name: str, emergency: str, *, web: bool) -> Draft:
    """HELP: who to call first, then what this can do. ``emergency``: lines with names and numbers."""
    commands = ["PERSON: talk to a person", "EASY: shorter, simpler words", "STOP: no more messages from us"]
    commands += ["DELETE: delete this chat"] + (["WEB: go on in a web page"] if web else [])
    listed = "\n".join(f"- {line}" for line in commands)
    text = (
        f"{_call_now(emergency)}\n"
        f"I'm the {service_name}. Ask me about autism, getting support, school or your rights. "
        f"You can send:\n{listed}"
    )
    return Draft(text=text, easy_read=text, buttons=(wording.TALK_TO_A_PERSON,), meta={"kind": "help"})


def stopped() -> Draft:
    """STOP."""
    text = (
        "OK. We won't send you any more messages. "
        "If you want to talk again, just write. Send DELETE to delete this chat."
    )
    return Draft(role=Role.SYSTEM, text=text, easy_read=text)


def back_again() -> Draft:
    """The person writes after STOP, or after going on in the web page."""
    text = "Welcome back. I'll answer here again. Send STOP if you want me to stop."
    return Draft(role=Role.SYSTEM, text=text, easy_read=text)


def person_stopped() -> Draft:
    """For the adviser: the person cannot be reached."""
    return Draft(
        role=Role.SYSTEM,
        private=True,
        text="The person sent STOP or blocked us. What you write does not reach them until they write again.",
    )


def deleted(was_there: bool) -> str:
    """DELETE. Not a ``Draft``: there is no chat any more that it could be logged in."""
    if not was_there:
        return "There is nothing to delete. We keep no chat with you."
    return (
        "Done. We deleted our copy of this chat, and any request for a person. "
        "The messages on your phone are still there: delete them too if you want."
    )


_NOT_LOOKED_AT = {
    "photo": "Thanks for the photo. I can't look at pictures, so I don't keep them.",
    "video": "Thanks for the video. I can't watch videos, so I don't keep them.",
    "voice": "Thanks for the voice message. I can't listen to it, so I don't keep it.",
    "sticker": "Nice one 🙂 I only understand words, though.",
    "file": "Thanks for the file. I can't open files here, so I don't keep them.",
    "location": "I don't need to know where you are, so I didn't keep that.",
    "contact": "I don't need anyone's contact details, so I didn't keep them.",
}

_CALLED = {"voice": "voice message"}


def media(kind: str, adviser: str | None) -> Draft:
    """A photo, a voice note or something else that is not fetched."""
    named = _NOT_LOOKED_AT.get(kind, "I can't open that, so I don't keep it.")
    ask = f"{adviser} can't see it either." if adviser else ""
    text = f"{named} {ask} Can you tell me in words?".replace("  ", " ")
    return Draft(role=Role.SYSTEM, text=text, easy_read=text)


def media_mark(kind: str, *, kept: bool) -> str:
    """What the log, and so an adviser, is told of it. ``kept``: it is fetched for the adviser."""
    what = (
        f"The person sent a {_CALLED.get(kind, kind)}." if kind != "other" else "The person sent something."
    )
    return f"[{what}]" if kept else f"[{what} It was not kept.]"


#: Where the chat is in another's window, which keeps what was sent: a person there can look at it.
_SEEN_ELSEWHERE = {
    "photo": "Thanks for the photo. I can't look at pictures. A person here can.",
    "video": "Thanks for the video. I can't watch videos. A person here can.",
    "voice": "Thanks for the voice message. I can't listen to it. A person here can.",
    "sticker": "Nice one 🙂 I only understand words, though. A person here can see it.",
    "file": "Thanks for the file. I can't open files. A person here can.",
    "location": "Thanks. I can't look at a place on a map. A person here can.",
    "contact": "Thanks. I can't look at a contact. A person here can.",
    "other": "Thanks. I can't open that. A person here can.",
}

#: What an adviser of our own cannot do with it: it is not in their window.
_UNSEEN_HERE = {
    "photo": "see your photo",
    "video": "watch your video",
    "voice": "hear your voice message",
    "sticker": "see your sticker",
    "file": "open your file",
    "location": "see the place you sent",
    "contact": "see the contact you sent",
    "other": "open what you sent",
}


def media_elsewhere(kind: str) -> Draft:
    """What was sent is in another's window, and the assistant has the chat. ``kind`` may be "other"."""
    text = f"{_SEEN_ELSEWHERE[kind]} Can you tell me in words, or do you want to talk to a person?"
    return Draft(text=text, easy_read=text, buttons=(wording.TALK_TO_A_PERSON,))


def media_unseen(kind: str, adviser: str) -> Draft:
    """What was sent is in another's window, and an adviser of our own has the chat: they cannot see it."""
    text = f"Sorry, {adviser} can't {_UNSEEN_HERE[kind]}. Can you say it in words?"
    return Draft(role=Role.SYSTEM, text=text, easy_read=text)


def media_arrived(kind: str, adviser: str) -> Draft:
    """The adviser can see what the person sent."""
    verb = {"photo": "see your photo", "voice": "hear your voice message"}.get(kind, "open your file")
    text = f"Thanks. {adviser} can {verb} now."
    return Draft(role=Role.SYSTEM, text=text, easy_read=text)


def media_lost(kind: str, adviser: str) -> Draft:
    """It could not be fetched, or is of a kind that is not opened."""
    text = f"Sorry, {adviser} can't open your {_CALLED.get(kind, kind)}. Can you say it in words?"
    return Draft(role=Role.SYSTEM, text=text, easy_read=text)


def media_note(kind: str, file: NewFile) -> Draft:
    """For the adviser: what was fetched."""
    text = f"The {_CALLED.get(kind, kind)} that they sent:"
    return Draft(role=Role.SYSTEM, private=True, text=text, file=file, meta={"kind": "from_the_person"})


def media_lost_note(kind: str, why: str) -> Draft:
    """For the adviser: what was not, and why."""
    text = f"Their {_CALLED.get(kind, kind)} cannot be shown: {why}. They were asked to say it in words."
    return Draft(role=Role.SYSTEM, private=True, text=text, meta={"kind": "from_the_person"})


def set_aside(emergency: str) -> Draft:
    """A message that always fails in handling; later ones may be answered already, so it is not "your last".

    ``emergency``: lines with names and numbers.
    """
    text = (
        "Sorry, I couldn't read one of your messages. That is our fault, not yours. "
        "Try to say it in other words, or ask to talk to a person.\n"
        f"{_call_now(emergency)}"
    )
    return Draft(
        text=text,
        easy_read=(
            "Sorry. I could not read one of your messages.\nIt is not your fault.\n"
            "Please say it in other words.\n"
            f"Are you in danger? Get help now:\n{emergency}"
        ),
        buttons=(wording.TALK_TO_A_PERSON,),
        meta={"kind": "set_aside"},
    )


def set_aside_note(*, kept: bool) -> Draft:
    """For the adviser. ``kept``: the message itself is in the log."""
    what = "A message that they wrote could not be answered" if kept else "A message could not be read"
    where = "It is above." if kept else "It is not in this chat: ask what they wrote."
    told = "They were told, and shown whom to call in danger."
    return Draft(
        role=Role.SYSTEM,
        private=True,
        text=f"{what}, because of a fault of our own. {where} {told}",
        meta={"kind": "set_aside"},
    )


def see_rest(link: str) -> str:
    """Ends an answer that is cut."""
    return f"The rest: {link}"


def see_file(link: str) -> str:
    """Ends an answer with a file that texts cannot carry."""
    return f"The file: {link}"


def file_left_out(name: str) -> str:
    """A file that this channel cannot carry, and that there is no other way to."""
    return f"(A file came with this: {name}. It can't be sent here. Ask for it another way.)"


def slow_down() -> Draft:
    """More messages than can be answered. Said once; then nothing until there is room again."""
    text = (
        "That's a lot of messages at once, so I can't answer them all. I've kept what you wrote. "
        "Wait a minute, then ask me again. If you need help now, send HELP."
    )
    return Draft(
        role=Role.SYSTEM,
        text=text,
        easy_read="Please wait a minute.\nThen ask me again.\nSend HELP for help now.",
    )


def under_13() -> Draft:
    """The writer says that they are under 13."""
    return Draft(
        role=Role.SYSTEM,
        text=(
            "Thanks for telling me. Please don't send me your name, your address or your school. "
            "I don't need them. It can help to have a grown-up you trust with you."
        ),
        easy_read="Please do not send your name, address or school.\nA grown-up you trust can help you.",
    )


def crossing_link(link: str, minutes: int) -> Draft:
    """WEB: the one-time link."""
    text = (
        f"Here is a link to go on in a web page. It works once, for {minutes} minutes. "
        f"Anyone with the link can read this chat, so don't pass it on.\n{link}"
    )
    return Draft(role=Role.SYSTEM, text=text, easy_read=text, meta={"kind": "crossing"})


def no_web() -> Draft:
    """WEB, and this gateway has no public address."""
    text = "Sorry, I can't open a web page for this chat. We can go on here."
    return Draft(role=Role.SYSTEM, text=text, easy_read=text)


def moved() -> str:
    """Said in the channel once the person went on in the web page."""
    return "This chat goes on in the web page now. Write here any time to come back."


def button_gone() -> Draft:
    """A button of a chat that was deleted, or of long ago."""
    text = "That button doesn't work any more. Can you type it?"
    return Draft(text=text, easy_read=text, buttons=(wording.TALK_TO_A_PERSON,))


def easy_read_on() -> str:
    """What the dialogue model is told for EASY."""
    return "Can you say it in easy read?"


#: In place of what the web page says about staying on it.
IN_THIS_CHAT = "The answer will come here, so you can close the app. "

NIGHT = "It's late, so it may be tomorrow before a person can answer. Send HELP to see who is there at night."


def school_holidays(until: date, *, easy_read: bool) -> str:
    """Ends an answer that sends somebody to school in the holidays, which last ``until`` this day."""
    day = f"{until:%A} {until.day} {until:%B}"  # itself without school
    if easy_read:
        return (
            f"It is the school holidays. The last day is {day}.\n"
            "School may not answer before it is over.\nSend PERSON to talk to a person here."
        )
    return (
        f"It's the school holidays until the end of {day}, so school may not answer before then. "
        "Send PERSON to talk to a person here."
    )


#: No day has a longer name than this one.
LONGEST_SCHOOL_HOLIDAYS = max(
    len(school_holidays(date(2026, 9, 30), easy_read=easy_read)) for easy_read in (True, False)
)

SHOW_MORE = "Show me more"


def _emoji(text: str) -> Draft | None:
    signs = set(_NOT_THE_SIGN.sub("", text))
    if not signs or any(sign.isalnum() for sign in signs):
        return None
    if signs & _SOS:
        return Draft(
            text="Are you in danger, or is someone else? Send HELP now and I'll show you who to call.",
            easy_read="Are you in danger?\nSend HELP now.",
            buttons=(wording.TALK_TO_A_PERSON,),
        )
    if signs & _SAD:
        return Draft(
            text="That looks like a hard moment. I'm here. Do you want to tell me a bit more in words?",
            easy_read="That looks hard.\nDo you want to tell me more?",
            buttons=(wording.TALK_TO_A_PERSON,),
        )
    if signs <= _GLAD:
        return Draft(text="🙂 Ask me anything else you want.", easy_read="Ask me anything else.")
    if signs <= _HELLO:
        return Draft(
            text="Hi! What do you want to know?",
            easy_read="Hi!\nWhat do you want to know?",
            buttons=(wording.TALK_TO_A_PERSON,),
        )
    return None

"""What is said around reaching a person: before it starts, for a call back, and when the person has gone.

Sentences of the gateway itself, like ``gateway.wording``: plain words, no facts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from conversations.log import Draft
from conversations.models import Json, Role
from conversations.opening import DAYS, LOCAL_TIME, clock
from conversations.service import ServiceState
from gateway.wording import CALL_BACK, CALL_ME_BACK, TALK_TO_A_PERSON

#: Payloads the gateway acts on itself; they never reach the bot.
YES_PERSON = "/pass_on"
NO_PERSON = "/do_not_pass_on"
CALL_BACK_HOW = {"/call_back_phone": "phone", "/call_back_text": "text", "/call_back_email": "email"}
CALL_BACK_WHEN = "/call_back_when_"
CALL_BACK_NO_NAME = "/call_back_no_name"
CALL_BACK_CANCEL = "/call_back_cancel"
RATE = "/rate_"
RATE_COMMENT = "/rate_comment"

_NO_CALL_BACK: Json = {"title": "No call back", "payload": CALL_BACK_CANCEL}
_CANCEL_CALL_BACK: Json = {"title": "Cancel the call back", "payload": CALL_BACK_CANCEL}

_HOWS: tuple[Json, ...] = (
    {"title": "Phone me", "payload": "/call_back_phone"},
    {"title": "Text me", "payload": "/call_back_text"},
    {"title": "Email me", "payload": "/call_back_email"},
    _NO_CALL_BACK,
)
_WHENS: tuple[Json, ...] = (
    {"title": "As soon as you can", "payload": f"{CALL_BACK_WHEN}soon"},
    {"title": "In the morning", "payload": f"{CALL_BACK_WHEN}morning"},
    {"title": "In the afternoon", "payload": f"{CALL_BACK_WHEN}afternoon"},
    {"title": "After school", "payload": f"{CALL_BACK_WHEN}after_school"},
    _NO_CALL_BACK,
)
_RATINGS: tuple[Json, ...] = (
    {"title": "Very good", "payload": f"{RATE}5"},
    {"title": "Good", "payload": f"{RATE}4"},
    {"title": "Neither good nor bad", "payload": f"{RATE}3"},
    {"title": "Bad", "payload": f"{RATE}2"},
    {"title": "Very bad", "payload": f"{RATE}1"},
)
_WAYS = {"phone": "phone you on", "text": "send a text to", "email": "send an email to"}


def offer(
    *,
    on_duty: int,
    ahead: int,
    expected: timedelta | None,
    state: ServiceState,
    now: datetime,
    elsewhere: Sequence[str],
    cards: Sequence[Json],
    meta: Json,
) -> Draft:
    """Before a person is asked for: who is there, how long it may take, what is passed on; yes or no.

    ``ahead`` chats wait already; ``expected`` is what people waited lately. ``elsewhere`` names services that
    may help sooner when nobody is on duty.
    """
    lines, short = [], []
    if on_duty:
        lines.append("An adviser is on duty now.")
        short.append("A person is here now.")
    else:
        lines.append("No adviser is on duty right now.")
        short.append("No person is here now.")
    if state.opening.is_known:
        lines.append(f"Advisers answer {state.opening.in_words()}, UK time.")
        if back := next_here(state, now):
            why = state.opening.closed_because(now.astimezone(LOCAL_TIME).date())
            closed = f"We are closed today: {why}. " if why else ""
            lines.append(f"{closed}They are next here {back}.")
            short.append(f"People are here {back}.")
    if on_duty:
        place = "You would be next." if ahead == 0 else f"{_people(ahead)} before you."
        lines.append(place)
        short.append(place)
        if expected is not None:
            lines.append(f"Lately people waited {how_long(expected)}.")
            short.append(f"It may take {how_long(expected)}.")
    if elsewhere and not on_duty:
        names = " or ".join(elsewhere)
        lines.append(f"If you do not want to wait, you can also contact {names}.")
        short.append(f"You can also contact {names}.")
    lines.append(
        "I would pass on this whole chat, with a short summary: what you asked, what I showed you, and your "
        "area and age if you told me. Then you do not have to say it all again. Is that all right?"
    )
    short.append("The person will read this chat.\nIs that OK?")
    buttons: list[Json] = [
        {"title": "Yes, pass it on", "payload": YES_PERSON},
        CALL_ME_BACK,
        {"title": "No, thank you", "payload": NO_PERSON},
    ]
    return Draft(
        role=Role.SYSTEM,
        text="\n".join(lines),
        easy_read="\n".join(short),
        buttons=buttons,
        cards=() if on_duty else cards,
        meta={"kind": "consent", **meta},
    )


def ask_whether_a_person(*, on_duty: int, state: ServiceState, now: datetime, because: str) -> Draft:
    """After less than an answer: whether somebody is there, or when they are, and the question.

    What is passed on is told, and asked for, only after a yes. ``because`` is kept for advisers.
    """
    back = None if on_duty else next_here(state, now)
    if on_duty:
        here, short = "An adviser is on duty now.", "A person is here now."
    else:
        here, short = "No adviser is on duty right now.", "No person is here now."
    if back:
        here, short = f"{here} They are next here {back}.", f"{short}\nPeople are here {back}."
    return Draft(
        text=f"{here} Would you like to talk to a person?",
        easy_read=f"{short}\nDo you want to talk to a person?",
        buttons=(TALK_TO_A_PERSON,),
        meta={"offers_person": because},
    )


def not_passed_on() -> Draft:
    """No was said: nothing was passed on."""
    return Draft(
        role=Role.SYSTEM,
        text="That is fine. Nothing was passed on. You can keep asking me, or ask for a person later.",
        easy_read="That is OK.\nNobody was told.\nYou can ask me more.",
        buttons=(TALK_TO_A_PERSON,),
    )


def nothing_to_pass_on() -> Draft:
    """Yes was pressed, and the offer is no longer there."""
    return Draft(
        role=Role.SYSTEM,
        text="I am not sure what to pass on any more. Do you want to talk to a person?",
        easy_read="Do you want to talk to a person?",
        buttons=(TALK_TO_A_PERSON,),
    )


def long_wait() -> Draft:
    """Somebody has waited longer than they should: say so once."""
    return Draft(
        role=Role.SYSTEM,
        text=(
            "I am sorry that this takes so long. You keep your place in the queue. "
            "You can also ask for a call back instead."
        ),
        easy_read="Sorry, this takes long.\nYou keep your place.\nOr we can call you back.",
        buttons=(CALL_ME_BACK,),
    )


def say_again() -> Draft:
    """Words that were kept apart have not reached the adviser who has just come."""
    return Draft(
        role=Role.SYSTEM,
        text=(
            "An adviser has joined. They cannot see what you typed last, because contact details are kept "
            "apart from the chat. If you want them to have it, please type it again."
        ),
        easy_read="A person is here now.\nThey cannot see your last message.\nPlease type it again.",
    )


def assistant_off(elsewhere: Sequence[str], cards: Sequence[Json]) -> Draft:
    """A supervisor has switched the assistant off."""
    text = "The automated assistant is switched off at the moment. A person can answer you here."
    easy_read = "The computer helper is switched off now.\nA person can answer you."
    if elsewhere:
        names = " or ".join(elsewhere)
        text += f" You can also contact {names}."
        easy_read += f"\nYou can also contact {names}."
    return Draft(role=Role.SYSTEM, text=text, easy_read=easy_read, cards=cards, buttons=(TALK_TO_A_PERSON,))


def announcement(text: str) -> Draft:
    """What a supervisor wants everybody to know, in their words."""
    return Draft(role=Role.SYSTEM, text=text, easy_read=text, meta={"kind": "announcement"})


# -- call backs -----------------------------------------------------------------------------------------


def ask_how(before: str = "") -> Draft:
    """The first question."""
    return Draft(
        role=Role.SYSTEM,
        text=f"{before}How should an adviser get in touch with you? You can cancel at any time.",
        easy_read="How should we contact you?\nYou can cancel at any time.",
        buttons=_HOWS,
    )


def ask_address(how: str, before: str = "") -> Draft:
    """The number or the address."""
    what = "email address" if how == "email" else "mobile number" if how == "text" else "telephone number"
    return Draft(
        role=Role.SYSTEM,
        text=(
            f"{before}What is your {what}? It is stored encrypted, apart from this chat. Only the adviser "
            "who gets in touch sees it, and it is deleted afterwards."
        ),
        easy_read=f"{before}What is your {what}?\nWe keep it safe.\nWe delete it afterwards.",
        buttons=(_NO_CALL_BACK,),
    )


def ask_when() -> Draft:
    """A good time."""
    return Draft(
        role=Role.SYSTEM,
        text="When is a good time? Choose one, or type it in your own words.",
        easy_read="When is a good time?",
        buttons=_WHENS,
    )


def ask_name() -> Draft:
    """A name to ask for; any name."""
    return Draft(
        role=Role.SYSTEM,
        text="What name should the adviser use for you? It can be any name you like.",
        easy_read="What name should we use?\nAny name is OK.",
        buttons=({"title": "No name", "payload": CALL_BACK_NO_NAME}, _NO_CALL_BACK),
    )


def call_back_placed(reference: str, how: str, contact: str, when: str, state: ServiceState) -> Draft:
    """It is agreed: what will happen. ``contact`` is only as much of it as may be shown."""
    hours = f" Advisers work {state.opening.in_words()}." if state.opening.is_known else ""
    return Draft(
        role=Role.SYSTEM,
        text=(
            f"Thank you. An adviser will {_WAYS[how]} {contact}. You said: {when}.{hours} "
            f"Your reference is {reference}. You can keep asking me here, and you can cancel at any time. "
            "If someone is in danger, do not wait for the call."
        ),
        easy_read=(
            f"Thank you.\nA person will contact you.\nYour reference is {reference}.\n"
            "You can cancel at any time.\nIn danger, do not wait for us."
        ),
        buttons=(_CANCEL_CALL_BACK,),
    )


def call_back_cancelled() -> Draft:
    """No call back any more."""
    return Draft(
        role=Role.SYSTEM,
        text="The call back is cancelled, and your contact details are deleted. You can keep asking me here.",
        easy_read="The call back is cancelled.\nWe deleted your details.\nYou can ask me more.",
        buttons=(TALK_TO_A_PERSON,),
    )


def no_call_back() -> Draft:
    """A cancellation, and there is nothing to cancel."""
    return Draft(
        role=Role.SYSTEM,
        text="There is no call back to cancel.",
        easy_read="There is no call back to cancel.",
    )


def call_back_exists() -> Draft:
    """Asked for again."""
    return Draft(
        role=Role.SYSTEM,
        text="You have asked for a call back already. An adviser will get in touch.",
        easy_read="We will call you back.\nYou asked already.",
        buttons=(_CANCEL_CALL_BACK,),
    )


def call_back_waits() -> Draft:
    """A question came in between: it was answered, and the call back is not complete yet."""
    return Draft(
        role=Role.SYSTEM,
        text="Your call back is not complete yet. Do you want to go on with it?",
        easy_read="Your call back is not ready yet.\nDo you want to go on?",
        buttons=({"title": "Go on with the call back", "payload": CALL_BACK}, _NO_CALL_BACK),
    )


#: What the log holds in place of words that are kept apart.
KEPT_APART = {
    "address": "(Contact details, kept apart from this chat)",
    "name": "(A name, kept apart from this chat)",
}


# -- afterwards -------------------------------------------------------------------------------------


def ask_rating() -> Draft:
    """The person has gone: one question, which need not be answered."""
    return Draft(
        role=Role.SYSTEM,
        text=(
            "How was talking to a person for you? You do not have to answer. "
            "You can just ask your next question."
        ),
        easy_read="How was it for you?\nYou do not have to answer.",
        buttons=_RATINGS,
        meta={"kind": "rating"},
    )


def rated() -> Draft:
    """Thanks, and room for words."""
    return Draft(
        role=Role.SYSTEM,
        text="Thank you. Is there anything you want to say about it?",
        easy_read="Thank you.\nDo you want to say more?",
        buttons=({"title": "Write a comment", "payload": RATE_COMMENT},),
    )


def ask_comment() -> Draft:
    """The next message is the comment."""
    return Draft(
        role=Role.SYSTEM,
        text="Please type your comment now. It goes to the people who run this helpline.",
        easy_read="Please type your comment.",
        meta={"kind": "rating_comment"},
    )


def comment_kept() -> Draft:
    """It is kept."""
    return Draft(role=Role.SYSTEM, text="Thank you for your comment.", easy_read="Thank you.")


def nothing_to_rate() -> Draft:
    """A rating, and nobody was there."""
    return Draft(
        role=Role.SYSTEM,
        text="Thank you. No adviser has answered in this chat, so there is nothing to rate.",
        easy_read="Thank you.",
    )


# -- pieces -----------------------------------------------------------------------------------------


def how_long(wait: timedelta) -> str:
    """A wait as people say it: "less than a minute", "about 5 minutes", "about 2 hours"."""
    minutes = round(wait.total_seconds() / 60)
    if minutes < 1:
        return "less than a minute"
    if minutes < 60:
        return f"about {minutes} minute{'s' if minutes != 1 else ''}"
    hours = round(minutes / 60)
    return f"about {hours} hour{'s' if hours != 1 else ''}"


def next_here(state: ServiceState, now: datetime) -> str | None:
    """When advisers are next here: "tomorrow at 9am"; None while it is open or no hours are set."""
    if state.opening.is_open(now):
        return None
    opens = state.opening.next_opening(now)
    return day_and_time(opens, now) if opens else None


def day_and_time(at: datetime, now: datetime) -> str:
    """A time to come: "today at 1pm", "tomorrow at 9am", "on Monday 30 November at 9am"."""
    local, today = at.astimezone(LOCAL_TIME), now.astimezone(LOCAL_TIME).date()
    match (local.date() - today).days:
        case 0:
            day = "today"
        case 1:
            day = "tomorrow"
        case _:
            day = f"on {DAYS[local.weekday()]} {local.day} {local:%B}"
    return f"{day} at {clock(local.time())}"


def _people(number: int) -> str:
    return "One person is" if number == 1 else f"{number} people are"

"""What the family is told when a person comes and goes. No facts and no numbers live here.

Plain words, one idea a sentence, what happens next.
"""

from __future__ import annotations

from conversations.log import Draft, first_name
from conversations.models import Adviser, Role


def joined(adviser: Adviser) -> Draft:
    """An adviser has taken the chat."""
    name = first_name(adviser.name)
    return Draft(
        role=Role.SYSTEM,
        text=(
            f"Adviser {name} has joined. {name} is a person, and can see this chat, "
            "so you do not need to say it all again. "
            f"The automated assistant does not answer while {name} is here."
        ),
        easy_read=(
            f"Adviser {name} has joined.\n{name} is a person.\n{name} can read this chat.\n"
            "You do not need to say it again."
        ),
    )


def handed_over(colleague: Adviser) -> Draft:
    """A colleague goes on with the chat."""
    name = first_name(colleague.name)
    return Draft(
        role=Role.SYSTEM,
        text=(
            f"Adviser {name} goes on with this chat. {name} is a person, and can see all that was said, "
            "so you do not need to say it again."
        ),
        easy_read=(
            f"Another adviser helps you now: {name}.\n{name} is a person.\n{name} can read this chat.\n"
            "You do not need to say it again."
        ),
    )


def given_back(adviser: Adviser) -> Draft:
    """The adviser is finished, and the assistant answers again."""
    name = first_name(adviser.name)
    return Draft(
        role=Role.SYSTEM,
        text=(
            f"Adviser {name} has left the chat. The automated assistant answers again now. "
            "You can ask for a person again at any time."
        ),
        easy_read=(
            f"Adviser {name} has left.\nThe computer helper answers now.\n"
            "You can ask for a person again at any time."
        ),
    )


def called_back(adviser: Adviser) -> Draft:
    """The person was reached another way."""
    name = first_name(adviser.name)
    return Draft(
        role=Role.SYSTEM,
        text=(
            f"Adviser {name} has been in touch with you, so your number or address has been deleted. "
            "You can write here again at any time."
        ),
        easy_read=(
            f"Adviser {name} has talked to you.\nWe have deleted your number or address.\n"
            "You can write here again at any time."
        ),
    )


def closed(adviser: Adviser) -> Draft:
    """The chat has ended; it can be taken up again by writing."""
    name = first_name(adviser.name)
    return Draft(
        role=Role.SYSTEM,
        text=(
            f"Adviser {name} has ended this chat. If you need something else, write here again: "
            "the automated assistant will answer, and you can ask for a person."
        ),
        easy_read=(
            f"Adviser {name} has ended this chat.\nYou can write here again.\n"
            "The computer helper will answer.\nYou can ask for a person."
        ),
    )


def back_in_queue(adviser: Adviser) -> Draft:
    """The adviser cannot go on; the chat waits for the next one."""
    name = first_name(adviser.name)
    return Draft(
        role=Role.SYSTEM,
        text=(
            f"Adviser {name} has to leave. You are back in the queue and keep your place. "
            "The next adviser will see this chat, so you do not need to say it all again. "
            "The automated assistant answers meanwhile."
        ),
        easy_read=(
            f"Adviser {name} has to leave.\nYou are back in the queue.\nYou keep your place.\n"
            "Another person will come.\nThe computer helper answers now."
        ),
    )

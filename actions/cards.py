"""Records as cards: what a page lays out and a text channel leaves out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from knowledge.dates import say_partial
from knowledge.models import Pathway, Phone, Service, Wait
from knowledge.queries.waits import WaitSeries
from knowledge.waits import SoFar, in_weeks, say_amount, say_weeks

_DIAGNOSIS = {
    "yes": "You need a diagnosis",
    "no": "You do not need a diagnosis",
    "not-stated": "Our source does not say if you need a diagnosis",
}


def service_card(service: Service) -> dict[str, Any]:
    """What it is, who it is for, whether a diagnosis is needed, how to reach it, cost, checked on.

    Nobody of ours checked what comes from a directory: its caveat says who did, and when.
    """
    return {
        "kind": "service",
        "id": service.id,
        "title": service.name,
        "organization": service.organization.name,
        "description": service.description,
        "who_for": service.eligibility_description,
        "ages": say_ages(service.minimum_age, service.maximum_age),
        "needs_diagnosis": _DIAGNOSIS[service.needs_diagnosis],
        "how_to_reach": service.application_process,
        "phones": [
            {
                "number": phone.number,
                "extension": phone.extension,
                "label": phone.description,
                "text_only": phone.type == "text",
                "check": phone.freshness == "check",
            }
            for phone in service.phones
        ],
        "email": service.email,
        "url": service.url,
        "hours": service.hours_text,
        "costs": [say_cost(cost.option, cost.amount) for cost in service.cost_options],
        "checked": say_partial(service.as_of) if service.origin == "content" else None,
        "caveat": service.caveat,
    }


#: Why a step is marked; the person may mark another.
_BECAUSE_WAITING = "You are marked here because you said that the referral has gone in."


def steps_card(pathway: Pathway, waiting: bool) -> dict[str, Any]:
    """The steps of a pathway, in order.

    Args:
        pathway: it may say at which of its steps one waits.
        waiting: whether the person said that they do; that step is then marked.
    """
    here = [waiting and step.while_waiting for step in pathway.steps]
    return {
        "kind": "steps",
        "id": pathway.id,
        "title": pathway.title,
        "steps": [
            {"title": step.title, "text": step.text, "here": mark}
            for step, mark in zip(pathway.steps, here, strict=True)
        ],
        "here_because": _BECAUSE_WAITING if any(here) else None,
        "caveat": pathway.caveat,
    }


def wait_chart_card(series: WaitSeries, figures: Sequence[Wait], wait: SoFar) -> dict[str, Any]:
    """A wait so far beside the reported ones, as numbers to draw and as words that say the same.

    Args:
        series: what is compared with.
        figures: the figures of it that are shown.
        wait: how long it has been.
    """
    so_far = say_weeks(wait.least, wait.most)
    bars = [
        {"label": "So far", "said": so_far, "weeks": wait.least, "weeks_at_most": wait.most, "as_of": None}
    ]
    for figure in figures:
        weeks = round(float(in_weeks(figure.value, figure.unit)), 1)
        bars.append(
            {
                "label": "Average" if figure.measure == "average-wait" else "Longest",
                "said": say_amount(figure),
                "weeks": weeks,
                "weeks_at_most": weeks,
                "as_of": figure.as_of,
            }
        )
    reported = [
        f"{bar['label']} wait, {say_partial(figure.as_of)}: {bar['said']}."
        for bar, figure in zip(bars[1:], figures, strict=True)
    ]
    dates = dict.fromkeys(say_partial(figure.as_of) for figure in figures)
    return {
        "kind": "wait_chart",
        "id": series.pathway.id,
        "title": "The wait so far and the reported waits",
        "bars": bars,
        "caption": f"Reported waits: {', '.join(dates)}. This does not tell when your turn is.",
        "text_alternative": " ".join(
            [f"Wait so far: {so_far}.", *reported, "This does not tell when your turn is."]
        ),
    }


def say_ages(minimum: int | None, maximum: int | None) -> str | None:
    """Ages in words: "0 to 16", "18 and over", "Up to 25"."""
    if minimum is None and maximum is None:
        return None
    if maximum is None:
        return f"{minimum} and over"
    return f"{minimum} to {maximum}" if minimum else f"Up to {maximum}"


def say_cost(option: str, amount: Any) -> str:
    """A price in words: "Derby City residents: £65"."""
    return option if amount is None else f"{option}: £{amount:.2f}".replace(".00", "")


def say_phone(phone: Phone) -> str:
    """A number in words, with what to choose or ask for after it."""
    words = f"text {phone.number}" if phone.type == "text" else phone.number
    if phone.extension:
        words += f" extension {phone.extension}"
    return f"{words} ({phone.description})" if phone.description else words

"""How well danger is told from distress and from harmless look-alikes, by the gateway's safety check."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from gateway.aside import is_answered_at_once, question_beside
from gateway.safety.check import Assessment, SafetyCheck
from helpline.evaluation.calibration import reliability
from helpline.evaluation.files import SafetyLine


@dataclass(frozen=True)
class Assessed:
    """A message with how it was taken and why."""

    line: SafetyLine
    level: str
    reason: str
    sure: float
    #: Whether its question is answered under the crisis reply, without a press.
    answered_too: bool = False

    @property
    def right(self) -> bool:
        """Whether it counts as right."""
        return self.level in (self.line.label, *self.line.accept)


def assess_all(lines: list[SafetyLine]) -> list[Assessed]:
    """Assess each message."""
    check = SafetyCheck.load()
    assessed = []
    for line in lines:
        assessment = check.assess(line.text)
        answered_too = assessment.level == "crisis" and _is_answered_too(line.text, assessment, check)
        assessed.append(Assessed(line, assessment.level, assessment.reason, assessment.score, answered_too))
    return assessed


def _is_answered_too(text: str, assessment: Assessment, check: SafetyCheck) -> bool:
    question = question_beside(text, check.assess)
    return question is not None and is_answered_at_once(question, assessment.score)


def score(assessed: list[Assessed]) -> dict[str, Any]:
    """Recall of crisis and distress, false alarms, F2 of crisis (recall counts double); per kind.

    ``answered_too``: how many of the crises found, and of the false alarms, have their question answered
    under the crisis reply. ``alarms``: of the messages taken for a crisis, how sure the check was and how
    many were no false alarm.
    """
    by_kind: dict[str, list[Assessed]] = defaultdict(list)
    for result in assessed:
        if result.line.kind is not None:
            by_kind[f"{result.line.label}, {result.line.kind}"].append(result)
    confused = Counter((result.line.label, result.level) for result in assessed if not result.right)
    crisis = [result for result in assessed if result.line.label == "crisis"]
    safe = [result for result in assessed if result.line.label == "safe"]
    found = sum(1 for result in crisis if result.level == "crisis")
    alarms = [
        result
        for result in assessed
        if result.level == "crisis" and "crisis" not in (result.line.label, *result.line.accept)
    ]
    precision = found / (found + len(alarms)) if found else 0.0
    recall = found / len(crisis) if crisis else 0.0
    return {
        "messages": len(assessed),
        "crisis_recall": round(recall, 4),
        "crisis_f2": round(5 * precision * recall / (4 * precision + recall), 4) if found else 0.0,
        "distress_right": _rate([result for result in assessed if result.line.label == "distress"]),
        "safe_right": _rate(safe),
        "safe_taken_for_crisis": round(sum(1 for result in safe if result in alarms) / len(safe), 4)
        if safe
        else 0.0,
        "answered_too": {
            "crisis": sum(result.answered_too for result in crisis),
            "false_alarms": sum(result.answered_too for result in alarms),
            "of_false_alarms": len(alarms),
        },
        "per_kind": {kind: _rate(results) for kind, results in sorted(by_kind.items())},
        "confused": [
            {"label": label, "taken_for": level, "times": times}
            for (label, level), times in confused.most_common()
        ],
        "alarms": reliability(
            [(result.sure, result not in alarms) for result in assessed if result.level == "crisis"]
        ),
    }


def _rate(results: list[Assessed]) -> float:
    return round(sum(result.right for result in results) / len(results), 4) if results else 0.0

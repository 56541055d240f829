"""One safety check for all tests: learning the examples takes a second or two."""

from __future__ import annotations

import pytest

from gateway.safety import SafetyCheck
from gateway.safety.patterns import Patterns


@pytest.fixture(scope="session")
def check() -> SafetyCheck:
    """Rules and examples, as in the gateway."""
    return SafetyCheck.load()


@pytest.fixture(scope="session")
def rules_only() -> SafetyCheck:
    """As in a gateway whose encoder could not be loaded."""
    return SafetyCheck(Patterns.load(), None)

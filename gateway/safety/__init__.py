"""Is this person, or someone they write about, in danger?

Runs in the gateway before anything else and needs neither the dialogue model, the network nor a
database, so that a person in danger is answered while the rest of the helpline is down.
"""

from gateway.safety.check import Assessment, SafetyCheck
from gateway.safety.patterns import SafetyFileError

__all__ = ["Assessment", "SafetyCheck", "SafetyFileError"]

"""The one way in which reading a directory fails."""

from __future__ import annotations


class FeedError(RuntimeError):
    """A directory cannot be read, or is refused; the message says which, why, and what to do.

    What was read before it stays in the store, and running again goes on from there.
    """


class Refused(FeedError):
    """What was asked for will not be read, and asking again gives the same: no retry."""

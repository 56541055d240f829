"""What was said, and who is on it: the log, ownership, hand-off, advisers and events.

This room imports no other room. Start at ``store.Store``.
"""

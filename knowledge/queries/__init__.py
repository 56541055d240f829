"""Every question the rest of the helpline asks the store, one module a subject.

Rows come back whole (their relations are loaded) and may be used after the session is closed. Drafts and
withdrawn records never come back.
"""

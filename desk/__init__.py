"""The advisers' room: signing in, the queue, and a chat that a person has taken over.

May import ``conversations`` and ``knowledge``. Start at ``app.add_desk``.
"""

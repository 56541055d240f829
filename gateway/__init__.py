"""The public front door: the web chat, the HTTP contract, the safety check and the turn.

May import ``conversations``, ``knowledge`` and ``encoder``. Start at ``app.init_app`` and ``turn``.
"""

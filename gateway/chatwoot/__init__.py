"""A council's own Chatwoot as the place where people answer, through its Agent Bot API.

Chatwoot has the chat window and its agents have their desk; Helpline is the bot. A conversation that the bot
holds is ``pending`` there; a hand-off toggles it to ``open``, and from then on the assistant is silent until
the agents resolve it or set it back to ``pending``.
"""

"""Messaging channels: Telegram, WhatsApp and text messages, each on by settings alone.

Start at ``base`` (what a channel is), then ``receiving`` (in), ``sending`` (out), ``presenting`` and
``voice`` (how it is said). A new channel is one module here, one line in ``registry`` and a page.
"""

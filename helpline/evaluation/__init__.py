"""Measuring the assistant on labelled messages and scripted chats.

Answering and scoring are separate steps.
"""

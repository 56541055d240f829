"""Custom actions: read what is known of the person, ask the store, reply. One module a subject.

The action server imports every module of this package and registers the actions it finds.
"""

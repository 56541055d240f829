"""Open Referral UK 3.0: a council's directory read into the store, and ours written for others to read.

``shapes`` says what the standard holds and cleans what comes in; ``fetch`` and ``reader`` get it safely;
``mapping`` turns a service into our record; ``importer`` is one reading of a directory; ``published`` is
what we give back, for the export and for the API.
"""

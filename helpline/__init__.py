"""The command line, the settings and the supervisor: puts the rooms together."""

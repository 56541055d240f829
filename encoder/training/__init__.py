"""Training the encoder further. All but ``messages`` needs the dependency group ``training``."""

"""Training the encoder further: needs the dependency group ``training``; never runs in production."""

"""Training of ``search_encoder.npz``; nothing of it runs in production (docs/decisions/0007-search.md)."""

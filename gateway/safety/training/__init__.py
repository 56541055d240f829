"""Training of ``reader.npz``; nothing of it runs in production (docs/decisions/0012-safety-reader.md)."""

"""Ids: the standard wants UUIDs, ours are slugs."""

from __future__ import annotations

from uuid import UUID, uuid5

#: Never to be changed: other directories remember our services by what follows from it.
NAMESPACE = UUID("5f2a8f0e-6d0c-5c8e-9a55-0f1f7c1a6f3b")


def stable_uuid(entity: str, local_id: str) -> str:
    """The UUID under which something of ours is published, always the same for the same id.

    Args:
        entity: the standard's name of what it is: "service", "organization", "taxonomy_term" ...
        local_id: our id of it.
    """
    return str(uuid5(NAMESPACE, f"{entity}/{local_id}"))


def public_id(entity: str, local_id: str, origin: str) -> str:
    """The UUID of a row: an imported one keeps its directory's own."""
    return stable_uuid(entity, local_id) if origin == "content" else local_id

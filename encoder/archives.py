"""How learned numbers are kept in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np


def save_whole(path: Path, **arrays: Any) -> None:
    """Write a compressed archive of arrays; whoever reads meanwhile has the old file whole.

    Args:
        path: the file, with its ending.
        arrays: by the name under which each is read again.

    Raises:
        OSError: it cannot be written; the old file stays.
    """
    unfinished = path.with_name(f"unfinished-{path.name}")
    np.savez_compressed(unfinished, **arrays)
    unfinished.replace(path)

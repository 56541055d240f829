"""``python -m helpline``: the same as the ``helpline`` command."""

from __future__ import annotations

from helpline.cli import main

main()

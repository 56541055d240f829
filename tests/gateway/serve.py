"""Gateway and desk in a process of their own, with stand-ins for what is not needed: to be killed for real.

Run by its path: ``python tests/gateway/serve.py``; settings come from the environment.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

from aiohttp import web

ROOT = Path(__file__).parents[2]

# Some library installs a package called "tests": ours has no __init__.py and would lose against it.
sys.path.insert(0, str(ROOT))
ours = ModuleType("tests")
ours.__path__ = [str(ROOT / "tests")]
sys.modules["tests"] = ours


def main() -> None:
    from desk.app import add_desk
    from desk.settings import DeskSettings
    from gateway.app import init_app
    from gateway.keys import BOT, STORE
    from gateway.settings import Settings
    from tests.gateway.conftest import FakeCrisis, FakeSafety

    settings = Settings()
    app = init_app(
        settings,
        load_safety=FakeSafety,
        load_crisis=lambda _url: FakeCrisis(),
        load_areas=lambda _url: frozenset(),
    )
    add_desk(app, DeskSettings(), STORE, forget=lambda chat: app[BOT].forget(chat))
    web.run_app(app, host=settings.host, port=settings.port, access_log=None, print=None)


if __name__ == "__main__":
    main()

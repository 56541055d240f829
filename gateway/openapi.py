"""The contract as an OpenAPI 3.1 document, kept by hand in ``openapi.yml``."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from aiohttp import web
from ruamel.yaml import YAML

from gateway.errors import Code

_FILE = Path(__file__).parent / "openapi.yml"


@lru_cache(maxsize=1)
def read_document() -> dict[str, Any]:
    """The document; the list of error codes is taken from the code itself."""
    document: dict[str, Any] = YAML(typ="safe", pure=True).load(_FILE.read_text(encoding="utf-8"))
    document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"] = [str(code) for code in Code]
    return document


async def document(_request: web.Request) -> web.Response:
    """``GET /api/openapi.json``."""
    return web.json_response(read_document())

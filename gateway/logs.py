"""Structured logs: one JSON object a line, never with the words of a message."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

#: What ``logging`` itself puts on a record; everything else came in through ``extra``.
_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """``{"at", "level", "logger", "event", ...}`` with whatever was passed as ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON. A traceback comes as text: its frames hold no local values."""
        entry: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        entry.update({key: value for key, value in vars(record).items() if key not in _STANDARD})
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str, ensure_ascii=False)


def set_up_logging(level: str) -> None:
    """Send every log record to standard error as JSON."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # tells at every start that nothing is to be done

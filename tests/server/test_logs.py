import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

from emomusic.errors import ImageError
from emomusic.server.drain import JsonFormatter

SECRET = "holiday-at-the-lake.jpg"


def formatted(level: int, message: object, *args: object, exc_info: Any = None) -> dict[str, Any]:
    record = logging.LogRecord("emomusic.app.frame", level, __file__, 1, message, args, exc_info)
    text = JsonFormatter().format(record)
    assert SECRET not in text
    assert "\n" not in text
    return json.loads(text)


def test_a_message_has_no_arguments() -> None:
    entry = formatted(logging.INFO, "error shown to the visitor: %s", ImageError(f"'{SECRET}' is damaged"))
    assert (entry["level"], entry["logger"], entry["error"]) == ("info", "emomusic.app.frame", "ImageError")
    assert entry["message"] == "error shown to the visitor: %s"
    assert entry["time"].endswith("+00:00")
    assert formatted(logging.WARNING, ImageError(SECRET))["message"] == "ImageError"


def test_an_exception_has_its_type_and_lines_but_no_text() -> None:
    try:
        raise ValueError(SECRET)
    except ValueError:
        entry = formatted(logging.ERROR, "a film cannot be read", exc_info=sys.exc_info())
    assert entry["error"] == "ValueError"
    assert entry["at"][-1].startswith("test_an_exception_has_its_type_and_lines_but_no_text:")


def test_every_logger_writes_json_once(root: Path) -> None:
    code = f"""
import logging
noisy = logging.getLogger("noisy")
noisy.addHandler(logging.StreamHandler())
noisy.propagate = False
from emomusic.server.drain import use_json_logs
use_json_logs()
noisy.warning("of %s", {SECRET!r})
logging.getLogger("later").info("started")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    entries = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(entry["logger"], entry["message"]) for entry in entries] == [("noisy", "of %s"), ("later", "started")]
    assert done.stdout == ""

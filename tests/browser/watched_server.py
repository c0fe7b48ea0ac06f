"""The app as `streamlit run` starts it, whose threads a test can see: their names stand in a file, twice a second."""

import os
import sys
import threading
import time
from pathlib import Path

from streamlit.web.cli import main


def note(path: Path) -> None:
    """Write down who is there, again and again; a reader never finds half a file."""
    fresh = path.with_suffix(".fresh")
    while True:
        fresh.write_text("\n".join(thread.name for thread in threading.enumerate()), encoding="utf-8")
        fresh.replace(path)
        time.sleep(0.5)


if __name__ == "__main__":
    threading.Thread(target=note, args=(Path(os.environ["TEST_THREADS"]),), daemon=True).start()
    sys.exit(main())

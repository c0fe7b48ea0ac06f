"""Start the app like `streamlit run`, and write the names of its threads to a file twice a second."""

import os
import sys
import threading
import time
from pathlib import Path

from streamlit.web.cli import main


def note(path: Path) -> None:
    """Write the names of all threads repeatedly; a reader never gets a partial file."""
    fresh = path.with_suffix(".fresh")
    while True:
        fresh.write_text("\n".join(thread.name for thread in threading.enumerate()), encoding="utf-8")
        fresh.replace(path)
        time.sleep(0.5)


if __name__ == "__main__":
    threading.Thread(target=note, args=(Path(os.environ["TEST_THREADS"]),), daemon=True).start()
    sys.exit(main())

"""Start the app like `streamlit run`; on SIGUSR1, it writes the names of its threads to a file."""

import os
import signal
import sys
import threading
from pathlib import Path

from streamlit.web.cli import main


def note(*_: object) -> None:
    """Write the names of all threads; a reader never gets a partial file."""
    path = Path(os.environ["TEST_THREADS"])
    fresh = path.with_suffix(".fresh")
    fresh.write_text("\n".join(thread.name for thread in threading.enumerate()), encoding="utf-8")
    fresh.replace(path)


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, note)
    sys.exit(main())

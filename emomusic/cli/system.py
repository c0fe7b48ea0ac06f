"""`app` and `doctor`: open the app; check the installation."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from typing import Any

from emomusic.cli import arguments
from emomusic.cli.arguments import Outcome, add_command, status_of
from emomusic.cli.doctor import examine


def add_commands(parent: Any) -> None:
    """Add the commands to the parser."""
    add_command(parent, "doctor", doctor, _show_checks, "Is this installation healthy?")
    text = "Open the app in the browser; Ctrl+C stops it."
    parser = parent.add_parser("app", help=text, description=text)
    port = arguments.number(1, 65535, whole=True)
    parser.add_argument("--port", type=port, metavar="N", help="the first free port from 8501 unless given")
    parser.add_argument(
        "--address", type=arguments.name, metavar="ADDR", help="localhost (this machine only); 0.0.0.0 for all networks"
    )
    parser.set_defaults(run=app, show=lambda _: None, json=False)


def app(options: argparse.Namespace) -> Outcome:
    """Serve the app until it is stopped. On POSIX the server replaces this process."""
    from emomusic.assets import IS_WHEEL, ROOT
    from emomusic.cli.doctor import require_packages

    require_packages("app")
    address = options.address or os.environ.get("STREAMLIT_SERVER_ADDRESS", "localhost")
    # -P: files in the current folder must not shadow libraries
    command = [sys.executable, "-P", "-m", "streamlit", "run", str(ROOT / "app.py"), f"--server.address={address}"]
    command += [f"--server.port={options.port}"] if options.port else []
    if IS_WHEEL:
        os.environ.setdefault("STREAMLIT_SERVER_FILE_WATCHER_TYPE", "none")  # its files never change
    if os.name == "posix":
        os.execv(command[0], command)
    return None, subprocess.run(command, check=False).returncode


def doctor(_: argparse.Namespace) -> Outcome:
    """Check the installation. The status is 2 if a check fails."""
    report = examine()
    return report, status_of([check["name"] for check in report["checks"] if not check["ok"]])


def _show_checks(report: dict[str, Any]) -> None:
    for check in report["checks"]:
        print(f"{'ok     ' if check['ok'] else 'PROBLEM'} {check['name']}: {check['detail']}")

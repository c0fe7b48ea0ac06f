"""`app`, `doctor`, `bench` and `data`: open the app, check and time this installation, and its bundled files."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from emomusic import downloads
from emomusic.assets import IS_WHEEL, ROOT, check_assets, downloads_dir, list_assets, require_checkout
from emomusic.cli import arguments
from emomusic.cli.arguments import Outcome, add_command, status_of
from emomusic.cli.doctor import examine, require_packages
from emomusic.downloads import Download


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
    text = "Time each step on this machine: photo, models, music, live, film or batch."
    add_command(parent, "bench", bench, _show_timings, text)  # its other options are those of the script
    data = parent.add_parser("data", help="Bundled and downloadable data, with integrity check.")
    kinds = data.add_subparsers(dest="kind", required=True, metavar="list|get|check")
    add_command(kinds, "list", data_list, _show_data, "List the bundled and the downloadable files.")
    get = add_command(kinds, "get", data_get, _show_data, "Download a dataset.")
    get.add_argument("name", metavar="NAME", choices=tuple(downloads.DOWNLOADS), help=", ".join(downloads.DOWNLOADS))
    add_command(kinds, "check", data_check, _show_data, "Compare the bundled files with their checksums.")


def app(options: argparse.Namespace) -> Outcome:
    """Serve the app until it is stopped. On POSIX the server replaces this process."""
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


def bench(options: argparse.Namespace) -> Outcome:
    """Time one part with `scripts/bench.py` of the checkout. Raises an `AssetError` in an installed wheel."""
    require_checkout("to time its steps")
    command = [sys.executable, "-P", "-m", "scripts.bench", *options.rest]  # -P: not a folder `scripts` of the user
    done = subprocess.run(command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False)
    if done.returncode:  # the script has told the reason
        raise SystemExit(done.returncode)
    return json.loads(done.stdout), 0


def _show_timings(report: dict[str, Any]) -> None:
    print(report["machine"])
    for timing in report["timings"]:
        digits = 2 if timing["unit"] == "x" else 1
        median, worst = (f"{timing[name]:.{digits}f}" for name in ("median", "p95"))
        print(f"{median:>8} {timing['unit']:5}  (95 %: {worst})  {timing['step']}")


def data_list(_: argparse.Namespace) -> Outcome:
    """List the bundled and the downloadable files."""
    bundled = [{**asdict(asset), "ships": True, "present": asset.bytes > 0} for asset in list_assets()]
    return bundled + [_download_record(download) for download in downloads.DOWNLOADS.values()], 0


def data_get(options: argparse.Namespace) -> Outcome:
    """Download a dataset, unless it is present."""
    downloads.ensure(options.name)
    return [_download_record(downloads.DOWNLOADS[options.name])], 0


def data_check(_: argparse.Namespace) -> Outcome:
    """Compare the bundled files with their checksums. The status is 2 if one is absent or damaged."""
    records = [{**asdict(asset), "problem": problem} for asset, problem in check_assets()]
    return records, status_of([record["name"] for record in records if record["problem"]])


def _download_record(download: Download) -> dict[str, Any]:
    path = downloads.find_download(download.name)
    folder = downloads_dir() if IS_WHEEL else Path("data")
    return {
        "name": download.name,
        "path": str(path or folder / download.path),
        "licence": download.licence,
        "source": download.source,
        "bytes": path.stat().st_size if path else download.num_bytes,
        "ships": False,
        "present": path is not None,
        "address": download.address,
    }


def _show_data(assets: list[dict[str, Any]]) -> None:
    for asset in assets:
        state = f"  PROBLEM: {asset['problem']}" if asset.get("problem") else ""
        if not asset.get("present", True):
            how = "restore the files" if asset["ships"] else f"python -m emomusic data get {asset['name']}"
            state = f"  (not here: {how})"
        print(f"{asset['name']}: {asset['path']}, {asset['bytes'] / 1e6:.2f} MB, {asset['licence']}{state}")

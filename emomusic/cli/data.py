"""`data`: list the bundled and downloadable files, download one, or check the bundled ones."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from emomusic import downloads
from emomusic.cli.arguments import Outcome, add_command, status_of
from emomusic.downloads import Download


def add_commands(parent: Any) -> None:
    """Add the commands to the parser."""
    data = parent.add_parser("data", help="Bundled and downloadable data, with integrity check.")
    kinds = data.add_subparsers(dest="kind", required=True, metavar="list|get|check")
    add_command(kinds, "list", data_list, _show_data, "List the bundled and the downloadable files.")
    get = add_command(kinds, "get", data_get, _show_data, "Download a dataset.")
    get.add_argument("name", metavar="NAME", choices=tuple(downloads.DOWNLOADS), help=", ".join(downloads.DOWNLOADS))
    add_command(kinds, "check", data_check, _show_data, "Compare the bundled files with their checksums.")


def data_list(_: argparse.Namespace) -> Outcome:
    """List the bundled and the downloadable files."""
    from emomusic.assets import list_assets

    bundled = [{**asdict(asset), "ships": True, "present": asset.bytes > 0} for asset in list_assets()]
    return bundled + [_download_record(download) for download in downloads.DOWNLOADS.values()], 0


def data_get(options: argparse.Namespace) -> Outcome:
    """Download a dataset, unless it is present."""
    downloads.ensure(options.name)
    return [_download_record(downloads.DOWNLOADS[options.name])], 0


def data_check(_: argparse.Namespace) -> Outcome:
    """Compare the bundled files with their checksums. The status is 2 if one is absent or damaged."""
    from emomusic.assets import check_assets

    records = [{**asdict(asset), "problem": problem} for asset, problem in check_assets()]
    return records, status_of([record["name"] for record in records if record["problem"]])


def _download_record(download: Download) -> dict[str, Any]:
    from emomusic.assets import IS_WHEEL, downloads_dir

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

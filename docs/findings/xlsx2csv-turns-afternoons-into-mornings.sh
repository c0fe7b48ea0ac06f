#!/usr/bin/env bash
# xlsx2csv makes 01:05 of 13:05 in each date that openpyxl wrote, and so does Polars with this engine.
#
# Versions: xlsx2csv 0.8.6, openpyxl 3.1.5 (which writes the file), polars 2.1.0 with fastexcel 0.21.0.
# Expected: `h` in a number format is the hour from 0 to 23 unless the format has AM/PM: ECMA-376, part 1, 18.8.31.
# Seen: openpyxl gives `yyyy-mm-dd h:mm:ss` to each datetime. In xlsx2csv, 13:05 of it is 01:05 and midnight is 12:05,
#   without AM or PM, so that one half of the day cannot be told from the other. `hh` is right. Polars with
#   `engine="xlsx2csv"` reads the same, and with its other two engines the right hours.
# Related: https://github.com/dilshod/xlsx2csv/issues/197 (closed, the same 12 hours)
# Why it matters: moods by the time of day, and songs in the order in which they were played, are wrong without an error.
# Workaround: `number_format = "yyyy-mm-dd hh:mm:ss"`, `-f "%Y-%m-%d %H:%M:%S"`, or another engine.
# Prints the dates that each reads. Fails if xlsx2csv tells the afternoon from the night.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check xlsx2csv==0.8.6 openpyxl==3.1.5 polars==2.1.0 \
  fastexcel==0.21.0
"$folder/venv/bin/python" - "$folder/played.xlsx" <<'PYTHON'
import datetime
import importlib.metadata
import io
import sys

import openpyxl
import polars
import xlsx2csv

HOURS = (0, 1, 12, 13)
book = openpyxl.Workbook()
book.active.append(["default", "hh"])
for hour in HOURS:
    book.active.append([datetime.datetime(2026, 5, 1, hour, 5, 7)] * 2)
    book.active.cell(book.active.max_row, 2).number_format = "yyyy-mm-dd hh:mm:ss"
print("openpyxl", openpyxl.__version__, "writes", book.active["A2"].number_format)
book.save(path := sys.argv[1])

xlsx2csv.Xlsx2csv(path).convert(text := io.StringIO())
rows = [line.split(",") for line in text.getvalue().split("\n")[1:] if line]
found = {"xlsx2csv": [row[0] for row in rows], "xlsx2csv, hh": [row[1] for row in rows]}
for engine in ("xlsx2csv", "openpyxl", "calamine"):
    column = polars.read_excel(path, engine=engine)["default"]
    found[f"Polars, {engine}"] = [str(value)[:19] for value in column]
found = {name: [int(date[11:13]) for date in dates] for name, dates in found.items()}
for name, hours in found.items():
    print(f"{name}: hours {hours} instead of {list(HOURS)}" if hours != list(HOURS) else f"{name}: right")
print(*(f"{name} {importlib.metadata.version(name)}" for name in ("xlsx2csv", "polars")))
wrong = {name: hours for name, hours in found.items() if hours != list(HOURS)}
sys.exit(wrong != {"xlsx2csv": [12, 1, 12, 1], "Polars, xlsx2csv": [12, 1, 12, 1]})
PYTHON

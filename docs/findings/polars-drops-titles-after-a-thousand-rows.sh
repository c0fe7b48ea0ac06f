#!/usr/bin/env bash
# Polars replaces song titles by null if the first thousand titles of an Excel table are numbers.
#
# Versions: polars 2.1.0, fastexcel 0.21.0 (the default engine, calamine), openpyxl 3.1.5 (which writes the file).
# Expected: "infer_schema_length: The maximum number of rows to scan for schema inference". A value that does not fit
#   raises an error, as in `read_csv`, or the column is a string.
#   https://docs.pola.rs/api/python/stable/reference/api/polars.read_excel.html
# Seen: in a table sorted by title (1, 7, 22, 99, 1999 come first), 300 of 1,500 titles are null, without a warning. The
#   engine openpyxl reads all of the same file. Before row 1,000, one text makes the column a string.
# Known, closed as "cannot reproduce": https://github.com/pola-rs/polars/issues/23728
# Why it matters: songs vanish from a library, and a table of any size can be hit since Excel sorts numbers first.
# Workaround: `infer_schema_length=None`.
# Prints the number of nulls of each. Fails if the default engine loses none.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check polars==2.1.0 fastexcel==0.21.0 openpyxl==3.1.5
"$folder/venv/bin/python" - "$folder/songs.xlsx" <<'PYTHON'
import sys

import openpyxl
import polars

book = openpyxl.Workbook()
book.active.append(["title", "artist"])
for number in range(1500):
    book.active.append([number if number < 1200 else f"Song {number}", "Someone"])
book.save(path := sys.argv[1])
found = {
    "default": polars.read_excel(path),
    "openpyxl": polars.read_excel(path, engine="openpyxl"),
    "default, infer_schema_length=None": polars.read_excel(path, infer_schema_length=None),
}
nulls = {name: table["title"].null_count() for name, table in found.items()}
print(f"polars {polars.__version__}, null titles of 1500: {nulls}")
sys.exit(list(nulls.values()) != [300, 0, 0])
PYTHON

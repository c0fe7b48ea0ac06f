#!/usr/bin/env bash
# pycaption drops the words after a line break in TTML subtitles, and all but the last `div` of a language.
#
# Versions: pycaption 2.3.14, ttconv 1.2.3 (which reads the same files).
# Expected: a line break in the XML is a space, since `xml:space` is "default" unless it is set, and only `<br/>` ends a
#   line. A `body` may hold several `div`s, and all their paragraphs are shown. https://www.w3.org/TR/ttml1/ (7.1, 7.2.3)
# Seen: "I will never" and "let you go" on two lines of the file are "I will never" in pycaption, without an error. Before
#   a `span`, the words of the second line are missing in the middle: "I will neveryou go". Of two `div`s, the first is lost.
#   ttconv reads all words in each case. In one line of one `div`, pycaption does too.
# Why it matters: editors and programs that format XML wrap long lines, so subtitles and song texts lose half of their
#   words, or turn into their opposite, when they are converted to SRT or WebVTT.
# Workaround: ttconv, or join the lines of each `p` and merge the `div`s before reading.
# Prints the text that each library reads. Fails if pycaption reads all of it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pycaption==2.3.14 ttconv==1.2.3
"$folder/venv/bin/python" - 2> /dev/null <<'PYTHON'
import importlib.metadata
import re
import sys
import xml.etree.ElementTree as xml

import pycaption
from ttconv.imsc import reader
from ttconv.srt import writer


def paragraph(second, text):
    return f'<p begin="00:00:0{second}.000" end="00:00:0{second + 1}.000">{text}</p>'


WRAPPED = """I will never
   let you go"""
FILES = {
    "one line": f"<div>{paragraph(1, 'I will never let you go')}</div>",
    "wrapped": f"<div>{paragraph(1, WRAPPED)}</div>",
    "wrapped, span": f"<div>{paragraph(1, WRAPPED.replace('you', '<span>you</span>'))}</div>",
    "two divs": f"<div>{paragraph(1, 'I will never')}</div><div>{paragraph(3, 'let you go')}</div>",
}
found = {}
for name, body in FILES.items():
    text = f'<tt xmlns="http://www.w3.org/ns/ttml" xml:lang="en"><body>{body}</body></tt>'
    captions = pycaption.DFXPReader().read(text).get_captions("en")
    subtitles = writer.from_model(reader.to_model(xml.ElementTree(xml.fromstring(text))))
    other = re.findall("^[A-Za-z].*", subtitles, re.M)
    found[name] = [caption.get_text() for caption in captions], other
    print(f"{name}: pycaption {found[name][0]}, ttconv {other}")
print(*(f"{name} {importlib.metadata.version(name)}" for name in ("pycaption", "ttconv")))
lost = {
    "wrapped": ["I will never"],
    "wrapped, span": ["I will neveryou go"],
    "two divs": ["let you go"],
}
sys.exit(
    not (
        {name: ours for name, (ours, _) in found.items()} == {"one line": ["I will never let you go"], **lost}
        and all(" ".join(other) == "I will never let you go" for _, other in found.values())
    )
)
PYTHON

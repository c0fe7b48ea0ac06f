"""The document of a page: Streamlit's, with a sentence for browsers that cannot connect; or where a page is."""

from __future__ import annotations

import re
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_START = ("index", "home", "start", "photo", "photos")  # other names of the first page

# Scripts cannot run where a proxy's policy forbids them, so a style shows the sentence
_SENTENCE = """<style>
#no-connection { visibility: hidden; animation: no-connection 0s 10s forwards; position: fixed; inset: 30% 0 auto;
  margin: auto; max-width: 32rem; padding: 1.5rem; font: 1.1rem/1.5 sans-serif; text-align: center;
  color: CanvasText; background: Canvas; border: 2px solid; border-radius: 8px; z-index: 9 }
@keyframes no-connection { to { visibility: visible } }
body:has([data-test-connection-state="CONNECTED"]) #no-connection,
body:has(.stMain h1) #no-connection { display: none }
</style>
<div id="no-connection" role="note">This page cannot connect to its server. A proxy or firewall may block WebSockets;
try another network, or show this to its administrator.</div>
"""

_NO_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>No such page · EmoMusic</title>
<meta name="viewport" content="width=device-width"><style>body {{ font: 1.1rem/1.5 sans-serif; margin: 15vh auto;
max-width: 32rem; padding: 1rem; color-scheme: light dark }}</style>
<h1>No page has this address</h1><p>Open <a href="{base}/">EmoMusic</a>.</p></html>"""


def page_at(path: str, pages: set[str]) -> str | None:
    """The name of the page that a mistyped address means, or None."""
    name = re.sub(r"[- ]", "_", re.sub(r"\.(html?|php|py)$", "", path.strip("/").lower()))
    return "" if name in _START else name if name in pages else None


async def send_document(app: ASGIApp, base: str, pages: set[str], scope: Scope, receive: Receive, send: Send) -> None:
    """Send what Streamlit answers to a GET for a page.

    Args:
        app: Streamlit's.
        base: what precedes all paths of the server.
        pages: the names of the pages.
        scope: the request.
        receive: gives its messages.
        send: takes the messages of the answer.
    """
    path = scope["path"].removeprefix(base)
    exists, body = path.strip("/") in pages, bytearray()
    start: dict[str, Any] = {}
    asked = MutableHeaders(scope=scope)
    for name in ("accept-encoding", "if-none-match", "if-modified-since", "range"):
        if exists:
            del asked[name]  # the document is changed, so it comes whole and uncompressed

    async def change(message: Message) -> None:
        if message["type"] == "http.response.start":
            kind = Headers(raw=message["headers"]).get("content-type", "")
            if kind.startswith("text/html") and message["status"] == 200:
                start.update(message)
                return
        elif start:
            body.extend(message.get("body", b""))
            if not message.get("more_body"):
                await _send_changed(message)
            return
        await send(message)

    async def _send_changed(last: Message) -> None:
        if exists:
            content = bytes(body).replace(b'<div id="root">', _SENTENCE.encode() + b'<div id="root">', 1)
            headers = MutableHeaders(raw=start["headers"])
            headers["content-length"] = str(len(content))
            for name in ("etag", "last-modified", "accept-ranges"):
                del headers[name]
            await send({**start, "headers": headers.raw})
            await send({**last, "body": content})
        elif (page := page_at(path, pages)) is not None:
            query = scope.get("query_string", b"").decode("latin-1")
            await RedirectResponse(f"{base}/{page}{'?' * bool(query)}{query}")(scope, receive, send)
        else:
            await HTMLResponse(_NO_PAGE.format(base=base), 404)(scope, receive, send)

    await app(scope, receive, change)

#!/usr/bin/env bash
# Streamlit's server leaves Nagle's algorithm on: the body of a small answer waits for the client's ACK, often 40 ms.
#
# asyncio sets TCP_NODELAY only on sockets that name IPPROTO_TCP. Streamlit binds its own socket, which names no protocol.
# Prints TCP_NODELAY of an accepted connection, which a route of `st.App` looks up. Fails if it is no longer 0.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${server:-0}" 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check streamlit==1.67.0
cat > "$folder/app.py" <<'PYTHON'
import gc
import socket

import streamlit as st
from starlette.responses import PlainTextResponse
from starlette.routing import Route


async def look(request):
    for each in gc.get_objects():
        if type(each) is socket.socket and each.fileno() >= 0 and each.family == socket.AF_INET:
            try:
                peer = each.getpeername()
            except OSError:  # the listening socket
                continue
            if peer == tuple(request.client):
                return PlainTextResponse(str(each.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))
    return PlainTextResponse("not found")


app = st.App(__file__, routes=[Route("/look", look)])
PYTHON
"$folder/venv/bin/python" -m streamlit run "$folder/app.py" --server.headless true --server.address 127.0.0.1 \
  --server.port 8765 > "$folder/log" 2>&1 &
server=$!
for _ in $(seq 120); do
  found=$(curl --silent --noproxy '*' http://127.0.0.1:8765/look || true)
  [ -n "$found" ] && break
  sleep 0.5
done
echo "streamlit 1.67.0: TCP_NODELAY of an accepted connection is ${found:-unknown}"
[ "${found:-}" = 0 ]

"""A proxy before a server, which cuts the connections and refuses new ones for a while."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit


class CutProxy:
    """Passes bytes to a server, until it is cut.

    Attributes:
        url: the address of the proxy.
    """

    def __init__(self, server: str) -> None:
        self._target = (urlsplit(server).hostname or "", urlsplit(server).port or 80)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._is_cut = False
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Close all connections, and accept none until `mend`."""
        self._is_cut = True
        for each in [*self._open]:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Pass everything again."""
        self._is_cut = False

    def lead_to(self, server: str) -> None:
        """Pass the next connections to another server."""
        self._target = (urlsplit(server).hostname or "", urlsplit(server).port or 80)

    def close(self) -> None:
        """End the proxy."""
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                visitor, _ = self._listener.accept()
                if self._is_cut:
                    visitor.close()
                    continue
                try:
                    server = socket.create_connection(self._target)
                except OSError:
                    visitor.close()
                    continue
                self._open |= {visitor, server}
                for pair in ((visitor, server), (server, visitor)):
                    threading.Thread(target=self._pass, args=pair, daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._open.discard(source)
        source.close()  # the other thread closes the target


@contextlib.contextmanager
def cut_proxy(server: str) -> Iterator[CutProxy]:
    """A proxy before a server."""
    proxy = CutProxy(server)
    try:
        yield proxy
    finally:
        proxy.close()

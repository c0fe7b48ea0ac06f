"""Requests to an ASGI app without a server."""

import asyncio
from typing import Any

from tests.waiting import PATIENCE_S, run_coroutine

Answer = tuple[int, dict[str, str], bytes]


def answer_of(
    app: Any, address: str, headers: dict[str, str], method: str = "GET", body: bytes | None = None
) -> Answer:
    """Status, headers and body. Without a body, the request does not end."""
    path, _, query = address.partition("?")
    sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": sent}
    answers, parts = list[Any](), [] if body is None else [body]

    async def receive() -> dict[str, Any]:
        if not parts:
            await asyncio.Future()
        return {"type": "http.request", "body": parts.pop(), "more_body": False}

    async def send(message: Any) -> None:
        answers.append(message)

    async def answer() -> None:
        async with asyncio.timeout(PATIENCE_S):
            await app(scope, receive, send)

    run_coroutine(answer())
    found = {name.decode(): value.decode() for name, value in answers[0]["headers"]}
    return answers[0]["status"], found, b"".join(message.get("body", b"") for message in answers)

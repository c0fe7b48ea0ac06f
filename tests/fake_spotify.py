"""A local server that mimics the parts of Spotify for signing in and saving playlists."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.servers import Reply, Request, Server, serve

AUTHORIZE = "/authorize"
TOKEN = "/api/token"
CREATE = "/v1/me/playlists"
ADD = "/v1/playlists/"


class Behaviour(StrEnum):
    """Answers of the server."""

    NORMAL = "normal"
    DENIED = "denied"  # the visitor denies consent
    EXPIRED = "expired"  # tokens from consent; those from a refresh are valid


@dataclass
class SavedPlaylist:
    """A playlist on the server, with one list of `uris` per request."""

    id: str
    name: str
    description: str
    public: bool
    uris: list[list[str]] = field(default_factory=list)

    @property
    def track_ids(self) -> list[str]:
        return [uri.removeprefix("spotify:track:") for part in self.uris for uri in part]


@dataclass
class FakeSpotify:
    """Behaviour and state of the server. Tests may change the behaviour at any time.

    Attributes:
        replies: next replies by path prefix, before the normal ones. None is a normal reply.
        playlists: in order of creation.
        tokens: texts of all tokens, codes and verifiers.
    """

    behaviour: Behaviour = Behaviour.NORMAL
    client_id: str = "public-id"
    replies: dict[str, list[Reply | None]] = field(default_factory=dict)
    playlists: list[SavedPlaylist] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    server: Server = field(default_factory=lambda: Server(""))
    _consents: dict[str, dict[str, str]] = field(default_factory=dict)  # by code
    _access: set[str] = field(default_factory=set)
    _refresh: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def urls(self) -> dict[str, str]:
        """Options of `Logins`."""
        url = self.server.url
        return {"authorize_url": url + AUTHORIZE, "token_url": url + TOKEN, "api_url": f"{url}/v1/"}

    def requests(self, path: str) -> list[Request]:
        """Received requests by path prefix."""
        return [request for request in self.server.requests if request.path.startswith(path)]

    def reject_access_tokens(self) -> None:
        """Answer 401 to all current access tokens."""
        with self._lock:
            self._access.clear()

    def reject_refresh_tokens(self) -> None:
        """Refuse all current refresh tokens, as after the visitor removed the app."""
        with self._lock:
            self._refresh.clear()

    def answer(self, request: Request) -> Reply:
        path = urlsplit(request.path).path
        with self._lock:
            for prefix, replies in self.replies.items():
                if path.startswith(prefix) and replies and (reply := replies.pop(0)) is not None:
                    return reply
            if path == AUTHORIZE:
                return self._authorize(dict(parse_qsl(urlsplit(request.path).query)))
            if path == TOKEN and request.body:
                return self._token(dict(parse_qsl(request.body.decode())))
            return self._api(path, request)

    def _authorize(self, query: dict[str, str]) -> Reply:
        if self.behaviour is Behaviour.DENIED:
            result = {"error": "access_denied"}
        else:
            result = {"code": self._secret()}
            self._consents[result["code"]] = query
        return Reply(b"", 302, {"Location": f"{query['redirect_uri']}?{urlencode(result | {'state': query['state']})}"})

    def _token(self, form: dict[str, str]) -> Reply:
        if form.get("client_id") != self.client_id:
            return Reply({"error": "invalid_client"}, 400)
        if form.get("grant_type") == "authorization_code":
            consent = self._consents.pop(form.get("code", ""), {})
            verifier = form.get("code_verifier", "")
            self.tokens.add(verifier)
            digest = hashlib.sha256(verifier.encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
            is_valid = (
                43 <= len(verifier) <= 128
                and consent.get("code_challenge") == challenge
                and consent.get("redirect_uri") == form.get("redirect_uri")
            )
            is_expired, scope = self.behaviour is Behaviour.EXPIRED, consent.get("scope")
        else:
            is_valid = form.get("grant_type") == "refresh_token" and form.get("refresh_token") in self._refresh
            self._refresh.discard(form.get("refresh_token", ""))  # Spotify rotates the tokens of PKCE
            is_expired, scope = False, "playlist-modify-private"
        if not is_valid:
            return Reply({"error": "invalid_grant", "error_description": "Invalid code or refresh token"}, 400)
        access, refresh = self._secret(), self._secret()
        self._refresh.add(refresh)
        if not is_expired:
            self._access.add(access)
        answer = {"access_token": access, "token_type": "Bearer", "scope": scope, "refresh_token": refresh}
        return Reply(answer | {"expires_in": 0 if is_expired else 3600})

    def _api(self, path: str, request: Request) -> Reply:
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self._access:
            return Reply({"error": {"status": 401, "message": "The access token expired"}}, 401)
        content: Any = json.loads(request.body)
        if path == CREATE:
            number = len(self.playlists)
            playlist = SavedPlaylist(f"{number:022d}", content["name"], content["description"], content["public"])
            if not 1 <= len(playlist.name) <= 100 or len(playlist.description) > 300:
                return Reply({"error": {"status": 400, "message": "Invalid name or description"}}, 400)
            self.playlists.append(playlist)
            return Reply({"id": playlist.id, "external_urls": {"spotify": "https://example.org/"}}, 201)
        found = [playlist for playlist in self.playlists if path == f"{ADD}{playlist.id}/items"]
        uris = content["uris"] if isinstance(content, dict) else content
        if not found or not 1 <= len(uris) <= 100:
            return Reply({"error": {"status": 400, "message": "Invalid request"}}, 400)
        found[0].uris.append(uris)
        return Reply({"snapshot_id": f"snapshot {len(found[0].uris)}"}, 201)

    def _secret(self) -> str:
        text = secrets.token_urlsafe(24)
        self.tokens.add(text)
        return text


@contextmanager
def fake_spotify(behaviour: Behaviour = Behaviour.NORMAL) -> Iterator[FakeSpotify]:
    """Run the server."""
    fake = FakeSpotify(behaviour)
    with serve(fake.answer) as fake.server:
        yield fake

"""The page that a Streamlit server has sent, as a browser keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

_CACHED_RUNS = 2  # a browser forgets a cached message that this many runs have not used
_KEPT_RUNS = 20


@dataclass(frozen=True, slots=True)
class Shown:
    """An element, or a container without `element`.

    Attributes:
        key: the key of the widget or container in the script; "" without.
        fragment: id of its fragment; "" outside fragments.
        run: number of the run that sent it.
    """

    key: str
    fragment: str
    run: int
    element: Element | None = None


class Page:
    """Elements by position, updated with each message of the server.

    Attributes:
        run: number of runs that have started.
        is_running: whether the latest run goes on.
        session_id: of the session on the server; "" before the first run.
        script_hash: of the shown page, for the next run.
        query_string: of the shown page, for the next run.
    """

    def __init__(self) -> None:
        self.run = 0
        self.is_running = False
        self.session_id = ""
        self.script_hash = ""
        self.query_string = ""
        self._failed_to_compile = False
        self._shown: dict[tuple[int, ...], Shown] = {}
        self._fragments: frozenset[str] = frozenset()  # of the latest run; empty for a run of the whole page
        self._cache: dict[str, tuple[ForwardMsg, int]] = {}  # by hash, with the number of the last run that used it

    @property
    def cached_hashes(self) -> list[str]:
        """Hashes of the messages that the server need not send again."""
        return [hash_ for hash_, (_, used) in self._cache.items() if used >= self.run - _CACHED_RUNS]

    def receive(self, message: ForwardMsg) -> None:
        """Apply a message."""
        metadata = message.metadata
        if message.WhichOneof("type") == "ref_hash":
            message = self._cache[message.ref_hash][0]
            self._cache[message.hash] = message, self.run
        elif metadata.cacheable and message.hash:
            self._cache[message.hash] = message, self.run
        match message.WhichOneof("type"):
            case "new_session":
                self.run += 1
                self.is_running, self._failed_to_compile = True, False
                self._fragments = frozenset(metadata.run.fragment_ids)
                self.session_id = message.new_session.initialize.session_id
                self.script_hash = message.new_session.page_script_hash
            case "delta":
                self._apply(tuple(metadata.delta_path), message)
            case "page_info_changed":
                self.query_string = message.page_info_changed.query_string
            case "script_finished":
                self._finish(message.script_finished)

    def _apply(self, path: tuple[int, ...], message: ForwardMsg) -> None:
        delta = message.delta
        if delta.WhichOneof("type") == "add_block":
            before = self._shown.get(path)
            if before is not None and before.element is not None:
                self._remove(path)
            self._shown[path] = Shown(_key(delta.add_block.id), delta.fragment_id, self.run)
        elif delta.WhichOneof("type") == "new_element":
            self._remove(path)  # with the children of a container
            element = delta.new_element
            widget = getattr(element, element.WhichOneof("type") or "empty")
            self._shown[path] = Shown(_key(getattr(widget, "id", "")), delta.fragment_id, self.run, element)

    def _remove(self, path: tuple[int, ...]) -> None:
        for old in [old for old in self._shown if old[: len(path)] == path]:
            del self._shown[old]

    def _finish(self, status: ForwardMsg.ScriptFinishedStatus.ValueType) -> None:
        if status == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            return  # the next run follows, and the old elements stay
        self.is_running = False
        self._failed_to_compile = status == ForwardMsg.FINISHED_WITH_COMPILE_ERROR
        for path, shown in list(self._shown.items()):
            if shown.run < self.run and (not self._fragments or shown.fragment in self._fragments):
                del self._shown[path]
        oldest = self.run - _KEPT_RUNS  # a run that is under way may still refer to hashes of its request
        self._cache = {hash_: (message, used) for hash_, (message, used) in self._cache.items() if used >= oldest}

    def elements(self) -> Iterator[Shown]:
        """The elements on the page, without containers, in the order of their first appearance."""
        return (shown for shown in self._shown.values() if shown.element is not None)

    def has_key(self, key: str) -> bool:
        """Whether a container or widget with this key is on the page."""
        return any(shown.key == key for shown in self._shown.values())

    def find(self, kind: str, *, key: str = "", inside: str = "", after_run: int = 0) -> Shown | None:
        """The first element of a kind, or None.

        Args:
            kind: name of the field of Streamlit's `Element`, such as "button".
            key: key of the widget; "" for any.
            inside: key of a container around it; "" for any.
            after_run: the element must come from a later run.
        """
        for path, shown in self._shown.items():
            if shown.element is None or shown.element.WhichOneof("type") != kind or shown.run <= after_run:
                continue
            if key in ("", shown.key) and (not inside or inside in self._keys_around(path)):
                return shown
        return None

    def _keys_around(self, path: tuple[int, ...]) -> Iterator[str]:
        for length in range(1, len(path)):
            if (container := self._shown.get(path[:length])) is not None:
                yield container.key

    def problem(self) -> str | None:
        """The first exception or error message on the page, in a few words; None without."""
        if self._failed_to_compile:
            return "the script does not compile"
        for shown in self.elements():
            assert shown.element is not None  # `elements` leaves out containers
            if shown.element.WhichOneof("type") == "exception":
                return f"exception on the page: {shown.element.exception.type}"
            if shown.element.WhichOneof("type") == "alert" and shown.element.alert.format == Alert.ERROR:
                return f"error message on the page: {shown.element.alert.body[:100]}"
        return None


def _key(element_id: str) -> str:
    """The script's key in an id such as "$$ID-<hash>-<key>"; "" without."""
    parts = element_id.split("-", 2)
    return parts[2] if len(parts) == 3 and parts[2] != "None" else ""

"""The part of Dockerfiles and .dockerignore that deploy/Dockerfile uses, for build_root.py and the tests."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from emomusic.errors import EmomusicError

_KNOWN = {"ARG", "CMD", "COPY", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "RUN", "STOPSIGNAL", "USER", "WORKDIR"}
_VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)")


class DockerfileError(EmomusicError):
    """The Dockerfile has an instruction that this interpreter does not know, or copies an absent path."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction, such as `RUN` and its text. Lines that end with a backslash are joined."""

    name: str
    text: str

    def pairs(self) -> dict[str, str]:
        """Names and values of ENV, LABEL or ARG."""
        return {name: value for name, _, value in (word.partition("=") for word in shlex.split(self.text))}

    def command(self) -> list[str]:
        """Words of the exec form (a JSON array) of CMD, or of HEALTHCHECK after its options.

        Raises:
            DockerfileError: it has the shell form, in which a shell receives the signals.
        """
        _, bracket, words = self.text.partition("[")
        try:
            found = json.loads(bracket + words)
        except ValueError as error:
            raise DockerfileError(
                f"expected a JSON array after {self.name}. Received: {self.text!r}. Use the exec form"
            ) from error
        return [str(word) for word in found]

    def copy(self) -> tuple[str | None, list[str], str]:
        """The stage, the sources and the target of COPY; the stage is None for the build context."""
        words = shlex.split(self.text)
        stage = None
        if words[0].startswith("--from="):
            stage = words.pop(0).removeprefix("--from=")
        return stage, words[:-1], words[-1]


@dataclass(slots=True)
class Stage:
    """One stage: the image it starts from, its name or number, and its instructions."""

    base: str
    name: str
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, name: str) -> list[Instruction]:
        """The instructions of one kind."""
        return [each for each in self.instructions if each.name == name]

    def last(self, name: str) -> Instruction:
        """The last instruction of one kind, which is the effective one.

        Raises:
            DockerfileError: the stage has none.
        """
        if not (found := self.all(name)):
            raise DockerfileError(f"expected {name} in the stage {self.name!r}. Received: none. Add it")
        return found[-1]

    def environment(self) -> dict[str, str]:
        """Values of ENV."""
        return {name: value for each in self.all("ENV") for name, value in each.pairs().items()}


def read_dockerfile(path: Path) -> list[Stage]:
    """The stages of a Dockerfile.

    Raises:
        DockerfileError: an instruction is unknown or precedes FROM.
    """
    stages: list[Stage] = []
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        name, _, text = line.strip().partition(" ")
        if name == "FROM":
            base, *alias = text.split()
            stages.append(Stage(base, alias[1] if alias else str(len(stages))))
        elif name in _KNOWN and stages:
            stages[-1].instructions.append(Instruction(name, text.strip()))
        elif name:
            raise DockerfileError(
                f"expected FROM, then one of {', '.join(sorted(_KNOWN))}. Received: {name}. "
                "Teach scripts/dockerfile.py this instruction, or do without it"
            )
    return stages


def substitute(text: str, values: Mapping[str, str]) -> str:
    """The text with the values of its variables; unknown ones are empty."""
    return _VARIABLE.sub(lambda match: values.get(match[1] or match[2], ""), text)


class Ignored:
    """The rules of a .dockerignore. The last rule that fits a path, or a folder above it, decides."""

    def __init__(self, text: str) -> None:
        lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
        self._rules = [
            (re.compile(_pattern(line.removeprefix("!").strip("/"))), not line.startswith("!")) for line in lines
        ]
        self._allowed = [line[1:].strip("/") for line in lines if line.startswith("!")]

    def __call__(self, path: str) -> bool:
        """Whether the build context lacks the path, which is relative to its root and has forward slashes."""
        ignored = False
        for pattern, ignores in self._rules:
            if pattern.fullmatch(path):
                ignored = ignores
        return ignored

    def skips(self, folder: str) -> bool:
        """Whether the build context has nothing below the folder."""
        return self(folder) and not any(rule.startswith(f"{folder}/") for rule in self._allowed)


def _pattern(rule: str) -> str:
    parts = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    tokens = re.split(r"(\*\*/|\*\*|\*|\?)", rule)
    return "".join(parts.get(token, re.escape(token)) for token in tokens) + "(?:/.*)?"


def context_files(root: Path) -> Iterator[str]:
    """Relative paths of the files that .dockerignore lets into the build context."""
    ignored = Ignored((root / ".dockerignore").read_text(encoding="utf-8"))
    for folder, folders, names in os.walk(root):
        relative = Path(folder).relative_to(root)
        folders[:] = sorted(name for name in folders if not ignored.skips((relative / name).as_posix()))
        paths = ((relative / name).as_posix() for name in sorted(names))
        yield from (path for path in paths if not ignored(path))

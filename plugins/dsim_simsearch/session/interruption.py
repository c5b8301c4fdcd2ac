"""Work that a newer request makes needless: it stops at the next step that it reports."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING

from dsim.errors import DsimError

if TYPE_CHECKING:
    from dsim.runtime import Progress, Runtime, Task


class SupersededError(DsimError):
    """Work was given up, since somebody asked for something newer or cancelled it; nothing was changed."""


class Requests:
    """Requests by what they are about: a new one supersedes the one before it. Threads may share it.

    >>> requests = Requests()
    >>> first, second = requests.begin("candidates"), requests.begin("candidates")
    >>> second.check()
    >>> first.check()
    Traceback (most recent call last):
    dsim_simsearch.session.interruption.SupersededError: 'candidates' is out of date
      fix: nothing: the newer request is answered
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._newest: dict[str, int] = {}

    def begin(self, about: str) -> Request:
        """Return a new request, the newest one of those about the same."""
        with self._lock:
            number = self._newest[about] = self._newest.get(about, 0) + 1
        return Request(self, about, number)

    def cancel(self, about: str) -> None:
        """Supersede the request about this without another one."""
        self.begin(about)

    def is_newest(self, request: Request) -> bool:
        """Return whether nothing newer was asked for."""
        return self._newest.get(request.about) == request.number


@dataclass(frozen=True)
class Request:
    """One request; long work is given its ``runtime``, which stops the work once the request is out of date."""

    requests: Requests
    about: str
    number: int

    def check(self) -> None:
        """Raise SupersededError where the request is out of date."""
        if not self.requests.is_newest(self):
            raise SupersededError(f"{self.about!r} is out of date", hint="nothing: the newer request is answered")

    def runtime(self, runtime: Runtime) -> Runtime:
        """Return a runtime with the same device and cache, whose progress raises once the request is out of date."""
        return replace(runtime, progress=_Checked(runtime.progress, self))


@dataclass(frozen=True)
class _Checked:
    """Progress that checks a request at each step."""

    shown: Progress
    request: Request

    @contextmanager
    def task(self, description: str, total: float | None = None, unit: str = "") -> Iterator[Task]:
        self.request.check()
        with self.shown.task(description, total, unit) as task:
            yield _CheckedTask(task, self.request)

    def note(self, text: str) -> None:
        self.request.check()
        self.shown.note(text)


@dataclass(frozen=True)
class _CheckedTask:
    shown: Task
    request: Request

    def advance(self, amount: float = 1, **fields: object) -> None:
        self.request.check()
        self.shown.advance(amount, **fields)

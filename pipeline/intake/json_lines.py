"""A JSON Lines file: read from where it ended before, line by line, in bounded memory."""

import codecs
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from pydantic_core import from_json

from pipeline.intake.bad_record import BadRecord, shortened
from pipeline.intake.columns import READ
from pipeline.intake.record_rules import ONE_OBJECT
from pipeline.store import FileProgress

_CHUNK = 1 << 20
_MARK = codecs.BOM_UTF8
_KEY = re.compile(f'"({READ})"\\s*:'.encode())


@dataclass(frozen=True, slots=True)
class Line:
    """One line that is not blank: its number from 1, and its bytes or what is wrong with it."""

    number: int
    content: bytes | BadRecord


class JsonLines:
    """The lines of an open file after what was consumed before.

    If the file no longer begins with the bytes consumed before, it was rewritten and is read from
    its beginning. Only what the file held when it was opened is read. A last line that has no line
    end yet and may still become an object stays for the next time, unless the file is `complete`.

    Parameters
    ----------
    stream
        The open file, unbuffered.
    size
        Bytes to read up to.
    before
        How far it was read before.
    max_line_bytes
        Longer lines are skipped as bad and never held in memory.
    complete
        Whether nothing more will be appended.

    Attributes
    ----------
    rewritten : bool
        The file does not begin with what was consumed before.
    waiting : int
        The number of the last line if it stays for the next time, otherwise 0.
    """

    def __init__(
        self,
        stream: BinaryIO,
        size: int,
        before: FileProgress,
        *,
        max_line_bytes: int,
        complete: bool = False,
    ) -> None:
        self._stream, self._size = stream, size
        self._max_line_bytes, self._complete = max_line_bytes, complete
        self._done, self._lines, self._digest = 0, 0, hashlib.sha256()
        self._inside_a_line = False
        self.waiting = 0
        self.rewritten = not self._skip_consumed(before)

    def progress(self, file: str, stamp: str) -> FileProgress:
        """Return how far the file has been read."""
        return FileProgress(file, stamp, self._done, self._lines, self._digest.hexdigest())

    def __iter__(self) -> Iterator[Line]:
        """Yield the lines that are not blank."""
        tail = b""
        too_long = b""
        while chunk := self._read(self._size - self._done - len(tail)):
            *ended, rest = chunk.split(b"\n")
            for part in ended:
                line = tail + part
                self._consume(line + b"\n")
                if too_long or len(line) > self._max_line_bytes:
                    yield self._too_long(too_long or line)
                else:
                    yield from self._line(line)
                self._lines += 1
                self._inside_a_line = False
                tail = too_long = b""
            tail += rest
            if len(tail) > self._max_line_bytes or too_long:
                too_long = too_long or tail[:80]
                self._consume(tail)
                tail = b""
        if too_long:
            yield self._too_long(too_long)
        elif tail.strip():
            yield from self._last(tail)

    def _last(self, tail: bytes) -> Iterator[Line]:
        """Yield the last line, which has no end yet, unless it waits."""
        if not self._complete and not self._inside_a_line and _may_become_an_object(tail):
            self.waiting = self._lines + 1
            return
        yield from self._line(tail)
        self._consume(tail)

    def _line(self, line: bytes) -> Iterator[Line]:
        number = self._lines + 1
        if number == 1 and not self._inside_a_line:
            line = line.removeprefix(_MARK)
        if not line.strip():
            return
        if self._inside_a_line:
            reason = (
                f"text follows a line that was read before its end ({shortened(line)}); "
                f"{ONE_OBJECT}"
            )
            yield Line(number, BadRecord(reason))
        elif repeated := _repeated_key(line):
            yield Line(
                number, BadRecord(f"duplicate key {shortened(repeated)}; a key may appear once")
            )
        else:
            yield Line(number, line)

    def _too_long(self, start: bytes) -> Line:
        reason = (
            f"the line is longer than {self._max_line_bytes} bytes ({shortened(start)}); "
            "longer ones are not read (intake.max_line_bytes)"
        )
        return Line(self._lines + 1, BadRecord(reason))

    def _read(self, wanted: int) -> bytes:
        return self._stream.read(min(_CHUNK, wanted)) if wanted > 0 else b""

    def _consume(self, raw: bytes) -> None:
        self._digest.update(raw)
        self._done += len(raw)

    def _skip_consumed(self, before: FileProgress) -> bool:
        """Skip what was consumed before; where it is no longer there, go to the beginning."""
        last = b"\n"
        while self._done < before.done and (chunk := self._read(before.done - self._done)):
            self._consume(chunk)
            last = chunk[-1:]
        if self._done == before.done and self._digest.hexdigest() == before.digest:
            self._lines = before.lines
            self._inside_a_line = last != b"\n"
            return True
        self._stream.seek(0)
        self._done, self._digest = 0, hashlib.sha256()
        return before.done == 0


def _repeated_key(line: bytes) -> str:
    """Return a key that the object has twice; a parser silently keeps the last value only."""
    likely = _KEY.findall(line)
    if len(likely) == len(set(likely)) and b"\\u" not in line:
        return ""
    keys: list[str] = []

    def note(members: list[tuple[str, object]]) -> None:
        # The outermost object is the last to be closed.
        keys[:] = [key for key, _ in members]

    try:
        json.loads(line, object_pairs_hook=note)
    except (ValueError, RecursionError):
        return ""  # What is wrong with it is said where it is checked.
    return next((key for key in keys if keys.count(key) > 1), "")


def _may_become_an_object(tail: bytes) -> bool:
    """Say whether the bytes, which do not end a line, could be the beginning of an object."""
    try:
        # The last character may be cut in half; that half does not count.
        begun = codecs.getincrementaldecoder("utf-8")().decode(tail).removeprefix("\ufeff").strip()
    except UnicodeDecodeError:
        return False
    if not begun:
        return True
    try:
        from_json(begun)
    except ValueError as error:
        if not begun.startswith("{") or "trailing characters" in str(error):
            return False
    else:
        return False
    try:
        from_json(begun, allow_partial="trailing-strings")
    except ValueError:
        return False
    return True

"""Reads files that a stranger may have written: regular ones only, bounded, and parsed within limits.

Called by whoever opens a style, a scene, a take, an album or a picture; never by the render thread. A named pipe would wait
for a writer that never comes, a device may never end, and a file that is mapped into memory kills the process (SIGBUS) when
somebody shortens it: so files are opened without waiting, read whole up to a limit, and only then looked at.
"""

from __future__ import annotations

import errno
import json
import math
import os
import re
import stat
import tomllib
from collections.abc import Callable
from typing import Any, BinaryIO

from phosphene.engine.core.errors import UserError

MOST_TEXT = 1 << 20  # bytes of a text file; the largest that ships, a style.toml, has 4 KB
MOST_RECORD = 256 << 20  # bytes of what programs write for programs: a history of 100,000 steps has 30 MB
MOST_DEPTH = 32  # tables within tables; our own documents need six
_MOST_DOTS = 64  # in one key: tomllib takes quadratic time over a dotted key, an hour for one of 100,000 parts
# What may hold any number of dots: texts and comments. As tomllib sees them, so that none hides a key from us: before the
# three quotes that end a text two may be of it, and what nothing ends reaches to the end of its line, or of all.
_TEXTS = re.compile(
    r'"""(?:[^"\\]++|\\.|"(?!""))*+"{0,5}'
    r"|'''(?:[^']++|'(?!''))*+'{0,5}"
    r'|"(?:[^"\\\n]++|\\[^\n])*+"?'
    r"|'[^'\n]*+'?"
    r"|#[^\n]*+",
    re.DOTALL,
)
_MOST_NUMBER = 2**63  # TOML's own range of integers; a larger one cannot be made a float, nor printed in a line

_KINDS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def open_regular(path: str | os.PathLike[str], what: str = "file") -> BinaryIO:
    """Open a regular file for reading, without waiting for anything. Follows links. what: names it in the error.

    Raises UserError: nothing there, something else than a regular file, no permission, not a name at all.
    """
    where = str(path)
    try:
        _refuse_special(os.stat(path).st_mode, where, what)
        # Between the two looks it may have become a pipe: O_NONBLOCK opens one without waiting for its writer.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
        handle = os.open(path, flags)
    except FileNotFoundError as error:
        raise UserError(f"no such {what}", where=where, remedy="check the path") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise UserError(f"the {what} cannot be read", where=where, got=reason(error)) from error
    try:
        _refuse_special(os.fstat(handle).st_mode, where, what)
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_bytes(path: str | os.PathLike[str], most: int, what: str = "file") -> bytes:
    """Return the content of a regular file of at most `most` bytes. Raises UserError."""
    with open_regular(path, what) as file:
        try:
            size = os.fstat(file.fileno()).st_size
            data = b"" if size > most else file.read(most + 1)  # one more: it may be growing
        except OSError as error:
            raise UserError(f"the {what} cannot be read", where=str(path), got=reason(error)) from error
    if max(size, len(data)) > most:
        raise UserError(f"the {what} is too large", where=str(path), allowed=f"up to {most} bytes", got=f"{size} bytes")
    return data


def read_text(path: str | os.PathLike[str], most: int = MOST_TEXT, what: str = "file") -> str:
    """Return the text of a regular file: UTF-8 with or without a byte order mark, or UTF-16 with one; lines end in `\\n`.

    Raises UserError.
    """
    data = read_bytes(path, most, what)
    marked = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    try:
        text = data.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        got = f"byte 0x{data[error.start]:02x} in line {line}"
        raise UserError(f"the {what} is not UTF-8 text", where=str(path), got=got, remedy="save it as UTF-8") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_toml(path: str | os.PathLike[str], most: int = MOST_TEXT, what: str = "file") -> dict[str, Any]:
    """Return the tables of a TOML file. Raises UserError when it cannot be read, is no TOML, or goes beyond the limits."""
    return parse_toml(read_text(path, most, what), str(path))


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """Return the tables of a TOML text. Raises UserError."""
    bare = _TEXTS.sub("_", text)
    if any(part.count(".") > _MOST_DOTS for part in re.split(r"[,=\[\]{}\n]", bare) if len(part) > _MOST_DOTS):
        raise UserError("a key with too many dots", where=where, allowed=f"{_MOST_DOTS}")
    try:
        found = tomllib.loads(text)
    except RecursionError as error:
        raise _too_deep(where) from error
    except tomllib.TOMLDecodeError as error:
        raise UserError("not valid TOML", where=where, got=error, remedy="mend the line it names") from error
    except ValueError as error:  # Python refuses to read a number of more than 4,300 digits, and no such date exists
        raise UserError("not valid TOML", where=where, got=error, remedy="write a smaller number") from error
    check_limits(found, where)
    return found


def read_json(path: str | os.PathLike[str], most: int = MOST_TEXT, what: str = "file") -> Any:
    """Return the value of a JSON file. Raises UserError when it cannot be read, is no JSON, or goes beyond the limits."""
    return parse_json(read_text(path, most, what), str(path))


def json_there(path: str | os.PathLike[str], most: int = MOST_TEXT) -> Any:
    """Return the value of a JSON file, None where there is none that can be read: for files that we can do without.

    NaN and infinity are numbers here: Python writes them, in a history of losses for one.
    """
    try:
        return _parsed(read_text(path, most), str(path))
    except UserError:
        return None


def parse_json(text: str | bytes, where: str) -> Any:
    """Return the value of a JSON text; NaN and infinity are none (RFC 8259). Raises UserError."""
    return _parsed(text, where, parse_constant=_no_constant, parse_float=_finite)


def _parsed(
    text: str | bytes,
    where: str,
    parse_constant: Callable[[str], None] | None = None,
    parse_float: Callable[[str], float] | None = None,
) -> Any:
    try:
        found = json.loads(text, parse_constant=parse_constant, parse_float=parse_float)
    except RecursionError as error:
        raise _too_deep(where) from error
    except ValueError as error:  # of JSON, of UTF-8, of a number of more than 4,300 digits
        raise UserError("not valid JSON", where=where, got=error) from error
    check_limits(found, where)
    return found


def check_limits(value: Any, where: str) -> None:
    """Raise UserError for tables nested deeper than MOST_DEPTH, or a whole number beyond 64 bits."""
    level = [value]
    for _ in range(MOST_DEPTH + 1):
        below: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                below += each.values()
            elif isinstance(each, list):
                below += each
            elif isinstance(each, int) and not -_MOST_NUMBER <= each < _MOST_NUMBER:
                raise UserError("a number is too large", where=where, allowed="up to 64 bits")
        if not below:
            return
        level = below
    raise _too_deep(where)


def reason(error: BaseException) -> str:
    """Return a short line for people: `disk full`, `no permission`, ..."""
    number = getattr(error, "errno", None)
    if is_busy(error):
        return "another program has it open"
    if isinstance(error, OSError) and number in _REASONS:
        return _REASONS[number]
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def is_busy(error: BaseException) -> bool:
    """Return whether this is Windows refusing because another program holds the file. Elsewhere that is no reason."""
    return getattr(error, "winerror", None) in (32, 33)  # ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION


_REASONS = {
    errno.ENOSPC: "disk full",
    errno.EDQUOT: "disk full",
    errno.EFBIG: "file too large for this disk",
    errno.EACCES: "no permission",
    errno.EPERM: "no permission",
    errno.EROFS: "this disk is read-only",
    errno.EIO: "disk error",
    errno.ENAMETOOLONG: "the name is too long for this disk",
    errno.ENOTDIR: "a part of the path is a file",
    errno.ELOOP: "links that lead in a circle",
    errno.EISDIR: "a folder has this name",
}


def _refuse_special(mode: int, where: str, what: str) -> None:
    if not stat.S_ISREG(mode):
        got = next((kind for test, kind in _KINDS if test(mode)), "something else")
        raise UserError(f"the {what} is no regular file", where=where, got=got, remedy="name a plain file")


def _too_deep(where: str) -> UserError:
    return UserError("nested too deeply", where=where, allowed=f"{MOST_DEPTH} levels")


def _finite(text: str) -> float:
    if math.isinf(number := float(text)):  # 1e999
        raise ValueError(f"{text[:20]} is too large a number")
    return number


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number in JSON")

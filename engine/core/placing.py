"""Gives what is written its name, and never at the cost of what is there: nothing is replaced, nothing is lost.

Used by whoever writes a file or a folder for a person: recorder, takes, renders, albums, joins, reports. Reads and writes
the disk, so the render thread never calls it.

    claim("out.mp4")       out.mp4.part.mkv, locked as long as its writer lives: the claim on the name as well
      a living writer has that      out-1.mp4.part.mkv, and so on: both are whole in the end, under two names
      a dead one left it            it becomes out-1.mp4.part.mkv, and is kept
    hand_over()            out.mp4; what has that name by then becomes out-1.mp4, with the files that go with it

A lock is `flock`, which ends with its process. On Windows an open file cannot be renamed, which is as good. On a disk that
knows no locks a working file that is there counts as one in use.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import io
import logging
import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from phosphene.engine.core import clock
from phosphene.engine.core.errors import one_line
from phosphene.engine.core.naming import COMPANIONS, WORKING, beside, numbered

if sys.platform != "win32":
    import fcntl

_log = logging.getLogger(__name__)

_ON_WINDOWS = os.name == "nt"
_MOST = 10_000  # numbers that are tried
_BUSY_S = 2.0  # how long Windows' virus scanners and indexers hold a file that was just written
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_LOOK = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
_NO_LINKS = (errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL)


def put(source: Path, target: Path, *, patient: bool = False) -> None:
    """Rename a file or a folder to a name that nothing has, in one step. Raises FileExistsError, OSError.

    patient: where another program has it open, which Windows takes for a reason, try again for 2 s.
    """
    if _ON_WINDOWS:
        _rename(source, target, _BUSY_S if patient else 0.0)
    elif _renamed(source, target):
        pass
    elif stat.S_ISDIR(os.lstat(source).st_mode):
        os.mkdir(target)
        try:
            os.rename(source, target)  # a folder may take the place of an empty one, and of no other
        except OSError:
            os.rmdir(target)
            raise
    else:
        try:
            os.link(source, target, follow_symlinks=False)
        except (OSError, NotImplementedError) as error:
            if getattr(error, "errno", errno.ENOSYS) not in _NO_LINKS:
                raise
            os.close(os.open(target, _NEW))  # nobody else gets the name now
            os.replace(source, target)
        else:
            os.unlink(source)


def _rename(source: Path, target: Path, patience_s: float) -> None:
    give_up = clock.now() + patience_s
    while True:
        try:
            return os.rename(source, target)  # Windows refuses a name that something has by itself
        except PermissionError:
            if clock.now() >= give_up:
                raise
        clock.sleep(0.05)


def _renamed(source: Path, target: Path) -> bool:
    """Rename as only Linux can; False where it cannot, or this disk cannot."""
    function = _renameat2()
    if function is None:
        return False
    here, no_replace = -100, 1  # AT_FDCWD, RENAME_NOREPLACE
    if function(here, os.fsencode(source), here, os.fsencode(target), no_replace) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
        return False
    raise OSError(number, os.strerror(number), str(source), None, str(target))


@functools.cache
def _renameat2() -> Any:
    try:
        function = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return None
    function.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
    return function


def set_aside(path: Path) -> Path | None:
    """Rename what is at `path`, with what goes with it, to the first number that is free; return its new place.

    None: it was gone by then. Raises OSError.
    """
    for n in range(1, _MOST):
        aside = numbered(path, n)
        pairs = [(path, aside), *((beside(path, e), beside(aside, e)) for e in COMPANIONS)]
        if any(os.path.lexists(new) for _, new in pairs) or any(_in_use(beside(aside, e)) for e in WORKING):
            continue  # or somebody is writing what is to be called so
        try:
            put(path, aside)
        except FileExistsError:
            continue
        except FileNotFoundError:
            return None
        for old, new in pairs[1:]:
            with contextlib.suppress(OSError):  # there is none, or another process was quicker
                put(old, new)
        _log.info("an earlier %s is now %s", one_line(path.name), one_line(aside.name))
        return aside
    raise OSError(errno.EEXIST, "too many files of this name", str(path))


class Working:
    """What is being written for `target`: a file, open for reading and writing in `file`, or a folder.

    `path` is where it lies: beside `target` until it is handed over, or for good where that never happens.
    """

    def __init__(self, wanted: Path, target: Path, path: Path, handle: int, *, folder: bool) -> None:
        self.target, self.path = target, path
        self._wanted = wanted  # the name that was asked for: what has it gives way
        self.file: io.FileIO | None = None
        self._handle = None
        if not folder:
            self.file = io.FileIO(handle, "r+")
        elif handle >= 0:
            self._handle = handle

    def write(self, data: bytes) -> None:
        """Append all of `data` to the file. Raises OSError."""
        assert self.file is not None
        left = memoryview(data)
        while left:
            left = left[self.file.write(left) or 0 :]

    def again(self, ending: str) -> Working:
        """Claim another working file for the same target."""
        path = beside(self.target, ending)
        handle = _made(path, folder=False, left=lambda path: True)
        if handle is None:
            raise OSError(errno.EEXIST, "another program is writing it", str(path))
        return Working(self._wanted, self.target, path, handle, folder=False)

    def hand_over(self, may_give_way: Callable[[Path], bool] = lambda path: not path.is_dir()) -> Path:
        """Give it its name and return that: `target`, or a numbered one where what is there may not be renamed.

        may_give_way: whether what has the name may. Raises OSError; it then lies where it lay.
        """
        if self.file is not None:
            os.fsync(self.file.fileno())
        if not self._is_ours():
            raise FileNotFoundError(errno.ENOENT, "somebody took its working file away", str(self.path))
        if _ON_WINDOWS:
            self.close()
        target, n = self.target, 0
        while True:
            try:
                self._put(target)
                break
            except FileExistsError:
                if target == self._wanted and may_give_way(target):
                    with contextlib.suppress(OSError):  # it cannot be renamed: then neither can it give way
                        set_aside(target)
                        continue
                n = next(k for k in range(n + 1, _MOST) if _is_free(numbered(self._wanted, k)))
                target = numbered(self._wanted, n)
        self.target = self.path = target
        self.close()
        return target

    @property
    def lies(self) -> Path | None:
        """Where it lies; None where somebody has renamed or removed it."""
        return self.path if self._is_ours() else None

    def close(self) -> None:
        """Let go of it; it stays where it is."""
        if self.file is not None:
            self.file.close()
        if self._handle is not None:
            handle, self._handle = self._handle, None
            os.close(handle)

    def discard(self) -> None:
        """Remove it. Only for what is known to hold nothing, or nothing that is not whole elsewhere."""
        ours = self._is_ours()
        if _ON_WINDOWS:
            self.close()
        with contextlib.suppress(OSError):  # what is left there is of no use, but does no harm
            if ours and self.file is not None:
                os.unlink(self.path)
            elif ours:
                os.rmdir(self.path)
        self.close()

    def _put(self, target: Path) -> None:
        if self.file is None and target.is_dir() and not target.is_symlink():
            with contextlib.suppress(OSError):  # an empty folder that was made for it; another one is not replaced so
                os.rename(self.path, target)
                return
        put(self.path, target, patient=True)  # it is ours: whoever else looks into it is soon done

    def _is_ours(self) -> bool:
        if self.file is not None:
            return not self.file.closed and _is(self.file.fileno(), self.path)
        return _ON_WINDOWS or (self._handle is not None and _is(self._handle, self.path))


@contextlib.contextmanager
def discarding(working: Working) -> Iterator[Working]:
    """Yield it, and remove it where the block fails. Only for what then holds nothing that is not whole elsewhere."""
    try:
        yield working
    except BaseException:
        working.discard()
        raise


def claim(wanted: Path, ending: str, *, folder: bool = False, left: Callable[[Path], bool] = lambda path: True) -> Working:
    """Make what is to become `wanted`, beside it: NAME + `ending`, one of WORKING. Folders on the way are made.

    Where a living writer has that name it is for the next number that is free, and that is logged. left: of a folder that is
    there already, whether it can be what a dead writer left; one that a person made is not touched. Raises OSError.
    """
    _prepare(wanted, folder=folder)
    for n in range(_MOST):
        target = numbered(wanted, n)
        path = beside(target, ending)
        if n and not _is_free(target):
            continue
        if any(_in_use(each) for each in (beside(target, e) for e in WORKING) if each != path):
            continue
        handle = _made(path, folder=folder, left=left)
        if handle is None:
            continue
        if n:
            _log.warning("another program is writing %s: this goes to %s", one_line(str(wanted)), one_line(str(target)))
        return Working(wanted, target, path, handle, folder=folder)
    raise OSError(errno.EEXIST, "too many files of this name", str(wanted))


def _is_free(target: Path) -> bool:
    return not any(os.path.lexists(each) for each in (target, *(beside(target, e) for e in WORKING)))


def fresh_folder(wanted: Path) -> Path:
    """Make a folder that was not there, `wanted` or with a number from 2 on, and return it. Raises OSError."""
    _prepare(wanted, folder=True)
    for n in range(1, _MOST):
        folder = wanted if n == 1 else numbered(wanted, n)
        with contextlib.suppress(FileExistsError):
            folder.mkdir()
            return folder
    raise OSError(errno.EEXIST, "too many folders of this name", str(wanted))


def check_writable(path: Path, *, folder: bool = False) -> None:
    """Raise OSError where nothing can be written under this name, as far as can be told. Makes nothing."""
    _refuse_folder(path, folder=folder)
    there = next(each for each in path.absolute().parents if os.path.lexists(each))
    with tempfile.TemporaryFile(dir=there):
        pass


def _prepare(wanted: Path, *, folder: bool) -> None:
    """Make the folders on the way. Raises OSError also for what nothing can be called, or a folder of that name."""
    try:
        wanted.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(wanted)) from error
    _refuse_folder(wanted, folder=folder)


def _refuse_folder(wanted: Path, *, folder: bool) -> None:
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISDIR(os.stat(wanted).st_mode) and not folder:  # also: a name that no disk holds
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(wanted))


def _made(path: Path, *, folder: bool, left: Callable[[Path], bool]) -> int | None:
    """Make and lock a file or folder; None where a living writer has it, -1 for a folder on Windows. Raises OSError."""
    for _ in range(_MOST):  # whoever is in the way is gone a moment later
        try:
            if folder:
                os.mkdir(path)
            else:
                handle = os.open(path, _NEW, 0o666)
        except FileExistsError:
            if not _cleared(path, folder=folder, left=left):
                return None
            continue
        if folder:
            try:
                handle = os.open(path, os.O_RDONLY) if not _ON_WINDOWS else -1
            except FileNotFoundError:
                continue  # as below
        locked = _lock(handle) if handle >= 0 else None
        if locked is None or (locked and _is(handle, path)):
            return handle
        os.close(handle)  # somebody looked at it before it was locked, and took it away
    return None


def _cleared(path: Path, *, folder: bool, left: Callable[[Path], bool]) -> bool:
    """Rename what a dead writer left at `path`; False where it may be alive, or something else."""
    try:
        if path.is_dir() != folder or (folder and not left(path)):
            return not os.path.lexists(path)
    except FileNotFoundError:
        return True
    if _ON_WINDOWS:
        with contextlib.suppress(OSError):  # it is open
            if not folder:
                _renumber(path)
                return True
        return False
    try:
        handle = os.open(path, _LOOK | (os.O_RDONLY if path.is_dir() else os.O_RDWR))
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        if _lock(handle) is not True:
            return False
        if not _is(handle, path):
            return True
        state = os.fstat(handle)
        if stat.S_ISREG(state.st_mode) and state.st_size == 0:
            os.unlink(path)
        elif stat.S_ISDIR(state.st_mode) and not os.listdir(path):
            os.rmdir(path)
        elif stat.S_ISREG(state.st_mode) or stat.S_ISDIR(state.st_mode):
            _renumber(path)
        else:
            return False
        return True
    except OSError:
        return False
    finally:
        os.close(handle)


def _renumber(path: Path) -> None:
    for n in range(1, _MOST):
        with contextlib.suppress(FileExistsError):
            aside = numbered(path, n)
            put(path, aside)
            _log.info("what an earlier run left in %s is now %s", one_line(path.name), one_line(aside.name))
            return
    raise OSError(errno.EEXIST, "too many files of this name", str(path))


def _in_use(path: Path) -> bool:
    """Whether a living writer has this working file, as far as can be told."""
    try:
        handle = os.open(path, os.O_RDONLY | _LOOK)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        return _lock(handle) is not True
    finally:
        os.close(handle)


def _lock(handle: int) -> bool | None:
    """Lock an open file or folder until it is closed; False: somebody else has it; None: there are no locks here."""
    if sys.platform == "win32":
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in (errno.EWOULDBLOCK, errno.EACCES) else None
    return True


def _is(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.lstat(path))
    except OSError:
        return False

"""Where the trainers' commands end: one line, the exit codes of every other program, a remedy only where it is one."""

from __future__ import annotations

import errno
import os

import pytest

from phosphene.engine.core.errors import UserError
from phosphene.tools.runs.boundary import exit_code


def raising(error: BaseException):
    def work() -> int:
        raise error

    return work


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.ENOTDIR, errno.ENOENT])
def test_room_is_asked_for_where_there_is_none(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(raising(OSError(number, os.strerror(number), "runs/a\nb"))) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"runs/a\\nb: {os.strerror(number)}")
    assert ("make room" in line) == (number in (errno.ENOSPC, errno.EDQUOT))


def test_what_a_person_can_mend_is_2_and_ctrl_c_is_130(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(raising(UserError("no data", remedy="make some"))) == 2
    assert exit_code(raising(ImportError("x", name="torch.cuda"))) == 2
    assert exit_code(raising(MemoryError())) == 2
    assert exit_code(raising(OSError("libav has no number"))) == 2
    assert len(capsys.readouterr().err.splitlines()) == 4
    assert exit_code(raising(KeyboardInterrupt())) == 130
    assert exit_code(lambda: 1) == 1
    capsys.readouterr()
    assert exit_code(raising(UserError("no data")), tell=False) == 2
    assert capsys.readouterr().err == ""
    with pytest.raises(ImportError):
        exit_code(raising(ImportError("x", name="tools.gone")))

"""Files of strangers: only regular ones, bounded, text that is clear is accepted, everything else is one line."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phosphene.engine.core.errors import UserError
from phosphene.engine.core.files import (
    MOST_DEPTH,
    open_regular,
    parse_json,
    parse_toml,
    read_bytes,
    read_json,
    read_text,
    read_toml,
)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")
def test_what_is_no_regular_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        for name, kind in (("pipe", "a named pipe"), ("folder", "a folder"), ("s", "a socket")):
            with pytest.raises(UserError, match=kind):
                open_regular(tmp_path / name)
    with pytest.raises(UserError, match="a device"):
        open_regular("/dev/null")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")
def test_a_pipe_is_refused_whether_or_not_somebody_writes_to_it(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    opened: list[int] = []
    writer = threading.Thread(target=lambda: opened.append(os.open(tmp_path / "pipe", os.O_RDWR | os.O_NONBLOCK)))
    writer.start()
    writer.join()
    try:
        with pytest.raises(UserError, match="no regular file"):
            read_bytes(tmp_path / "pipe", 10)
    finally:
        os.close(opened[0])


def test_links_are_followed_and_circles_are_not(tmp_path):
    (tmp_path / "a").write_text("here")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "c").symlink_to("d")
    (tmp_path / "d").symlink_to("c")
    assert read_text(tmp_path / "b") == "here"
    with pytest.raises(UserError, match="circle"):
        read_text(tmp_path / "c")


@pytest.mark.parametrize("name", ["no\0name", "nothing here", "x" * 300, "a/file/below"])
def test_names_that_are_none_are_one_line(tmp_path, name):
    (tmp_path / "a").write_text("a file")
    with pytest.raises(UserError) as told:
        read_text(tmp_path / name)
    assert told.value.line().isprintable()


def test_a_file_of_any_name_is_read(tmp_path):
    for name in (b"Artist: Title", b"100 %d", b"-x", b"two\nlines", b"not \xff text", b"n" * 250):
        path = os.path.join(os.fsencode(tmp_path), name)
        with open(path, "wb") as file:
            file.write(b"x = 1")
        assert read_toml(os.fsdecode(path)) == {"x": 1}


def test_a_file_beyond_its_limit_is_not_read(tmp_path):
    (tmp_path / "large").write_bytes(b"x" * 101)
    assert len(read_bytes(tmp_path / "large", 101)) == 101
    with pytest.raises(UserError, match="up to 100 bytes, got: 101 bytes"):
        read_bytes(tmp_path / "large", 100)
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)  # a terabyte that takes no room: reading it would take all memory
    with pytest.raises(UserError, match="too large"):
        read_bytes(tmp_path / "sparse", 1 << 20)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_text_of_every_editor_is_read(tmp_path, encoding, end):
    (tmp_path / "a.toml").write_bytes(f"name = 'Übung'{end}x = 2{end}".encode(encoding))
    assert read_toml(tmp_path / "a.toml") == {"name": "Übung", "x": 2}


def test_text_that_is_not_utf8_names_the_byte_and_the_line(tmp_path):
    (tmp_path / "a.toml").write_bytes("a = 1\nb = 'é'\n".encode("latin-1"))
    with pytest.raises(UserError, match="0xe9 in line 2"):
        read_toml(tmp_path / "a.toml")


BOMBS = {
    "arrays": "a = " + "[" * 3000 + "]" * 3000,
    "tables": "a = " + "{a=" * 3000 + "1" + "}" * 3000,
    "headers": "[" + ".".join("a" * 50_000) + "]",
    "dotted key": ".".join("a" * 50_000) + " = 1",
    "dotted key inside": "x = { " + ".".join("a" * 50_000) + " = 1 }",
    "digits": "a = " + "9" * 5000,
    "beyond 64 bits": f"a = {2**63}",
    "no date": "a = 2026-02-31",
    "NUL": "a = 1\0",
    "lone surrogate": 'a = "\\ud800"',
}


LONG_KEY = ".".join("a" * 50_000) + " = 1"
BEFORE = [
    r'x = """a""""', r'x = """a"""""', r"x = '''a''''", r"x = '''a'''''", r'x = "a\""', r"x = 'a\'", r'x = """\""""""',
    'x = ""', "x = ''", 'x = """"""', "# it's", '# "', '# """', """x = "'" """, """x = '"' """, 'x = "#"',
    r'x = "a\\"', """'a"' = 1""",
    'x = """\\\n  a"""', 'y = { b = """x"""", z = "" }', "y = 1 # '''", 'x = """\\"""\n"""', "x = '''\n'''",
]  # fmt: skip


@pytest.mark.parametrize("before", BEFORE)
def test_no_text_or_comment_hides_a_key_of_too_many_dots(before):
    assert tomllib.loads(before) is not None
    for after in ("", ' # "', " # '''"):
        with pytest.raises(UserError, match="too many dots"):
            parse_toml(f"{before}\n{LONG_KEY}{after}", "here")


@pytest.mark.parametrize("dots", [71, 100_000])
@pytest.mark.parametrize(
    "text",
    ["# @", "x = 1 # '@", 'x = "@"', "x = '@'", 'x = """\n@"\n\\"""" # @', "x = '''\n@'\n'''", '"@" = 1', 'x."@" = 1'],
)
def test_dots_in_texts_and_comments_are_no_key(dots, text):
    assert parse_toml(text.replace("@", "." * dots) + "\ny = 2", "here")["y"] == 2


PIECES = st.lists(
    st.sampled_from(["'", '"', "'''", '"""', "#", "\\", "\n", "x", " = ", "k.k", "1", "{ ", " }", ", ", "[ ", " ]"]),
    max_size=30,
)


@settings(max_examples=500)
@given(PIECES)
def test_dots_are_counted_where_tomllib_counts_them(pieces):
    """Whatever stands before: what tomllib takes for a key of 100 parts has too many dots, and nothing else has."""
    text = "".join(pieces) + "\n" + ".".join("a" * 100) + " = 1\n"
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    said = ""
    try:
        parse_toml(text, "here")
    except UserError as error:
        said = error.line()
    assert ("too many dots" in said) == ("'a': {'a': {" in str(found))


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS.keys())
def test_toml_that_upsets_a_parser_is_one_line(text):
    with pytest.raises(UserError):
        parse_toml(text, "here")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "[" * 100_000 + "]" * 100_000,
        '{"a":' * 5000 + "1" + "}" * 5000,
        "NaN",
        "[Infinity]",
        "1" * 5000,
        "",
        "\xff",
    ],
    ids=["open", "arrays", "objects", "NaN", "infinity", "digits", "empty", "no JSON"],
)
def test_json_that_upsets_a_parser_is_one_line(text):
    with pytest.raises(UserError):
        parse_json(text, "here")


def test_json_is_read(tmp_path):
    (tmp_path / "a.json").write_text('{"a": [1, 2.5, "x", null]}')
    assert read_json(tmp_path / "a.json") == {"a": [1, 2.5, "x", None]}


def test_as_deep_as_allowed_is_allowed():
    assert parse_toml("a = " + "[" * (MOST_DEPTH - 1) + "]" * (MOST_DEPTH - 1), "here")
    with pytest.raises(UserError, match="too deep"):
        parse_toml("a = " + "[" * (MOST_DEPTH + 1) + "]" * (MOST_DEPTH + 1), "here")


@given(st.text(max_size=200))
def test_no_text_makes_more_than_a_user_error(text):
    for parse in (parse_toml, parse_json):
        with contextlib.suppress(UserError):
            parse(text, "here")

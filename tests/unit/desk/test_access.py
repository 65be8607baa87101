"""Who may come in to the desk: hosts, origins, keys."""

from __future__ import annotations

import pytest

from phosphene.engine.desk.access import Keys, is_loopback, is_ours


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8800", "localhost:8800", "[::1]:8800", "10.1.2.3:8800", "10.1.2.3", "mac.local:8800"]
)
def test_a_page_of_ours_may_ask(host):
    assert is_ours(host, None)
    assert is_ours(host, f"http://{host}")


@pytest.mark.parametrize("host", ["", "evil.example:8800", "127.0.0.1.evil.example", "[::1", "local", "phosphene"])
def test_a_name_that_leads_here_by_a_trick_is_refused(host):
    assert not is_ours(host, None)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "file://", ""])
def test_another_page_may_not_speak_to_the_desk(origin):
    assert not is_ours("127.0.0.1:8800", origin)


def test_keys_open_what_they_are_for():
    keys = Keys.new()
    assert keys.admits(keys.play) == "play"
    assert keys.admits(keys.view) == "view"
    assert [keys.admits(wrong) for wrong in ("", "x", keys.play[:-1], keys.play + "x", "ü")] == [""] * 5
    assert Keys.new() != keys
    assert len(keys.play) >= 12


def test_on_this_machine_no_key_is_needed():
    assert Keys().admits("") == "play"


@pytest.mark.parametrize(
    ("host", "expected"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("10.0.0.1", False)]
)
def test_which_hosts_only_this_machine_reaches(host, expected):
    assert is_loopback(host) is expected

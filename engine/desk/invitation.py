"""How a phone finds the desk: its addresses with the key in them, and QR codes of those. Sends nothing.

The key stands behind the `#`: browsers keep that part to themselves, so it is in no log of any server between.
"""

from __future__ import annotations

import contextlib
import io
import socket

import segno

from phosphene.engine.desk.access import is_loopback

_NOWHERE = ("192.0.2.1", 9)  # of RFC 5737: never routed; asking the system how it would get there sends no packet
_EVERYWHERE = ("0.0.0.0", "::", "")


def addresses(host: str, port: int) -> list[str]:
    """Return the URLs, without a key, at which a desk that listens on `host` is found; the likeliest first."""
    return [f"http://{f'[{each}]' if ':' in each else each}:{port}/" for each in numbers(host)]


def numbers(host: str) -> list[str]:
    """Return the addresses of this machine that a socket on `host` is reached by, those of loopback last."""
    return _own() if host in _EVERYWHERE else [host]


def with_key(url: str, key: str) -> str:
    """Return the URL that opens the desk to whoever has it."""
    return f"{url}#{key}" if key else url


def qr_svg(text: str) -> str:
    """Return a QR code as SVG, dark on white with the quiet zone that cameras need."""
    out = io.BytesIO()
    segno.make(text, error="m").save(out, kind="svg", scale=8, border=4, dark="#000", light="#fff", xmldecl=False)
    return out.getvalue().decode("utf-8")


def qr_text(text: str) -> str:
    """Return a QR code for a terminal, two rows of dots in one of text."""
    out = io.StringIO()
    segno.make(text, error="l").terminal(out, border=2, compact=True)
    return out.getvalue()


def _own() -> list[str]:
    """Return this machine's addresses, those of loopback last."""
    found = []
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(_NOWHERE)
            found.append(str(probe.getsockname()[0]))
    except OSError:  # no network at all
        pass
    with contextlib.suppress(OSError):
        found += [str(entry[4][0]) for entry in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)]
    found.append("127.0.0.1")
    return sorted(dict.fromkeys(found), key=is_loopback)

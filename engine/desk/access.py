"""Who may come in: which requests are from pages of ours, and who has a key. Pure functions; nothing here is a socket.

Any web page can ask a browser to speak to this machine, and any name can be made to lead to it (DNS rebinding). So the
request's Host has to be a name or number of a machine, and where it comes out of a page, that page has to be ours.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

_KEY_BYTES = 9  # 72 bits: 12 letters, short enough for a small QR code


@dataclass(frozen=True, slots=True)
class Keys:
    """play: for those who may touch. view: for those who may look. Empty on loopback, where none is needed."""

    play: str = ""
    view: str = ""

    @classmethod
    def new(cls) -> Keys:
        """Return keys that nobody can guess; they last as long as the show."""
        return cls(secrets.token_urlsafe(_KEY_BYTES), secrets.token_urlsafe(_KEY_BYTES))

    def admits(self, key: str) -> str:
        """Return what `key` opens: "play", "view", or "" for nothing."""
        if not self.play or hmac.compare_digest(key.encode(), self.play.encode()):
            return "play"
        return "view" if hmac.compare_digest(key.encode(), self.view.encode()) else ""


def is_loopback(host: str) -> bool:
    """Whether an address to listen on can only be reached from this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_ours(host: str, origin: str | None) -> bool:
    """Whether a request for `host` (its header) that a page of `origin` makes (None: no page makes it) may be answered."""
    name = _hostname(host)
    if name is None or not (_is_number(name) or name in _names() or name.endswith(".local")):
        return False
    return origin is None or urlsplit(origin).netloc.lower() == host.lower()


def _names() -> tuple[str, ...]:
    return "localhost", socket.gethostname().lower()


def _hostname(host: str) -> str | None:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower() or None
    except ValueError:  # a bracket that is never closed
        return None


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True

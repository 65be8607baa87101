"""The desk and the OSC port as other programs find them by themselves: multicast DNS, as Bonjour and Avahi speak it.

A thread does it, for each entry takes 1.7 s: first it has to be known that nobody else has its name. The package is loaded
there too (80 ms; a desk on loopback needs none). It is an extra: without it nothing is advertised.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from importlib import import_module
from ipaddress import ip_address
from typing import Any

from phosphene.engine.desk.access import is_loopback

_log = logging.getLogger(__name__)

_END_S = 1.0
OSCQUERY, OSC = "_oscjson._tcp.local.", "_osc._udp.local."  # of the OSCQuery proposal; TouchOSC looks for the second one


class Advertisement:
    """Advertises from soon after it is made until `close`. ports: by kind of service. addresses: where we are found."""

    def __init__(self, name: str, addresses: list[str], ports: dict[str, int]) -> None:
        self.fault = ""
        self._zeroconf: Any = None
        self._closing = False
        outside = [address for address in addresses if not is_loopback(address)] or addresses
        self._thread = threading.Thread(target=self._run, args=(name, outside, ports), name="mdns", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take it back, so that nobody finds what is not there any more."""
        self._closing = True
        self._thread.join(timeout=_END_S)
        if self._zeroconf is not None:
            ending = threading.Thread(target=self._zeroconf.close, name="mdns-end", daemon=True)
            ending.start()
            ending.join(timeout=_END_S)

    def _run(self, name: str, addresses: list[str], ports: dict[str, int]) -> None:
        try:
            library = import_module("zeroconf")
            self._zeroconf = library.Zeroconf(interfaces=addresses)
            packed = [ip_address(address).packed for address in addresses]
            for kind, port in ports.items():
                if self._closing:
                    return
                info = library.ServiceInfo(kind, f"{name}.{kind}", port=port, addresses=packed, server=_server())
                self._zeroconf.register_service(info, allow_name_change=True)
        except Exception as error:  # noqa: BLE001 boundary: a network without multicast must not cost the desk
            self.fault = f"{type(error).__name__}: {error}"
            _log.debug("the desk is not advertised", exc_info=True)


def _server() -> str:
    with contextlib.suppress(OSError):
        return f"{socket.gethostname().partition('.')[0]}.local."
    return "phosphene.local."

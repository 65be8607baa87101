"""The socket that the desk listens on: the port that was asked for, or one of the next where another show has it."""

from __future__ import annotations

import logging
import os
import socket

from phosphene.engine.core.errors import UserError

_log = logging.getLogger(__name__)

_TRIES, _PORTS = 10, 65536  # so many are tried, the one that was asked for first; so many there are


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens on `port` (0: one that is free), or on one of the next nine where that is taken.

    Raises UserError where none can be had, or `host` is no address of this machine.
    """
    where = f"{host}:{port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, OverflowError) as error:
        raise UserError(
            "no such host", where=f"--desk {where}", got=error, remedy="give an address of this machine"
        ) from error
    for number in range(port, min(port + _TRIES, _PORTS) if port else 1):
        sock = socket.socket(family, kind, protocol)
        try:
            if os.name == "posix":  # a port of a show that has just ended; on Windows it would be shared with one that runs
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((address[0], number, *address[2:]))
            sock.listen(64)
        except OSError as error:
            sock.close()
            refused = error
            continue
        if number != port:
            _log.warning("port %d is taken: the desk is on %d", port, number)
        return sock
    remedy = "choose another with --desk HOST:PORT, or play without it: --no-desk"
    raise UserError("no port for the desk", where=where, got=refused, remedy=remedy)

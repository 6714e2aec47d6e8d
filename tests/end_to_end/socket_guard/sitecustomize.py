"""A socket guard for whole process trees: put this folder on PYTHONPATH.

Every Python process that starts notes itself in $SOCKET_GUARD_LOG; every attempt to reach anything but loopback is
noted there and refused.
"""

import ipaddress
import os
import socket
import sys
from pathlib import Path

LOG = os.environ.get("SOCKET_GUARD_LOG", "")


def note(kind, what):
    with Path(LOG).open("a", encoding="utf-8") as file:
        file.write(f"{kind} {os.getpid()} {what!r}\n")


def is_local(host):
    if host in (None, "", b"", "localhost", b"localhost"):
        return True
    try:
        return ipaddress.ip_address(host.decode() if isinstance(host, bytes) else str(host)).is_loopback
    except ValueError:
        return False


def refuse(what):
    note("attempt", what)
    raise PermissionError(f"the socket guard refuses {what!r}")


class GuardedSocket(socket.socket):
    def connect(self, address):
        self._check(address)
        return super().connect(address)

    def connect_ex(self, address):
        self._check(address)
        return super().connect_ex(address)

    def sendto(self, data, *rest):
        self._check(rest[-1])
        return super().sendto(data, *rest)

    def _check(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and not is_local(address[0]):
            refuse(address)


def guarded(look_up):
    def guard(host, *rest, **named):
        if not is_local(host):
            refuse(host)
        return look_up(host, *rest, **named)

    return guard


if LOG:
    socket.socket = GuardedSocket
    for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr"):
        setattr(socket, name, guarded(getattr(socket, name)))
    note("process", " ".join(sys.orig_argv[1:])[:200])

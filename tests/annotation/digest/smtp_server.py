"""A small server of SMTP in a thread: it takes messages, or breaks off where it is told to."""

from __future__ import annotations

import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message

from tests.serving import serving


class SmtpServer(socketserver.ThreadingTCPServer):
    """Of SMTP, as much as digests ask of it.

    Attributes:
        received: messages as they came.
        met: connections that were made.
        breaks_off: the next message is taken, and the connection dies unanswered.
        silent: the next message is taken, and nothing is said any more on that connection.
        mute: connections are taken, and nothing is said on them at all.
        most: messages on one connection, after which the server closes it; 0: any number.
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.received: list[tuple[str, Message]] = []
        self.breaks_off = self.silent = self.mute = False
        self.met = self.most = 0

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class Conversation(socketserver.StreamRequestHandler):
    server: SmtpServer

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def handle(self) -> None:
        to, taken = "", 0
        self.server.met += 1
        if self.server.mute:
            self.rfile.readline()  # until the other side gives up
            return
        self.say("220 localhost ready")
        while line := self.rfile.readline():
            verb, _, rest = line.decode().strip().partition(" ")
            match verb.upper():
                case "EHLO" | "HELO":
                    self.say("250 localhost")
                case "RCPT":
                    to = rest.split("<")[1].split(">")[0]
                    self.say("250 ok")
                case "DATA":
                    self.say("354 go on")
                    self.server.received.append((to, message_from_bytes(self.data())))
                    if self.server.breaks_off:
                        return
                    if self.server.silent:
                        self.rfile.readline()
                        return
                    self.say("250 taken")
                    taken += 1
                    if taken == self.server.most:
                        return
                case "QUIT":
                    self.say("221 bye")
                    return
                case _:
                    self.say("250 ok")

    def data(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        return b"".join(lines)


@contextmanager
def smtp_server() -> Iterator[SmtpServer]:
    server = SmtpServer()
    with serving(server):
        yield server

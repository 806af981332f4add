#!/usr/bin/env python3
"""A mail server that keeps every email as OUTBOX/NNNN.eml and sends none. `mail_capture.py PORT OUTBOX`"""

import email
import email.policy
import pathlib
import socketserver
import sys
import threading


class _Session(socketserver.StreamRequestHandler):
    """RFC 5321 as far as a client needs it that says EHLO, MAIL, RCPT, DATA, QUIT."""

    def handle(self):
        self.say("220 capture")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"RCPT" and any(address.encode() in line for address in self.server.refused):
                self.say("550 no such mailbox")
            elif verb == b"DATA":
                self.say("354 go on")
                self.server.keep(self.message())
                self.say("250 kept")
            elif verb == b"QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")

    def message(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b"..") else line)
        return b"".join(lines)

    def say(self, text: str):
        self.wfile.write(text.encode() + b"\r\n")


class MailCapture(socketserver.ThreadingTCPServer):
    """Port 0: a free one. Goes on counting after what the outbox holds already. `refused`: addresses that it
    does not take."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int, outbox: pathlib.Path):
        super().__init__(("127.0.0.1", port), _Session)
        outbox.mkdir(parents=True, exist_ok=True)
        self.outbox, self.lock, self.refused = outbox, threading.Lock(), set()
        self.count = max((int(f.stem) for f in outbox.glob("*.eml") if f.stem.isdigit()), default=0)
        self.port = self.server_address[1]

    def keep(self, message: bytes):
        with self.lock:
            self.count += 1
            name = self.outbox / f"{self.count:04d}"
            name.with_suffix(".part").write_bytes(message)
            name.with_suffix(".part").rename(name.with_suffix(".eml"))

    def emails(self, address: str) -> list:
        """Texts of the emails to that address, oldest first."""
        found = []
        for file in sorted(self.outbox.glob("*.eml")):
            message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
            if address in message["To"]:
                found.append(message.get_body(("plain",)).get_content())
        return found


if __name__ == "__main__":
    MailCapture(int(sys.argv[1]), pathlib.Path(sys.argv[2])).serve_forever()

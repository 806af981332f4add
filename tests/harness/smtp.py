"""A mail server that takes every email and keeps it, for tests of what Pulse sends.

    with SmtpCapture() as mail:
        stack = Stack(settings=mail.settings())
        ...
        email = mail.wait_for("ada@demo.example")
        email.subject, email.text, email.links[0]
"""

import email
import email.policy
import re
import socketserver
import threading

from servers import wait_for


class Email:
    """One email as it arrived. `to`: recipients of the envelope; `links`: of the text part, in order."""

    def __init__(self, sender: str, to: list, data: bytes):
        self.sender, self.to = sender, to
        self.message = email.message_from_bytes(data, policy=email.policy.default)
        self.subject = str(self.message["Subject"])
        self.text = self.message.get_body(("plain",)).get_content()
        html = self.message.get_body(("html",))
        self.html = html.get_content() if html else ""
        self.links = re.findall(r"https?://[^\s<>\"]+", self.text)

    def __repr__(self):
        return f"Email(to={self.to}, subject={self.subject!r})"


class _Conversation(socketserver.StreamRequestHandler):
    timeout = 20

    def say(self, line: str):
        self.wfile.write(line.encode() + b"\r\n")

    def data(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)

    def handle(self):
        capture = self.server.capture
        sender, to = "", []
        capture.talks += 1
        capture.open.wait(self.timeout)
        self.say("220 capture")
        while line := self.rfile.readline():
            verb, rest = line[:4].upper(), line[4:].decode(errors="replace")
            address = re.search(r"<([^>]*)>", rest)
            if verb in (b"EHLO", b"HELO"):
                self.say("250 capture")
            elif verb == b"MAIL":
                sender, to = address.group(1), []
                self.say("250 ok")
            elif verb == b"RCPT":
                if address.group(1) in capture.refused:
                    self.say("550 no such mailbox")
                elif address.group(1) in capture.put_off:
                    self.say("450 come again later")
                else:
                    to.append(address.group(1))
                    self.say("250 ok")
            elif verb == b"DATA":
                self.say("354 go on")
                capture.emails.append(Email(sender, to, self.data()))
                self.say(capture.verdicts.pop(0) if capture.verdicts else "250 taken")
            elif verb == b"QUIT":
                self.say("221 bye")
                return
            else:
                self.say("502 not known")


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class SmtpCapture:
    """`emails`: all that arrived, oldest first; `talks`: connections so far. Addresses in `refused` are told 550, those in
    `put_off` 450. `verdicts`: answers to the next emails, which are kept whatever the answer. While `open` is cleared, clients
    wait."""

    def __init__(self):
        self.emails, self.refused, self.put_off, self.verdicts = [], set(), set(), []
        self.open = threading.Event()
        self.talks = 0
        self.open.set()
        self.server = _Server(("127.0.0.1", 0), _Conversation)
        self.server.capture = self
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def settings(self) -> dict:
        """What makes Pulse send here."""
        return {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(self.port), "SMTP_SECURITY": "none",
                "SMTP_FROM": "Pulse <pulse@pulse.example>"}

    def to(self, address: str) -> list:
        return [e for e in self.emails if address in e.to]

    def wait_for(self, address: str, count: int = 1) -> Email:
        """The `count`-th email to this address."""
        return wait_for(f"email {count} to {address}", lambda: len(self.to(address)) >= count
                        and self.to(address)[count - 1])

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

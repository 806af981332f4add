"""Every answer of every Pulse that a test started, held against the OpenAPI document, whoever asked.

Answers come past here through requests (each hop of a redirect) and websocket-client. What tests send by bare
sockets is malformed on purpose, and no operation.
"""

import json
import pathlib
import re
import urllib.parse

import requests
import servers
import websocket
from conformance import Conformance


class Replay:
    """`faults`: what broke a promise since they were last taken."""

    def __init__(self):
        self.faults = []
        self._known = {}  # identity -> Conformance

    def of(self, stack) -> Conformance:
        """The document as `pulse openapi` prints it: asking the server for it would be seen by what counts."""
        identity = stack.settings.get("PULSE_IDENTITY", "embedded")
        if identity not in self._known:
            self._known[identity] = Conformance(json.loads(stack.command("openapi").stdout))
        return self._known[identity]

    def check(self, method: str, url: str, status: int, headers, value=None, stream=False):
        target = urllib.parse.urlsplit(url)
        stack = servers.SERVED.get(target.port)
        if stack is None or target.hostname not in ("127.0.0.1", "localhost"):
            return
        self.faults += self.of(stack).faults(method, target.path, status, headers, value, stream)

    def take_faults(self) -> list:
        faults, self.faults = self.faults, []
        return faults

    # ---- where answers come past ----

    def install(self, patch):
        """`patch`: pytest's MonkeyPatch, which takes it all back."""
        send, connect = requests.adapters.HTTPAdapter.send, websocket.WebSocket.connect

        def seen_send(adapter, request, stream=False, **kwargs):
            answer = send(adapter, request, stream=stream, **kwargs)
            self.check(request.method, request.url, answer.status_code, answer.headers, answer.json, stream)
            return answer

        def seen_connect(socket, url, **options):
            at = re.sub("^ws", "http", url)
            try:
                connect(socket, url, **options)
            except websocket.WebSocketBadStatusException as e:
                headers = requests.structures.CaseInsensitiveDict(e.resp_headers or {})
                self.check("GET", at, e.status_code, headers, stream=True)
                raise
            self.check("GET", at, socket.handshake_response.status, {})

        patch.setattr(requests.adapters.HTTPAdapter, "send", seen_send)
        patch.setattr(websocket.WebSocket, "connect", seen_connect)

    # ---- what a whole run has shown ----

    def write(self, file: pathlib.Path):
        """For answered.py: of the document with all operations, that of the embedded issuer."""
        known = self._known.get("embedded")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"seen": sorted(known.seen) if known else [],
                                    "checked": sum(c.checked for c in self._known.values())}))

"""A webhook's receiver: keeps what it gets, and answers as it is told to.

    with Sink() as sink:
        Stack(settings={"OUTBOUND_PRIVATE_HOSTS": sink.host})
        sink.answers = lambda request: 200
"""

import hashlib
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Received:
    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.raw = method, path, headers, body
        self.body = json.loads(body)
        self.id = headers.get("Idempotency-Key")
        self.at = time.monotonic()

    def signed_by(self, secret: str) -> bool:
        """Whether both signatures, that of the body and that of time and body, are this secret's."""
        def proves(header, text):
            mac = hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
            return self.headers.get(header) == f"sha256={mac}"
        stamp = self.headers.get("X-Signature-Timestamp", "")
        return (proves("X-Signature-256", self.raw) and proves("X-Signature-V2", stamp.encode() + b"." + self.raw)
                and abs(int(stamp) - time.time()) < 60)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        sink = self.server.sink
        request = Received(self.command, self.path, self.headers, self.rfile.read(int(self.headers["Content-Length"])))
        with sink.lock:
            sink.requests.append(request)
        sink.going_on.wait(60)
        self.send_response(sink.answers(request))
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_PUT = answer

    def log_message(self, *_):
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def handle_error(self, *_):
        """Who hung up before the answer is no fault of this server."""


class Sink:
    def __init__(self):
        self.requests, self.lock = [], threading.Lock()
        self.answers = lambda request: 200
        self.going_on = threading.Event()
        self.going_on.set()
        self.server = _Server(("127.0.0.1", 0), _Handler)
        self.server.sink = self
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        self.url = f"http://{self.host}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def of(self, path: str) -> list:
        with self.lock:
            return [r for r in self.requests if r.path == path]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.going_on.set()
        self.server.shutdown()
        self.server.server_close()

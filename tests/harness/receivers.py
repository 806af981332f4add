"""Local stand-ins of what notifications are sent to. Slack, PagerDuty and Teams check what they receive against the
vendors' documented schemas; what is wrong is answered 400 and kept in `faults`. snmptrapd and mosquitto are the real ones.

    with Slack() as slack:
        Stack(settings={"OUTBOUND_PRIVATE_HOSTS": slack.host})
        slack.url, slack.bodies
"""

import json
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jsonschema
from servers import Process, free_port, port_open, wait_for

TEXT = {"type": "string", "minLength": 1}


class Received:
    """One request as it came."""

    def __init__(self, method, path, headers, raw):
        self.method, self.path, self.headers, self.raw = method, path, headers, raw
        self.body = json.loads(raw)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        receiver = self.server.receiver
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Received(self.command, self.path, self.headers, raw)
        receiver.requests.append(request)
        receiver.going_on.wait(60)
        status, headers, text = receiver.answer_to(request)
        data = text.encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_PUT = do_PATCH = answer

    def log_message(self, *_):
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_):
        """Who hung up before the answer is no fault of this server."""


class Receiver:
    """`fail_next`: answers (status, headers) for the next requests. While `going_on` is cleared, answers wait."""

    path, schema, good = "/hook", None, (200, {}, "ok")

    def __init__(self):
        self.requests, self.faults, self.fail_next = [], [], []
        self.going_on = threading.Event()
        self.going_on.set()
        self.server = _Server(("127.0.0.1", 0), _Handler)
        self.server.receiver = self
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        self.url = f"http://{self.host}{self.path}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    @property
    def bodies(self):
        return [r.body for r in self.requests]

    def about(self, device: str) -> list:
        """What came of this device."""
        return [r for r in list(self.requests) if device in r.raw.decode()]

    def wait_about(self, device: str, count: int = 1) -> list:
        wait_for(f"{count} messages about {device}", lambda: len(self.about(device)) >= count)
        return self.about(device)

    def schema_of(self, _request):
        return self.schema

    def answer_to(self, request):
        schema = self.schema_of(request)
        if schema:
            try:
                jsonschema.validate(request.body, schema)
            except jsonschema.ValidationError as e:
                self.faults.append(f"{request.raw.decode()}: {e.message}")
                return 400, {}, "invalid_payload"
        if self.fail_next:
            status, headers = self.fail_next.pop(0)
            return status, headers, "asked for"
        return self.good

    def close(self):
        self.going_on.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Webhook(Receiver):
    """A customer's own service."""


class Slack(Receiver):
    """Incoming webhooks with the attachments that Slack's documentation calls secondary."""

    path = "/services/T000/B000/secret-of-slack"
    schema = {
        "type": "object", "required": ["text", "attachments"], "additionalProperties": False,
        "properties": {"text": TEXT, "attachments": {"type": "array", "minItems": 1, "items": {
            "type": "object", "required": ["color", "fields", "fallback"], "additionalProperties": False,
            "properties": {
                "color": {"type": "string", "pattern": "^(good|warning|danger|#[0-9a-f]{6})$"},
                "fallback": TEXT, "title": TEXT, "title_link": {"type": "string", "pattern": "^https?://"},
                "fields": {"type": "array", "items": {
                    "type": "object", "required": ["title", "value"], "additionalProperties": False,
                    "properties": {"title": TEXT, "value": {"type": "string"}, "short": {"type": "boolean"}}}}}}}}}


class PagerDuty(Receiver):
    """Events API v2, with its limits of lengths."""

    path, good = "/v2/enqueue", (202, {}, '{"status":"success"}')
    schema = {
        "type": "object", "required": ["routing_key", "event_action", "dedup_key", "payload"], "additionalProperties": False,
        "properties": {
            "routing_key": {"type": "string", "minLength": 32, "maxLength": 32},
            "event_action": {"enum": ["trigger", "acknowledge", "resolve"]},
            "dedup_key": {"type": "string", "minLength": 1, "maxLength": 255},
            "client": TEXT, "client_url": TEXT,
            "links": {"type": "array", "items": {"type": "object", "required": ["href"], "properties": {
                "href": {"type": "string", "pattern": "^https?://"}, "text": TEXT}, "additionalProperties": False}},
            "payload": {
                "type": "object", "required": ["summary", "source", "severity"], "additionalProperties": False,
                "properties": {
                    "summary": {"type": "string", "minLength": 1, "maxLength": 1024}, "source": TEXT,
                    "severity": {"enum": ["critical", "error", "warning", "info"]},
                    "timestamp": {"type": "string", "pattern": "^\\d{4}-\\d\\d-\\d\\dT"}, "component": {"type": "string"},
                    "group": TEXT, "class": {"type": "string"}, "custom_details": {"type": "object"}}}}}


class Teams(Receiver):
    """`card`: "message" (a connector's MessageCard) or "adaptive" (a workflow's)."""

    path = "/workflows/secret-of-teams"
    FACTS = {"type": "array", "items": {"type": "object", "required": ["value"], "properties": {"value": {"type": "string"}}}}
    SCHEMAS = {
        "MessageCard": {
            "type": "object", "required": ["@type", "@context", "summary", "sections"], "additionalProperties": False,
            "properties": {
                "@type": {"const": "MessageCard"}, "@context": {"pattern": "^https?://schema.org/extensions$"},
                "themeColor": {"pattern": "^[0-9a-fA-F]{6}$"}, "summary": TEXT, "title": TEXT, "text": TEXT,
                "sections": {"type": "array", "items": {"type": "object", "additionalProperties": False, "properties": {
                    "activityTitle": TEXT, "text": TEXT, "facts": FACTS, "markdown": {"type": "boolean"}}}},
                "potentialAction": {"type": "array", "items": {
                    "type": "object", "required": ["@type", "name", "targets"],
                    "properties": {"@type": {"const": "OpenUri"}, "name": TEXT, "targets": {"type": "array", "items": {
                        "type": "object", "required": ["os", "uri"]}}}}}}},
        "message": {
            "type": "object", "required": ["type", "attachments"], "additionalProperties": False,
            "properties": {"type": {"const": "message"}, "attachments": {"type": "array", "minItems": 1, "items": {
                "type": "object", "required": ["contentType", "content"], "properties": {
                    "contentType": {"const": "application/vnd.microsoft.card.adaptive"}, "contentUrl": {"type": "null"},
                    "content": {
                        "type": "object", "required": ["type", "version", "body"], "properties": {
                            "type": {"const": "AdaptiveCard"}, "version": {"enum": ["1.2", "1.3", "1.4"]},
                            "body": {"type": "array", "items": {"type": "object", "required": ["type"], "properties": {
                                "type": {"enum": ["TextBlock", "FactSet"]}, "facts": FACTS,
                                "color": {"enum": ["Default", "Accent", "Good", "Warning", "Attention"]}}}},
                            "actions": {"type": "array", "items": {
                                "type": "object", "required": ["type", "url"],
                                "properties": {"type": {"const": "Action.OpenUrl"}}}}}}}}}}}}

    def schema_of(self, request):
        kind = request.body.get("@type") or request.body.get("type")
        return self.SCHEMAS.get(kind, {"not": {}})


class Mosquitto:
    """A broker with one user; `messages`: (topic, payload) of all that was published."""

    def __init__(self, user="pulse", password="broker-secret-1"):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="pulse-mosquitto-", dir="/var/tmp"))
        self.home.chmod(0o755)
        self.port, self.user, self.password = free_port(), user, password
        self.host = f"127.0.0.1:{self.port}"
        words = self.home / "passwords"
        subprocess.run(["mosquitto_passwd", "-b", "-c", words, user, password], check=True, capture_output=True)
        words.chmod(0o644)
        conf = self.home / "mosquitto.conf"
        conf.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous false\npassword_file {words}\n")
        self.broker = Process("mosquitto", ["/usr/sbin/mosquitto", "-c", str(conf)], self.home / "broker.log")
        self.broker.start()
        wait_for("mosquitto", lambda: port_open(self.port))
        self.seen = self.home / "seen"
        self.listener = Process("mosquitto_sub", ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.port), "-u", user,
                                                  "-P", password, "-q", "1", "-t", "#", "-F", "%t %q %r %p"], self.seen)
        self.listener.start()
        wait_for("a subscription", lambda: "SUBSCRIBE" in (self.home / "broker.log").read_text()
                 or self.listener.running())

    @property
    def messages(self):
        return [line.split(" ", 3) for line in self.seen.read_text().splitlines() if line.count(" ") >= 3]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.stop()
        self.broker.stop()
        shutil.rmtree(self.home, ignore_errors=True)


class SnmpTrapd:
    """Takes traps of version 2c (`community`), and of 3 by users made for the sender's engine. `text()`: what it logged."""

    def __init__(self, community="trap-secret-1", users=()):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="pulse-snmptrapd-", dir="/var/tmp"))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        conf = self.home / "snmptrapd.conf"
        lines = [f"authCommunity log {community}", "doNotLogTraps no", "disableAuthorization no"]
        for engine, name, auth, priv in users:
            lines += [f"createUser -e 0x{engine} {name} SHA {auth} AES {priv}", f"authUser log {name} priv"]
        conf.write_text("\n".join(lines) + "\n")
        self.log = self.home / "traps"
        self.process = Process("snmptrapd", ["/usr/sbin/snmptrapd", "-f", "-C", "-c", str(conf), "-Lf", str(self.log), "-On",
                                             "-m", "", "-p", str(self.home / "pid"), f"udp:{self.host}"],
                               self.home / "out", {"SNMP_PERSISTENT_DIR": str(self.home / "state"), "PATH": "/usr/bin"})
        self.process.start()
        wait_for("snmptrapd", lambda: self.log.exists() and "NET-SNMP version" in self.log.read_text())

    def text(self):
        return self.log.read_text()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stop()
        shutil.rmtree(self.home, ignore_errors=True)

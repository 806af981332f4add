"""Local stand-ins of the APIs of Hologram and 1NCE. They check what they receive as far as it is documented; what is
wrong is answered 400 and kept in `faults`. `fail(status)` makes the next answers fail, `going_on.clear()` makes them
wait, `delay` makes each take so many seconds.

    with Hologram() as carrier:
        carrier.devices[7] = {...}
        Stack(settings={"OUTBOUND_PRIVATE_HOSTS": carrier.host})
"""

import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit


class Request:
    """One request as it came: method, path, query, JSON body."""

    def __init__(self, method, target, headers, body):
        parts = urlsplit(target)
        self.method, self.path = method, parts.path
        self.query = dict(parse_qsl(parts.query, keep_blank_values=True))
        self.headers, self.body = headers, json.loads(body) if body else None

    def __repr__(self):
        return f"{self.method} {self.path} {self.query} {self.body}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        carrier = self.server.carrier
        length = int(self.headers.get("Content-Length") or 0)
        request = Request(self.command, self.path, self.headers, self.rfile.read(length))
        carrier.requests.append(request)
        carrier.going_on.wait(60)
        time.sleep(carrier.delay)
        status, body = carrier.answer_to(request)
        data = json.dumps(body).encode() if not isinstance(body, bytes) else body
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer

    def log_message(self, *_):
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_):
        """Who hung up before the answer is no fault of this server."""


class _Carrier:
    def __init__(self, key):
        self.key, self.requests, self.faults = key, [], []
        self.failing, self.broken, self.delay = {}, None, 0
        self.going_on = threading.Event()
        self.going_on.set()
        self.server = _Server(("127.0.0.1", 0), _Handler)
        self.server.carrier = self
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        self.url = f"http://{self.host}{self.base}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def fail(self, status, path=""):
        """Answers to paths that end so have this status, until `fail(None, path)`."""
        self.failing[path] = status

    def seen(self, method, path):
        return [r for r in self.requests if r.method == method and r.path == self.base + path]

    def wrong(self, request, why):
        self.faults.append(f"{request!r}: {why}")
        return 400, {"success": False, "error": why}

    def answer_to(self, request):
        for path, status in self.failing.items():
            if status and request.path.endswith(path):
                return status, {"error": f"asked for, key {self.key}"}
        if self.broken is not None:
            return 200, self.broken
        if not request.path.startswith(self.base + "/"):
            return self.wrong(request, "not under the base address")
        return self.route(request, request.path[len(self.base):])

    def close(self):
        self.going_on.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Hologram(_Carrier):
    """`devices` by number: {"state", "sim", "session": {"active", "ip"}}; `sessions`: {"deviceid", "bytes"}, given out
    `page` at a time; `claims`: what claiming a SIM answers as its data."""

    base = "/api/1"

    def __init__(self, key="holo-secret-key-0001"):
        self.devices, self.sessions, self.claims, self.page = {}, [], {}, 2
        super().__init__(key)

    def route(self, request, path):
        if request.query.get("apikey") != self.key:
            return 401, {"success": False, "error": "not authenticated"}
        routes = [("GET", r"/devices/(\d+)", self.device), ("POST", r"/devices/(\d+)/state", self.state),
                  ("GET", r"/usage/data", self.usage), ("POST", r"/sms/incoming", self.sms),
                  ("GET", r"/links/cellular", self.links), ("GET", r"/plans", self.plans),
                  ("POST", r"/links/cellular/sim_(\w+)/claim", self.claim)]
        for method, pattern, handler in routes:
            match = re.fullmatch(pattern, path)
            if match and method == request.method:
                return handler(request, *match.groups())
        return self.wrong(request, "no such operation")

    def device(self, _, number):
        known = self.devices.get(int(number))
        if not known:
            return 404, {"success": False, "error": "not found"}
        link = {"sim": known["sim"], "networktype": "LTE", "last_connect_time": "2026-11-20 10:00:00"}
        return 200, {"success": True, "data": {"id": int(number), "state": known["state"], "links": {"cellular": [link]},
                                               "lastsession": known["session"]}}

    def state(self, request, number):
        wanted = (request.body or {}).get("state")
        if wanted not in ("live", "pause", "deactivate") or set(request.body) != {"state"}:
            return self.wrong(request, "state must be live, pause or deactivate")
        self.devices[int(number)]["state"] = {"live": "live", "pause": "paused", "deactivate": "deactivated"}[wanted]
        return 200, {"success": True}

    def usage(self, request, *_):
        query = request.query
        if ("deviceid" in query) == ("orgid" in query):
            return self.wrong(request, "deviceid or orgid")
        if not all(query.get(n, "1").isdigit() for n in ("deviceid", "orgid", "limit", "startafter", "timestart")):
            return self.wrong(request, "numbers must be numbers")
        found = [{"record_id": i, **s} for i, s in enumerate(self.sessions, 1)
                 if "orgid" in query or s["deviceid"] == int(query["deviceid"])]
        found = [s for s in found if s["record_id"] > int(query.get("startafter", 0))]
        given = found[:self.page]
        # The next page's address repeats the key, as those of careless servers do.
        return 200, {"success": True, "data": given, "size": len(given), "continues": len(found) > len(given),
                     "lastid": given[-1]["record_id"] if given else 0,
                     "links": {"next": f"/api/1/usage/data?apikey={self.key}"}}

    def sms(self, request):
        body = request.body or {}
        if type(body.get("deviceid")) is not int or not isinstance(body.get("body"), str) or "fromnumber" not in body:
            return self.wrong(request, "deviceid (integer), body, fromnumber")
        return 200, {"success": True}

    def links(self, request):
        number = request.query.get("deviceid", "")
        if not number.isdigit():
            return self.wrong(request, "deviceid")
        return 200, {"success": True, "data": [{"deviceid": int(number), "whole": f"?apikey={self.key}"}]}

    def plans(self, request):
        if not request.query.get("orgid", "1").isdigit():
            return self.wrong(request, "orgid")
        return 200, {"success": True, "data": [{"id": 73, "name": "Pilot", "data": 1000000, "price": 0.6}]}

    def claim(self, request, sim):
        if (request.body or {}).get("sim") != sim or not set(request.body) <= {"sim", "plan"}:
            return self.wrong(request, "sim, plan?")
        if type(request.body.get("plan", 1)) is not int:
            return self.wrong(request, "plan must be an integer")
        return 200, {"success": True, "data": self.claims.get(sim, {})}


class OneNce(_Carrier):
    """`sims` by ICCID: {"status", "left", "total", "connected"}."""

    base = "/management/v1"

    def __init__(self, key="once-secret-key-0002"):
        self.sims = {}
        super().__init__(key)

    def route(self, request, path):
        if request.headers.get("Authorization") != f"Bearer {self.key}" or request.query:
            return 401, {"message": "unauthorized"}
        match = re.fullmatch(r"/sims/(\d+)(/quota/data|/connectivity|/sms|)", path)
        if not match:
            return self.wrong(request, "no such operation")
        iccid, part = match.groups()
        sim = self.sims.get(iccid)
        if not sim:
            return 404, {"message": "not found"}
        if (request.method, part) == ("GET", ""):
            return 200, {"iccid": iccid, "status": sim["status"], "ip_address": "10.1.2.3"}
        if (request.method, part) == ("GET", "/quota/data"):
            return 200, {"volume": sim["left"], "total_volume": sim["total"], "expiry_date": "2030-01-01 00:00:00"}
        if (request.method, part) == ("GET", "/connectivity"):
            return (200, {"connected": True, "rat": "LTE-M"}) if sim["connected"] else (404, {"message": "not attached"})
        if (request.method, part) == ("PATCH", "") and request.body in ({"status": "Enabled"}, {"status": "Disabled"}):
            sim["status"] = request.body["status"]
            return 200, {}
        if (request.method, part) == ("POST", "/sms") and isinstance((request.body or {}).get("payload"), str):
            return 201, {"id": 1}
        return self.wrong(request, "no such operation")

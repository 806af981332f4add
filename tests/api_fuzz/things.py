"""What exists, by the path parameter that leads to it: made when asked for, and again when it is gone."""

import base64
import itertools
import os
import time

import requests
from authorities import proven
from callers import TENANT

CUSTOMER, OPERATOR = "fuzz-admin", "fuzz-operator"


class Things:
    def __init__(self, stack, callers):
        self.stack, self.callers = stack, callers
        self.known = {}
        self.number = itertools.count(1)
        self.frame = None

    def fresh(self, kind: str) -> str:
        """A name that nothing has."""
        return f"{kind}-{next(self.number)}"

    def key(self, kind: str) -> str:
        """A name that nothing has, as metrics and commands may be called."""
        return self.fresh(kind).replace("-", "_")

    def fill(self, path: str, names) -> dict:
        """An existing thing for each parameter of a path, those to the right belonging to those to the left."""
        out = {}
        for name in names:
            out[name] = self._find(path, name, out)
        return out

    def gone(self, path: str, found: dict):
        """Something on this path went, or may have: what is not asked for again is not made again."""
        for key in [k for k, v in self.known.items() if v in found.values()]:
            del self.known[key]

    def _find(self, path, name, before):
        kind = self._kind(path, name)
        key = (kind, *before.values())
        if key not in self.known:
            self.known[key] = str(getattr(self, f"_{kind}")(before))
        return self.known[key]

    @staticmethod
    def _kind(path, name):
        """token_id and the like mean what stands before them."""
        words = path.split("/")
        side = "operator" if "operator" in words else "customer"
        if name == "token_id":
            return {"devices": "device_token", "api-tokens": "api_token",
                    "service-accounts": "account_token"}[words[4]]
        if name == "user_id" and words[-1] == "{session_id}":
            return "user_with_session"
        if name == "command_id" and "templates" not in words:
            return "device_command"
        if name == "token" and "calendar" in words:
            return "calendar_token"
        if name == "rule_id" and "notification-routing-rules" in words:
            return "routing_rule"
        if name == "job_id" and "delivery-jobs" in words:
            return "delivery_job"
        if name in ("user_id", "session_id"):
            return f"{side}_{name}"
        if "admin" in words and name == "tenant_id":
            return "own_tenant_id"
        if name == "device_id" and path.endswith("/health/latest"):
            return "own_device_id"
        if name == "upload_id" and words[-1] == "complete":
            return "full_upload"
        if name == "import_id" and words[-1] == "{import_id}":
            return "long_import"
        if name == "group_id" and words[-1] == "dynamic":
            return "dynamic_group"
        if "ingest" in words:
            return f"own_{name}"
        return name

    def _made(self, who, path, body, status=201):
        answer = self.callers.call(who, "POST", path, json=body)
        assert answer.status_code in (200, status), f"{path}: {answer.status_code} {answer.text[:300]}"
        return answer.json()

    # ---- of a tenant ----

    def _site_id(self, _):
        name = self.fresh("site")
        self._made(CUSTOMER, "/api/v1/customer/sites", {"site_id": name, "name": name})
        return name

    def _device_id(self, _):
        name = self.fresh("device")
        self.stack.command("admin", "create-device", "--tenant", TENANT, "--id", name, "--site", "fuzz-site")
        # Of a template with room for any number of modules in the slot "s".
        if not self.frame:
            self.frame = self._template_id(None)
            self._made(CUSTOMER, f"/api/v1/customer/templates/{self.frame}/slots",
                       {"slot_key": "s", "display_name": "S", "slot_type": "sensor", "interface_type": "usb", "max_devices": None})
        answer = self.callers.call(CUSTOMER, "PATCH", f"/api/v1/customer/devices/{name}", json={"template_id": self.frame})
        assert answer.status_code == 200, answer.text
        return name

    def _subscription_id(self, _):
        device = self._device_id(None)
        found = self.callers.call(CUSTOMER, "GET", f"/api/v1/customer/subscriptions?q={device}").json()["subscriptions"]
        return found[0]["subscription_id"]

    def _cert_id(self, _):
        path = f"/api/v1/customer/devices/{self._device_id(None)}/certificates/generate"
        return self._made(CUSTOMER, path, {"key_type": "ec-p256"})["certificate"]["id"]

    def authority(self) -> dict:
        """The body that makes a new authority trusted."""
        nonce = self._made(CUSTOMER, "/api/v1/customer/certificate-authorities/challenges", None)["nonce"]
        return proven(self.stack.home, self.fresh("authority"), nonce)

    def _ca_id(self, _):
        # A tenant may trust 20.
        path = "/api/v1/customer/certificate-authorities"
        for old in self.callers.call(CUSTOMER, "GET", path).json()["certificate_authorities"][15:]:
            self.callers.call(CUSTOMER, "DELETE", f"{path}/{old['ca_id']}")
        return self._made(CUSTOMER, "/api/v1/customer/certificate-authorities", self.authority())["ca_id"]

    def _device_token(self, before):
        path = f"/api/v1/customer/devices/{before['device_id']}/tokens"
        self._made(CUSTOMER, f"{path}/rotate", {})
        return self.callers.call(CUSTOMER, "GET", path).json()["tokens"][0]["id"]

    def _device_command(self, before):
        # A device acknowledges its own.
        path = f"/api/v1/customer/devices/{before.get('device_id', self.callers.device['device_id'])}/commands"
        return self._made(CUSTOMER, path, {"command_type": "blink"})["command_id"]

    def _tag(self, before):
        self.callers.call(CUSTOMER, "POST", f"/api/v1/customer/devices/{before['device_id']}/tags/cold")
        return "cold"

    def _alert_id(self, _):
        return self.stack.sql(
            "WITH a AS (INSERT INTO fleet_alert (tenant_id, site_id, device_id, alert_type, fingerprint, severity, summary) "
            "VALUES (%s, 'fuzz-site', %s, 'THRESHOLD', %s, 3, 'Hot') RETURNING tenant_id, id), e AS (INSERT INTO alert_events "
            "(tenant_id, alert_id, event) SELECT tenant_id, id, 'OPEN' FROM a) SELECT id FROM a",
            [TENANT, self.callers.device["device_id"], self.fresh("TEST")])[0][0]

    def _window_id(self, _):
        return self._made(CUSTOMER, "/api/v1/customer/maintenance-windows", {
            "name": self.fresh("window"), "starts_at": "2020-01-01T00:00:00Z", "ends_at": "2020-01-02T00:00:00Z"})["window_id"]

    def _group_id(self, _):
        name = self.fresh("group")
        self._made(CUSTOMER, "/api/v1/customer/device-groups", {"group_id": name, "name": name})
        return name

    def _dynamic_group(self, _):
        name = self.fresh("dynamic")
        self._made(CUSTOMER, "/api/v1/customer/device-groups/dynamic", {"group_id": name, "name": name, "query_filter": {}})
        return name

    def group_with_member(self):
        """A group that campaigns and jobs can aim at."""
        group = self._group_id(None)
        self.callers.call(CUSTOMER, "PUT", f"/api/v1/customer/device-groups/{group}/devices/{self.callers.device['device_id']}")
        return group

    def _job_id(self, _):
        # For the device that the calls of devices are made as.
        return self._made(CUSTOMER, "/api/v1/customer/jobs", {
            "document_type": "blink", "target_device_id": self.callers.device["device_id"]})["job_id"]

    def _firmware_id(self, _):
        return self._made(CUSTOMER, "/api/v1/customer/firmware", {
            "version": self.fresh("v"), "file_url": "https://firmware.example/a.bin"})["id"]

    def _upload_id(self, _):
        return self._made(CUSTOMER, "/api/v1/customer/firmware/uploads", {
            "version": self.fresh("v"), "size_bytes": 5})["upload_id"]

    def _full_upload(self, _):
        """One whose parts are all there."""
        made = self._upload_id(None)
        self.callers.call(CUSTOMER, "PUT", f"/api/v1/customer/firmware/uploads/{made}/parts/1", data=os.urandom(5),
                          headers={"Content-Type": "application/octet-stream"})
        return made

    def _part(self, _):
        return 1

    def _campaign_id(self, _):
        return self._made(CUSTOMER, "/api/v1/customer/ota/campaigns", {
            "name": "Fuzz", "firmware_version_id": self._firmware_id(None), "target_group_id": self.group_with_member()})["id"]

    def public_key(self) -> str:
        """Any 32 bytes are one."""
        return base64.b64encode(os.urandom(32)).decode()

    def provisioning_key(self) -> str:
        return self._made(CUSTOMER, "/api/v1/customer/provisioning-keys",
                          {"name": self.fresh("key"), "site_id": "fuzz-site"})["key"]

    def activation(self):
        """A device that waits for its activation, and the code."""
        name = self.fresh("device")
        answer = requests.post(f"{self.stack.url}/api/admin/devices", timeout=15,
                               headers={"X-Admin-Key": self.stack.settings["PROVISION_ADMIN_KEY"]},
                               json={"tenant_id": TENANT, "device_id": name, "site_id": "fuzz-site"})
        assert answer.status_code == 200, answer.text
        return name, answer.json()["activation_code"]

    def undo_id(self):
        """What takes a change of many devices back."""
        made = self._made(CUSTOMER, "/api/v1/customer/devices/bulk", {
            "action": "add_tags", "device_ids": [self._device_id(None)], "params": {"tags": ["bulk"]}})
        return made["undo"]["undo_id"]

    def _template_id(self, _):
        name = self.fresh("template")
        return self._made(CUSTOMER, "/api/v1/customer/templates",
                          {"name": name, "slug": name, "category": "standalone_sensor"})["id"]

    def _version(self, _):
        return 1

    def _template_part(self, before, kind, body):
        return self._made(CUSTOMER, f"/api/v1/customer/templates/{before['template_id']}/{kind}",
                          {"display_name": "A part", **body})["id"]

    def _metric_id(self, before):
        return self._template_part(before, "metrics", {"metric_key": self.key("m"), "data_type": "float"})

    def _command_id(self, before):
        return self._template_part(before, "commands", {"command_key": self.key("c")})

    def _slot_id(self, before):
        return self._template_part(before, "slots", {"slot_key": self.fresh("s"), "slot_type": "sensor",
                                                     "interface_type": "usb"})

    def _module_id(self, before):
        return self._made(CUSTOMER, f"/api/v1/customer/devices/{before['device_id']}/modules",
                          {"slot_key": "s", "label": "A module", "bus_address": self.fresh("bus")})["id"]

    def _sensor_id(self, before):
        device = before.get("device_id") or self._device_id(None)
        return self._made(CUSTOMER, f"/api/v1/customer/devices/{device}/sensors",
                          {"metric_key": self.key("s"), "display_name": "A sensor"})["id"]

    def _transport_id(self, before):
        return self._made(CUSTOMER, f"/api/v1/customer/devices/{before['device_id']}/transports",
                          {"ingestion_protocol": "http_api"})["id"]

    def _policy_id(self, _):
        return self._made(CUSTOMER, "/api/v1/customer/escalation-policies", {"name": self.fresh("policy")})["policy_id"]

    def _schedule_id(self, _):
        return self._made(CUSTOMER, "/api/v1/customer/oncall-schedules", {"name": self.fresh("schedule")})["schedule_id"]

    def _on_call(self, before, kind, body):
        return self._made(CUSTOMER, f"/api/v1/customer/oncall-schedules/{before['schedule_id']}/{kind}", body)

    def _layer_id(self, before):
        return self._on_call(before, "layers", {"responders": ["ada"]})["layer_id"]

    def _override_id(self, before):
        return self._on_call(before, "overrides", {"responder": "ada", "start_at": "2026-01-01T00:00:00Z",
                                                   "end_at": "2027-01-01T00:00:00Z"})["override_id"]

    def _feed_id(self, before):
        return self._on_call(before, "feeds", {})["feed_id"]

    def _calendar_token(self, _):
        made = self._on_call({"schedule_id": self._schedule_id(None)}, "feeds", {})
        return made["url"].split("/")[-2]

    def _key_id(self, _):
        return self._made(CUSTOMER, "/api/v1/customer/provisioning-keys",
                          {"name": self.fresh("key"), "site_id": "fuzz-site"})["key_id"]

    def csv(self, rows=1) -> str:
        """A file of devices to import."""
        return "name,device_type\n" + "".join(f"{self.fresh('device')},x\n" for _ in range(rows))

    def _import(self, rows, **query):
        answer = self.callers.call(CUSTOMER, "POST", "/api/v1/customer/devices/import-jobs", params=query,
                                   files={"file": ("a.csv", self.csv(rows))})
        assert answer.status_code == 202, answer.text
        return answer.json()["import_id"]

    def _import_id(self, _):
        """One that has ended."""
        made = self._import(1)
        until = time.monotonic() + 60
        while not self.callers.call(CUSTOMER, "GET", f"/api/v1/customer/devices/import-jobs/{made}").json()["finished_at"]:
            assert time.monotonic() < until, f"import {made} goes on"
            time.sleep(0.1)
        return made

    def _long_import(self, _):
        """One that is not at its end when the next call comes."""
        return self._import(5_000, dry_run="true")

    def _integration_id(self, _):
        return self._made(CUSTOMER, "/api/v1/customer/carrier/integrations",
                          {"carrier_name": self.fresh("carrier"), "display_name": "Fuzz", "sync_enabled": False})["id"]

    def _channel_id(self, _):
        return self._made(CUSTOMER, "/api/v1/customer/notification-channels", {
            "name": self.fresh("channel"), "channel_type": "webhook", "config": {"url": "https://hooks.example.com/"}})["channel_id"]

    def _routing_rule(self, _):
        channel = int(self.fill("/{channel_id}", ["channel_id"])["channel_id"])
        return self._made(CUSTOMER, "/api/v1/customer/notification-routing-rules", {"channel_id": channel})["rule_id"]

    def _delivery_job(self, _):
        name, channel = self.fresh("told"), int(self.fill("/{channel_id}", ["channel_id"])["channel_id"])
        return self.stack.sql(
            "WITH a AS (INSERT INTO fleet_alert (tenant_id, site_id, device_id, alert_type, fingerprint, severity, summary) "
            "VALUES (%s, '', %s, 'FUZZ', %s, 3, 'x') RETURNING tenant_id, id) INSERT INTO notification_jobs (tenant_id, alert_id, "
            "channel_id, event_key, status) SELECT tenant_id, id, %s, 'OPEN', 'COMPLETED' FROM a RETURNING job_id",
            (TENANT, name, name, channel))[0][0]

    def _action(self, _):
        return "suspend"

    def _role_id(self, _):
        return self._made(CUSTOMER, "/api/v1/customer/roles",
                          {"name": self.fresh("role"), "permission_ids": [1]})["id"]

    def _customer_user_id(self, _):
        return self._person("customer")

    def _customer_session_id(self, _):
        self.callers.forget("fuzz-leaver")
        answer = self.callers.call("fuzz-leaver", "GET", "/api/v1/customer/sessions")
        return answer.json()["sessions"][0]["id"]

    def _api_token(self, _):
        return self._made("fuzz-leaver", "/api/v1/customer/api-tokens",
                          {"name": self.fresh("token"), "scopes": ["devices.read"]})["id"]

    def _account_id(self, _):
        return self._made(CUSTOMER, "/api/v1/customer/service-accounts", {"name": self.fresh("account")})["id"]

    def _account_token(self, before):
        return self._made(CUSTOMER, f"/api/v1/customer/service-accounts/{before['account_id']}/tokens",
                          {"name": self.fresh("token"), "scopes": ["devices.read"]})["id"]

    def _route_id(self, _):
        return self._made(CUSTOMER, "/api/v1/customer/message-routes", {
            "name": self.fresh("route"), "topic_filter": "tenant/+/device/+/nothing", "destination_type": "postgresql"})["id"]

    def _dlq_id(self, _):
        return self.stack.sql("INSERT INTO dead_letter_messages (tenant_id, original_topic, payload, destination_type) "
                              "VALUES (%s, 'tenant/x/device/y/telemetry', '{}', 'ingest') RETURNING id", (TENANT,))[0][0]
    def _rule_id(self, _):
        return self._made(CUSTOMER, "/api/v1/customer/alert-rules", {
            "name": self.fresh("rule"), "metric_name": "temperature", "operator": "GT", "threshold": 30})["rule_id"]

    def _metric_name(self, _):
        name = self.key("metric")
        self._made(CUSTOMER, "/api/v1/customer/metrics/catalog", {"metric_name": name})
        return name

    def normalized_metric(self):
        name = self.key("normal")
        self._made(CUSTOMER, "/api/v1/customer/normalized-metrics", {"normalized_name": name})
        return name

    def _name(self, _):
        return self.normalized_metric()

    def _raw_metric(self, _):
        name = self.key("raw")
        self._made(CUSTOMER, "/api/v1/customer/metric-mappings",
                   {"raw_metric": name, "normalized_name": self.normalized_metric()})
        return name

    # ---- of the device that sends ----

    def _own_tenant_id(self, _):
        return TENANT

    def _own_device_id(self, _):
        return self.callers.device["device_id"]

    def _own_msg_type(self, _):
        return "telemetry"

    # ---- of the platform ----

    def _tenant_id(self, _):
        name = self.fresh("tenant")
        self._made(OPERATOR, "/api/v1/operator/tenants", {"tenant_id": name, "name": name})
        return name

    def _operator_user_id(self, _):
        return self._person("tenant-admin")

    def _user_with_session(self, _):
        found = self.callers.call(OPERATOR, "GET", "/api/v1/operator/users?search=fuzz-leaver").json()["users"]
        return found[0]["id"]

    def _operator_session_id(self, before):
        self.callers.forget("fuzz-leaver")
        self.callers.token("fuzz-leaver")
        path = f"/api/v1/operator/users/{before['user_id']}/sessions"
        return self.callers.call(OPERATOR, "GET", path).json()["sessions"][0]["id"]

    def _role_name(self, _):
        return "tenant-admin"

    def _person(self, role):
        name = self.fresh("person")
        return self._made(OPERATOR, "/api/v1/operator/users", {
            "username": name, "email": f"{name}@fuzz.example", "tenant_id": TENANT, "role": role})["id"]

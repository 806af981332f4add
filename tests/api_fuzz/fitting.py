"""What makes a body that its schema allows fit what is there, so that more is reached than its refusal."""

from authorities import request_of, signed
from callers import PASSWORD, TENANT


def _person(things):
    name = things.fresh("person")
    return {"username": name, "email": f"{name}@fuzz.example"}


def _email(things):
    return {"email": _person(things)["email"]}


def _message(things):
    device = things.callers.device
    return {"tenant_id": TENANT, "device_id": device["device_id"], "provision_token": device["token"],
            "msg_type": "telemetry", "site_id": device["site_id"]}


def _role(things):
    return {"name": things.fresh("role"), "permission_ids": [1]}


def _module(things):
    return {"slot_key": "s", "module_template_id": None}


def _certificate(things):
    """Of a device of its own, by the platform's authority."""
    device = things.fill("/{device_id}", ["device_id"])["device_id"]
    pem, _ = signed(things.stack.home, "ca", f"{TENANT}/{device}", things.fresh("certificate"), key="ec")
    return {"device_id": device, "cert_pem": pem.read_text()}


def _activation(things):
    device, code = things.activation()
    return {"tenant_id": TENANT, "device_id": device, "activation_code": code}


def _request(things):
    return {"csr_pem": request_of(things.stack.home, "x", things.fresh("request"), key="ec").read_text()}


def _policy(_):
    return {"is_default": False, "levels": [{"level_number": 1, "notify_email": "shift@example.com"}]}


def _channel(things):
    return {"channel_type": "webhook", "config": {"url": "https://hooks.example.com/"}}


def _routing(things):
    return {"channel_id": int(things.fill("/{channel_id}", ["channel_id"])["channel_id"]), "timezone": None,
            "device_tag_key": None, "device_tag_val": None, "active_hours": None, "deliver_on": ["OPEN"]}
def _rule(things):
    """A rule that looks at one metric, whatever else is said of it."""
    return {"name": things.fresh("rule"), "rule_type": "threshold", "metric_name": "temperature", "operator": "GT",
            "threshold": 30, "sensor_id": None, "sensor_type": None, "site_ids": None, "group_ids": None,
            "device_group_id": None, "conditions": None, "escalation_policy_id": None, "aggregation": None}


CUSTOMER, OPERATOR = "/api/v1/customer", "/api/v1/operator"
OIDC = "/realms/pulse/protocol/openid-connect"
INGEST = "/ingest/v1/tenant/{tenant_id}/device/{device_id}/{msg_type}"
MEMBERS = {
    f"POST {CUSTOMER}/sites": lambda t: {"site_id": t.fresh("site")},
    f"POST {CUSTOMER}/devices": lambda t: {"device_id": t.fresh("device"), "site_id": None, "plan_id": None,
                                           "template_id": None, "parent_device_id": None},
    "POST /api/admin/devices": lambda t: {"tenant_id": TENANT, "device_id": t.fresh("device"), "site_id": "fuzz-site"},
    "POST /api/device/activate": _activation,
    "POST /api/device/claim": lambda t: {"key": t.provisioning_key(), "device_id": t.fresh("device")},
    f"POST {CUSTOMER}/devices/labels": lambda t: {"device_ids": [t.callers.device["device_id"]]},
    f"PUT {CUSTOMER}/firmware/signing-key": lambda t: {"public_key": t.public_key()},
    f"POST {CUSTOMER}/devices/import": lambda t: {"file": t.csv().encode()},
    f"POST {CUSTOMER}/devices/import-jobs": lambda t: {"file": t.csv().encode()},
    f"POST {CUSTOMER}/certificates": _certificate,
    f"POST {CUSTOMER}/devices/{{device_id}}/certificates/csr": _request,
    f"POST {CUSTOMER}/certificate-authorities": lambda t: t.authority(),
    f"POST {CUSTOMER}/devices/bulk": lambda t: {"action": "add_tags", "query": None, "params": {"tags": ["bulk"]},
                                                "device_ids": [t.fill("/{device_id}", ["device_id"])["device_id"]]},
    f"POST {CUSTOMER}/devices/bulk/undo": lambda t: {"undo_id": t.undo_id()},
    f"POST {CUSTOMER}/device-groups": lambda t: {"group_id": t.fresh("group")},
    f"POST {CUSTOMER}/device-groups/dynamic": lambda t: {"group_id": t.fresh("dynamic"), "query_filter": {"query": "status:online"}},
    f"PATCH {CUSTOMER}/device-groups/{{group_id}}/dynamic": lambda t: {"name": "Dynamic", "query_filter": {"tags": ["cold"]}},
    f"POST {CUSTOMER}/templates": lambda t: {"name": t.fresh("template"), "slug": t.fresh("template")},
    f"POST {CUSTOMER}/templates/import": lambda t: {
        "format": "pulse-template/1", "slots": [],
        "device_template": {"name": "Fuzz", "slug": t.fresh("template"), "category": "gateway"}},
    f"POST {CUSTOMER}/templates/{{template_id}}/metrics": lambda t: {
        "metric_key": t.key("m"), "data_type": "float", "enum_values": None, "min_value": None},
    f"POST {CUSTOMER}/templates/{{template_id}}/commands": lambda t: {"command_key": t.key("c")},
    f"POST {CUSTOMER}/templates/{{template_id}}/slots": lambda t: {"compatible_templates": None},
    f"PUT {CUSTOMER}/templates/{{template_id}}/slots/{{slot_id}}": lambda t: {"compatible_templates": None},
    f"PATCH {CUSTOMER}/devices/{{device_id}}": lambda t: {"site_id": "fuzz-site", "template_id": None, "parent_device_id": None},
    f"PUT {CUSTOMER}/devices/{{device_id}}/plan": lambda t: {"plan_id": "standard"},
    f"POST {CUSTOMER}/devices/{{device_id}}/modules": _module,
    f"POST {CUSTOMER}/devices/{{device_id}}/sensors": lambda t: {
        "metric_key": t.key("s"), "template_metric_id": None, "device_module_id": None,
        "min_range": None},
    f"POST {CUSTOMER}/devices/{{device_id}}/transports": lambda t: {"carrier_integration_id": None},
    f"PUT {CUSTOMER}/devices/{{device_id}}/transports/{{transport_id}}": lambda t: {"carrier_integration_id": None},
    f"POST {CUSTOMER}/devices/commands/bulk": lambda t: {"device_ids": [t.callers.device["device_id"]]},
    f"POST {CUSTOMER}/provisioning-keys": lambda t: {"site_id": "fuzz-site", "template_id": None, "expires_at": None},
    f"POST {CUSTOMER}/carrier/integrations": lambda t: {"carrier_name": t.fresh("carrier"), "api_base_url": None},
    f"PUT {CUSTOMER}/carrier/integrations/{{integration_id}}": lambda t: {"api_base_url": None},
    f"POST {CUSTOMER}/devices/{{device_id}}/carrier/link": lambda t: {
        "carrier_integration_id": int(t.fill("/{integration_id}", ["integration_id"])["integration_id"])},
    f"POST {CUSTOMER}/notification-channels": _channel,
    f"PUT {CUSTOMER}/notification-channels/{{channel_id}}": _channel,
    f"POST {CUSTOMER}/notification-routing-rules": _routing,
    f"PUT {CUSTOMER}/notification-routing-rules/{{rule_id}}": _routing,
    f"POST {CUSTOMER}/jobs": lambda t: {"job_id": t.fresh("job"), "target_group_id": None, "target_all": False,
                                        "target_device_id": t.callers.device["device_id"]},
    f"PUT /device/v1/jobs/{{job_id}}/execution": lambda t: {"status": "IN_PROGRESS", "execution_number": None},
    f"POST {CUSTOMER}/firmware": lambda t: {"version": t.fresh("v"), "file_url": "https://firmware.example/a.bin",
                                            "checksum_sha256": None},
    f"POST {CUSTOMER}/firmware/uploads": lambda t: {"version": t.fresh("v"), "size_bytes": 5, "checksum_sha256": None},
    f"POST {CUSTOMER}/ota/campaigns": lambda t: {
        "firmware_version_id": int(t.fill("/{firmware_id}", ["firmware_id"])["firmware_id"]), "stages": None,
        "target_group_id": t.group_with_member()},
    f"POST {CUSTOMER}/ota/campaigns/{{campaign_id}}/rollback": lambda t: {"firmware_version_id": None},
    f"POST {CUSTOMER}/escalation-policies": _policy,
    f"PUT {CUSTOMER}/escalation-policies/{{policy_id}}": _policy,
    f"POST {CUSTOMER}/oncall-schedules": lambda t: {"timezone": "Europe/Berlin", "layers": []},
    f"PUT {CUSTOMER}/oncall-schedules/{{schedule_id}}": lambda t: {"timezone": "Asia/Kathmandu", "layers": []},
    f"POST {CUSTOMER}/oncall-schedules/{{schedule_id}}/layers": lambda t: {"responders": ["ada", "grace"]},
    f"PUT {CUSTOMER}/oncall-schedules/{{schedule_id}}/layers/{{layer_id}}": lambda t: {"responders": ["eve"]},
    f"POST {CUSTOMER}/oncall-schedules/{{schedule_id}}/overrides": lambda t: {
        "layer_id": None, "start_at": "2026-01-01T00:00:00Z", "end_at": "2026-01-02T00:00:00Z"},
    f"POST {CUSTOMER}/message-routes": lambda t: {"topic_filter": "a/+/#", "destination_type": "postgresql",
                                                  "destination_config": {}, "payload_filter": None},
    f"PUT {CUSTOMER}/message-routes/{{route_id}}": lambda t: {"topic_filter": "a/#", "destination_type": "postgresql",
                                                              "destination_config": {}, "payload_filter": None},
    f"POST {CUSTOMER}/dead-letter/replay-batch": lambda t: {"ids": [int(t.fill("/{dlq_id}", ["dlq_id"])["dlq_id"])]},
    f"POST {CUSTOMER}/alert-rules": _rule,
    f"PATCH {CUSTOMER}/alert-rules/{{rule_id}}": _rule,
    f"POST {CUSTOMER}/alert-rules/preview": lambda t: {"rule": _rule(t)},
    f"POST {CUSTOMER}/alert-rules/import": lambda t: {"format": "pulse-alert-rules/1", "rules": [_rule(t)]},
    f"POST {CUSTOMER}/alert-rule-templates/apply": lambda t: {"template_ids": ["battery-low"], "site_ids": None},
    f"POST {CUSTOMER}/metrics/catalog": lambda t: {"metric_name": t.key("metric"), "expected_min": None},
    f"POST {CUSTOMER}/normalized-metrics": lambda t: {"normalized_name": t.key("normal"), "expected_min": None},
    f"PATCH {CUSTOMER}/normalized-metrics/{{name}}": lambda t: {"expected_min": None},
    f"POST {CUSTOMER}/metric-mappings": lambda t: {"raw_metric": t.key("raw"), "normalized_name": t.normalized_metric()},
    f"POST {CUSTOMER}/alerts/bulk": lambda t: {"action": "acknowledge", "filter": None, "minutes": None,
                                               "ids": [int(t.fill("/{alert_id}", ["alert_id"])["alert_id"])]},
    f"POST {CUSTOMER}/maintenance-windows": lambda t: {"ends_at": None, "recurring": None},
    f"PATCH {CUSTOMER}/maintenance-windows/{{window_id}}": lambda t: {"starts_at": "2020-01-01T00:00:00Z", "ends_at": None},
    f"PUT {CUSTOMER}/alert-digest-settings": lambda t: {"frequency": "daily", "email": "", "timezone": None},
    f"POST {CUSTOMER}/roles": _role,
    f"PUT {CUSTOMER}/roles/{{role_id}}": _role,
    f"POST {CUSTOMER}/users/invite": lambda t: {**_email(t), "role": "customer", "role_ids": None},
    f"PUT {CUSTOMER}/users/{{user_id}}": _email,
    f"POST {CUSTOMER}/users/{{user_id}}/role": lambda t: {"role": "tenant-admin"},
    f"PUT {CUSTOMER}/users/{{user_id}}/assignments": lambda t: {"role_ids": [t.fill("/{role_id}", ["role_id"])["role_id"]]},
    f"POST {CUSTOMER}/api-tokens": lambda t: {"scopes": ["devices.read"]},
    f"POST {CUSTOMER}/service-accounts": lambda t: {"name": t.fresh("account")},
    f"POST {CUSTOMER}/service-accounts/{{account_id}}/tokens": lambda t: {"scopes": ["devices.read"]},
    f"POST {OPERATOR}/tenants": lambda t: {"tenant_id": t.fresh("tenant"), "account_tier_id": None},
    f"POST {OPERATOR}/tenants/{{tenant_id}}/invite": _email,
    f"PATCH {OPERATOR}/tenants/{{tenant_id}}/tier": lambda t: {"tier_id": "growth"},
    f"POST {OPERATOR}/users": lambda t: {**_person(t), "tenant_id": TENANT, "role": "customer",
                                         "temporary_password": None},
    f"PUT {OPERATOR}/users/{{user_id}}": _email,
    f"POST {OPERATOR}/users/{{user_id}}/roles": lambda t: {"role": "tenant-admin"},
    f"POST {OPERATOR}/users/{{user_id}}/tenant": lambda t: {"tenant_id": TENANT},
    f"POST {OPERATOR}/users/{{user_id}}/password": lambda t: {"password": "correct horse battery"}}
MEMBERS[f"POST {INGEST}"] = lambda t: {"site_id": t.callers.device["site_id"], "tenant_id": None}
MEMBERS[f"POST {OIDC}/token"] = lambda t: {"grant_type": "password", "client_id": "pulse-ui",
                                           "username": "fuzz-leaver", "password": PASSWORD}
QUERIES = {f"GET {OIDC}/auth": lambda t: {"client_id": "pulse-ui", "redirect_uri": f"{t.stack.url}/callback",
                                          "response_type": "code", "code_challenge": "c" * 43,
                                          "code_challenge_method": "S256", "response_mode": "query"}}
# What has to be done to a thing before it can be undone.
BEFORE = {f"DELETE {CUSTOMER}/device-groups/{{group_id}}/devices/{{device_id}}":
          ("PUT", f"{CUSTOMER}/device-groups/{{group_id}}/devices/{{device_id}}"),
          f"POST {CUSTOMER}/devices/{{device_id}}/commands/{{command_id}}/retry":
          ("DELETE", f"{CUSTOMER}/devices/{{device_id}}/commands/{{command_id}}"),
          f"PATCH {CUSTOMER}/devices/{{device_id}}/restore": ("PATCH", f"{CUSTOMER}/devices/{{device_id}}/decommission"),
          f"GET {CUSTOMER}/firmware/signing-key": ("PUT", f"{CUSTOMER}/firmware/signing-key"),
          f"DELETE {CUSTOMER}/firmware/signing-key": ("PUT", f"{CUSTOMER}/firmware/signing-key"),
          f"POST {OPERATOR}/tenants/{{tenant_id}}/restore": ("DELETE", f"{OPERATOR}/tenants/{{tenant_id}}"),
          f"POST {OPERATOR}/tenants/{{tenant_id}}/purge": ("DELETE", f"{OPERATOR}/tenants/{{tenant_id}}")}


PART = f"PUT {CUSTOMER}/firmware/uploads/{{upload_id}}/parts/{{part}}"


def fit(operation: str, body, things):
    """The body with the members that decide whether it is refused; the others stay as they are."""
    if operation == PART:
        return b"bytes"
    if operation == "POST /ingest/v1/batch" and isinstance(body, dict):
        return {**body, "messages": [{"metrics": {"temperature": 4.2}, **m, **_message(things)}
                                     for m in body.get("messages", [])]}
    if operation in MEMBERS and isinstance(body, dict):
        return {**body, **MEMBERS[operation](things)}
    return body


def fit_headers(operation: str, headers, found: dict, who: str, callers):
    """A change of what is desired is made from the version that is current."""
    if operation != f"PATCH {CUSTOMER}/devices/{{device_id}}/twin/desired" or not found:
        return headers
    twin = callers.call(who, "GET", f"{CUSTOMER}/devices/{found['device_id']}/twin")
    return {**(headers or {}), "If-Match": twin.headers["ETag"]} if twin.ok else headers


def fit_query(operation: str, query, things):
    return {**query, **QUERIES[operation](things)} if operation in QUERIES else query


def prepare(operation: str, found: dict, who: str, callers, things):
    if operation in BEFORE and (found or "{" not in operation):
        method, path = BEFORE[operation]
        body = MEMBERS.get(f"{method} {path}")
        callers.call(who, method, path.format(**found), json=body and body(things))

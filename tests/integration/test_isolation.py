"""No crossing between tenants, generated from what there is: every table with a tenant, every endpoint of the
document. What this test does not know how to try fails it, so that what comes later is tried too.

Leaves build/reports/isolation.json: tables, endpoints, checks, crossings."""

import json
import uuid

import psycopg2
import psycopg2.errors
import pytest
import requests
from authorities import proven
from conftest import Api
from examples import body_of, query_of
from people import make_user
from servers import ROOT, wait_for
from test_two_tenants import tenant_tables

MARK = "victims-own"
REPORT = {"tables": 0, "endpoints": 0, "checks": 0, "crossings": []}
# Rows that change by themselves while devices send and callers call.
RESTLESS = {"audit_log", "alert_outbox", "telemetry", "device_state", "device_connection_events", "quarantine_events", "device_sensors",
            "quarantine_counters_minute", "telemetry_rollup_1m", "telemetry_rollup_1h"}


def check(good, what):
    REPORT["checks"] += 1
    if not good:
        REPORT["crossings"].append(what)


@pytest.fixture(scope="module", autouse=True)
def report():
    yield
    folder = ROOT / "build/reports"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "isolation.json").write_text(json.dumps(REPORT, indent=2) + "\n")


def one_of_everything(stack, tenant, mark):
    """A tenant with one of everything; its things by the name of the path parameter that leads to them."""
    stack.command("admin", "create-tenant", "--id", tenant, "--name", f"{mark} company")
    make_user(stack, f"{mark}-admin", tenant=tenant, roles="customer,tenant-admin")
    make_user(stack, f"{mark}-member", tenant=tenant)
    api = Api(stack, f"{mark}-admin")
    assert api.post("/sites", json={"site_id": f"{mark}-site", "name": f"{mark} site"}).status_code == 201
    assert api.post("/devices", json={"device_id": f"{mark}-device", "name": mark, "site_id": f"{mark}-site"}).status_code == 201
    rotated = api.post(f"/devices/{mark}-device/tokens/rotate", json={})
    assert rotated.status_code == 201
    api.post(f"/devices/{mark}-device/tags/{mark}-tag")
    template = api.post("/templates", json={"name": f"{mark} template", "slug": mark, "category": "standalone_sensor"})
    parts = {"metrics": {"metric_key": "m", "display_name": mark, "data_type": "float"},
             "commands": {"command_key": "c", "display_name": mark},
             "slots": {"slot_key": "s", "display_name": mark, "slot_type": "sensor", "interface_type": "usb"}}
    made = {kind: str(api.post(f"/templates/{template.json()['id']}/{kind}", json=body).json()["id"])
            for kind, body in parts.items()}
    installed = api.post("/templates", json={"name": mark, "slug": f"{mark}-frame", "category": "gateway"}).json()["id"]
    api.post(f"/templates/{installed}/slots", json={**parts["slots"], "max_devices": None})
    api.patch(f"/devices/{mark}-device", json={"template_id": installed})
    module = api.post(f"/devices/{mark}-device/modules", json={"slot_key": "s", "label": mark}).json()["id"]
    sensor = api.post(f"/devices/{mark}-device/sensors", json={"metric_key": "own", "display_name": mark}).json()["id"]
    transport = api.get(f"/devices/{mark}-device/transports").json()["transports"][0]["id"]
    command = api.post(f"/devices/{mark}-device/commands", json={"command_type": mark, "command_params": {mark: 1}}).json()
    assert api.patch(f"/devices/{mark}-device/twin/desired", json={"desired": {mark: 1}},
                     headers={"If-Match": '"0"'}).status_code == 200
    integration = api.post("/carrier/integrations", json={"carrier_name": "1nce", "display_name": mark, "api_key": f"{mark}-key",
                                                          "sync_enabled": False}).json()["id"]
    role = api.post("/roles", json={"name": f"{mark} role", "permission_ids": [1]}).json()["id"]
    token = api.post("/api-tokens", json={"name": f"{mark} token", "scopes": ["devices.read"]}).json()["id"]
    account = api.post("/service-accounts", json={"name": f"{mark} account"}).json()["id"]
    machine = api.post(f"/service-accounts/{account}/tokens", json={"name": mark, "scopes": ["devices.read"]}).json()["id"]
    requests.post(f"{stack.url}/ingest/v1/tenant/{tenant}/device/{mark}-device/telemetry", timeout=5,
                  headers={"X-Provision-Token": rotated.json()["password"]}, json={"metrics": {"temperature": 1}})
    key = api.post("/provisioning-keys", json={"name": mark, "site_id": f"{mark}-site"}).json()["key_id"]
    imported = api.post("/devices/import-jobs?dry_run=true", files={
        "file": ("a.csv", f"name,device_type,device_id\n{mark},x,{mark}-imported\n")}).json()["import_id"]
    wait_for("the import's end", lambda: api.get(f"/devices/import-jobs/{imported}").json()["finished_at"])
    group = api.post("/device-groups", json={"group_id": f"{mark}-group", "name": f"{mark} group"}).json()["group_id"]
    api.put(f"/device-groups/{group}/devices/{mark}-device")
    dynamic = api.post("/device-groups/dynamic", json={"group_id": f"{mark}-dynamic", "name": f"{mark} fits", "query_filter": {}})
    assert dynamic.status_code == 201
    changed = api.post("/devices/bulk", json={"action": "add_tags", "device_ids": [f"{mark}-device"],
                                              "params": {"tags": [f"{mark}-bulk"]}}).json()["undo"]["undo_id"]
    firmware = api.post("/firmware", json={"version": mark, "file_url": f"https://{mark}.example/a.bin"}).json()["id"]
    upload = api.post("/firmware/uploads", json={"version": f"{mark}-2", "size_bytes": 5}).json()["upload_id"]
    campaign = api.post("/ota/campaigns", json={"name": mark, "firmware_version_id": firmware, "target_group_id": group}).json()["id"]
    job = api.post("/jobs", json={"document_type": mark, "target_device_id": f"{mark}-device"}).json()["job_id"]
    subscription = api.get("/subscriptions").json()["subscriptions"][0]["subscription_id"]
    certificate = api.post(f"/devices/{mark}-device/certificates/generate", json={"key_type": "ec-p256"})
    nonce = api.post("/certificate-authorities/challenges").json()["nonce"]
    authority = api.post("/certificate-authorities", json=proven(stack.home, mark, nonce, f"{mark} CA"))
    assert certificate.status_code == 201 and authority.status_code == 201, authority.text
    channel = api.post("/notification-channels", json={"name": f"{mark} channel", "channel_type": "webhook", "config": {
        "url": f"https://{mark}.example/hook", "secret": f"{mark}-secret"}}).json()["channel_id"]
    routing = api.post("/notification-routing-rules", json={"channel_id": channel, "alert_type": mark}).json()["rule_id"]
    told = stack.sql("WITH a AS (INSERT INTO fleet_alert (tenant_id, site_id, device_id, alert_type, fingerprint, severity, summary) "
                     "VALUES (%s, %s, %s, %s, %s, 3, %s) RETURNING tenant_id, id) INSERT INTO notification_jobs (tenant_id, alert_id, "
                     "channel_id, event_key, status, payload_json) SELECT tenant_id, id, %s, 'OPEN', 'COMPLETED', %s FROM a "
                     "RETURNING job_id", (tenant, f"{mark}-site", f"{mark}-device", mark, mark, mark, channel,
                                          json.dumps({"message": mark})))[0][0]
    route = api.post("/message-routes", json={"name": mark, "topic_filter": f"tenant/{tenant}/device/{mark}/#",
                                              "destination_type": "postgresql", "is_enabled": False})
    assert route.status_code == 201, route.text
    letter = stack.sql("INSERT INTO dead_letter_messages (tenant_id, original_topic, payload, destination_type, error_message) "
                       "VALUES (%s, %s, %s, 'webhook', %s) RETURNING id",
                       (tenant, f"tenant/{tenant}/device/{mark}-device/telemetry", json.dumps({"mark": mark}), mark))[0][0]
    rule = api.post("/alert-rules", json={"name": f"{mark} rule", "metric_name": f"{mark}_raw", "operator": "GT", "threshold": 1,
                                          "site_ids": [f"{mark}-site"]}).json()["rule_id"]
    api.post("/metrics/catalog", json={"metric_name": f"{mark}_metric", "unit": mark})
    api.post("/normalized-metrics", json={"normalized_name": f"{mark}_normal"})
    mapped = api.post("/metric-mappings", json={"raw_metric": f"{mark}_raw", "normalized_name": f"{mark}_normal"})
    assert mapped.status_code == 200, mapped.text
    # It lasts: that its device falls silent meanwhile opens no alert.
    window = api.post("/maintenance-windows", json={"name": mark, "starts_at": "2020-01-01T00:00:00Z",
                                                    "ends_at": "2100-01-01T00:00:00Z"}).json()["window_id"]
    api.put("/alert-digest-settings", json={"frequency": "weekly", "email": f"{mark}@{mark}.example"})
    # As the evaluator opens them.
    alert = stack.sql(
        "WITH a AS (INSERT INTO fleet_alert (tenant_id, site_id, device_id, alert_type, fingerprint, severity, summary) "
        "VALUES (%s, %s, %s, 'THRESHOLD', %s, 3, %s) RETURNING tenant_id, id), e AS (INSERT INTO alert_events "
        "(tenant_id, alert_id, event) SELECT tenant_id, id, 'OPEN' FROM a) SELECT id FROM a",
        [tenant, f"{mark}-site", f"{mark}-device", f"TEST:{mark}", f"{mark} is hot"])[0][0]
    member = api.get(f"/users?search={mark}-member").json()["users"][0]["id"]
    schedule = api.post("/oncall-schedules", json={"name": mark, "layers": [{"name": mark, "responders": [mark]}]}).json()
    on_call = f"/oncall-schedules/{schedule['schedule_id']}"
    override = api.post(f"{on_call}/overrides", json={"responder": mark, "start_at": "2026-01-01T00:00:00Z",
                                                      "end_at": "2100-01-01T00:00:00Z"}).json()["override_id"]
    feed = api.post(f"{on_call}/feeds", json={}).json()["feed_id"]
    policy = api.post("/escalation-policies", json={"name": mark, "levels": [
        {"level_number": 1, "notify_email": f"{mark}@{mark}.example"}]}).json()["policy_id"]
    return {"api": api, "device_id": f"{mark}-device", "site_id": f"{mark}-site", "tag": f"{mark}-tag",
            "cert_id": str(certificate.json()["certificate"]["id"]), "ca_id": authority.json()["ca_id"],
            "subscription_id": subscription, "device_token": rotated.json()["password"],
            "template_id": str(template.json()["id"]), "version": "1",
            "module_id": str(module), "sensor_id": str(sensor), "transport_id": str(transport), "integration_id": str(integration), "action": "suspend", "metric_id": made["metrics"],
            "command_id": {"templates": made["commands"], "devices": command["command_id"]},
            "slot_id": made["slots"], "role_id": role, "user_id": member, "account_id": account,
            "group_id": group, "undo_id": changed,
            "channel_id": str(channel),
            "rule_id": {"notification-routing-rules": str(routing), "alert-rules": rule, "alerts": rule},
            "job_id": {"jobs": job, "{job_id}": job, "delivery-jobs": str(told)}, "firmware_id": str(firmware), "upload_id": upload, "part": "1", "campaign_id": str(campaign),
            "session_id": api.get("/sessions").json()["sessions"][0]["id"], "tenant_id": tenant,
            "key_id": key, "import_id": imported, "alert_id": str(alert), "window_id": window,
            "schedule_id": str(schedule["schedule_id"]), "layer_id": str(schedule["layers"][0]["layer_id"]),
            "override_id": str(override), "feed_id": str(feed), "policy_id": str(policy),
            "route_id": str(route.json()["id"]), "dlq_id": str(letter),
            "name": f"{mark}_normal", "raw_metric": f"{mark}_raw", "metric_name": f"{mark}_metric",
            "token_id": {"devices": api.get(f"/devices/{mark}-device/tokens").json()["tokens"][0]["id"],
                         "api-tokens": token, "service-accounts": machine}}


@pytest.fixture(scope="module")
def victim(stack):
    return one_of_everything(stack, "victim", MARK)


@pytest.fixture(scope="module")
def attacker(stack):
    return one_of_everything(stack, "attacker", "attackers-own")


def thing(victim, path, name):
    """The victim's id for a parameter; the token of a path is that of its first word."""
    value = victim.get(name)
    assert value is not None, f"{path}: this test has nothing of another tenant for {{{name}}}; give it one"
    return value[path.split("/")[4]] if isinstance(value, dict) else value


def unknown_like(value):
    """An id of the same form that nobody has."""
    if value.isdigit():
        return "2000000000"
    try:
        uuid.UUID(value)
        return str(uuid.uuid4())
    except ValueError:
        return "nobodys-own"


def snapshot(stack, tables):
    return {t: stack.sql(f"SELECT md5(coalesce(string_agg(j::text, '|' ORDER BY j::text), '')) FROM (SELECT to_jsonb(r) "
                         f"- '{{last_used_at,last_used_ip,attempts,publish_at,published_at,notify_at,notices,routed}}'::text[] AS j FROM {t} r "
                         f"WHERE tenant_id = 'victim') x")
            for t in tables if t not in RESTLESS}


def test_no_endpoint_crosses(stack, other, victim, conformance):
    other.renew()  # what is asked by its session directly renews nothing by itself
    document = conformance.document
    tables = tenant_tables(stack)
    before = snapshot(stack, tables)
    for path, operations in document["paths"].items():
        if not path.startswith("/api/v1/customer/") or path.endswith("/telemetry/stream"):
            continue
        names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
        for method, operation in operations.items():
            where = f"{method.upper()} {path}"
            REPORT["endpoints"] += 1
            body, query = body_of(operation, document), query_of(operation, document)
            url, nobody = path, path
            for name in names:
                value = thing(victim, path, name)
                url = url.replace(f"{{{name}}}", value)
                nobody = nobody.replace(f"{{{name}}}", value if name in WORDS else unknown_like(value))
            if names:
                answer = other.session.request(method, stack.url + url, json=body, params=query, timeout=15)
                same = other.session.request(method, stack.url + nobody, json=body, params=query, timeout=15)
                # What is another's is answered as what is nobody's: no word tells that it exists.
                check(answer.status_code == 404, f"{where}: {answer.status_code} {answer.text[:120]}")
                check((answer.status_code, answer.json().get("detail")) == (same.status_code, same.json().get("detail"))
                      if answer.status_code == 404 else True, f"{where}: differs from an unknown id")
            elif method == "get" and not path.endswith("/stream/sse"):
                answer = other.session.get(stack.url + url, params={**query, "limit": 1000} if any(
                    p["name"] == "limit" for p in operation.get("parameters", [])) else query, timeout=15)
                check(MARK not in answer.text and "victim" not in answer.text, f"{where}: shows {MARK}")
    after = snapshot(stack, tables)
    for table in before:
        check(before[table] == after[table], f"{table}: changed by another tenant's calls")
    assert REPORT["endpoints"] > 70
    assert REPORT["crossings"] == []


# Parameters of paths that name no thing of anybody's.
WORDS = {"action"}
# Members of bodies and queries that name a thing: by which of the things above.
REFERENCES = {"site_id": "site_id", "device_id": "device_id", "device_ids": "device_id", "parent_device_id": "device_id",
              "template_id": "template_id", "carrier_integration_id": "integration_id",
              "role_ids": "role_id", "reassign_to": "role_id", "entity_id": "device_id", "actor_id": "user_id",
              "user_id": "user_id", "tenant_id": "tenant_id", "tags": "tag", "tag": "tag", "undo_id": "undo_id",
              "group_id": "group_id", "layer_id": "layer_id", "route_id": "route_id",
              "site_ids": "site_id", "group_ids": "group_id", "device_group_id": "group_id",
              "sensor_id": "sensor_id", "rule_id": "rule_id", "normalized_name": "name",
              "target_group_id": "group_id", "target_device_id": "device_id", "firmware_version_id": "firmware_id",
              "channel_id": "channel_id", "escalation_policy_id": "policy_id", "schedule_id": "schedule_id"}
# What the caller names anew: the same name in two tenants is two things.
NAMES = {"POST /api/v1/customer/jobs": "job_id", "POST /api/v1/customer/sites": "site_id", "POST /api/v1/customer/devices": "device_id",
         "POST /api/v1/customer/normalized-metrics": "normalized_name",
         "POST /api/v1/customer/device-groups": "group_id", "POST /api/v1/customer/device-groups/dynamic": "group_id"}


def members_of(operation, document):
    """(where, name, schema) of what an operation takes beside its path."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content:
        schema = content["schema"]
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]] if "$ref" in schema else schema
        yield from (("body", name, of) for name, of in schema.get("properties", {}).items())
    yield from (("query", p["name"], p["schema"]) for p in operation.get("parameters", []) if p["in"] == "query")


def test_ids_of_others_in_bodies_and_queries_are_nobodys(stack, attacker, victim, conformance):
    """Sent beside ids of one's own, each is answered as an id that nobody has, and changes nothing of its owner."""
    attacker["api"].renew()
    document = conformance.document
    tables = tenant_tables(stack)
    before = snapshot(stack, tables)
    tried = 0
    for path, operations in document["paths"].items():
        if not path.startswith("/api/v1/customer/") or "/stream" in path:
            continue
        names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
        for method, operation in operations.items():
            for where, name, schema in members_of(operation, document):
                new = NAMES.get(f"{method.upper()} {path}")
                if name not in REFERENCES or name == new:
                    continue
                tried += 1
                url = path
                for parameter in names:
                    url = url.replace(f"{{{parameter}}}", thing(attacker, path, parameter))
                answers, theirs = [], thing(victim, path, REFERENCES[name])
                for value in (theirs, unknown_like(theirs)):
                    typed = int(value) if "integer" in str(schema.get("type")) and where == "body" else value
                    typed = [typed] if "array" in str(schema.get("type")) else typed
                    body, query = body_of(operation, document), query_of(operation, document)
                    if where == "body":
                        body = {**(body or {}), name: typed, **({new: f"new-{uuid.uuid4()}"} if new else {})}
                    else:
                        query = {**query, name: value}
                    answer = attacker["api"].session.request(method, stack.url + url, json=body, params=query, timeout=15)
                    answers.append((answer.status_code, answer.text.replace(str(value), "?")))
                told = f"{method.upper()} {path}: {name} in the {where}"
                check(answers[0][0] == answers[1][0], f"{told}: {answers[0]} but {answers[1][0]} for nobody's")
                check(MARK not in answers[0][1], f"{told}: shows {MARK}")
    after = snapshot(stack, tables)
    for table in before:
        check(before[table] == after[table], f"{table}: changed by another tenant's ids")
    assert tried >= 20
    assert REPORT["crossings"] == []


def test_no_path_of_operators_or_devices_serves_another_tenants_people(stack, attacker, victim, conformance):
    attacker["api"].renew()
    for path, operations in conformance.document["paths"].items():
        if not path.startswith("/api/v1/operator/"):
            continue
        url = path
        for name in [part[1:-1] for part in path.split("/") if part.startswith("{")]:
            value = victim.get(name, "x")
            url = url.replace(f"{{{name}}}", value if isinstance(value, str) else "x")
        for method, operation in operations.items():
            answer = attacker["api"].session.request(method, stack.url + url, json=body_of(operation, conformance.document),
                                                     params=query_of(operation, conformance.document), timeout=15)
            check(answer.status_code == 403, f"{method.upper()} {path}: {answer.status_code}")
    into = f"{stack.url}/ingest/v1/tenant/victim/device/{victim['device_id']}/telemetry"
    acked = f"{stack.url}/device/v1/commands/{victim['command_id']['devices']}/ack"
    answer = requests.post(acked, headers={"X-Provision-Token": attacker["device_token"]}, json={}, timeout=5)
    check(answer.status_code == 404, f"another tenant's command acknowledged: {answer.status_code}")
    answer = requests.post(into, headers={"X-Provision-Token": attacker["device_token"]}, json={"metrics": {"t": 1}}, timeout=5)
    check(answer.status_code == 401, f"ingest for another tenant's device: {answer.status_code}")
    assert REPORT["crossings"] == []


def test_filters_and_sorting_tell_nothing_of_others(other, victim):
    for query in (f"q={MARK}", f"search={MARK}", f"site_id={MARK}-site", f"tags={MARK}-tag", f"cursor={MARK}"):
        answer = other.get(f"/devices?{query}")
        check(answer.status_code in (200, 400, 422) and MARK not in answer.text.replace(query, ""), f"devices?{query}")
        if answer.status_code == 200 and "cursor" not in query:
            check(answer.json()["total"] == 0, f"devices?{query} counts others")
    # An id that another tenant uses is free here, and stays apart.
    made = other.post("/sites", json={"site_id": f"{MARK}-site", "name": "Mine"})
    check(made.status_code == 201, "a site id is taken by another tenant")
    other.delete(f"/sites/{MARK}-site")
    check(victim["api"].get(f"/sites/{MARK}-site").json()["name"] == f"{MARK} site", "another tenant's site changed")
    assert REPORT["crossings"] == []


def test_no_table_crosses(stack, victim):
    tables = tenant_tables(stack)
    connection = psycopg2.connect(stack.postgres.url())

    def as_tenant(sql, params=()):
        """Rows or affected rows as pulse_app of tenant other; refused: None."""
        with connection.cursor() as cursor:
            try:
                cursor.execute("SET LOCAL ROLE pulse_app")
                cursor.execute("SELECT set_config('app.tenant_id', 'other', true)")
                cursor.execute(sql, params)
                return cursor.fetchall() if cursor.description else cursor.rowcount
            except psycopg2.errors.InsufficientPrivilege:
                return None
            finally:
                connection.rollback()

    for table in tables:
        REPORT["tables"] += 1
        forced = stack.sql("SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE oid = %s::regclass", (table,))
        check(forced[0][0], f"{table}: row-level security is not forced")
        seen = as_tenant(f"SELECT count(*) FROM {table} WHERE tenant_id = 'victim'")
        check(seen is None or seen[0][0] == 0, f"{table}: read")
        check(not as_tenant(f"UPDATE {table} SET tenant_id = 'other' WHERE tenant_id = 'victim'"), f"{table}: taken")
        check(not as_tenant(f"DELETE FROM {table} WHERE tenant_id = 'victim'"), f"{table}: deleted")
        row = stack.sql(f"SELECT to_jsonb(r) FROM {table} r WHERE tenant_id = 'victim' LIMIT 1")
        if row:
            columns = ", ".join(f'"{c}"' for (c,) in stack.sql(
                "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped "
                "AND attgenerated = ''", (table,)))
            planted = as_tenant(f"INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM "
                                f"jsonb_populate_record(null::{table}, %s)", (json.dumps(row[0][0]),))
            check(planted is None, f"{table}: planted")
    # What a role holds follows the role.
    check(as_tenant("SELECT count(*) FROM role_permissions rp WHERE NOT EXISTS (SELECT FROM roles r WHERE r.id = rp.role_id)")
          [0][0] == 0, "role_permissions: read")
    role = victim["role_id"]
    check(as_tenant("INSERT INTO role_permissions SELECT %s, 2", (role,)) is None, "role_permissions: planted")
    check(not as_tenant("DELETE FROM role_permissions WHERE role_id = %s", (role,)), "role_permissions: deleted")
    for table in ("identity.users", "identity.sessions", "token_revocations", "operator_audit_log"):
        check(as_tenant(f"SELECT count(*) FROM {table}") is None, f"{table}: open to tenants")
    connection.close()
    assert REPORT["tables"] > 20
    assert REPORT["crossings"] == []

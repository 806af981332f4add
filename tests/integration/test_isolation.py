"""No crossing between tenants, generated from what there is: every table with a tenant, every endpoint of the
document. What this test does not know how to try fails it, so that what comes later is tried too.

Leaves build/reports/isolation.json: tables, endpoints, checks, crossings."""

import json
import uuid

import psycopg2
import psycopg2.errors
import pytest
import requests
from conftest import Api
from examples import body_of, query_of
from people import make_user
from servers import ROOT
from test_two_tenants import tenant_tables

MARK = "victims-own"
REPORT = {"tables": 0, "endpoints": 0, "checks": 0, "crossings": []}
# Rows that change by themselves while devices send and callers call.
RESTLESS = {"audit_log", "telemetry", "device_state", "device_connection_events", "quarantine_events", "device_sensors",
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


@pytest.fixture(scope="module")
def victim(stack):
    """A tenant with one of everything; its things by the name of the path parameter that leads to them."""
    stack.command("admin", "create-tenant", "--id", "victim", "--name", f"{MARK} company")
    make_user(stack, f"{MARK}-admin", tenant="victim", roles="customer,tenant-admin")
    make_user(stack, f"{MARK}-member", tenant="victim")
    api = Api(stack, f"{MARK}-admin")
    assert api.post("/sites", json={"site_id": f"{MARK}-site", "name": f"{MARK} site"}).status_code == 201
    assert api.post("/devices", json={"device_id": f"{MARK}-device", "name": MARK, "site_id": f"{MARK}-site"}).status_code == 201
    rotated = api.post(f"/devices/{MARK}-device/tokens/rotate", json={})
    assert rotated.status_code == 201
    api.post(f"/devices/{MARK}-device/tags/{MARK}-tag")
    template = api.post("/templates", json={"name": f"{MARK} template", "slug": MARK, "category": "standalone_sensor"})
    role = api.post("/roles", json={"name": f"{MARK} role", "permission_ids": [1]}).json()["id"]
    token = api.post("/api-tokens", json={"name": f"{MARK} token", "scopes": ["devices.read"]}).json()["id"]
    account = api.post("/service-accounts", json={"name": f"{MARK} account"}).json()["id"]
    machine = api.post(f"/service-accounts/{account}/tokens", json={"name": MARK, "scopes": ["devices.read"]}).json()["id"]
    requests.post(f"{stack.url}/ingest/v1/tenant/victim/device/{MARK}-device/telemetry", timeout=5,
                  headers={"X-Provision-Token": rotated.json()["password"]}, json={"metrics": {"temperature": 1}})
    subscription = api.get("/subscriptions").json()["subscriptions"][0]["subscription_id"]
    member = api.get(f"/users?search={MARK}-member").json()["users"][0]["id"]
    return {"api": api, "device_id": f"{MARK}-device", "site_id": f"{MARK}-site", "tag": f"{MARK}-tag",
            "subscription_id": subscription,
            "template_id": str(template.json()["id"]), "role_id": role, "user_id": member, "account_id": account,
            "session_id": api.get("/sessions").json()["sessions"][0]["id"], "tenant_id": "victim",
            "token_id": {"devices": api.get(f"/devices/{MARK}-device/tokens").json()["tokens"][0]["id"],
                         "api-tokens": token, "service-accounts": machine}}


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
                         f"- 'last_used_at' - 'last_used_ip' AS j FROM {t} r WHERE tenant_id = 'victim') x")
            for t in tables if t not in RESTLESS}


def test_no_endpoint_crosses(stack, other, victim, conformance):
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
                url, nobody = url.replace(f"{{{name}}}", value), nobody.replace(f"{{{name}}}", unknown_like(value))
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

"""No crossing between tenants: by the API over every endpoint, and by SQL over every table."""

import re

import psycopg2
import pytest
import requests


def test_every_endpoint_hides_another_tenants_things(stack, other, device):
    """The caller of tenant `other` names things of tenant `demo` on every path that takes an id."""
    document = requests.get(f"{stack.url}/openapi.json", timeout=10).json()
    names = {"device_id": device["device_id"], "site_id": device["site_id"], "tag": "roof", "action": "suspend",
             "token_id": str(stack.sql("SELECT id FROM device_api_tokens WHERE tenant_id = 'demo' LIMIT 1")[0][0])}
    checked = 0
    before = stack.sql("SELECT md5(string_agg(r::text, '' ORDER BY device_id)) FROM device_registry r "
                       "WHERE tenant_id = 'demo'")
    for path, operations in document["paths"].items():
        if not path.startswith("/api/v1/customer/") or not any("{" + n + "}" in path for n in names):
            continue
        for method, operation in operations.items():
            url = path
            for name, value in names.items():
                url = url.replace("{" + name + "}", value)
            url = re.sub(r"\{\w+\}", "1", url)  # the device alone settles it
            body = {"name": "stolen", "tags": ["stolen"], "label": "stolen", "display_name": "stolen", "status": "inactive"} if "requestBody" in operation else None
            query = "?metric=temperature" if path.endswith("/history") else ""
            answer = other.request(method.upper(), url + query, json=body)
            assert answer.status_code in (404, 422), f"{method} {path}: {answer.status_code} {answer.text[:200]}"
            assert answer.status_code == 404 or "requestBody" in operation, f"{method} {path}: {answer.text[:200]}"
            checked += 1
    assert checked >= 20, "the walk found too few endpoints to be true"
    after = stack.sql("SELECT md5(string_agg(r::text, '' ORDER BY device_id)) FROM device_registry r "
                      "WHERE tenant_id = 'demo'")
    assert before == after
    assert not stack.sql("SELECT 1 FROM device_tags WHERE tag = 'stolen'")


def test_lists_show_the_callers_tenant_only(other, customer):
    mine = {d["device_id"] for d in other.get("/devices?limit=1000").json()["devices"]}
    theirs = {d["device_id"] for d in customer.get("/devices?limit=1000").json()["devices"]}
    assert theirs and not mine & theirs
    assert not {s["site_id"] for s in other.get("/sites").json()["sites"]} & {"warehouse-north"}


def tenant_tables(stack):
    return [row[0] for row in stack.sql(
        "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped "
        "WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') ORDER BY 1")]


def test_every_tenant_table_forces_row_level_security(stack):
    tables = tenant_tables(stack)
    assert len(tables) > 15
    for table in tables:
        forced = stack.sql("SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE oid = %s::regclass",
                           (table,))[0][0]
        assert forced, f"{table} does not force row-level security"


def test_sql_as_pulse_app_sees_and_writes_its_tenant_only(stack):
    connection = psycopg2.connect(stack.postgres.url())
    crossings = []
    for table in tenant_tables(stack):
        with connection, connection.cursor() as cursor:
            cursor.execute("SET LOCAL ROLE pulse_app")
            cursor.execute("SELECT set_config('app.tenant_id', 'other', true)")
            try:
                cursor.execute(f"SELECT count(*) FROM {table} WHERE tenant_id IS DISTINCT FROM 'other' "
                               "AND tenant_id IS NOT NULL")
                if cursor.fetchone()[0]:
                    crossings.append(f"read {table}")
            except psycopg2.errors.InsufficientPrivilege:
                connection.rollback()
                continue
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL ROLE pulse_app")
            cursor.execute("SELECT set_config('app.tenant_id', 'other', true)")
            try:
                cursor.execute(f"UPDATE {table} SET tenant_id = tenant_id WHERE tenant_id = 'demo'")
                if cursor.rowcount:
                    crossings.append(f"write {table}")
            except (psycopg2.errors.InsufficientPrivilege, psycopg2.errors.GeneratedAlways):
                pass
            connection.rollback()
    connection.close()
    assert not crossings


def test_without_a_tenant_nothing_is_seen(stack):
    connection = psycopg2.connect(stack.postgres.url())
    with connection, connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE pulse_app")
        cursor.execute("SELECT count(*) FROM device_registry")
        assert cursor.fetchone()[0] == 0
    connection.close()


@pytest.mark.parametrize("user, path, status", [
    ("operator1", "/devices", 403), ("operatoradmin1", "/sites", 403), ("customer1", "/devices", 200)])
def test_kinds_of_callers(stack, user, path, status):
    answer = requests.get(f"{stack.url}/api/v1/customer{path}", timeout=10,
                          headers={"Authorization": f"Bearer {stack.token(user)}"})
    assert answer.status_code == status


def test_no_token_is_401_and_says_so(stack):
    answer = requests.get(f"{stack.url}/api/v1/customer/devices", timeout=10)
    assert answer.status_code == 401 and answer.json()["detail"] == "Missing authorization"

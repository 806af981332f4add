"""Maintenance windows: what they take, when they hold, and that they keep alerts from opening, not from closing."""

import pytest
from conftest import Api
from people import make_user
from servers import wait_for

PATH = "/maintenance-windows"


@pytest.fixture(scope="module")
def tenant(stack):
    stack.command("admin", "create-tenant", "--id", "mended", "--name", "Mended")
    make_user(stack, "mended-admin", tenant="mended", roles="customer,tenant-admin")
    stack.sql("UPDATE tenants SET account_tier_id = (SELECT account_tier_id FROM tenants WHERE tenant_id = 'demo') "
              "WHERE tenant_id = 'mended'")
    api = Api(stack, "mended-admin")
    assert api.post("/sites", json={"site_id": "hall", "name": "Hall"}).status_code == 201
    return api


@pytest.fixture(scope="module")
def viewer(stack):
    make_user(stack, "mended-viewer", tenant="mended")
    return Api(stack, "mended-viewer")


def covered(stack, at: str, site="hall", kind="pump") -> bool:
    return stack.sql("SELECT pulse_in_maintenance('mended', %s, %s, %s::timestamptz)", [site, kind, at])[0][0]


def planned(tenant, **more) -> dict:
    answer = tenant.post(PATH, json={"name": "Night", "starts_at": "2026-01-01T00:00:00Z", **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.fixture(autouse=True)
def _none_left(stack):
    yield
    stack.sql("DELETE FROM alert_maintenance_windows")
    stack.sql("UPDATE tenants SET timezone = 'UTC' WHERE tenant_id = 'mended'")


def test_a_window_is_made_changed_and_deleted(stack, tenant, other):
    made = planned(tenant, ends_at="2026-01-02T00:00:00Z", site_ids=["hall"], device_types=["pump"])
    assert made["recurring"] is None and made["enabled"] and made["next_start"] is None and not made["active_now"]
    listed = tenant.get(PATH).json()
    assert listed["total"] == 1 and listed["windows"] == [made] and listed["timezone"] == "UTC"
    one = f"{PATH}/{made['window_id']}"
    changed = tenant.patch(one, json={"name": "Open end", "ends_at": None, "site_ids": None})
    assert changed.status_code == 200, changed.text
    assert changed.json()["ends_at"] is None and changed.json()["site_ids"] is None
    assert changed.json()["device_types"] == ["pump"] and changed.json()["active_now"]
    assert tenant.patch(one, json={"enabled": False}).json()["active_now"] is False
    assert (tenant.patch(one, json={}).status_code, tenant.patch(one, json={}).json()["detail"]) == (400, "No fields to update")
    late = tenant.patch(one, json={"ends_at": "2025-01-01T00:00:00Z"})
    assert (late.status_code, late.json()["detail"]) == (400, "ends_at must be after starts_at")
    for method in ("PATCH", "DELETE"):
        assert other.request(method, one, json={"name": "x"}).json() == {"detail": "Window not found"}
    assert tenant.delete(one).json() == {"window_id": made["window_id"], "deleted": True}
    assert tenant.delete(one).json() == {"detail": "Window not found"}
    wait_for("its audit log", lambda: {r[0] for r in stack.sql(
        "SELECT action FROM audit_log WHERE tenant_id = 'mended' AND entity_type = 'maintenance_window'")} ==
        {"create", "update", "delete"})
    log = tenant.get(f"/audit-log?entity_id={made['window_id']}").json()["events"]
    assert {(e["event_type"], e["action"]) for e in log} == {
        ("maintenance.created", "create"), ("maintenance.updated", "update"), ("maintenance.deleted", "delete")}
    changes = [e["details"] for e in log if e["action"] == "update"]
    assert {"name": "Night"} in [{"name": c["before"].get("name")} for c in changes]


def test_only_who_may_plans(tenant, viewer):
    made = planned(tenant)
    one = f"{PATH}/{made['window_id']}"
    assert viewer.get(PATH).json()["windows"] == [made]
    for method, path, body, permission in (
            ("POST", PATH, {"name": "Night", "starts_at": "2026-01-01T00:00:00Z"}, "maintenance.create"),
            ("PATCH", one, {"name": "x"}, "maintenance.update"), ("DELETE", one, None, "maintenance.delete")):
        answer = viewer.request(method, path, json=body)
        assert (answer.status_code, answer.json()["detail"]) == (403, f"Permission required: {permission}")
    assert tenant.get(PATH).json()["windows"] == [made]


def test_sites_are_the_tenants_own(stack, tenant):
    # warehouse-north is another tenant's; one that only a device names is ours.
    for site in ("nowhere", "warehouse-north"):
        answer = tenant.post(PATH, json={"name": "Night", "starts_at": "2026-01-01T00:00:00Z", "site_ids": ["hall", site]})
        assert (answer.status_code, answer.json()["detail"]) == (400, f"Invalid site_ids value: there is no site {site}")
    made = planned(tenant, site_ids=["hall"])
    answer = tenant.patch(f"{PATH}/{made['window_id']}", json={"site_ids": ["nowhere"]})
    assert (answer.status_code, answer.json()["detail"]) == (400, "Invalid site_ids value: there is no site nowhere")
    stack.command("admin", "create-device", "--tenant", "mended", "--id", "mended-1", "--site", "said-by-device")
    assert planned(tenant, site_ids=["said-by-device"])["site_ids"] == ["said-by-device"]


@pytest.mark.parametrize("bad", [
    {"name": ""}, {"starts_at": "soon"}, {"ends_at": "2026-01-01T00:00:00Z"},
    {"recurring": {"dow": [], "start_hour": 1, "end_hour": 2}}, {"recurring": {"dow": [7], "start_hour": 1, "end_hour": 2}},
    {"recurring": {"dow": [1], "start_hour": 24, "end_hour": 2}}, {"recurring": {"dow": [1], "start_hour": 1, "end_hour": 25}},
    {"recurring": {"dow": [1], "start_hour": 2, "end_hour": 2}}, {"recurring": {"dow": [1]}}, {"site_ids": [""]}])
def test_what_is_no_window(tenant, bad):
    answer = tenant.post(PATH, json={"name": "Night", "starts_at": "2026-01-01T00:00:00Z", **bad})
    assert answer.status_code == 422, answer.text


def test_a_tier_without_it_refuses(stack, tenant):
    stack.sql("UPDATE tenants SET account_tier_id = 'starter' WHERE tenant_id = 'mended' AND EXISTS "
              "(SELECT FROM account_tiers WHERE tier_id = 'starter' AND features ->> 'maintenance_windows' = 'false')")
    tier = stack.sql("SELECT t.features ->> 'maintenance_windows' FROM tenants JOIN account_tiers t ON tier_id = "
                     "account_tier_id WHERE tenant_id = 'mended'")
    try:
        answer = tenant.post(PATH, json={"name": "Night", "starts_at": "2026-01-01T00:00:00Z"})
        assert answer.status_code == (403 if tier == [("false",)] else 201)
    finally:
        stack.sql("UPDATE tenants SET account_tier_id = (SELECT account_tier_id FROM tenants WHERE tenant_id = 'demo') "
                  "WHERE tenant_id = 'mended'")


def test_hours_run_over_midnight_in_the_tenants_zone(stack, tenant):
    # 2026-03-27 is a Friday; Berlin is an hour ahead of UTC, and two from the night of the 29th.
    assert tenant.put("/organization", json={"timezone": "Europe/Berlin"}).status_code == 200
    planned(tenant, recurring={"dow": [5, 6], "start_hour": 22, "end_hour": 4})
    assert [covered(stack, at) for at in (
        "2026-03-27T20:59:59Z", "2026-03-27T21:00:00Z", "2026-03-27T23:30:00Z", "2026-03-28T02:59:59Z",
        "2026-03-28T03:00:00Z")] == [False, True, True, True, False]
    # Saturday night is an hour short: 4:00 is 2:00 UTC. Thursday night is none of its days.
    assert [covered(stack, at) for at in ("2026-03-28T21:00:00Z", "2026-03-29T01:59:59Z", "2026-03-29T02:00:00Z",
                                          "2026-03-27T01:00:00Z", "2026-03-29T21:00:00Z")] == [True, True, False, False, False]


@pytest.mark.parametrize(("zone", "local_noon_utc"), [("Asia/Kolkata", "06:30"), ("America/New_York", "17:00"),
                                                      ("Pacific/Kiritimati", "22:00")])
def test_days_are_those_of_the_zone(stack, tenant, zone, local_noon_utc):
    tenant.put("/organization", json={"timezone": zone})
    planned(tenant, recurring={"dow": [3], "start_hour": 12, "end_hour": 13})  # Wednesday
    day = 13 if zone.startswith("Pacific") else 14
    assert covered(stack, f"2026-01-{day}T{local_noon_utc}:00Z")
    assert not covered(stack, f"2026-01-{day + 1}T{local_noon_utc}:00Z")


def test_bounds_scope_and_whole_days(stack, tenant):
    planned(tenant, starts_at="2026-02-01T00:00:00Z", ends_at="2026-02-03T00:00:00Z", site_ids=["hall"],
            device_types=["pump"], recurring={"dow": [0, 1, 2], "start_hour": 0, "end_hour": 24})
    assert [covered(stack, f"2026-{d}T12:00:00Z") for d in ("01-27", "02-01", "02-02", "02-03")] == [False, True, True, False]
    assert not covered(stack, "2026-02-01T12:00:00Z", site="yard") and not covered(stack, "2026-02-01T12:00:00Z", kind="fan")


def next_of(stack, recurring, at, zone="Europe/Berlin", starts="2026-01-01T00:00:00Z", ends=None):
    row = stack.sql("SELECT to_char(next_start AT TIME ZONE 'UTC', 'MM-DD HH24:MI'), "
                    "to_char(next_end AT TIME ZONE 'UTC', 'MM-DD HH24:MI') FROM pulse_next_maintenance("
                    "%s::timestamptz, %s::timestamptz, %s::jsonb, %s, %s::timestamptz)", [starts, ends, recurring, zone, at])
    return row[0] if row else None


def test_the_next_occurrence(stack):
    nights = '{"dow": [5], "start_hour": 22, "end_hour": 4}'
    assert next_of(stack, nights, "2026-03-24T00:00:00Z") == ("03-27 21:00", "03-28 03:00")
    assert next_of(stack, nights, "2026-03-28T02:00:00Z") == ("03-27 21:00", "03-28 03:00")  # under way
    assert next_of(stack, nights, "2026-03-28T03:00:00Z") == ("04-03 20:00", "04-04 02:00")
    assert next_of(stack, nights, "2026-03-28T03:00:00Z", ends="2026-04-01T00:00:00Z") is None
    assert next_of(stack, nights, "2026-01-01T00:00:00Z", starts="2026-06-01T00:00:00Z") == ("06-05 20:00", "06-06 02:00")
    assert next_of(stack, None, "2026-01-02T00:00:00Z") == ("01-01 00:00", None)
    assert next_of(stack, None, "2026-01-02T00:00:00Z", ends="2026-01-02T00:00:00Z") is None


def test_a_window_holds_back_what_opens_and_not_what_closes(stack, fresh_device, admin):
    """By a silent device, which the evaluator sees without a rule."""
    here = fresh_device["device_id"]

    def status():
        found = stack.sql("SELECT status FROM fleet_alert WHERE tenant_id = 'demo' AND device_id = %s AND "
                          "alert_type = 'NO_HEARTBEAT'", [here])
        return found[0][0] if found else None

    def state(now):
        stack.sql("INSERT INTO device_state (tenant_id, device_id, site_id, status, last_seen_at, last_state_change_at) "
                  "VALUES ('demo', %s, %s, %s, now() - interval '1 hour', now()) ON CONFLICT (tenant_id, device_id) "
                  "DO UPDATE SET status = excluded.status, last_seen_at = excluded.last_seen_at, last_state_change_at = now()",
                  [here, fresh_device["site_id"], now])

    window = admin.post(PATH, json={"name": "Hold", "starts_at": "2026-01-01T00:00:00Z",
                                    "site_ids": [fresh_device["site_id"]]}).json()
    free = stack.sql("SELECT device_id, site_id FROM device_registry WHERE tenant_id = 'demo' AND site_id <> %s "
                     "AND status = 'ACTIVE' LIMIT 1", [fresh_device["site_id"]])
    state("OFFLINE")
    if free:  # one that is not covered shows that the evaluator looked
        stack.sql("INSERT INTO device_state (tenant_id, device_id, site_id, status, last_seen_at, last_state_change_at) VALUES "
                  "('demo', %s, %s, 'OFFLINE', now() - interval '1 hour', now()) ON CONFLICT (tenant_id, device_id) DO "
                  "UPDATE SET status = 'OFFLINE', last_seen_at = now() - interval '1 hour', last_state_change_at = now()",
                  list(free[0]))
        wait_for("the uncovered device's alert", lambda: stack.sql(
            "SELECT 1 FROM fleet_alert WHERE tenant_id = 'demo' AND device_id = %s AND alert_type = 'NO_HEARTBEAT'",
            [free[0][0]]))
    assert status() is None
    admin.delete(f"{PATH}/{window['window_id']}")
    wait_for("its alert once the window is over", lambda: status() == "OPEN")
    window = admin.post(PATH, json={"name": "Hold", "starts_at": "2026-01-01T00:00:00Z"}).json()
    stack.sql("UPDATE device_state SET status = 'ONLINE', last_seen_at = now() + interval '1 hour', last_state_change_at "
              "= now() WHERE tenant_id = 'demo' AND device_id = %s", [here])
    wait_for("its end inside of a window", lambda: status() == "CLOSED")
    admin.delete(f"{PATH}/{window['window_id']}")

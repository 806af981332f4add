"""Platform staff: tenants, people of all tenants, and the trace that each look leaves."""

import pytest
from conftest import Api
from people import make_user

pytestmark = pytest.mark.either_directory

TENANTS, USERS = "/api/v1/operator/tenants", "/api/v1/operator/users"


@pytest.fixture(scope="module")
def staff(stack):
    return Api(stack, "operatoradmin1")


def user_of(api, name):
    return next(u for u in api.get(f"{USERS}?search={name}").json()["users"] if u["username"] == name)


def test_a_tenants_life(stack, staff, operator, directory):
    body = {"tenant_id": "acme-1", "name": "Acme", "contact_email": "it@acme.example", "account_tier_id": "growth"}
    assert staff.post(TENANTS, json=body).json() == {"tenant_id": "acme-1", "status": "created"}
    assert staff.post(TENANTS, json=body).json()["detail"] == "Tenant already exists"
    shown = operator.get(f"{TENANTS}/acme-1").json()
    assert (shown["name"], shown["contact_email"], shown["account_tier_id"]) == ("Acme", "it@acme.example", "growth")
    invited = staff.post(f"{TENANTS}/acme-1/invite", json={"email": "ceo@acme.example"})
    assert invited.status_code == 200 and directory.emails("ceo@acme.example")[0]["links"]
    stats = operator.get(f"{TENANTS}/acme-1/stats").json()
    assert stats["stats"]["devices"] == {"total": 0, "active": 0, "online": 0, "stale": 0}
    assert "acme-1" in [t["tenant_id"] for t in operator.get(f"{TENANTS}/stats/summary").json()["tenants"]]
    assert staff.patch(f"{TENANTS}/acme-1", json={"name": "Acme Corp", "sla_level": 99.9}).status_code == 200
    assert staff.delete(f"{TENANTS}/acme-1").json() == {"tenant_id": "acme-1", "status": "deleted"}
    assert staff.delete(f"{TENANTS}/acme-1").json()["detail"] == "Tenant not found or already deleted"
    assert "acme-1" not in [t["tenant_id"] for t in operator.get(f"{TENANTS}?limit=500").json()["tenants"]]
    assert staff.post(f"{TENANTS}/acme-1/restore").json()["status"] == "restored"
    assert operator.get(f"{TENANTS}?search=acme+corp").json()["total"] == 1


def test_a_first_administrator_whose_email_is_refused_is_not_made(staff, directory):
    with directory.refusing("unsent@demo.example"):
        refused = staff.post(f"{TENANTS}/demo/invite", json={"email": "unsent@demo.example"})
        assert refused.status_code == 502 and refused.json()["detail"] == "Email could not be sent"
    assert staff.get(f"{USERS}?search=unsent").json()["users"] == []


def test_what_is_deleted_goes_when_its_time_is_over(stack, staff):
    staff.post(TENANTS, json={"tenant_id": "gone-1", "name": "Gone"})
    make_user(stack, "gone1", tenant="gone-1", roles="customer,tenant-admin")
    make_user(stack, "gone1-staff", tenant="gone-1", roles="operator")
    api = Api(stack, "gone1")
    assert api.post("/sites", json={"site_id": "s", "name": "S"}).status_code == 201
    assert api.post("/devices", json={"device_id": "d", "name": "D", "site_id": "s"}).status_code == 201
    staff.delete(f"{TENANTS}/gone-1")
    assert api.get("/sites").status_code == 403
    stack.sql("UPDATE tenants SET purge_after = now() WHERE tenant_id = 'gone-1'")
    stack.command("admin", "purge-tenants")
    tables = stack.sql("SELECT c.oid::regclass::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND "
                       "a.attname = 'tenant_id' WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') "
                       "AND c.relname <> 'audit_log'")
    left = [t for (t,) in tables if stack.sql(f"SELECT 1 FROM {t} WHERE tenant_id = 'gone-1' LIMIT 1")]
    assert left == []
    assert staff.post(f"{TENANTS}/gone-1/restore").status_code == 404
    # Its people went with it, and staff that was in it stays.
    users = staff.get(f"{USERS}?search=gone1").json()["users"]
    assert [(u["username"], u["tenant_id"]) for u in users] == [("gone1-staff", None)]


@pytest.mark.parametrize("tenant_id", ["A", "Acme", "a_b", "-a", "a-", "a.b", "x" * 65, "a"])
def test_bad_tenant_ids(staff, tenant_id):
    answer = staff.post(TENANTS, json={"tenant_id": tenant_id, "name": "X"})
    assert answer.status_code == 400 and answer.json()["detail"].startswith("tenant_id must be")


def test_refusals(staff, operator, customer):
    assert operator.post(TENANTS, json={"tenant_id": "no", "name": "No"}).json()["detail"] == "Role required: operator-admin"
    refused = customer.get(TENANTS)
    assert refused.status_code == 403 and refused.json()["detail"] == "Operator role required"
    assert staff.get(f"{TENANTS}/nowhere").status_code == 404
    assert staff.patch(f"{TENANTS}/demo", json={}).json()["detail"] == "No fields to update"
    assert staff.patch(f"{TENANTS}/demo", json={"account_tier_id": "galactic"}).json()["detail"] == "Unknown account tier"
    assert staff.patch(f"{TENANTS}/demo", json={"status": "GONE"}).status_code == 422
    assert operator.get(f"{TENANTS}?search=%25").json()["total"] == 0


def test_every_look_leaves_a_line(stack, staff, operator):
    before = stack.sql("SELECT count(*) FROM operator_audit_log")[0][0]
    operator.get(f"{TENANTS}/demo", headers={"User-Agent": "curious/1.0", "X-Request-ID": "look-1"})
    line = stack.sql("SELECT action, tenant_filter, host(ip_address), user_agent, request_id FROM operator_audit_log "
                     "ORDER BY id DESC LIMIT 1")[0]
    assert line == ("get_tenant", "demo", "127.0.0.1", "curious/1.0", "look-1")
    assert stack.sql("SELECT count(*) FROM operator_audit_log")[0][0] == before + 1
    page = staff.get("/api/v1/operator/audit-log?source=operator&action=get_tenant&tenant_id=demo").json()
    assert page["total"] >= 1 and page["entries"][0]["action"] == "get_tenant" and page["action"] == "get_tenant"
    events = staff.get("/api/v1/operator/audit-log?category=security&limit=5").json()["events"]
    assert events and "tenant_id" in events[0]
    assert staff.get("/api/v1/operator/audit-log?since=never").json()["detail"] == "Invalid since value; use ISO 8601"
    assert "event_type" in staff.get("/api/v1/operator/audit-log/export?format=csv", stream=True).text


def test_a_users_life(stack, staff, operator, directory):
    body = {"username": "walker", "email": "walker@demo.example", "first_name": "W", "tenant_id": "demo",
            "temporary_password": "first-password-1"}
    made = staff.post(USERS, json=body)
    assert made.status_code == 200 and made.json()["message"] == "User created successfully"
    who = made.json()["id"]
    assert staff.post(USERS, json={**body, "username": "walker2"}).json()["detail"] == "User with this email already exists"
    assert user_of(operator, "walker")["tenant_id"] == "demo"
    assert staff.put(f"{USERS}/{who}", json={"last_name": "Er"}).json() == {"message": "User updated successfully"}
    assert operator.get(f"{USERS}/{who}").json()["last_name"] == "Er"
    assert staff.post(f"{USERS}/{who}/password", json={"password": "pulse-demo-1", "temporary": False}).status_code == 200
    directory.wait_out_revocation()
    api = Api(stack, "walker")
    assert api.get("/devices").status_code == 200
    assert operator.get(f"{USERS}/{who}/sessions").json()["sessions"]
    assert staff.delete(f"{USERS}/{who}/sessions").status_code == 204
    assert api.session.get(f"{stack.url}/api/v1/customer/devices", timeout=10).status_code == 401
    assert staff.post(f"{USERS}/{who}/roles", json={"role": "tenant-admin"}).status_code == 200
    assert "tenant-admin" in operator.get(f"{USERS}/{who}").json()["roles"]
    assert staff.delete(f"{USERS}/{who}/roles/tenant-admin").status_code == 200
    assert operator.get(f"{USERS}/{who}").json()["roles"] == ["customer"]
    assert staff.post(f"{USERS}/{who}/tenant", json={"tenant_id": "other"}).status_code == 200
    assert operator.get(f"{USERS}/{who}").json()["tenant_id"] == "other"
    assert staff.post(f"{USERS}/{who}/send-welcome-email").json()["status"] == "ok"
    assert staff.post(f"{USERS}/{who}/reset-password").json() == {"message": "Password reset email sent"}
    assert len(directory.emails("walker@demo.example")) == 2
    assert staff.post(f"{USERS}/{who}/disable").json() == {"message": "User disabled"}
    assert staff.post(f"{USERS}/{who}/enable").json() == {"message": "User enabled"}
    assert staff.delete(f"{USERS}/{who}").json() == {"message": "User deleted successfully"}
    assert operator.get(f"{USERS}/{who}").json()["detail"] == "User not found"


def test_refusals_about_users(stack, staff, operator):
    me = user_of(staff, "operatoradmin1")["id"]
    assert staff.delete(f"{USERS}/{me}").json()["detail"] == "Cannot delete your own account"
    assert staff.post(f"{USERS}/{me}/disable").json()["detail"] == "Cannot disable your own account"
    assert staff.delete(f"{USERS}/{me}/roles/operator-admin").status_code == 400
    assert staff.get(f"{USERS}/not-a-user").status_code == 404
    assert staff.post(f"{USERS}/{me}/roles", json={"role": "root"}).json()["detail"].startswith("Invalid role. Must be one of")
    # Only an operator-admin makes operators.
    assert operator.post(USERS, json={"username": "x", "email": "x@y.example", "role": "operator"}).status_code == 403
    assert staff.post(f"{USERS}/{me}/tenant", json={"tenant_id": "nowhere"}).json()["detail"] == "Tenant not found"
    assert "demo" in [o["alias"] for o in staff.get("/api/v1/operator/organizations").json()["organizations"]]


def test_tiers_are_listed_with_their_limits(staff, customer):
    tiers = staff.get("/api/v1/operator/account-tiers").json()["tiers"]
    assert [t["tier_id"] for t in tiers][:2] == ["free", "growth"]
    assert tiers[0]["limits"]["users"] == 2 and tiers[0]["features"]["sso"] is False and tiers[0]["is_active"]
    assert customer.get("/api/v1/operator/account-tiers").status_code == 403


def test_people_are_counted(stack, staff, directory):
    staff.post(TENANTS, json={"tenant_id": "counted", "name": "Counted"})
    for name in ("c-one", "c-two"):
        make_user(stack, name, "counted")
    assert staff.get(f"{TENANTS}/counted/stats").json()["stats"]["users"] == 2
    summary = {t["tenant_id"]: t for t in staff.get(f"{TENANTS}/stats/summary").json()["tenants"]}
    assert summary["counted"]["user_count"] == (2 if directory.counts_people else None)


def test_the_time_to_undo_can_be_ended(stack, staff, operator):
    staff.post(TENANTS, json={"tenant_id": "gone-2", "name": "Gone"})
    assert staff.post(f"{TENANTS}/gone-2/purge").json()["detail"] == "Tenant not found or not deleted"
    staff.delete(f"{TENANTS}/gone-2")
    assert operator.post(f"{TENANTS}/gone-2/purge").status_code == 403
    assert staff.post(f"{TENANTS}/gone-2/purge").json() == {"tenant_id": "gone-2", "status": "purging"}
    assert staff.post(f"{TENANTS}/gone-2/restore").status_code == 404
    stack.command("admin", "purge-tenants")
    assert staff.get(f"{TENANTS}/gone-2").status_code == 404


def test_one_session_is_ended(stack, staff, operator):
    make_user(stack, "two-places", "demo")
    who = user_of(operator, "two-places")["id"]
    here, there = Api(stack, "two-places"), Api(stack, "two-places")
    sessions = operator.get(f"{USERS}/{who}/sessions").json()["sessions"]
    assert len(sessions) == 2
    assert operator.delete(f"{USERS}/{who}/sessions/{sessions[0]['id']}").status_code == 403
    assert staff.delete(f"{USERS}/{who}/sessions/{sessions[0]['id']}").status_code == 204
    assert [s["id"] for s in operator.get(f"{USERS}/{who}/sessions").json()["sessions"]] == [sessions[1]["id"]]
    where = f"{stack.url}/api/v1/customer/devices"
    assert sorted(a.session.get(where, timeout=10).status_code for a in (here, there)) == [200, 401]
    assert staff.delete(f"{USERS}/{who}/sessions/{sessions[0]['id']}").status_code == 404


def test_lines_of_staff_are_searched_and_named(staff, operator):
    operator.get(f"{TENANTS}/demo", headers={"X-Request-ID": "look-for-me"})
    log = "/api/v1/operator/audit-log?source=operator"
    found = staff.get(f"{log}&search=LOOK-for").json()
    assert found["total"] == 1 and found["entries"][0]["user_name"] == "operator1"
    assert staff.get(f"{log}&end=2020-01-01T00:00:00Z").json()["total"] == 0
    assert staff.get(f"{log}&start=2020-01-01T00:00:00Z&search=look-for-me").json()["total"] == 1
    assert staff.get(f"{log}&start=soon").json()["detail"] == "Invalid start value; use ISO 8601"


def test_a_change_is_told_with_what_was_before(staff):
    staff.post(TENANTS, json={"tenant_id": "told", "name": "Told", "city": "Kiel"})
    staff.patch(f"{TENANTS}/told", json={"city": "Lübeck", "phone": "1"})
    events = staff.get("/api/v1/operator/audit-log?tenant_id=told&entity_type=tenant").json()["events"]
    assert events[0]["event_type"] == "tenant.updated"
    assert events[0]["details"] == {"before": {"city": "Kiel", "phone": None}, "after": {"city": "Lübeck", "phone": "1"}}
    only = staff.get("/api/v1/operator/audit-log?tenant_id=told&event_type=tenant.created").json()["events"]
    assert [e["event_type"] for e in only] == ["tenant.created"]
    lines = staff.get("/api/v1/operator/audit-log/export?format=csv&tenant_id=told", stream=True).text.splitlines()
    assert lines[0].endswith(",tenant_id") and all(line.endswith(",told") for line in lines[1:])


def test_a_page_past_the_end_knows_how_many_there_are(staff):
    for path, rows in ((TENANTS, "tenants"), ("/api/v1/operator/audit-log", "events"),
                       ("/api/v1/operator/audit-log?source=operator&action=list_tenants", "entries")):
        joint = "&" if "?" in path else "?"
        past = staff.get(f"{path}{joint}offset=100000").json()
        assert past[rows] == [] and 0 < past["total"] < 100_000
    assert staff.get(f"{TENANTS}?search=nobody-has-this&offset=7").json()["total"] == 0

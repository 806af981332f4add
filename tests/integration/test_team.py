"""The team: invitations, changes, removal; sessions that end; the last administrator; limits of the tier."""

import pytest
import requests
from conftest import Api
from people import emails, make_user


@pytest.fixture(scope="module")
def team(stack, conformance):
    """A tenant of its own with one administrator."""
    stack.command("admin", "create-tenant", "--id", "team", "--name", "Team")
    make_user(stack, "boss", tenant="team", roles="customer,tenant-admin")
    return Api(stack, "boss", conformance)


def invite(api, address, **more):
    return api.post("/users/invite", json={"email": address, "first_name": "Ann", "last_name": "Lee", **more})


def find(api, name):
    return next((u for u in api.get(f"/users?search={name}").json()["users"] if u["username"] == name), None)


def test_an_invitation_from_its_email_to_the_first_sign_in(stack, team, conformance):
    answer = invite(team, "ann@team.example")
    assert answer.status_code == 200
    made = answer.json()
    assert made["username"] == "ann" and made["message"] == "User invited successfully. Password reset email sent."
    again = invite(team, "ANN@team.example")
    assert again.status_code == 409 and again.json()["detail"] == "User with this email already exists"
    assert invite(team, "ann@elsewhere.example").json()["username"] == "ann2"
    link = emails(stack, "ann@team.example")[0]["links"][0]
    assert requests.get(link, timeout=10).status_code == 200
    shown = team.get(f"/users/{made['id']}").json()
    assert shown["email"] == "ann@team.example" and shown["tenant_id"] == "team" and shown["enabled"]
    assert "password" not in str(shown)
    events = team.get("/audit-log?category=security&entity_id=" + made["id"]).json()["events"]
    assert any(e["event_type"] == "user.invited" and e["actor_name"] == "boss" for e in events)


def test_refusals(team, customer, other):
    assert invite(team, "x@y.example", role="operator").json()["detail"].startswith("Invalid role. Must be one of")
    assert invite(team, "not an address").status_code == 422
    me = find(team, "boss")["id"]
    assert team.delete(f"/users/{me}").json()["detail"] == "Cannot remove yourself from tenant"
    assert team.post(f"/users/{me}/role", json={"role": "customer"}).json()["detail"] == "Cannot change your own role"
    # Another tenant's person is nobody.
    for call in (other.get, other.delete):
        answer = call(f"/users/{me}")
        assert answer.status_code == 404 and answer.json()["detail"] == "User not found"
    assert other.put(f"/users/{me}", json={"first_name": "Eve"}).status_code == 404
    assert other.post(f"/users/{me}/reset-password").status_code == 404
    assert other.get(f"/users/{me}/sessions").status_code == 404
    assert not [u for u in customer.get("/users?limit=500").json()["users"] if u["username"] == "boss"]
    # Who is no tenant administrator makes none, though a Full Admin.
    assert invite(customer, "new-boss@demo.example", role="tenant-admin").status_code == 403


def test_disabling_ends_what_is_open_at_once(stack, team, conformance):
    make_user(stack, "temp", tenant="team")
    temp, who = Api(stack, "temp", conformance), find(team, "temp")["id"]
    assert temp.get("/devices").status_code == 200
    assert team.post(f"/users/{who}/disable").json() == {"message": "User disabled"}
    closed = temp.get("/devices")
    assert closed.status_code == 401 and closed.json()["detail"] == "Session ended"
    assert requests.post(f"{stack.url}/realms/pulse/protocol/openid-connect/token", timeout=10, data={
        "grant_type": "password", "client_id": "pulse-ui", "username": "temp", "password": "pulse-demo-1"}).status_code != 200
    assert team.post(f"/users/{who}/enable").json() == {"message": "User enabled"}


def test_removal_ends_sessions_and_tokens(stack, team, conformance):
    make_user(stack, "leaver", tenant="team")
    leaver, who = Api(stack, "leaver", conformance), find(team, "leaver")["id"]
    token = leaver.post("/api-tokens", json={"name": "mine", "scopes": ["devices.read"]}).json()["token"]
    with_token = {"Authorization": f"Bearer {token}"}
    assert requests.get(f"{stack.url}/api/v1/customer/devices", headers=with_token, timeout=10).status_code == 200
    assert team.delete(f"/users/{who}").json() == {"message": "User removed from tenant"}
    assert leaver.session.get(f"{stack.url}/api/v1/customer/devices", timeout=10).status_code == 401
    assert requests.get(f"{stack.url}/api/v1/customer/devices", headers=with_token, timeout=10).status_code == 401
    assert team.get(f"/users/{who}").status_code == 404


def test_the_last_administrator_stays(stack, team, conformance):
    make_user(stack, "second", tenant="team", roles="customer,tenant-admin")
    second, boss = Api(stack, "second", conformance), find(team, "boss")["id"]
    assert team.post(f"/users/{find(team, 'second')['id']}/role", json={"role": "customer"}).status_code == 200
    make_user(stack, "third", tenant="team")
    third = find(team, "third")["id"]
    roles = {r["name"]: r["id"] for r in team.get("/roles").json()["roles"]}
    assert team.put(f"/users/{third}/assignments", json={"role_ids": [roles["Team Admin"]]}).status_code == 200
    helper = Api(stack, "third", conformance)
    # Two now administer: the one by role may go, the other may not be touched by whom holds less.
    assert helper.post(f"/users/{boss}/role", json={"role": "customer"}).status_code == 403
    assert team.put(f"/users/{third}/assignments", json={"role_ids": [roles["Viewer"]]}).status_code == 200
    make_user(stack, "fourth", tenant="team", roles="customer,tenant-admin")
    fourth = Api(stack, "fourth", conformance)
    assert fourth.post(f"/users/{boss}/disable").status_code == 200
    assert second.get("/devices").status_code in (200, 401)
    me = find(fourth, "fourth")["id"]
    assert fourth.post(f"/users/{me}/disable").status_code == 400
    assert fourth.post(f"/users/{boss}/enable").status_code == 200
    team.renew()


def test_the_tier_limits_people_and_says_so(stack, conformance):
    stack.sql("INSERT INTO tenants (tenant_id, name, account_tier_id) VALUES ('tiny', 'Tiny', 'free')")
    make_user(stack, "tiny1", tenant="tiny", roles="customer,tenant-admin")
    api = Api(stack, "tiny1", conformance)
    assert invite(api, "tiny2@tiny.example").status_code == 200
    full = invite(api, "tiny3@tiny.example")
    assert full.status_code == 403 and full.json()["detail"].startswith("User limit reached")
    limits = {x["name"]: x for x in api.get("/limits").json()["limits"]}
    assert limits["users"]["limit"] == 2 and limits["users"]["used"] == 2
    # 30 requests a minute is the whole tier's: the answer says when to come again.
    answers = [api.session.get(f"{stack.url}/api/v1/customer/sites", timeout=10) for _ in range(40)]
    assert answers[0].headers["RateLimit-Limit"] == "30"
    last = answers[-1]
    assert last.status_code == 429 and int(last.headers["Retry-After"]) >= 1 and last.headers["RateLimit-Remaining"] == "0"


def test_ones_own_sessions(stack, conformance):
    make_user(stack, "roamer", tenant="team")
    here, there = Api(stack, "roamer", conformance), Api(stack, "roamer", conformance)
    sessions = here.get("/sessions").json()["sessions"]
    assert len(sessions) == 2 and [s["current"] for s in sessions].count(True) == 1
    assert here.delete("/sessions").status_code == 204
    assert there.session.get(f"{stack.url}/api/v1/customer/devices", timeout=10).status_code == 401
    assert here.get("/devices").status_code == 200
    assert here.delete("/sessions/00000000-0000-0000-0000-000000000000").status_code == 404

"""The team: invitations, changes, removal; sessions that end; the last administrator; limits of the tier."""

import time

import pytest
import requests
from conftest import Api
from people import make_user

pytestmark = pytest.mark.either_directory


@pytest.fixture(scope="module")
def team(stack):
    """A tenant of its own with one administrator."""
    stack.command("admin", "create-tenant", "--id", "team", "--name", "Team")
    make_user(stack, "boss", tenant="team", roles="customer,tenant-admin")
    return Api(stack, "boss")


def invite(api, address, **more):
    return api.post("/users/invite", json={"email": address, "first_name": "Ann", "last_name": "Lee", **more})


def find(api, name):
    return next((u for u in api.get(f"/users?search={name}").json()["users"] if u["username"] == name), None)


def test_an_invitation_from_its_email_to_the_first_sign_in(stack, team, directory):
    answer = invite(team, "ann@team.example")
    assert answer.status_code == 200
    made = answer.json()
    assert made["username"] == "ann" and made["message"] == "User invited successfully. Password reset email sent."
    again = invite(team, "ANN@team.example")
    assert again.status_code == 409 and again.json()["detail"] == "User with this email already exists"
    assert invite(team, "ann@elsewhere.example").json()["username"] == "ann2"
    sent = directory.emails("ann@team.example")[0]
    assert ("boss invites you to Team" in sent["subject"]) == directory.names_who_invites
    assert requests.get(sent["links"][0], timeout=10).status_code == 200
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


def test_disabling_ends_what_is_open_at_once(stack, team):
    make_user(stack, "temp", tenant="team")
    temp, who = Api(stack, "temp"), find(team, "temp")["id"]
    assert temp.get("/devices").status_code == 200
    assert team.post(f"/users/{who}/disable").json() == {"message": "User disabled"}
    closed = temp.get("/devices")
    assert closed.status_code == 401 and closed.json()["detail"] == "Session ended"
    assert requests.post(f"{stack.issuer}/realms/pulse/protocol/openid-connect/token", timeout=10, data={
        "grant_type": "password", "client_id": "pulse-ui", "username": "temp", "password": "pulse-demo-1"}).status_code != 200
    assert team.post(f"/users/{who}/enable").json() == {"message": "User enabled"}


def test_removal_ends_sessions_and_tokens(stack, team):
    make_user(stack, "leaver", tenant="team")
    leaver, who = Api(stack, "leaver"), find(team, "leaver")["id"]
    token = leaver.post("/api-tokens", json={"name": "mine", "scopes": ["devices.read"]}).json()["token"]
    with_token = {"Authorization": f"Bearer {token}"}
    assert requests.get(f"{stack.url}/api/v1/customer/devices", headers=with_token, timeout=10).status_code == 200
    assert team.delete(f"/users/{who}").json() == {"message": "User removed from tenant"}
    assert leaver.session.get(f"{stack.url}/api/v1/customer/devices", timeout=10).status_code == 401
    assert requests.get(f"{stack.url}/api/v1/customer/devices", headers=with_token, timeout=10).status_code == 401
    assert team.get(f"/users/{who}").status_code == 404


def test_the_last_administrator_stays(stack, team):
    make_user(stack, "second", tenant="team", roles="customer,tenant-admin")
    second, boss = Api(stack, "second"), find(team, "boss")["id"]
    assert team.post(f"/users/{find(team, 'second')['id']}/role", json={"role": "customer"}).status_code == 200
    make_user(stack, "third", tenant="team")
    third = find(team, "third")["id"]
    roles = {r["name"]: r["id"] for r in team.get("/roles").json()["roles"]}
    assert team.put(f"/users/{third}/assignments", json={"role_ids": [roles["Team Admin"]]}).status_code == 200
    helper = Api(stack, "third")
    # Two now administer: the one by role may go, the other may not be touched by whom holds less.
    assert helper.post(f"/users/{boss}/role", json={"role": "customer"}).status_code == 403
    assert team.put(f"/users/{third}/assignments", json={"role_ids": [roles["Viewer"]]}).status_code == 200
    make_user(stack, "fourth", tenant="team", roles="customer,tenant-admin")
    fourth = Api(stack, "fourth")
    assert fourth.post(f"/users/{boss}/disable").status_code == 200
    assert second.get("/devices").status_code in (200, 401)
    me = find(fourth, "fourth")["id"]
    assert fourth.post(f"/users/{me}/disable").status_code == 400
    assert fourth.post(f"/users/{boss}/enable").status_code == 200
    time.sleep(1.1)  # tokens tell whole seconds: one of the very second of a revocation is refused
    team.renew()


def test_the_tier_limits_people_and_says_so(stack):
    stack.command("admin", "create-tenant", "--id", "tiny", "--name", "Tiny")
    stack.sql("UPDATE tenants SET account_tier_id = 'free' WHERE tenant_id = 'tiny'")
    make_user(stack, "tiny1", tenant="tiny", roles="customer,tenant-admin")
    api = Api(stack, "tiny1")
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


def test_ones_own_sessions(stack):
    make_user(stack, "roamer", tenant="team")
    here, there = Api(stack, "roamer"), Api(stack, "roamer")
    sessions = here.get("/sessions").json()["sessions"]
    assert len(sessions) == 2 and [s["current"] for s in sessions].count(True) == 1
    assert here.delete("/sessions").status_code == 204
    assert there.session.get(f"{stack.url}/api/v1/customer/devices", timeout=10).status_code == 401
    assert here.get("/devices").status_code == 200
    assert here.delete("/sessions/00000000-0000-0000-0000-000000000000").status_code == 404


def test_one_of_ones_own_sessions_is_ended(stack):
    make_user(stack, "wanderer", tenant="team")
    here, there = Api(stack, "wanderer"), Api(stack, "wanderer")
    gone = next(s for s in here.get("/sessions").json()["sessions"] if not s["current"])
    assert here.delete(f"/sessions/{gone['id']}").status_code == 204
    assert there.session.get(f"{stack.url}/api/v1/customer/devices", timeout=10).status_code == 401
    assert [s["current"] for s in here.get("/sessions").json()["sessions"]] == [True]


def test_an_administrator_changes_a_person_and_ends_their_sessions(stack, team, other, directory):
    make_user(stack, "renamed", tenant="team")
    who = find(team, "renamed")["id"]
    changed = team.put(f"/users/{who}", json={"first_name": "Re", "last_name": "Named", "email": "new@team.example"})
    assert changed.json() == {"message": "User updated successfully"}
    shown = team.get(f"/users/{who}").json()
    assert (shown["first_name"], shown["last_name"], shown["email"]) == ("Re", "Named", "new@team.example")
    boss = find(team, "boss")
    taken = team.put(f"/users/{who}", json={"email": boss["email"]})
    assert taken.status_code == 409 and taken.json()["detail"] == "User with this email already exists"
    assert team.post(f"/users/{who}/reset-password").json() == {"message": "Password reset email sent"}
    sent = directory.emails("new@team.example")
    assert len(sent) == 1 and requests.get(sent[0]["links"][0], timeout=10).status_code == 200
    api = Api(stack, "renamed")
    assert len(team.get(f"/users/{who}/sessions").json()["sessions"]) == 1
    assert other.delete(f"/users/{who}/sessions").status_code == 404
    assert team.delete(f"/users/{who}/sessions").status_code == 204
    assert team.get(f"/users/{who}/sessions").json()["sessions"] == []
    assert api.session.get(f"{stack.url}/api/v1/customer/devices", timeout=10).status_code == 401


def test_an_invitation_whose_email_is_refused_leaves_nobody_behind(stack, directory):
    stack.command("admin", "create-tenant", "--id", "mailing", "--name", "Mailing")
    make_user(stack, "mailing1", tenant="mailing", roles="customer,tenant-admin")
    api = Api(stack, "mailing1")
    with directory.refusing("gone@mailing.example"):
        refused = invite(api, "gone@mailing.example")
        assert refused.status_code == 502 and refused.json()["detail"] == "Email could not be sent"
        done = stack.command("admin", "invite", "--email", "gone@mailing.example", "--tenant", "mailing", check=False)
        assert done.returncode != 0 and "Email could not be sent" in done.stderr
        assert find(api, "gone") is None
    # So the next try finds the address free, by either way.
    stack.command("admin", "invite", "--email", "gone@mailing.example", "--tenant", "mailing")
    assert find(api, "gone") and directory.emails("gone@mailing.example")[0]["links"]

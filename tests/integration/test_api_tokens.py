"""Tokens of people and machines: scopes, life, rotation, revocation, and what they can't do."""

import pytest
import requests
from conftest import Api
from people import make_user
from servers import wait_for

pytestmark = pytest.mark.either_directory


class Bearer:
    """A caller with an API token."""

    def __init__(self, stack, token):
        self.stack, self.token = stack, token

    def __call__(self, method, path, **kwargs):
        return requests.request(method, f"{self.stack.url}/api/v1/customer{path}", timeout=10,
                                headers={"Authorization": f"Bearer {self.token}"}, **kwargs)


@pytest.fixture(scope="module")
def owner(stack):
    make_user(stack, "integrator", roles="customer,tenant-admin")
    return Api(stack, "integrator")


def test_a_token_does_what_its_scopes_say(stack, owner):
    made = owner.post("/api-tokens", json={"name": "Grafana", "scopes": ["devices.read", "sites.write"], "expires_in_days": 30})
    assert made.status_code == 201
    token = made.json()
    assert token["token"].startswith("pulse_pat_") and token["hint"][-4:] == token["token"][-4:]
    call = Bearer(stack, token["token"])
    assert call("GET", "/devices").status_code == 200
    assert call("POST", "/sites", json={"site_id": "by-token", "name": "By token"}).status_code == 201
    refused = call("POST", "/users/invite", json={"email": "x@y.example"})
    assert refused.status_code == 403 and refused.json()["detail"] == "Permission required: users.invite"
    assert set(call("GET", "/me/permissions").json()["permissions"]) == {"devices.read", "sites.write"}
    # It makes no more of its kind, and never shows itself again.
    assert call("POST", "/api-tokens", json={"name": "n", "scopes": ["devices.read"]}).status_code == 403
    listed = owner.get("/api-tokens").json()["tokens"][0]
    assert "token" not in listed and listed["last_used_at"] and listed["last_used_ip"] == "127.0.0.1"
    stored = stack.sql("SELECT token_hash FROM api_tokens WHERE id = %s", (token["id"],))[0][0]
    assert token["token"] not in stored
    assert stack.sql("SELECT count(*) FROM audit_log WHERE details::text LIKE %s", (f"%{token['token']}%",))[0][0] == 0
    seen = wait_for("the event", lambda: owner.get("/audit-log?search=by-token").json()["events"])
    assert seen[0]["details"]["api_token_id"] == token["id"]


def test_rotation_and_revocation_hold_at_once(stack, owner):
    token = owner.post("/api-tokens", json={"name": "turning", "scopes": ["devices.read"]}).json()
    old = Bearer(stack, token["token"])
    assert old("GET", "/devices").status_code == 200
    turned = owner.post(f"/api-tokens/{token['id']}/rotate").json()
    assert old("GET", "/devices").status_code == 401
    new = Bearer(stack, turned["token"])
    assert new("GET", "/devices").status_code == 200
    assert owner.delete(f"/api-tokens/{token['id']}").status_code == 204
    gone = new("GET", "/devices")
    assert gone.status_code == 401 and gone.json()["detail"] == "Invalid token"
    assert owner.delete(f"/api-tokens/{token['id']}").status_code == 404


def test_an_expired_token_is_refused(stack, owner):
    token = owner.post("/api-tokens", json={"name": "short", "scopes": ["devices.read"], "expires_in_days": 1}).json()
    stack.sql("UPDATE api_tokens SET expires_at = now() - interval '1 second' WHERE id = %s", (token["id"],))
    answer = Bearer(stack, token["token"])("GET", "/devices")
    assert answer.status_code == 401 and answer.json()["detail"] == "Token expired"


def test_nobody_makes_more_than_they_hold(owner, customer):
    assert owner.post("/api-tokens", json={"name": "n", "scopes": ["devices.fly"]}).json()["detail"] == "Unknown scope: devices.fly"
    refused = customer.post("/api-tokens", json={"name": "n", "scopes": ["dashboard.share"]})
    assert refused.status_code == 403
    assert owner.post("/api-tokens", json={"name": "n", "scopes": []}).status_code == 422
    assert owner.post("/api-tokens", json={"name": "n", "scopes": ["devices.read"], "expires_in_days": 999}).status_code == 422


def test_a_demoted_owners_token_shrinks(stack, admin):
    make_user(stack, "shrinking", roles="customer,tenant-admin")
    api = Api(stack, "shrinking")
    call = Bearer(stack, api.post("/api-tokens", json={"name": "n", "scopes": ["sites.write", "devices.read"]}).json()["token"])
    assert call("POST", "/sites", json={"site_id": "grown", "name": "Grown"}).status_code == 201
    who = admin.get("/users?search=shrinking").json()["users"][0]["id"]
    assert admin.post(f"/users/{who}/role", json={"role": "customer"}).status_code == 200
    assert call("DELETE", "/sites/grown").status_code == 403
    assert admin.delete("/sites/grown").status_code == 204


def test_service_accounts(stack, owner, other):
    made = owner.post("/service-accounts", json={"name": "Warehouse system"})
    assert made.status_code == 201
    account = made.json()["id"]
    assert owner.post("/service-accounts", json={"name": "warehouse SYSTEM"}).status_code == 409
    token = owner.post(f"/service-accounts/{account}/tokens", json={"name": "prod", "scopes": ["sites.write"]}).json()
    assert token["token"].startswith("pulse_svc_")
    call = Bearer(stack, token["token"])
    assert call("POST", "/sites", json={"site_id": "by-machine", "name": "By machine"}).status_code == 201
    assert call("POST", "/devices", json={"device_id": "no", "name": "No"}).status_code == 403
    event = wait_for("the event", lambda: owner.get("/audit-log?search=by-machine").json()["events"])[0]
    assert event["actor_type"] == "service" and event["actor_name"] == "Warehouse system"
    for path in (f"/service-accounts/{account}", f"/service-accounts/{account}/tokens/{token['id']}"):
        assert other.delete(path).status_code == 404
    assert other.get(f"/service-accounts/{account}").status_code == 404
    assert not other.get("/service-accounts").json()["service_accounts"]
    assert owner.patch(f"/service-accounts/{account}", json={"enabled": False}).json()["disabled_at"]
    assert call("GET", "/sites").status_code == 401
    assert owner.patch(f"/service-accounts/{account}", json={"enabled": True}).json()["disabled_at"] is None
    shown = owner.get(f"/service-accounts/{account}").json()
    assert shown["name"] == "Warehouse system" and [t["id"] for t in shown["tokens"]] == [token["id"]]
    second = owner.post(f"/service-accounts/{account}/tokens", json={"name": "b", "scopes": ["sites.read"]}).json()
    assert Bearer(stack, second["token"])("GET", "/sites").status_code == 200
    assert owner.delete(f"/service-accounts/{account}/tokens/{second['id']}").status_code == 204
    assert Bearer(stack, second["token"])("GET", "/sites").status_code == 401
    turned = owner.post(f"/service-accounts/{account}/tokens/{token['id']}/rotate").json()
    assert Bearer(stack, turned["token"])("GET", "/sites").status_code == 200 and call("GET", "/sites").status_code == 401
    assert owner.delete(f"/service-accounts/{account}").status_code == 204
    assert Bearer(stack, turned["token"])("GET", "/sites").status_code == 401


@pytest.mark.parametrize("token", ["pulse_", "pulse_pat_", "pulse_pat_x", "pulse_svc_" + "a" * 43, "pulse_pat_" + "a" * 9000])
def test_made_up_tokens_are_nobody(stack, token):
    answer = Bearer(stack, token)("GET", "/devices")
    assert answer.status_code == 401 and answer.json()["detail"] == "Invalid token"


def test_a_token_that_nobody_has_leaves_one_event_a_minute(stack, operator):
    def events():
        return stack.sql("SELECT tenant_id, severity, host(ip_address) FROM audit_log WHERE event_type = 'api_token.unknown'")

    for number in range(5):
        assert Bearer(stack, f"pulse_pat_nobodys-{number}")("GET", "/devices").status_code == 401
    assert events() == [(None, "warning", "127.0.0.1")]
    assert "nobodys" not in str(stack.sql("SELECT to_jsonb(a) FROM audit_log a WHERE event_type = 'api_token.unknown'"))

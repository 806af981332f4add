"""Pulse and a real Keycloak: sign-in, roles and organizations, people by the API, and the directory itself."""

import base64
import json
import os
import pathlib
import re
import shutil
import subprocess
import uuid

import pytest
import requests

from servers import PASSWORD, ROOT, wait_for

SCREENS = ROOT / "build/screens"
DIRECTORY_TEST = pathlib.Path(os.environ.get("KEYCLOAK_DIRECTORY_TEST",
                                             ROOT / "build/release/tests/keycloak_directory_test"))


def claims(token: str) -> dict:
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def call(stack, method: str, path: str, user: str = "customer1", token: str | None = None, **kwargs):
    token = token or stack.token(user)
    return requests.request(method, f"{stack.url}/api/v1{path}", timeout=30,
                            headers={"Authorization": f"Bearer {token}"}, **kwargs)


def in_browser(stack, scenario: str, **more):
    SCREENS.mkdir(parents=True, exist_ok=True)
    env = {**os.environ, "PULSE_URL": stack.url, "KEYCLOAK_URL": stack.keycloak.url, "WEB": str(ROOT / "web"),
           "SCREENS": str(SCREENS), **more}
    done = subprocess.run([shutil.which("node"), str(pathlib.Path(__file__).with_name("scenarios.mjs")), scenario],
                          env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_discovery(stack, keycloak):
    document = requests.get(f"{keycloak.url}/realms/pulse/.well-known/openid-configuration", timeout=10).json()
    assert document["issuer"] == f"{keycloak.url}/realms/pulse"
    assert "S256" in document["code_challenge_methods_supported"]
    login = requests.get(f"{stack.url}/login", allow_redirects=False, timeout=10)
    assert login.headers["Location"].startswith(document["authorization_endpoint"] + "?")
    health = requests.get(f"{stack.url}/healthz", timeout=10).json()
    assert health["checks"]["keycloak"] is True or health["checks"]["keycloak"] == "ok", health
    # Pulse's own issuer is not there.
    own = requests.get(f"{stack.url}/realms/pulse/.well-known/openid-configuration", timeout=10)
    assert own.status_code == 404


@pytest.mark.parametrize("scenario", ["sign-in-refresh-and-sign-out", "a-wrong-password-is-told"])
def test_in_the_browser(stack, scenario):
    in_browser(stack, scenario)


def test_only_pkce_and_known_addresses(stack, keycloak):
    """The authorization endpoint refuses a request without PKCE, and a redirect to a stranger."""
    base = {"client_id": "pulse-ui", "response_type": "code", "scope": "openid", "state": "s"}
    good = {**base, "redirect_uri": f"{stack.url}/callback", "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            "code_challenge_method": "S256"}
    url = f"{keycloak.url}/realms/pulse/protocol/openid-connect/auth"

    def ask(query):
        return requests.get(url, params=query, allow_redirects=False, timeout=20)

    assert ask(good).status_code == 200
    plain = ask({k: v for k, v in good.items() if not k.startswith("code_challenge")})
    assert "error=invalid_request" in plain.headers["Location"]
    assert ask({**good, "redirect_uri": "https://stranger.example/callback"}).status_code == 400
    assert ask({**good, "redirect_uri": f"{stack.url}/elsewhere"}).status_code == 400


def test_tokens_name_the_tenant_and_only_our_roles(stack, keycloak):
    granted = keycloak.token("tenantadmin1", PASSWORD).json()
    access = claims(granted["access_token"])
    assert granted["expires_in"] == 300 and 1700 < granted["refresh_expires_in"] <= 1800
    assert access["aud"] == "pulse-ui"
    assert list(access["organization"]) == ["demo"]
    assert sorted(access["realm_access"]["roles"]) == ["customer", "tenant-admin"]
    assert "resource_access" not in access
    operator = claims(stack.token("operatoradmin1"))
    assert "organization" not in operator
    assert sorted(operator["realm_access"]["roles"]) == ["operator", "operator-admin"]


def test_roles_and_organization_decide_at_the_api(stack):
    assert call(stack, "GET", "/customer/devices").json()["total"] == 3
    assert call(stack, "GET", "/customer/devices", "other1").json()["total"] == 0  # another tenant
    assert call(stack, "GET", "/customer/devices", "operator1").status_code == 403
    assert call(stack, "GET", "/operator/tenants", "operator1").status_code == 200
    assert call(stack, "GET", "/operator/tenants", "tenantadmin1").status_code == 403
    assert call(stack, "GET", "/customer/users").status_code == 200
    assert call(stack, "GET", "/customer/me/permissions", "tenantadmin1").status_code == 200


def test_tokens_for_others_are_refused(stack, keycloak):
    service = keycloak.service().headers["Authorization"].removeprefix("Bearer ")
    assert call(stack, "GET", "/customer/devices", token=service).status_code == 401


def test_a_disabled_organization_lets_nobody_in(stack, keycloak):
    session = keycloak.service()
    organization = session.get(f"{keycloak.admin_url}/organizations", params={"q": "alias:other"}, timeout=15).json()[0]
    where = f"{keycloak.admin_url}/organizations/{organization['id']}"
    try:
        assert session.put(where, json={**organization, "enabled": False}, timeout=15).ok
        assert call(stack, "GET", "/customer/devices", "other1").status_code == 403
    finally:
        assert session.put(where, json={**organization, "enabled": True}, timeout=15).ok
    assert call(stack, "GET", "/customer/devices", "other1").status_code == 200


def test_passwords_are_not_tried_without_end(stack, keycloak):
    name = f"locked-{uuid.uuid4().hex[:8]}"
    stack.command("admin", "create-user", "--username", name, "--password", PASSWORD, "--email",
                  f"{name}@demo.example", "--tenant", "demo", "--role", "customer")
    assert keycloak.token(name, PASSWORD).status_code == 200
    for _ in range(11):
        assert keycloak.token(name, "wrong").status_code == 401
    assert keycloak.token(name, PASSWORD).status_code != 200


def test_refresh_tokens_rotate(keycloak):
    granted = keycloak.token("customer1", PASSWORD).json()

    def refresh(token):
        return requests.post(f"{keycloak.url}/realms/pulse/protocol/openid-connect/token", timeout=15, data={
            "grant_type": "refresh_token", "client_id": "pulse-ui", "refresh_token": token})

    first = refresh(granted["refresh_token"])
    assert first.status_code == 200
    assert first.json()["refresh_token"] != granted["refresh_token"]
    assert refresh(granted["refresh_token"]).status_code == 200  # a second tab at once
    ended = requests.post(f"{keycloak.url}/realms/pulse/protocol/openid-connect/logout", timeout=15, data={
        "client_id": "pulse-ui", "refresh_token": first.json()["refresh_token"]})
    assert ended.status_code == 204
    assert refresh(first.json()["refresh_token"]).status_code == 400


def test_an_invitation_by_the_api_is_taken_in_the_browser(stack, keycloak):
    address = f"invited-{uuid.uuid4().hex[:8]}@demo.example"
    answer = call(stack, "POST", "/customer/users/invite", "tenantadmin1",
                  json={"email": address, "first_name": "Ina", "last_name": "Vited", "role": "customer"})
    assert answer.status_code in (200, 201), answer.text
    emails = wait_for("the invitation", lambda: keycloak.mail.emails(address))
    assert len(emails) == 1
    link = re.search(r"https?://\S+/login-actions/action-token\S+", emails[0])[0]
    in_browser(stack, "an-invitation-is-taken", LINK=link, INVITED=address)
    users = call(stack, "GET", "/customer/users", "tenantadmin1", params={"search": address}).json()
    assert users["total"] == 1
    invited = users["users"][0]
    assert invited["enabled"] and invited["email_verified"] and invited["tenant_id"] == "demo"
    # Another tenant's people are not there at all.
    assert call(stack, "GET", f"/customer/users/{invited['id']}", "other1").status_code == 404


def test_the_directory(stack, keycloak):
    """Every function of the directory, and Keycloak's faults midway: one C++ program with its own report."""
    assert DIRECTORY_TEST.exists(), f"{DIRECTORY_TEST} is not built: cmake --build build/release --target keycloak_directory_test"
    report = ROOT / "build/reports/keycloak-directory.xml"
    report.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run([str(DIRECTORY_TEST), "--gtest_brief=1", f"--gtest_output=xml:{report}"],
                          capture_output=True, text=True, timeout=800, env={
                              **os.environ, "KEYCLOAK_TEST_URL": keycloak.url, "KEYCLOAK_TEST_SECRET": keycloak.secret,
                              "KEYCLOAK_TEST_OUTBOX": str(keycloak.mail.outbox)})
    told = "\n".join(line for line in done.stdout.splitlines() if not line.startswith("{"))
    assert done.returncode == 0, told

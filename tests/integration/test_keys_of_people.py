"""What a person keeps, and what not, when they are disabled, moved or deleted; and who may touch whom."""

import concurrent.futures
import threading

import pytest
import requests
from conftest import Api
from people import make_user
from servers import wait_for

pytestmark = pytest.mark.either_directory

TENANTS, USERS = "/api/v1/operator/tenants", "/api/v1/operator/users"


@pytest.fixture(scope="module")
def staff(stack):
    return Api(stack, "operatoradmin1")


@pytest.fixture(scope="module")
def boss(stack):
    stack.command("admin", "create-tenant", "--id", "keys", "--name", "Keys")
    stack.command("admin", "create-tenant", "--id", "elsewhere", "--name", "Elsewhere")
    make_user(stack, "keys-boss", tenant="keys", roles="customer,tenant-admin")
    return Api(stack, "keys-boss")


def person(stack, boss, name, roles="customer"):
    """A person of tenant keys with a token of their own: (id, what a call with it answers)."""
    make_user(stack, name, tenant="keys", roles=roles)
    token = Api(stack, name).post("/api-tokens", json={"name": f"of {name}", "scopes": ["devices.read"]}).json()["token"]
    who = next(u for u in boss.get(f"/users?search={name}").json()["users"] if u["username"] == name)["id"]

    def ask():
        return requests.get(f"{stack.url}/api/v1/customer/devices", timeout=10,
                            headers={"Authorization": f"Bearer {token}"}).status_code

    assert ask() == 200
    return who, ask


def test_the_tokens_of_a_disabled_person_are_refused_until_they_are_back(stack, boss, staff):
    who, ask = person(stack, boss, "on-and-off")
    ways = [(lambda: boss.post(f"/users/{who}/disable"), lambda: boss.post(f"/users/{who}/enable")),
            (lambda: boss.put(f"/users/{who}", json={"enabled": False}), lambda: boss.put(f"/users/{who}", json={"enabled": True})),
            (lambda: staff.post(f"{USERS}/{who}/disable"), lambda: staff.post(f"{USERS}/{who}/enable")),
            (lambda: staff.put(f"{USERS}/{who}", json={"enabled": False}), lambda: staff.put(f"{USERS}/{who}", json={"enabled": True}))]
    for off, on in ways:
        assert off().status_code == 200 and ask() == 401
        assert on().status_code == 200 and ask() == 200


def test_who_moves_keeps_no_key_to_the_old_tenant(stack, boss, staff):
    who, ask = person(stack, boss, "mover", roles="customer,tenant-admin")
    role = next(r["id"] for r in boss.get("/roles").json()["roles"] if r["name"] == "Device Manager")
    assert boss.put(f"/users/{who}/assignments", json={"role_ids": [role]}).status_code == 200
    assert staff.post(f"{USERS}/{who}/tenant", json={"tenant_id": "elsewhere"}).status_code == 200
    assert ask() == 401
    moved = staff.get(f"{USERS}/{who}").json()
    assert moved["tenant_id"] == "elsewhere" and "tenant-admin" not in moved["roles"] and "customer" in moved["roles"]
    for table in ("user_role_assignments", "user_preferences"):
        assert stack.sql(f"SELECT count(*) FROM {table} WHERE tenant_id = 'keys' AND user_id = %s", (who,)) == [(0,)]
    # Each tenant hears its own half, and nothing of the other.
    log = "/api/v1/operator/audit-log?entity_id=" + who
    left = staff.get(f"{log}&tenant_id=keys&event_type=user.removed_from_tenant").json()
    came = staff.get(f"{log}&tenant_id=elsewhere&event_type=user.tenant_assigned").json()
    assert left["total"] == 1 and came["total"] == 1
    assert "elsewhere" not in str(left["events"]) and '"keys"' not in str(came["events"])
    # And back again: the old token stays dead.
    assert staff.post(f"{USERS}/{who}/tenant", json={"tenant_id": "keys"}).status_code == 200
    assert ask() == 401


def test_a_removed_administrator_is_none_in_the_next_tenant(stack, boss, staff):
    who, ask = person(stack, boss, "removed-admin", roles="customer,tenant-admin")
    assert boss.delete(f"/users/{who}").status_code == 200 and ask() == 401
    assert staff.post(f"{USERS}/{who}/tenant", json={"tenant_id": "elsewhere"}).status_code == 200
    assert staff.get(f"{USERS}/{who}").json()["roles"] == ["customer"]


def test_who_is_deleted_leaves_no_token_in_any_tenant(stack, boss, staff):
    who, ask = person(stack, boss, "deleted-one")
    assert boss.delete(f"/users/{who}").status_code == 200
    # A token that an earlier fault left alive.
    stack.sql("UPDATE api_tokens SET revoked_at = NULL WHERE user_id = %s", (who,))
    assert staff.delete(f"{USERS}/{who}").status_code == 200
    assert stack.sql("SELECT count(*) FROM api_tokens WHERE user_id = %s AND revoked_at IS NULL", (who,)) == [(0,)]
    assert ask() == 401


def test_nobody_changes_who_may_do_more(stack, boss):
    make_user(stack, "team-helper", tenant="keys")
    roles = {r["name"]: r["id"] for r in boss.get("/roles").json()["roles"]}
    users = {u["username"]: u["id"] for u in boss.get("/users?limit=500").json()["users"]}
    assert boss.put(f"/users/{users['team-helper']}/assignments", json={"role_ids": [roles["Team Admin"]]}).status_code == 200
    make_user(stack, "full-admin", tenant="keys")
    make_user(stack, "onlooker-of-keys", tenant="keys")
    users = {u["username"]: u["id"] for u in boss.get("/users?limit=500").json()["users"]}
    assert boss.put(f"/users/{users['full-admin']}/assignments", json={"role_ids": [roles["Full Admin"]]}).status_code == 200
    assert boss.put(f"/users/{users['onlooker-of-keys']}/assignments", json={"role_ids": [roles["Viewer"]]}).status_code == 200
    helper = Api(stack, "team-helper")
    roles_of = {"role_ids": [roles["Viewer"]]}
    # Whoever does more can't be become: neither by another email, nor by a link to it.
    for victim in ("keys-boss", "full-admin"):
        who = users[victim]
        tries = [helper.put(f"/users/{who}", json={"email": "mine@keys.example"}), helper.post(f"/users/{who}/reset-password")]
        # And who administers can't be locked out, removed or demoted by whom does not.
        if victim == "keys-boss":
            tries += [helper.post(f"/users/{who}/disable"), helper.delete(f"/users/{who}"),
                      helper.put(f"/users/{who}/assignments", json=roles_of)]
        for answer in tries:
            assert answer.status_code == 403 and answer.json()["detail"].startswith("Nobody can change who may do more"), answer.text
        assert boss.get(f"/users/{who}").json()["email"] != "mine@keys.example"
    # An object that comes back whole, with the email that it had, is no change of it.
    same = boss.get(f"/users/{users['full-admin']}").json()
    assert helper.put(f"/users/{users['full-admin']}", json={"email": same["email"], "first_name": "Fay",
                                                             "enabled": True}).status_code == 200
    assert helper.put(f"/users/{users['full-admin']}", json={"first_name": "Fay"}).status_code == 200
    who = users["onlooker-of-keys"]
    assert helper.put(f"/users/{who}", json={"email": "new-onlooker@keys.example"}).status_code == 200
    assert helper.post(f"/users/{who}/disable").status_code == 200


def test_staff_in_a_tenant_is_staff(stack, boss, staff):
    make_user(stack, "visiting-staff", tenant="keys", roles="customer,operator")
    who = next(u for u in boss.get("/users?search=visiting-staff").json()["users"])["id"]
    for answer in (boss.put(f"/users/{who}", json={"email": "mine2@keys.example"}), boss.post(f"/users/{who}/reset-password"),
                   boss.post(f"/users/{who}/disable"), boss.delete(f"/users/{who}"),
                   boss.post(f"/users/{who}/role", json={"role": "tenant-admin"})):
        assert answer.status_code == 403 and answer.json()["detail"].endswith("platform staff"), answer.text
    assert "operator" in staff.get(f"{USERS}/{who}").json()["roles"]


def test_a_tokens_scopes_are_all_it_has(stack, boss):
    """The token of an administrator, for one thing, does not change its owner either."""
    token = boss.post("/api-tokens", json={"name": "edits", "scopes": ["users.edit", "users.roles", "users.read"]}).json()["token"]
    me = next(u for u in boss.get("/users?search=keys-boss").json()["users"] if u["username"] == "keys-boss")["id"]
    other = next(u for u in boss.get("/users?limit=500").json()["users"] if u["roles"] == ["customer"])["id"]

    def call(method, path, **body):
        return requests.request(method, f"{stack.url}/api/v1/customer/users{path}", json=body or None, timeout=10,
                                headers={"Authorization": f"Bearer {token}"})

    assert call("PUT", f"/{me}", email="mine3@keys.example").status_code == 403
    assert call("POST", f"/{me}/reset-password").status_code == 403
    assert call("POST", f"/{other}/role", role="tenant-admin").status_code == 403


def test_the_command_line_leaves_no_key_either(stack, boss):
    who, ask = person(stack, boss, "moved-by-command")
    stack.command("admin", "create-user", "--username", "moved-by-command", "--password", "pulse-demo-1", "--email",
                  "moved-by-command@keys.example", "--tenant", "elsewhere", "--role", "customer")
    assert ask() == 401
    assert stack.sql("SELECT count(*) FROM user_role_assignments WHERE tenant_id = 'keys' AND user_id = %s", (who,)) == [(0,)]


def test_the_role_that_administers_stays_while_nobody_else_does(stack, boss, staff):
    stack.command("admin", "create-tenant", "--id", "one-role", "--name", "One role")
    make_user(stack, "founder", tenant="one-role", roles="customer,tenant-admin")
    make_user(stack, "keeper", tenant="one-role")
    founder = Api(stack, "founder")
    ids = {p["action"]: p["id"] for p in founder.get("/permissions").json()["permissions"]}
    role = founder.post("/roles", json={"name": "Keeper", "permission_ids": [ids["users.roles"], ids["users.read"]]}).json()["id"]
    spare = founder.post("/roles", json={"name": "Spare", "permission_ids": [ids["users.read"]]}).json()["id"]
    users = {u["username"]: u["id"] for u in founder.get("/users").json()["users"]}
    assert founder.put(f"/users/{users['keeper']}/assignments", json={"role_ids": [role]}).status_code == 200
    assert staff.delete(f"{USERS}/{users['founder']}").status_code == 200
    keeper = Api(stack, "keeper")
    for answer in (keeper.put(f"/roles/{role}", json={"permission_ids": [ids["users.read"]]}),
                   keeper.delete(f"/roles/{role}?reassign_to={spare}")):
        assert answer.status_code == 409 and answer.json()["detail"].startswith("The last administrator"), answer.text
    assert keeper.put(f"/roles/{role}", json={"name": "Keepers"}).status_code == 200


def test_many_changes_at_once_in_one_tenant_hold_up_no_other(stack, boss, customer):
    make_user(stack, "busy-one", tenant="keys")
    who = next(u for u in boss.get("/users?search=busy-one").json()["users"] if u["username"] == "busy-one")["id"]
    boss.renew(), customer.renew()
    headers = dict(boss.session.headers)

    def change(n):
        return requests.put(f"{stack.url}/api/v1/customer/users/{who}", json={"first_name": f"N{n}"}, headers=headers,
                            timeout=30).status_code

    def look(_):
        return requests.get(f"{stack.url}/api/v1/customer/devices?limit=1", headers=dict(customer.session.headers),
                            timeout=30).status_code

    with concurrent.futures.ThreadPoolExecutor(60) as pool:
        changes = [pool.submit(change, n) for n in range(24)]
        looks = [pool.submit(look, n) for n in range(36)]
        assert {f.result() for f in looks} == {200}
        assert {f.result() for f in changes} == {200}


def test_a_refusal_is_stored_before_it_is_answered(stack, boss):
    """However many are refused at one time."""
    make_user(stack, "refused-one", tenant="keys")
    headers = dict(Api(stack, "refused-one").session.headers)
    missing = []

    def refused(n):
        request = f"refused-at-once-{n}"
        answer = requests.post(f"{stack.url}/api/v1/customer/sites", json={"site_id": "x", "name": "X"},
                               headers={**headers, "X-Request-ID": request}, timeout=15)
        if stack.sql("SELECT count(*) FROM audit_log WHERE request_id = %s", (request,)) != [(1,)] or answer.status_code != 403:
            missing.append((n, answer.status_code))

    threads = [threading.Thread(target=refused, args=(n,)) for n in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert missing == []


def test_the_use_of_a_token_and_its_refusal_are_told_once(stack, boss):
    who, ask = person(stack, boss, "token-user")
    assert ask() == 200

    def told(kind):
        return [e["details"]["api_token_id"] for e in boss.get(f"/audit-log?event_type={kind}&actor_id={who}").json()["events"]]

    assert len(told("api_token.used")) == 1
    boss.post(f"/users/{who}/disable")
    assert ask() == 401 and ask() == 401
    assert wait_for("the refusal", lambda: told("api_token.refused")) == told("api_token.used")


def test_a_tenant_is_made_whole_or_not_at_all(staff):
    body = {"tenant_id": "whole-1", "name": "Whole", "city": "Kiel", "account_tier_id": "no-such-tier"}
    refused = staff.post(TENANTS, json=body)
    assert refused.status_code == 400 and refused.json()["detail"] == "Unknown account tier"
    assert staff.get(f"{TENANTS}/whole-1").status_code == 404
    assert staff.post(TENANTS, json={**body, "account_tier_id": "scale"}).status_code == 201
    made = staff.get(f"{TENANTS}/whole-1").json()
    assert (made["city"], made["account_tier_id"]) == ("Kiel", "scale")


def test_a_tenants_tier_is_assigned(staff, operator):
    staff.post(TENANTS, json={"tenant_id": "tiered", "name": "Tiered"})
    assert staff.patch(f"{TENANTS}/tiered/tier", json={"tier_id": "growth"}).json() == {
        "tenant_id": "tiered", "account_tier_id": "growth"}
    assert staff.get(f"{TENANTS}/tiered").json()["account_tier_id"] == "growth"
    assert staff.patch(f"{TENANTS}/tiered/tier", json={"tier_id": "none"}).json()["detail"] == "Account tier not found"
    assert staff.patch(f"{TENANTS}/nobody/tier", json={"tier_id": "growth"}).json()["detail"] == "Tenant not found"
    assert operator.patch(f"{TENANTS}/tiered/tier", json={"tier_id": "growth"}).status_code == 403


def test_the_operators_log_says_about_whom_and_with_what_query(stack, staff, boss):
    who = boss.get("/users?limit=1").json()["users"][0]["id"]
    staff.get(f"{USERS}/{who}")
    staff.get(f"{USERS}?search=keys-boss&limit=7")
    rows = stack.sql("SELECT action, resource_type, resource_id, query_params FROM operator_audit_log "
                     "WHERE action IN ('get_user', 'list_users') ORDER BY id DESC LIMIT 2")
    assert rows == [("list_users", None, None, {"search": "keys-boss", "limit": "7"}), ("get_user", "user", who, None)]


def test_the_operators_log_keeps_no_credential(stack, staff):
    staff.get(f"{USERS}?search=credential-in-the-address&token=very-secret&ticket=as-secret")
    rows = stack.sql("SELECT query_params FROM operator_audit_log WHERE query_params->>'search' = 'credential-in-the-address'")
    assert rows == [({"search": "credential-in-the-address", "token": "(not kept)", "ticket": "(not kept)"},)]


def test_what_the_tier_leaves_out_is_refused(stack, staff):
    stack.command("admin", "create-tenant", "--id", "plain", "--name", "Plain")
    stack.sql("UPDATE tenants SET account_tier_id = 'free' WHERE tenant_id = 'plain'")
    make_user(stack, "plain1", tenant="plain", roles="customer,tenant-admin")
    api = Api(stack, "plain1")
    refused = api.get("/audit-log/export")
    assert refused.status_code == 403
    assert refused.json()["detail"] == "Export of the activity log is not included in tier Free: ask for a larger tier"
    limits = {x["name"]: x for x in api.get("/limits").json()["limits"]}
    assert limits["api_requests_per_minute"]["limit"] == 30 and limits["api_requests_per_minute"]["used"] >= 1

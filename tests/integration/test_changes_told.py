"""What changed stands in the audit log: each member as it was and as it is, of what people change of each other, of
their organization, and of their fleet."""

import threading

import pytest
from conftest import Api
from people import make_user
from servers import wait_for

pytestmark = pytest.mark.either_directory


@pytest.fixture(scope="module")
def boss(stack):
    stack.command("admin", "create-tenant", "--id", "changes", "--name", "Changes")
    make_user(stack, "changer", tenant="changes", roles="customer,tenant-admin")
    make_user(stack, "changed", tenant="changes")
    return Api(stack, "changer")


def events(api, kind, thing):
    return api.get(f"/audit-log?event_type={kind}&entity_id={thing}").json()["events"]


def last(api, kind, thing, number=1):
    """The details of the newest event of this kind, when there are as many as `number`."""
    return wait_for(f"event {kind}", lambda: (found := events(api, kind, thing)) and len(found) >= number and found)[0]["details"]


def told(before, after):
    return {"before": before, "after": after}


def test_an_organization(boss):
    assert boss.put("/organization", json={"city": "Kiel", "phone": ""}).status_code == 200
    assert last(boss, "organization.updated", "changes") == told({"city": None}, {"city": "Kiel"})
    logo = "data:image/png;base64," + "A" * 5_000
    boss.put("/organization", json={"city": None, "logo": logo})
    size = f"({len(logo)} bytes)"
    assert last(boss, "organization.updated", "changes", 2) == told({"city": "Kiel", "logo": None},
                                                                  {"city": None, "logo": size})


def test_a_site_and_a_device(boss):
    boss.post("/sites", json={"site_id": "yard", "name": "Yard", "latitude": 1.5})
    boss.patch("/sites/yard", json={"name": "The yard", "latitude": 1.5, "longitude": 2})
    assert last(boss, "site.updated", "yard") == told({"name": "Yard", "longitude": None},
                                                      {"name": "The yard", "longitude": 2})
    boss.post("/devices", json={"device_id": "pump", "name": "Pump", "site_id": "yard"})
    boss.patch("/devices/pump", json={"serial_number": "S1", "notes": None, "tags": ["b", "a"]})
    assert last(boss, "device.updated", "pump") == told({"serial_number": None, "tags": []},
                                                        {"serial_number": "S1", "tags": ["b", "a"]})
    boss.put("/devices/pump/tags", json={"tags": ["a", "c"]})
    assert last(boss, "device.tags_set", "pump") == told({"tags": ["b", "a"]}, {"tags": ["a", "c"]})
    boss.put("/devices/pump/tags", json={"tags": ["a", "c"]})
    assert last(boss, "device.tags_set", "pump", 2) == told({}, {})


def test_a_role_and_who_has_it(boss):
    ids = {p["action"]: p["id"] for p in boss.get("/permissions").json()["permissions"]}
    role = boss.post("/roles", json={"name": "Night", "permission_ids": [ids["devices.read"]]}).json()["id"]
    assert last(boss, "role.created", role) == {"permissions": ["devices.read"]}
    boss.put(f"/roles/{role}", json={"name": "Night shift", "permission_ids": [ids["sites.read"], ids["devices.read"]]})
    assert last(boss, "role.updated", role) == told({"name": "Night", "permissions": ["devices.read"]},
                                                    {"name": "Night shift", "permissions": ["devices.read", "sites.read"]})
    person = boss.get("/users?search=changed").json()["users"][0]["id"]
    boss.put(f"/users/{person}/assignments", json={"role_ids": [role]})
    assert last(boss, "user.roles_updated", person) == told({"roles": []}, {"roles": ["Night shift"]})
    boss.post(f"/users/{person}/role", json={"role": "tenant-admin"})
    assert last(boss, "user.role_changed", person) == told({"role": "customer"}, {"role": "tenant-admin"})
    boss.put(f"/users/{person}", json={"first_name": "Chan", "last_name": "Ged"})
    details = last(boss, "user.updated", person)
    assert details["after"] == {"first_name": "Chan", "last_name": "Ged"}
    assert set(details["before"]) == {"first_name", "last_name"}


def test_a_service_account(boss):
    account = boss.post("/service-accounts", json={"name": "Machine"}).json()["id"]
    boss.patch(f"/service-accounts/{account}", json={"name": "Robot", "enabled": False})
    details = last(boss, "service_account.updated", account)
    assert details["before"] == {"name": "Machine", "disabled_at": None}
    assert details["after"]["name"] == "Robot" and details["after"]["disabled_at"]


def test_changes_at_one_time_follow_each_other(boss):
    """Each tells what it did itself: what one left behind is what the next one found."""
    boss.post("/sites", json={"site_id": "busy", "name": "0"})

    def rename(n):
        assert Api.patch(boss, "/sites/busy", json={"name": str(n)}).status_code == 200

    threads = [threading.Thread(target=rename, args=(n,)) for n in range(1, 21)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = wait_for("20 events", lambda: (e := events(boss, "site.updated", "busy")) and len(e) == 20 and e)
    steps = {e["details"]["before"]["name"]: e["details"]["after"]["name"] for e in found}
    name, seen = "0", 0
    while name in steps:
        name, seen = steps[name], seen + 1
    assert seen == 20 and name == boss.get("/sites/busy").json()["name"]


def test_a_sign_in_is_told_once_and_at_once(stack, directory):
    from test_signin import Browser  # its walk through the pages

    make_user(stack, "once-only", tenant="changes")
    browser = Browser(stack, directory)
    location = browser.sign_in("once-only").headers["Location"]
    assert browser.go(location).status_code == 302
    # No waiting: it is durable before the browser is let in.
    rows = stack.sql("SELECT event_type, category FROM audit_log WHERE actor_name = 'once-only'")
    assert rows == [("auth.login", "security")]


def test_a_sign_in_by_the_browsers_session_is_told_too(stack, directory):
    from test_signin import Browser

    make_user(stack, "again-and-again", tenant="changes")
    browser = Browser(stack, directory)
    browser.go(browser.sign_in("again-and-again").headers["Location"])
    straight = browser.go(browser.go("/login").headers["Location"])
    assert straight.status_code == 302 and "code=" in straight.headers["Location"]
    browser.go(straight.headers["Location"])
    browser.go("/logout")
    rows = stack.sql("SELECT event_type FROM audit_log WHERE actor_name = 'again-and-again' ORDER BY \"timestamp\"")
    assert rows == [("auth.login",), ("auth.login",), ("auth.logout",)]

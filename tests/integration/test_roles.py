"""Who may do what: the catalogue, roles, assignments, and how fast a change is felt."""

import pytest
from conftest import Api
from people import make_user
from servers import wait_for

pytestmark = pytest.mark.either_directory

VIEWER = {"alerts.read", "alerts.rules.read", "dashboard.read", "dashboard.write", "devices.read", "integrations.read",
          "maintenance.read", "reports.read", "settings.read", "sites.read", "subscriptions.read", "users.read"}


@pytest.fixture(scope="module")
def member(stack):
    """A person of tenant demo without any assignment."""
    make_user(stack, "member1")
    return Api(stack, "member1")


def ids_of(api, *actions):
    known = {p["action"]: p["id"] for p in api.get("/permissions").json()["permissions"]}
    return [known[a] for a in actions]


def user_id(api, username):
    return next(u["id"] for u in api.get(f"/users?search={username}").json()["users"] if u["username"] == username)


def system_role(api, name):
    return next(r for r in api.get("/roles").json()["roles"] if r["is_system"] and r["name"] == name)


def test_the_catalogue_and_the_system_roles(admin):
    permissions = admin.get("/permissions").json()["permissions"]
    assert len(permissions) == 67 and permissions == sorted(permissions, key=lambda p: (p["category"], p["action"]))
    roles = admin.get("/roles").json()["roles"]
    system = {r["name"]: {p["action"] for p in r["permissions"]} for r in roles if r["is_system"]}
    assert set(system) == {"Full Admin", "Alert Manager", "Device Manager", "Integration Manager", "Team Admin", "Viewer"}
    assert system["Viewer"] == VIEWER and len(system["Full Admin"]) == 66
    assert [r["is_system"] for r in roles] == sorted((r["is_system"] for r in roles), reverse=True)


def test_a_newcomer_sees_and_changes_nothing(admin, member):
    mine = member.get("/me/permissions").json()
    assert set(mine["permissions"]) == VIEWER and mine["roles"] == ["Viewer"]
    assert member.get("/devices").status_code == 200
    refused = member.post("/sites", json={"site_id": "no", "name": "No"})
    assert refused.status_code == 403 and refused.json()["detail"] == "Permission required: sites.write"
    wait_for("the refusal in the log",
             lambda: admin.get("/audit-log?category=security&search=sites.write").json()["total"] >= 1)


def test_operators_and_administrators_have_what_they_are(operator, admin, customer):
    assert operator.get("/me/permissions").json() == {"permissions": ["*"], "roles": ["operator"]}
    assert len(admin.get("/me/permissions").json()["permissions"]) == 67
    assert customer.get("/me/permissions").json()["roles"] == ["Full Admin"]


def test_a_change_of_roles_is_felt_at_once(admin, member):
    who = user_id(admin, "member1")
    made = admin.post("/roles", json={"name": "Builder", "permission_ids": ids_of(admin, "sites.write", "sites.read")})
    assert made.status_code == 200 and made.json()["message"] == "Role created"
    role = made.json()["id"]
    assert admin.put(f"/users/{who}/assignments", json={"role_ids": [role]}).json() == {"message": "Roles updated"}
    assert member.post("/sites", json={"site_id": "built", "name": "Built"}).status_code == 201
    assert member.get("/me/permissions").json() == {"permissions": ["sites.read", "sites.write"], "roles": ["Builder"]}
    assert admin.put(f"/roles/{role}", json={"permission_ids": ids_of(admin, "sites.read")}).status_code == 200
    assert member.delete("/sites/built").status_code == 403
    assigned = admin.get(f"/users/{who}/assignments").json()["assignments"]
    assert [(a["role_name"], a["is_system"]) for a in assigned] == [("Builder", False)]
    # Its people keep a role when theirs goes.
    refused = admin.delete(f"/roles/{role}")
    assert refused.status_code == 409 and "1 user" in refused.json()["detail"]
    viewer = system_role(admin, "Viewer")["id"]
    assert admin.delete(f"/roles/{role}?reassign_to={viewer}").json() == {"message": "Role deleted"}
    assert member.get("/me/permissions").json()["roles"] == ["Viewer"]


def test_refusals_of_roles(admin, customer, member, other):
    for body, detail in (({"name": " ", "permission_ids": [1]}, "Role name is required"),
                         ({"name": "x", "permission_ids": []}, "permission_ids must not be empty"),
                         ({"name": "x", "permission_ids": [999999]}, "Unknown permission id(s): [999999]")):
        answer = admin.post("/roles", json=body)
        assert answer.status_code == 400 and answer.json()["detail"] == detail
    viewer = system_role(admin, "Viewer")
    assert admin.post("/roles", json={"name": "viewer", "permission_ids": [1]}).status_code == 409
    assert admin.put(f"/roles/{viewer['id']}", json={"name": "x"}).json()["detail"] == "Cannot modify system roles"
    assert admin.delete(f"/roles/{viewer['id']}").json()["detail"] == "Cannot delete system roles"
    # Nobody grants what they don't hold: Full Admin lacks sharing dashboards, a tenant administrator has all.
    share = ids_of(admin, "dashboard.share")
    refused = customer.post("/roles", json={"name": "Sharer", "permission_ids": share})
    assert refused.status_code == 403 and "dashboard.share" in refused.json()["detail"]
    assert member.get("/roles").status_code == 403
    mine = other.post("/roles", json={"name": "Theirs", "permission_ids": [1]}).json()["id"]
    assert admin.put(f"/roles/{mine}", json={"name": "stolen"}).status_code == 404
    assert admin.delete(f"/roles/{mine}").status_code == 404
    who = user_id(admin, "member1")
    foreign = admin.put(f"/users/{who}/assignments", json={"role_ids": [mine]})
    assert foreign.status_code == 400 and foreign.json()["detail"].startswith("Unknown or inaccessible role id(s)")
    assert admin.put(f"/users/{who}/assignments", json={"role_ids": []}).json()["detail"] == "At least one role is required"
    me = user_id(admin, "tenantadmin1")
    own = admin.put(f"/users/{me}/assignments", json={"role_ids": [viewer["id"]]})
    assert own.status_code == 400 and own.json()["detail"] == "Cannot change your own roles"
    assert other.get(f"/users/{who}/assignments").status_code == 404


def test_a_suspended_tenant_is_closed_and_opens_again(stack):
    stack.command("admin", "create-tenant", "--id", "paused", "--name", "Paused")
    make_user(stack, "paused1", tenant="paused", roles="customer,tenant-admin")
    api, staff = Api(stack, "paused1"), Api(stack, "operatoradmin1")
    assert api.get("/devices").status_code == 200
    assert staff.patch("/api/v1/operator/tenants/paused", json={"status": "SUSPENDED"}).status_code == 200
    refused = api.get("/devices")
    assert refused.status_code == 403 and "suspended" in refused.json()["detail"]
    assert staff.patch("/api/v1/operator/tenants/paused", json={"status": "ACTIVE"}).status_code == 200
    assert api.get("/devices").status_code == 200

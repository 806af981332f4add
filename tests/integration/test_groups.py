"""Groups of devices, the search language, and changes of many devices at once."""

import json

import pytest
import requests
from conftest import Api
from people import make_user
from servers import wait_for

TENANT = "grouped"


@pytest.fixture(scope="module")
def fleet(stack):
    """Ten devices at two sites, with tags and latest values, in a tenant of its own without a tier."""
    stack.command("admin", "create-tenant", "--id", TENANT, "--name", "Grouped company")
    make_user(stack, "grouped-admin", tenant=TENANT, roles="customer,tenant-admin")
    make_user(stack, "grouped-viewer", tenant=TENANT, roles="customer")
    stack.sql("UPDATE tenants SET account_tier_id = NULL WHERE tenant_id = %s RETURNING 1", (TENANT,))
    api = Api(stack, "grouped-admin")
    for site, name in (("berlin", "Berlin Mitte"), ("hamburg", "Hamburg Hub")):
        assert api.post("/sites", json={"site_id": site, "name": name}).status_code == 201
    template = next(t["id"] for t in api.get("/templates").json()["templates"] if t["slug"] == "gateway")
    for i in range(10):
        body = {"device_id": f"g-{i:02d}", "site_id": "berlin" if i < 6 else "hamburg", "name": f"Pump {i} 100%"}
        if i < 3:
            body["template_id"] = template
        assert api.post("/devices", json=body).status_code == 201
        if i % 2:
            api.post(f"/devices/g-{i:02d}/tags/odd")
        state = {"temp_c": 20 + i, "door": i == 4, "mode": "eco" if i < 5 else "full"}
        if i == 9:
            state["temp_c"] = "warm"  # no number: comparisons pass it over
        stack.sql("INSERT INTO device_state (tenant_id, device_id, site_id, status, state) VALUES (%s, %s, 'x', %s, %s) RETURNING 1",
                  (TENANT, f"g-{i:02d}", "ONLINE" if i < 4 else "OFFLINE", json.dumps(state)))
    api.template = template
    return api


def found(api, query):
    answer = api.get("/devices", params={"q": query, "sort": "device_id"})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["total"] == len(body["devices"])
    return [int(d["device_id"].removeprefix("g-")) for d in body["devices"]]


def test_the_search_language_finds(fleet):
    for query, expected in {
            "status:online": [0, 1, 2, 3], "status:offline,stale": [4, 5, 6, 7, 8, 9], "-status:online tag:odd": [5, 7, 9],
            "site:berlin": [0, 1, 2, 3, 4, 5], 'site:"hamburg hub"': [6, 7, 8, 9], "site:ham*": [6, 7, 8, 9],
            "temp_c>26": [7, 8], "temp_c >= 27": [7, 8], "temp_c<21 OR temp_c=28": [0, 8], "-temp_c>21": [0, 1, 9],
            "temp_c=warm": [9], "door=true": [4], "mode!=eco": [5, 6, 7, 8, 9], "missing>0": [], "-missing>0 site:berlin tag:odd": [1, 3, 5],
            "tag:odd": [1, 3, 5, 7, 9], "-tag:odd": [0, 2, 4, 6, 8], "tag:o*": [1, 3, 5, 7, 9], "tag:ODD": [],
            "template:gateway": [0, 1, 2], f"template:{fleet.template}": [0, 1, 2], "-template:gateway tag:odd": [3, 5, 7, 9],
            "name:pump*": list(range(10)), "name:pump": [], "id:g-03,g-04": [3, 4], "id:g-0*": list(range(10)),
            "-fw:*": list(range(10)), "fw:1.2": [], "pump 3": [3], '"Pump" "100%"': list(range(10)), '-"pump 3" site:berlin': [0, 1, 2, 4, 5],
            "100%": list(range(10)), "%": list(range(10)), "_": [], "group:nobody": [], "-group:nobody tag:odd": [1, 3, 5, 7, 9],
            "pump 1 OR pump 2": [1, 2], "tag:odd status:online temp_c>21": [3], "is:decommissioned": []}.items():
        assert found(fleet, query) == expected, query


def test_a_malformed_search_says_where(fleet):
    for query, words in {"pump temp_c>warm": "at position 6", "colour:red": "'colour' is no key", "status:asleep": "online, stale or offline",
                         'x "open': "the quote is not closed"}.items():
        answer = fleet.get("/devices", params={"q": query})
        assert answer.status_code == 400 and words in answer.json()["detail"], answer.text
    assert fleet.get("/devices", params={"q": "x" * 501}).status_code == 422


def test_a_static_group_lives(fleet, stack):
    made = fleet.post("/device-groups", json={"group_id": "first", "name": "First", "description": "ours"})
    assert made.status_code == 201
    assert {k: made.json()[k] for k in ("group_id", "name", "description", "member_count", "group_type")} == {
        "group_id": "first", "name": "First", "description": "ours", "member_count": 0, "group_type": "static"}
    assert fleet.post("/device-groups", json={"group_id": "first", "name": "Again"}).json()["detail"] == "Group ID already exists"
    assert fleet.post("/device-groups", json={"group_id": "a b", "name": "x"}).json()["detail"] == "Invalid group_id"
    assert fleet.post("/device-groups", json={"name": ""}).status_code == 422
    free = fleet.post("/device-groups", json={"name": "No id"}).json()["group_id"]
    assert free.startswith("grp-") and len(free) == 12
    for device in ("g-01", "g-07", "g-01"):
        assert fleet.put(f"/device-groups/first/devices/{device}").json() == {
            "group_id": "first", "device_id": device, "action": "added"}
    assert fleet.put("/device-groups/nowhere/devices/g-01").json()["detail"] == "Group not found"
    assert fleet.put("/device-groups/first/devices/nothing").json()["detail"] == "Device not found"
    members = fleet.get("/device-groups/first/members").json()
    assert members["group_type"] == "static" and members["total"] == 2
    assert [(m["device_id"], m["name"], m["site_id"], m["status"]) for m in members["members"]] == [
        ("g-01", "Pump 1 100%", "berlin", "ONLINE"), ("g-07", "Pump 7 100%", "hamburg", "OFFLINE")]
    assert all(m["added_at"] for m in members["members"])
    page = fleet.get("/device-groups/first/devices?limit=1&offset=1").json()
    assert [m["device_id"] for m in page["members"]] == ["g-07"] and page["total"] == 2
    assert found(fleet, "group:first") == [1, 7] and found(fleet, "group:First -tag:odd") == []
    # Out of service: no member until it is back.
    fleet.patch("/devices/g-07/decommission")
    assert fleet.get("/device-groups/first/members").json()["total"] == 1
    fleet.patch("/devices/g-07/restore")
    listed = {g["group_id"]: g for g in fleet.get("/device-groups").json()["groups"]}
    assert listed["first"]["member_count"] == 2
    changed = fleet.patch("/device-groups/first", json={"name": "Renamed", "description": None})
    assert changed.json()["name"] == "Renamed" and changed.json()["description"] is None and changed.json()["tenant_id"] == TENANT
    assert fleet.patch("/device-groups/first", json={}).json()["detail"] == "No fields to update"
    assert fleet.patch("/device-groups/first", json={"name": "  "}).json()["detail"] == "Invalid name"
    assert fleet.patch("/device-groups/none", json={"name": "x"}).status_code == 404
    assert fleet.delete("/device-groups/first/devices/g-07").json()["action"] == "removed"
    assert fleet.delete("/device-groups/first/devices/g-07").json()["detail"] == "Device not in group"
    # A device that begins anew under an old id is in no group.
    fleet.post("/devices", json={"device_id": "g-again"})
    fleet.put("/device-groups/first/devices/g-again")
    fleet.delete("/devices/g-again")
    assert fleet.get("/device-groups/first/members").json()["total"] == 1
    fleet.post("/devices", json={"device_id": "g-again"})
    assert fleet.get("/device-groups/first/members").json()["total"] == 1
    fleet.delete("/devices/g-again")
    assert fleet.delete("/device-groups/first/dynamic").json()["detail"] == "Dynamic group not found"
    assert fleet.delete("/device-groups/first").json() == {"group_id": "first", "deleted": True}
    assert fleet.delete("/device-groups/first").json()["detail"] == "Group not found"
    assert fleet.get("/device-groups/first/members").status_code == 404
    assert fleet.get("/devices/g-01").status_code == 200
    fleet.delete(f"/device-groups/{free}")
    wait_for("the events", lambda: {"device_group.created", "device_group.deleted", "device_group.device_added"} <= {
        e["event_type"] for e in fleet.get("/audit-log?limit=200").json()["events"]})


def members(api, group):
    return [int(m["device_id"].removeprefix("g-")) for m in api.get(f"/device-groups/{group}/members").json()["members"]]


def test_a_dynamic_group_has_whoever_fits(fleet):
    for number, (filter_, expected) in enumerate((
            ({}, list(range(10))), ({"status": "ONLINE"}, [0, 1, 2, 3]), ({"tags": ["odd", "none"]}, [1, 3, 5, 7, 9]),
            ({"site_id": "hamburg", "tags": ["odd"]}, [7, 9]), ({"query": "temp_c>25 -tag:odd"}, [6, 8]),
            ({"template_id": fleet.template}, [0, 1, 2]),
            ({"metrics": [{"metric": "temp_c", "op": "GTE", "value": 22}, {"metric": "temp_c", "op": "LT", "value": 24.5}]}, [2, 3, 4]),
            ({"metrics": [{"metric": "temp_c", "op": "EQ", "value": 21}]}, [1]))):
        made = fleet.post("/device-groups/dynamic", json={"group_id": f"dyn-{number}", "name": f"Dyn {number}", "query_filter": filter_})
        assert made.status_code == 201, made.text
        assert made.json()["member_count"] == len(expected) and made.json()["query_filter"] == filter_
        assert members(fleet, f"dyn-{number}") == expected, filter_
        assert found(fleet, f"group:dyn-{number}") == expected
        assert found(fleet, f"-group:dyn-{number}") == sorted(set(range(10)) - set(expected))
    listed = {g["group_id"]: g["member_count"] for g in fleet.get("/device-groups").json()["groups"]}
    assert listed["dyn-1"] == 4 and listed["dyn-4"] == 2
    assert fleet.post("/device-groups", json={"group_id": "dyn-1", "name": "x"}).status_code == 409
    assert fleet.put("/device-groups/dyn-1/devices/g-01").json()["detail"] == "Group not found"
    post = lambda filter_: fleet.post("/device-groups/dynamic", json={"name": "x", "query_filter": filter_})  # noqa: E731
    assert post({"colour": "red", "size": 1}).json()["detail"] == (
        "Unsupported filter keys: colour, size. Allowed: status, tags, site_id, query, template_id, metrics")
    assert "position 1" in post({"query": "status:asleep"}).json()["detail"]
    assert post({"status": "online"}).status_code == 422 and post({"tags": "odd"}).status_code == 422
    # No circles: a dynamic group names static ones only.
    assert post({"query": "group:dyn-1"}).status_code == 400
    fleet.post("/device-groups", json={"group_id": "hand", "name": "By hand"})
    fleet.put("/device-groups/hand/devices/g-08")
    assert post({"query": "group:hand OR door=true"}).json()["member_count"] == 2
    changed = fleet.patch("/device-groups/dyn-1/dynamic", json={"query_filter": {"status": "OFFLINE"}, "name": "Off"})
    assert changed.json()["member_count"] == 6 and changed.json()["name"] == "Off"
    assert fleet.patch("/device-groups/dyn-1/dynamic", json={"query_filter": {"a": 1}}).json()["detail"] == "Unsupported filter keys: a"
    assert fleet.patch("/device-groups/dyn-1/dynamic", json={}).json()["detail"] == "No fields to update"
    assert fleet.patch("/device-groups/hand/dynamic", json={"name": "x"}).json()["detail"] == "Dynamic group not found"
    assert fleet.delete("/device-groups/dyn-1").status_code == 404
    assert fleet.delete("/device-groups/dyn-1/dynamic").json() == {"group_id": "dyn-1", "deleted": True}
    page = fleet.get("/device-groups/dyn-0/members?limit=3&offset=8").json()
    assert [m["device_id"] for m in page["members"]] == ["g-08", "g-09"] and page["total"] == 10
    assert page["members"][0]["added_at"] is None


def test_the_tier_limits_groups(fleet, stack):
    had = fleet.get("/device-groups").json()["total"]
    stack.sql("INSERT INTO account_tiers (tier_id, name, limits, sort_order) VALUES ('grouping', 'Grouping', %s, 99) RETURNING 1",
              (json.dumps({"device_groups": had + 1}),))
    stack.sql("UPDATE tenants SET account_tier_id = 'grouping' WHERE tenant_id = %s RETURNING 1", (TENANT,))
    assert fleet.post("/device-groups", json={"group_id": "last", "name": "Last"}).status_code == 201
    refused = [fleet.post("/device-groups", json={"name": "x"}),
               fleet.post("/device-groups/dynamic", json={"name": "x", "query_filter": {}})]
    for answer in refused:
        assert answer.status_code == 403
        assert answer.json()["detail"].startswith(f"Device group limit reached: tier Grouping allows {had + 1} device groups")
    fleet.delete("/device-groups/last")
    stack.sql("UPDATE tenants SET account_tier_id = NULL WHERE tenant_id = %s RETURNING 1", (TENANT,))


def test_groups_of_others_are_nobodys(fleet, other):
    assert fleet.post("/device-groups", json={"group_id": "mine", "name": "Mine"}).status_code == 201
    fleet.put("/device-groups/mine/devices/g-01")
    assert other.get("/device-groups/mine/members").status_code == 404
    assert other.get("/devices", params={"q": "group:mine"}).json()["total"] == 0
    # The same id in another tenant is another group.
    assert other.post("/device-groups", json={"group_id": "mine", "name": "Theirs"}).status_code == 201
    assert other.put("/device-groups/mine/devices/g-01").json()["detail"] == "Device not found"
    other.delete("/device-groups/mine")
    assert fleet.get("/device-groups/mine/members").json()["total"] == 1


# ---- many devices at once ----

def bulk(api, action, query=None, ids=None, **params):
    body = {"action": action, "params": params}
    body.update({"query": query} if ids is None else {"device_ids": ids})
    answer = api.post("/devices/bulk", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def undo(api, change):
    return api.post("/devices/bulk/undo", json={"undo_id": change["undo"]["undo_id"]})


def tags_of(api):
    return {d["device_id"]: d["tags"] for d in api.get("/devices").json()["devices"]}


def test_tags_come_and_go_in_bulk(fleet):
    before = tags_of(fleet)
    added = bulk(fleet, "add_tags", "site:hamburg", tags=["odd", " cold "])
    assert added["matched"] == 4 and added["changed"] == 4 and added["skipped"] == []
    assert found(fleet, "tag:cold tag:odd") == [6, 7, 8, 9]
    assert tags_of(fleet)["g-07"] == ["odd", "cold"]
    again = bulk(fleet, "add_tags", ids=["g-07", "g-01", "ghost"], tags=["cold"])
    assert again["changed"] == 1 and {s["device_id"]: s["reason"] for s in again["skipped"]} == {
        "ghost": "Device not found", "g-07": "Has these tags already"}
    assert undo(fleet, again).json()["changed"] == 1
    # What was there before stays there.
    assert undo(fleet, added).json()["changed"] == 4
    assert tags_of(fleet) == before
    assert undo(fleet, added).status_code == 404
    removed = bulk(fleet, "remove_tags", "", tags=["odd"])
    assert removed["matched"] == 10 and removed["changed"] == 5 and len(removed["skipped"]) == 5
    assert found(fleet, "tag:odd") == []
    assert undo(fleet, removed).json()["changed"] == 5 and tags_of(fleet) == before
    nothing = bulk(fleet, "remove_tags", "site:berlin", tags=["never"])
    assert nothing["changed"] == 0 and nothing["undo"] is None


def test_sites_and_templates_change_in_bulk(fleet, stack):
    moved = bulk(fleet, "move_site", "tag:odd", site_id="hamburg")
    assert moved["changed"] == 3 and {s["reason"] for s in moved["skipped"]} == {"Is at this site already"}
    fleet.patch("/devices/g-05", json={"site_id": "berlin"})
    back = undo(fleet, moved).json()
    assert back["changed"] == 2 and back["skipped"] == [{"device_id": "g-05", "reason": "Changed since"}]
    assert found(fleet, "site:berlin") == [0, 1, 2, 3, 4, 5]
    sensors = lambda: stack.sql("SELECT device_id, metric_key, source FROM device_sensors WHERE tenant_id = %s ORDER BY 1, 2", (TENANT,))  # noqa: E731
    stack.sql("INSERT INTO device_sensors (tenant_id, device_id, metric_key, display_name, source) "
              "VALUES (%s, 'g-06', 'battery_pct', 'Battery', 'unmodeled') RETURNING 1", (TENANT,))
    before = sensors()
    given = bulk(fleet, "set_template", "site:hamburg OR template:gateway", template_id=fleet.template)
    assert given["matched"] == 7 and given["changed"] == 4
    assert found(fleet, "template:gateway") == [0, 1, 2, 6, 7, 8, 9]
    assert ("g-06", "battery_pct", "required") in sensors() and ("g-07", "signal_rssi", "required") in sensors()
    assert undo(fleet, given).json()["changed"] == 4
    assert found(fleet, "template:gateway") == [0, 1, 2] and sensors() == before
    for action, params, detail in (("move_site", {"site_id": "nowhere"}, "Site not found"),
                                   ("set_template", {"template_id": 2000000000}, "Template not found")):
        answer = fleet.post("/devices/bulk", json={"action": action, "query": "", "params": params})
        assert answer.status_code == 404 and answer.json()["detail"] == detail


def test_devices_leave_service_in_bulk_and_come_back_with_their_tokens(fleet, stack):
    password = fleet.post("/devices/g-02/tokens/rotate", json={}).json()["password"]
    into = f"{stack.url}/ingest/v1/tenant/{TENANT}/device/g-02/telemetry"
    send = lambda: requests.post(into, headers={"X-Provision-Token": password}, json={"metrics": {"t": 1}}, timeout=5).status_code  # noqa: E731
    assert send() == 202
    gone = bulk(fleet, "decommission", "template:gateway")
    assert gone["changed"] == 3
    wait_for("its refusal", lambda: send() == 403)
    assert found(fleet, "template:gateway") == [] and found(fleet, "is:decommissioned") == [0, 1, 2]
    assert found(fleet, "-is:decommissioned") == [3, 4, 5, 6, 7, 8, 9]
    again = bulk(fleet, "decommission", ids=["g-00"])
    assert again["changed"] == 0 and again["skipped"][0]["reason"] == "Already decommissioned"
    assert undo(fleet, gone).json()["changed"] == 3
    wait_for("its token", lambda: send() == 202)
    assert found(fleet, "is:decommissioned") == []
    gone = bulk(fleet, "decommission", ids=["g-00", "g-01"])
    back = bulk(fleet, "restore", "")
    assert back["matched"] == 2 and back["changed"] == 2
    assert undo(fleet, gone).json()["changed"] == 0
    assert undo(fleet, back).json()["changed"] == 2 and found(fleet, "is:decommissioned") == [0, 1]
    assert bulk(fleet, "restore", ids=["g-00", "g-01", "g-03"])["skipped"] == [{"device_id": "g-03", "reason": "Not decommissioned"}]


def test_bulk_needs_permission_input_and_an_undo_of_ones_own(fleet, stack, other):
    viewer = Api(stack, "grouped-viewer")
    for action, params, permission in (("add_tags", {"tags": ["x"]}, "devices.tags.write"), ("move_site", {"site_id": "berlin"}, "devices.update"),
                                       ("decommission", {}, "devices.decommission")):
        answer = viewer.post("/devices/bulk", json={"action": action, "query": "", "params": params})
        assert answer.status_code == 403 and answer.json()["detail"] == f"Permission required: {permission}"
    change = bulk(fleet, "add_tags", ids=["g-00"], tags=["seen"])
    assert undo(viewer, change).status_code == 403
    assert undo(other, change).status_code == 404
    stack.sql("UPDATE bulk_changes SET expires_at = now() WHERE tenant_id = %s RETURNING 1", (TENANT,))
    assert undo(fleet, change).status_code == 404
    for body in ({"action": "add_tags", "query": ""}, {"action": "add_tags", "params": {"tags": ["a"]}}, {"action": "explode", "query": ""},
                 {"action": "move_site", "query": "", "device_ids": ["g-00"], "params": {"site_id": "berlin"}},
                 {"action": "set_template", "query": ""}, {"action": "add_tags", "query": "", "params": {"tags": ["a,b"]}}):
        assert fleet.post("/devices/bulk", json=body).status_code == 422, body
    assert "position 1" in fleet.post("/devices/bulk", json={"action": "restore", "query": "status:x"}).json()["detail"]
    event = wait_for("the event", lambda: next((e for e in fleet.get("/audit-log?limit=200").json()["events"]
                                   if e["event_type"] == "device.bulk_changed" and e["details"].get("devices") == ["g-00"]
                                   and e["details"]["action"] == "add_tags"), None))
    assert event["details"]["changed"] == 1 and event["details"]["params"]["tags"] == ["seen"]

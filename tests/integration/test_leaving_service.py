"""What leaving service and coming back does to certificates, children, uptime and subscriptions."""

import json

import pytest
from conftest import Api
from ingest import post
from servers import wait_for
from test_groups import bulk, undo


@pytest.fixture(scope="module")
def fleet(stack):
    stack.command("admin", "create-tenant", "--id", "leavers", "--name", "Leavers")
    stack.command("admin", "create-user", "--username", "leavers1", "--password", "pulse-demo-1", "--email",
                  "leavers1@x.example", "--tenant", "leavers", "--role", "customer,tenant-admin")
    stack.sql("UPDATE tenants SET account_tier_id = NULL WHERE tenant_id = 'leavers' RETURNING 1")
    return Api(stack, "leavers1")


def create(api, device_id, **more):
    answer = api.post("/devices", json={"device_id": device_id, **more})
    assert answer.status_code == 201, answer.text


def detail(api, device_id):
    return api.get(f"/devices/{device_id}").json()["device"]


def test_an_undo_says_that_certificates_stay_revoked(stack, fleet):
    for name in ("cert-1", "cert-2", "cert-3"):
        create(fleet, name)
    for name in ("cert-1", "cert-2"):
        assert fleet.post(f"/devices/{name}/certificates/generate", json={}).status_code == 201
    # One that was revoked before is not spoken of.
    earlier = fleet.post("/devices/cert-3/certificates/generate", json={}).json()["certificate"]["id"]
    assert fleet.post(f"/certificates/{earlier}/revoke", json={"reason": "lost"}).status_code == 200
    gone = bulk(fleet, "decommission", ids=["cert-1", "cert-2", "cert-3"])
    said = ("2 certificates of 2 devices were revoked with the decommissioning and stay revoked: issue new ones. "
            "Tokens come back.")
    assert gone["note"] == said
    back = undo(fleet, gone).json()
    assert (back["changed"], back["note"]) == (3, said)
    states = stack.sql("SELECT status FROM device_certificates WHERE tenant_id = 'leavers' AND device_id = 'cert-1'")
    assert states == [("REVOKED",)], "revoked for ever"
    assert bulk(fleet, "decommission", ids=["cert-3"])["note"] is None
    assert bulk(fleet, "add_tags", ids=["cert-1"], tags=["x"])["note"] is None


def test_an_undo_leaves_alone_what_was_made_anew(fleet):
    fleet.post("/sites", json={"site_id": "north", "name": "North"})
    fleet.post("/sites", json={"site_id": "south", "name": "South"})
    for name in ("anew-1", "anew-2"):
        create(fleet, name, site_id="north")
    moved = bulk(fleet, "move_site", ids=["anew-1", "anew-2"], site_id="south")
    tagged = bulk(fleet, "add_tags", ids=["anew-1", "anew-2"], tags=["old"])
    assert fleet.delete("/devices/anew-1").status_code == 200
    create(fleet, "anew-1", site_id="south")
    fleet.post("/devices/anew-1/tags/old")
    back = undo(fleet, moved).json()
    assert (back["matched"], back["changed"]) == (2, 1)
    assert back["skipped"] == [{"device_id": "anew-1", "reason": "Changed since"}]
    assert undo(fleet, tagged).json()["changed"] == 1
    assert (detail(fleet, "anew-1")["site_id"], detail(fleet, "anew-2")["site_id"]) == ("south", "north")
    assert (detail(fleet, "anew-1")["tags"], detail(fleet, "anew-2")["tags"]) == (["old"], [])


def test_children_of_a_deleted_device_stand_alone(fleet):
    create(fleet, "parent")
    create(fleet, "child", parent_device_id="parent")
    create(fleet, "grandchild", parent_device_id="child")
    assert fleet.patch("/devices/parent/decommission").status_code == 200
    assert detail(fleet, "child")["parent_device_id"] == "parent", "it may come back"
    assert fleet.delete("/devices/parent").status_code == 200
    assert detail(fleet, "child")["parent_device_id"] is None
    assert detail(fleet, "grandchild")["parent_device_id"] == "child"
    create(fleet, "parent")
    assert detail(fleet, "child")["parent_device_id"] is None, "a new device under the id is another one"


def test_time_out_of_service_is_no_uptime(stack, fleet):
    create(fleet, "retired")
    token = fleet.post("/devices/retired/tokens/rotate", json={}).json()["password"]
    device = {"tenant_id": "leavers", "device_id": "retired", "token": token}
    assert post(stack, device, {"metrics": {"t": 1}}).status_code == 202
    wait_for("it to be there", lambda: detail(fleet, "retired")["status"] == "ONLINE")
    assert fleet.patch("/devices/retired/decommission").status_code == 200
    events = stack.sql("SELECT event_type, details::text FROM device_connection_events WHERE device_id = 'retired' "
                       "ORDER BY id")
    assert (events[-1][0], json.loads(events[-1][1])) == ("DISCONNECTED", {"reason": "decommissioned"})
    # It was there for four hours, and out of service for the last one.
    stack.sql("UPDATE device_registry SET created_at = now() - interval '4 hours' WHERE device_id = 'retired'")
    stack.sql("UPDATE device_connection_events SET \"timestamp\" = now() - CASE event_type WHEN 'CONNECTED' "
              "THEN interval '4 hours' ELSE interval '1 hour' END WHERE device_id = 'retired'")
    told = fleet.get("/devices/retired/uptime?range=24h").json()
    assert abs(told["offline_seconds"] - 3600) <= 2 and told["status"] == "offline"
    # One that was silent already has no second silence.
    create(fleet, "silent")
    assert fleet.patch("/devices/silent/decommission").status_code == 200
    assert stack.sql("SELECT 1 FROM device_connection_events WHERE device_id = 'silent'") == []


def test_a_subscription_that_ended_is_shown_as_ended(stack, fleet):
    create(fleet, "expired")

    def told():
        listed = next(d for d in fleet.get("/devices?q=expired").json()["devices"] if d["device_id"] == "expired")
        one = detail(fleet, "expired")
        return listed["subscription_status"], one["subscription_status"], one["device_subscription_status"]

    assert told() == ("TRIAL",) * 3
    stack.sql("UPDATE device_subscriptions SET status = 'EXPIRED' WHERE device_id = 'expired'")
    assert told() == ("EXPIRED",) * 3
    assert detail(fleet, "expired")["device_subscription_term_end"]
    # A live one goes before one that ended, however late that began.
    stack.sql("INSERT INTO device_subscriptions (subscription_id, tenant_id, device_id, plan_id, status, term_start, term_end) "
              "VALUES ('sub-live', 'leavers', 'expired', 'basic', 'ACTIVE', now() - interval '1 day', now() + interval '1 day')")
    assert told() == ("ACTIVE",) * 3
    total = fleet.get("/devices?q=expired").json()["total"]
    assert total == 1, "two subscriptions make one row"

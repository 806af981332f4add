"""Where devices are, as the map asks it; and who never sent anything, as it is kept apart for the fleet's uptime."""

import json

import pytest
import requests
from conftest import Api
from ingest import post
from people import make_user
from servers import wait_for

STATUSES = ("ONLINE", "STALE", "OFFLINE")


@pytest.fixture(scope="module")
def fleet(stack):
    """Of a tenant of its own: p-0 to p-4, of which p-4 has no place."""
    stack.command("admin", "create-tenant", "--id", "placed", "--name", "Placed")
    make_user(stack, "placed-admin", tenant="placed", roles="customer,tenant-admin")
    api = Api(stack, "placed-admin")
    for i in range(5):
        assert api.post("/devices", json={"device_id": f"p-{i}", "name": f"Pump {i}"}).status_code == 201
    for i in range(3):
        api.patch(f"/devices/p-{i}", json={"latitude": 10.5 + i, "longitude": -20.25})
    stack.sql("INSERT INTO device_state (tenant_id, device_id, site_id, status, state) VALUES "
              "('placed', 'p-1', 'x', 'ONLINE', '{\"lat\": 1, \"lon\": 2}'), ('placed', 'p-2', 'x', 'STALE', '{}'), "
              "('placed', 'p-3', 'x', 'ONLINE', '{\"latitude\": null, \"lat\": 4.5, \"lng\": 5.5}') RETURNING 1")
    return api


def rows(answer):
    assert answer.status_code == 200, answer.text
    page = answer.json()
    return list(zip(page["device_ids"], page["names"], page["latitudes"], page["longitudes"],
                    (STATUSES[s] for s in page["statuses"]), strict=True))


def ids(answer):
    return [row[0] for row in rows(answer)]


def test_who_has_a_place_stands_there(fleet):
    answer = fleet.get("/fleet/positions")
    # As it was registered goes before what it says itself.
    assert rows(answer) == [("p-0", "Pump 0", 10.5, -20.25, "OFFLINE"), ("p-1", "Pump 1", 11.5, -20.25, "ONLINE"),
                            ("p-2", "Pump 2", 12.5, -20.25, "STALE"), ("p-3", "Pump 3", 4.5, 5.5, "ONLINE")]
    assert answer.json()["total"] == 5 and answer.json()["next"] is None


def test_pages_follow_each_other(fleet):
    first = fleet.get("/fleet/positions?limit=3")
    assert ids(first) == ["p-0", "p-1", "p-2"] and first.json()["next"] == "p-2" and first.json()["total"] == 5
    second = fleet.get("/fleet/positions?limit=3&after=p-2")
    assert ids(second) == ["p-3"] and second.json()["next"] is None and second.json()["total"] is None
    assert fleet.get("/fleet/positions?limit=100001").status_code == 422
    assert fleet.get("/fleet/positions?after=a%20b").status_code == 422


def test_the_lists_filters_hold_here_too(fleet):
    fleet.put("/devices/p-1/tags", json={"tags": ["near", "far"]})
    assert ids(fleet.get("/fleet/positions?status=ONLINE")) == ["p-1", "p-3"]
    assert ids(fleet.get("/fleet/positions?tags=near,far")) == ["p-1"]
    assert ids(fleet.get("/fleet/positions?q=pump -status:online")) == ["p-0", "p-2"]
    assert ids(fleet.get("/fleet/positions?q=pump&after=p-1")) == ["p-2", "p-3"]
    assert fleet.get("/fleet/positions?q=pump").json()["total"] == 5
    wrong = fleet.get("/fleet/positions?status=ASLEEP")
    assert wrong.status_code == 400 and wrong.json()["detail"] == "Invalid status value"
    assert fleet.get("/fleet/positions?q=temp%3E").status_code == 400
    assert fleet.patch("/devices/p-0/decommission").status_code in (200, 204)
    assert "p-0" not in ids(fleet.get("/fleet/positions"))
    assert ids(fleet.get("/fleet/positions?decommissioned=true")) == ["p-0"]
    fleet.patch("/devices/p-0/restore")


@pytest.mark.parametrize("state", [{"lat": "4", "lon": 5}, {"lat": 91, "lon": 5}, {"lat": 4}, {"lat": 4, "lon": -180.5},
                                   {"latitude": True, "lat": 4, "lon": 5}, {"lat": [4], "lon": 5}])
def test_what_is_no_place(fleet, stack, state):
    stack.sql("UPDATE device_state SET state = %s WHERE tenant_id = 'placed' AND device_id = 'p-3' RETURNING 1",
              (json.dumps(state),))
    assert "p-3" not in ids(fleet.get("/fleet/positions"))


def test_a_number_beyond_all_numbers_is_no_place(fleet, stack):
    stack.sql("UPDATE device_state SET state = '{\"lat\": 1e400, \"lon\": 5}' WHERE tenant_id = 'placed' AND "
              "device_id = 'p-3' RETURNING 1")
    assert "p-3" not in ids(fleet.get("/fleet/positions"))


def test_another_tenant_sees_none_of_them(fleet, other, stack):
    assert not [i for i in ids(other.get("/fleet/positions?limit=20000")) if i.startswith("p-")]
    assert other.get("/fleet/positions?q=pump").json()["total"] == 0
    nobody = requests.get(f"{stack.url}/api/v1/customer/fleet/positions", timeout=10)
    assert nobody.status_code == 401


def test_a_device_named_positions_is_a_device(fleet):
    assert fleet.post("/devices", json={"device_id": "positions"}).status_code == 201
    assert fleet.get("/devices/positions").json()["device"]["device_id"] == "positions"
    assert fleet.delete("/devices/positions").status_code == 200


def unseen(stack, device):
    return stack.sql("SELECT count(*) FROM unseen_devices WHERE tenant_id = %s AND device_id = %s",
                     (device["tenant_id"], device["device_id"]))[0][0]


def test_a_device_is_unseen_until_it_sends_and_when_its_id_begins_anew(stack, admin, fresh_device):
    id = fresh_device["device_id"]
    assert unseen(stack, fresh_device) == 1
    assert post(stack, fresh_device, {"metrics": {"t": 1}}).status_code == 202
    wait_for("the state", lambda: unseen(stack, fresh_device) == 0)
    assert admin.delete(f"/devices/{id}").status_code == 200
    assert admin.post("/devices", json={"device_id": id}).status_code == 201
    assert unseen(stack, fresh_device) == 1
    # And nobody is counted twice, or left out.
    assert stack.sql("SELECT count(*) FROM device_registry r WHERE (EXISTS (SELECT FROM unseen_devices u WHERE u.tenant_id = "
                     "r.tenant_id AND u.device_id = r.device_id)) = (EXISTS (SELECT FROM device_state s WHERE s.tenant_id = "
                     "r.tenant_id AND s.device_id = r.device_id))")[0][0] == 0

"""The delivery of routes: whose turn it is, what is bounded, what a change or a broken destination does to what waits."""

import contextlib
import subprocess
import threading

from routing import api, devices, gauge, hook, nothing_left, pulse, queue, rival, route, send, sink, values, waiting  # noqa: F401
from servers import wait_for


def empty(pulse, route_id):
    return lambda: waiting(pulse, route_id) == 0


def dead(pulse, route_id):
    return pulse.sql("SELECT message_id, error_message, attempts FROM dead_letter_messages WHERE route_id = %s ORDER BY id",
                     (route_id,))


@contextlib.contextmanager
def mosquitto_sub(pulse, device, *filters):
    """Lines of mosquitto_sub, from when it is subscribed; each "topic payload"."""
    client = subprocess.Popen(
        ["stdbuf", "-oL", "mosquitto_sub", "-h", "localhost", "-p", str(pulse.mqtt_port), "-u", f"{device['tenant_id']}/{device['device_id']}",
         "-P", device["token"], "-q", "1", "-d", "-v", *[word for f in filters for word in ("-t", f)]],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1)
    lines, granted = [], threading.Event()

    def read():
        for line in client.stdout:
            if line.startswith("Subscribed"):
                granted.set()
            elif line.startswith("tenant/"):
                lines.append(line.strip())
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        assert granted.wait(20), "not subscribed"
        yield lines
    finally:
        client.terminate()
        client.wait(10)
        reader.join(10)


def test_a_republished_message_reaches_a_device_by_mosquittos_own_client(pulse, api, devices):
    route(api, {"topic": "tenant/{tenant_id}/device/{device_id}/routed/hot"}, kind="mqtt_republish")
    with mosquitto_sub(pulse, devices[0], "tenant/acme/device/a1/#") as mine, \
            mosquitto_sub(pulse, devices[2], "tenant/rival/device/r1/#") as theirs:
        send(pulse, devices[0], {"n": 41})
        line = wait_for("the message", lambda: mine and mine[0])
        assert line.startswith("tenant/acme/device/a1/routed/hot {") and '"n":41' in line.replace(" ", "")
        assert theirs == []


def test_no_topic_speaks_in_the_name_of_pulse_or_of_a_device(pulse, api, devices):
    """NATS has '.' for '/': shadow.desired would come to a device as shadow/desired."""
    own = "tenant/{tenant_id}/device/{device_id}/"
    for topic in (own + "shadow.desired", own + "commands.x", own + "commands", own + "a*", own + "a>b", own + "a b", own + "$SYS",
                  own + "/x", own + "x/", "tenant/{tenant_id}/device/a.b/x", "tenant/{tenant_id}/device/{device_id}",
                  "tenant/{tenant_id}/$share/x", "tenant/{tenant_id}//x", "tenant/{tenant_id}/a.b"):
        refused = api.post("/message-routes", json={"name": "r", "topic_filter": "a/#", "destination_type": "mqtt_republish",
                                                    "destination_config": {"topic": topic}})
        assert refused.status_code == 400 and refused.json()["detail"].startswith("topic must"), topic
    # One that came into the table another way is refused when it is sent.
    made = route(api, {"topic": own + "x"}, kind="mqtt_republish")
    pulse.sql("UPDATE message_routes SET destination_config = %s, version = version + 1 WHERE id = %s RETURNING id",
              ('{"topic": "' + own + 'shadow.desired"}', made["id"]))
    with mosquitto_sub(pulse, devices[0], "tenant/acme/device/a1/#") as lines:
        before = list(lines)  # what waited for it
        tested = api.post(f"/message-routes/{made['id']}/test", json={"topic": "tenant/acme/device/a1/telemetry"}).json()
        assert tested["success"] is False and "'.'" in tested["error"]
        send(pulse, devices[0], {"n": 1})
        letters = wait_for("the dead letter", lambda: dead(pulse, made["id"]), 40)
        assert "'.'" in letters[0][1] and lines == before


def test_messages_of_many_devices_are_republished_without_an_end(pulse, api):
    """To a topic that nobody takes a send is over before the next one is begun."""
    made = route(api, {"topic": "tenant/{tenant_id}/alarms"}, kind="mqtt_republish")
    for times in range(3):
        queue(pulse, made["id"], 300, name=f"m{times}-")
        wait_for("an empty queue", empty(pulse, made["id"]))
    assert dead(pulse, made["id"]) == []
    assert wait_for("no send under way", lambda: gauge(pulse, "pulse_route_sends_under_way") == {"": 0})


def test_slow_destinations_leave_room_for_the_others(pulse, api, rival, sink):
    gate = threading.Event()

    def answers(request):
        if "slow" in request.path:
            gate.wait(60)
        return 200
    sink.answers = answers
    fast, slow = route(api, hook(sink, "/fast")), [route(api, hook(sink, f"/slow{n}")) for n in range(8)]
    theirs = route(rival, hook(sink, "/theirs"))
    try:
        queue(pulse, fast["id"], 8)  # known as a quick one from now on
        wait_for("the first of the fast one", empty(pulse, fast["id"]))
        for made in slow:
            queue(pulse, made["id"], 50)
        wait_for("the slow ones to be under way", lambda: gauge(pulse, "pulse_route_sends_under_way")[""] == 8)  # half of 16
        queue(pulse, fast["id"], 60, name="later")
        queue(pulse, theirs["id"], 60)
        wait_for("all at the fast one", empty(pulse, fast["id"]))
        wait_for("all at another tenant's", empty(pulse, theirs["id"]))
        wait_for("the slow ones alone to be under way", lambda: 0 < gauge(pulse, "pulse_route_sends_under_way")[""] <= 8)
    finally:
        gate.set()
    for made in slow:
        wait_for("all at the slow ones", empty(pulse, made["id"]), 60)
    assert pulse.sql("SELECT count(*) FROM dead_letter_messages") == [(0,)]


def test_a_change_while_messages_are_under_way_sends_none_twice(pulse, api, sink):
    made = route(api, hook(sink, "/changed"))
    queue(pulse, made["id"], 600, device="d{n}")
    changes = 0
    while waiting(pulse, made["id"]) > 0 and changes < 400:
        assert api.put(f"/message-routes/{made['id']}", json={"name": f"r{changes}"}).status_code == 200
        changes += 1
    wait_for("an empty queue", empty(pulse, made["id"]))
    assert changes > 5
    ids = [r.id for r in sink.of("/changed")]
    assert len(ids) == len(set(ids)) == 600


def test_the_messages_of_a_device_keep_their_order_through_retries(pulse, api, sink):
    seen, lock = set(), threading.Lock()

    def answers(request):
        with lock:
            first = request.id not in seen
            seen.add(request.id)
        request.taken = not (first and request.body["payload"]["metrics"]["n"] % 9 == 0)
        return 200 if request.taken else 503
    sink.answers = answers
    made = route(api, hook(sink, "/order"))
    for device in ("x", "y", "z"):
        queue(pulse, made["id"], 20, device=device, name=device)
    wait_for("an empty queue", empty(pulse, made["id"]), 60)
    for device in ("x", "y", "z"):
        taken = [r for r in sink.of("/order") if r.body["device_id"] == device and r.taken]
        assert values(taken) == list(range(1, 21))


def test_a_queue_is_bounded_and_seen(pulse, api, sink):
    sink.going_on.clear()  # no answer
    made = route(api, hook(sink, "/full"))
    send_count = 10_040
    queue(pulse, made["id"], send_count, device="d")
    letters = wait_for("the newest to be given up", lambda: len(found := dead(pulse, made["id"])) >= 40 and found)
    assert len(letters) == 40 and {(error, tries) for _, error, tries in letters} == {
        ("The route's queue was full: 10000 messages wait for the destination", 0)}
    assert letters[-1][0] == f"m{send_count}-r{made['id']}" and waiting(pulse, made["id"]) == 10_000
    mine = f'{{route="{made["id"]}",tenant="acme"}}'
    wait_for("the gauge", lambda: gauge(pulse, "pulse_route_queued").get(mine) == 10_000)
    assert gauge(pulse, "pulse_route_queue_messages")[""] >= 10_000
    assert api.delete(f"/message-routes/{made['id']}").status_code == 204
    wait_for("the gauge's end", lambda: mine not in gauge(pulse, "pulse_route_queued"))


def test_a_disabled_routes_queue_is_bounded_too(pulse, api, sink):
    made = route(api, hook(sink, "/off"), is_enabled=False)
    queue(pulse, made["id"], 10_005, device="d")
    letters = wait_for("the newest to be given up", lambda: dead(pulse, made["id"]))
    assert len(letters) == 5 and "wait for the route to be enabled" in letters[0][1]
    assert sink.requests == []


def test_tries_while_the_destination_is_known_to_fail_do_not_count(pulse, api, sink):
    sink.answers = lambda request: 503
    made = route(api, hook(sink, "/down"))
    queue(pulse, made["id"], 40, device="d{n}")
    mine = f'{{route="{made["id"]}",tenant="acme"}}'
    wait_for("an open breaker", lambda: gauge(pulse, "pulse_route_breaker_open").get(mine) == 1)
    letters = wait_for("all given up", lambda: len(found := dead(pulse, made["id"])) == 40 and found, 60)
    counted = sum(tries for _, _, tries in letters)
    assert 5 <= counted < len(sink.of("/down"))
    assert all("failed" in error and tries < 3 for _, error, tries in letters)
    wait_for("an empty queue", empty(pulse, made["id"]))
    wait_for("the gauge's end", lambda: mine not in gauge(pulse, "pulse_route_breaker_open"))


def test_a_message_goes_to_a_bounded_number_of_routes(pulse, api, devices):
    pulse.sql("INSERT INTO message_routes (tenant_id, name, topic_filter, destination_type) SELECT 'acme', 'r' || n, "
              "'tenant/+/device/+/telemetry', 'postgresql' FROM generate_series(1, 104) n RETURNING id")
    newest = route(api, {}, kind="postgresql")
    before = gauge(pulse, "pulse_ingest_routes_left_out_total")[""]
    send(pulse, devices[0], {"n": 1})
    wait_for("five to be left out", lambda: gauge(pulse, "pulse_ingest_routes_left_out_total")[""] == before + 5)
    asked = api.post("/message-routes/match", json={"topic": "tenant/acme/device/a1/telemetry", "payload": {"a": 1}}).json()
    verdict = next(r for r in asked["routes"] if r["route_id"] == newest["id"])
    assert asked["matched"] == 100 and verdict["matches"] is False and "at most 100 routes" in verdict["reasons"][0]


def test_republishing_does_not_multiply_a_message_without_bound(pulse, api, devices):
    """Ten routes that republish to ten others each, which republish, too: of 1,110 copies at most 100 are made."""
    own = "tenant/acme/device/{device_id}/"
    for level, source in (("l1", "telemetry"), ("l2", "l1"), ("l3", "l2")):
        pulse.sql("INSERT INTO message_routes (tenant_id, name, topic_filter, destination_type, destination_config) SELECT "
                  "'acme', %s, %s, 'mqtt_republish', %s FROM generate_series(1, 10) RETURNING id",
                  (level, f"tenant/+/device/+/{source}", '{"topic": "' + own + level + '"}'))
    last = route(api, {}, topic_filter="tenant/+/device/+/l3", kind="postgresql")
    queued = "SELECT count(*) FROM message_route_queue"
    ids = "SELECT id FROM message_routes WHERE name = 'l1' ORDER BY id"
    send(pulse, devices[0], {"n": 1})
    cut = wait_for("the cut", lambda: pulse.sql("SELECT error_message FROM dead_letter_messages"))
    wait_for("an empty queue", lambda: pulse.sql(queued) == [(0,)])
    assert "more than 100 routes" in cut[0][0] and len(pulse.sql(ids)) == 10 and last["id"]
    assert pulse.sql("SELECT count(*) FROM dead_letter_messages")[0][0] <= 100

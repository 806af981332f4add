"""kill -9 of evaluators, notifier, delivery, NATS and PostgreSQL while alerts open and close: each episode of a device
opens one alert and closes it, a channel is told of both at least once, by one key each, and each message that a route
matches is delivered or a dead letter."""

import concurrent.futures
import json
import os
import random
import threading
import time

import requests
from servers import Stack, wait_for
from sink import Sink

EPISODES = int(os.environ.get("PULSE_CHAOS_EPISODES", "12"))
DEVICES, RULES = 30, 25  # a message every 0.7 s of each device: about 500 alerts a second open, and as many close


class Episodes:
    """Each device breaks the rule and keeps it again, in turns; a message is sent until it is accepted."""

    def __init__(self, stack: Stack):
        self.stack, self.done = stack, 0
        self.lock = threading.Lock()
        self.pool = concurrent.futures.ThreadPoolExecutor(DEVICES)
        self.work = [self.pool.submit(self._device, d) for d in stack.devices()[:DEVICES]]

    def _device(self, device: dict):
        session = requests.Session()
        url = (f"{self.stack.url}/ingest/v1/tenant/{device['tenant_id']}/device/{device['device_id']}"
               "/telemetry")
        seq = 0
        for _ in range(EPISODES):
            for value in (99, 5):
                seq += 1
                body = {"site_id": device["site_id"], "seq": seq, "ts": time.time(), "metrics": {"chaos_c": value}}
                self._until_accepted(session, url, body, device["token"])
                time.sleep(random.uniform(0.2, 1.2))
            with self.lock:
                self.done += 1

    @staticmethod
    def _until_accepted(session, url, body, token):
        deadline = time.time() + 120
        while time.time() < deadline:
            try:
                answer = session.post(url, json=body, headers={"X-Provision-Token": token}, timeout=5)
                if answer.status_code == 202:
                    return
                assert answer.status_code == 503, answer.text
            except requests.RequestException:
                pass
            time.sleep(0.2)
        raise TimeoutError("a message was not accepted in two minutes")

    def finish(self):
        for work in self.work:
            work.result(300)


def alerts_by_rule_and_device(stack) -> dict[tuple[str, str], tuple[int, int]]:
    rows = stack.sql("SELECT rule_id::text, device_id, count(*), count(*) FILTER (WHERE status = 'CLOSED') FROM fleet_alert "
                     "WHERE alert_type = 'THRESHOLD' GROUP BY 1, 2")
    return {(rule, device): (opened, closed) for rule, device, opened, closed in rows}


def set_up(stack, told, forwarded):
    """A channel that is told of all alerts of one rule, and a route for what breaks the rules."""
    headers = {"Authorization": f"Bearer {stack.token('tenantadmin1')}"}

    def make(what, body):
        answer = requests.post(f"{stack.url}/api/v1/customer/{what}", json=body, headers=headers, timeout=10)
        assert answer.status_code == 201, answer.text
        return answer.json()

    channel = make("notification-channels", {"name": "Chaos", "channel_type": "webhook", "config": {"url": told.url},
                                             "max_per_minute": 1000})
    make("notification-routing-rules", {"channel_id": channel["channel_id"], "alert_type": "THRESHOLD",
                                        "min_severity": 5, "deliver_on": ["OPEN", "CLOSED"]})
    make("message-routes", {"name": "Chaos", "topic_filter": "tenant/demo/device/+/telemetry", "destination_type": "webhook",
                            "destination_config": {"url": forwarded.url}, "payload_filter": {"chaos_c": {"$gt": 50}}})


def check_told(stack, rule_id, told):
    """Each alert was told open and closed, each of them by one idempotency key, however often."""
    ids = {row[0] for row in stack.sql(f"SELECT id FROM fleet_alert WHERE rule_id = '{rule_id}'")}

    def keys():
        found = {}
        for request in list(told.requests):
            if request.body.get("alert_id") in ids:
                found.setdefault((request.body["alert_id"], request.body["event_type"]), set()).add(request.id)
        return found

    wait_for("every alert told open and closed", lambda: len(keys()) >= 2 * len(ids), 180, 1)
    assert all(len(k) == 1 for k in keys().values())
    assert {e for _, e in keys()} == {"OPEN", "CLOSED"}


def check_forwarded(stack, expected, forwarded):
    def arrived():
        letters = stack.sql("SELECT count(*) FROM dead_letter_messages WHERE destination_type = 'webhook'")[0][0]
        return len({r.id for r in list(forwarded.requests)}) + letters >= expected

    wait_for(f"{expected} messages forwarded or dead letters", arrived, 180, 1)


def test_each_episode_opens_one_alert_whatever_is_killed():
    random.seed(11)
    roles = ["gateway,mqtt,ingest,ops", "evaluator", "evaluator,delivery", "notifier", "delivery,notifier"]
    with Sink() as told, Sink() as forwarded, Stack(roles, devices=DEVICES, fsync=True, settings={
            "OUTBOUND_PRIVATE_HOSTS": f"{told.host},{forwarded.host}"}) as stack:
        set_up(stack, told, forwarded)
        rules = stack.sql("INSERT INTO alert_rules (tenant_id, name, metric_name, operator, threshold, severity) "
                          "SELECT 'demo', 'Chaos ' || i, 'chaos_c', 'GT', 50, CASE i WHEN 1 THEN 5 ELSE 3 END "
                          f"FROM generate_series(1, {RULES}) i RETURNING rule_id::text, severity")
        told_rule = next(rule for rule, severity in rules if severity == 5)
        time.sleep(4)  # until ingest hands the readings of this tenant on
        episodes = Episodes(stack)
        kills = 0
        while not all(w.done() for w in episodes.work):
            what = ("worker", "worker", "nats", "worker", "worker", "postgres")[kills % 6]
            if what == "nats":
                stack.nats.kill()
                # Also for longer than anything is tried without a pause.
                time.sleep(3.5 if kills % 12 == 2 else random.uniform(0.1, 1))
                stack.start_nats()
            elif what == "postgres":
                stack.postgres.kill()
                time.sleep(random.uniform(0.1, 1))
                stack.postgres.start()
            else:
                pulse = stack.pulses[1 + kills % 4]
                pulse.kill()
                time.sleep(random.uniform(0.1, 1))
                pulse.start()
            kills += 1
            time.sleep(random.uniform(2, 4))
        episodes.finish()
        assert kills >= 5
        stack.wait_ready(60)
        expected = {(rule, d["device_id"]): (EPISODES, EPISODES) for rule, _ in rules for d in stack.devices()[:DEVICES]}

        def settled():
            found = alerts_by_rule_and_device(stack)
            more = {" of ".join(of): n for of, n in found.items() if n[0] > EPISODES}
            assert not more, f"opened more than once: {json.dumps(more)}"
            return found == expected

        wait_for(f"{EPISODES} alerts of each rule and device, all closed", settled, 240, 1)
        check_told(stack, told_rule, told)
        check_forwarded(stack, EPISODES * DEVICES, forwarded)
        wait_for("all events published", lambda: stack.sql("SELECT count(*) FROM alert_outbox") == [(0,)], 60)

"""kill -9 of evaluators, NATS and PostgreSQL while alerts open and close: each episode of a device opens one alert,
and closes it."""

import concurrent.futures
import json
import os
import random
import threading
import time

import requests
from servers import Stack, wait_for

EPISODES = int(os.environ.get("PULSE_CHAOS_EPISODES", "12"))
DEVICES = 40


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


def alerts_by_device(stack, rule_id) -> dict[str, tuple[int, int]]:
    rows = stack.sql("SELECT device_id, count(*), count(*) FILTER (WHERE status = 'CLOSED') FROM fleet_alert "
                     f"WHERE rule_id = '{rule_id}' GROUP BY 1")
    return {device: (opened, closed) for device, opened, closed in rows}


def test_each_episode_opens_one_alert_whatever_is_killed():
    random.seed(11)
    roles = ["gateway,mqtt,ingest,notifier,delivery,ops", "evaluator", "evaluator"]
    with Stack(roles, devices=DEVICES, fsync=True) as stack:
        rule_id = stack.sql("INSERT INTO alert_rules (tenant_id, name, metric_name, operator, threshold) "
                            "VALUES ('demo', 'Chaos', 'chaos_c', 'GT', 50) RETURNING rule_id")[0][0]
        time.sleep(4)  # until ingest hands the readings of this tenant on
        episodes = Episodes(stack)
        kills = 0
        while not all(w.done() for w in episodes.work):
            what = ("evaluator", "evaluator", "nats", "evaluator", "postgres")[kills % 5]
            if what == "nats":
                stack.nats.kill()
                time.sleep(random.uniform(0.1, 1))
                stack.start_nats()
            elif what == "postgres":
                stack.postgres.kill()
                time.sleep(random.uniform(0.1, 1))
                stack.postgres.start()
            else:
                pulse = stack.pulses[random.choice((1, 2))]
                pulse.kill()
                time.sleep(random.uniform(0.1, 1))
                pulse.start()
            kills += 1
            time.sleep(random.uniform(2, 4))
        episodes.finish()
        assert kills >= 5
        stack.wait_ready(60)
        expected = {d["device_id"]: (EPISODES, EPISODES) for d in stack.devices()[:DEVICES]}

        def settled():
            found = alerts_by_device(stack, rule_id)
            more = {d: n for d, n in found.items() if n[0] > EPISODES}
            assert not more, f"opened more than once: {json.dumps(more)}"
            return found == expected

        wait_for(f"{EPISODES} alerts of each device, all closed", settled, 120, 1)
        wait_for("all events published", lambda: stack.sql("SELECT count(*) FROM alert_outbox") == [(0,)], 60)

"""kill -9 of the delivery, of NATS and of PostgreSQL while numbered messages go through two routes: one whose destination takes
everything, one whose destination never takes some. Each number is delivered or a dead letter, of each route; no outage of ours makes
a dead letter."""

import concurrent.futures
import os
import random
import threading
import time

import requests
from servers import Stack, wait_for
from sink import Sink

MESSAGES = int(os.environ.get("PULSE_CHAOS_MESSAGES", "4000"))
DEVICES, RATE, NEVER = 25, 500, 199  # messages a second at most; every so many-th is never taken


class Numbers:
    """1..MESSAGES, sent by DEVICES devices, each until it is accepted."""

    def __init__(self, stack: Stack):
        self.stack, self.begun, self.lock, self.next = stack, time.monotonic(), threading.Lock(), 1
        pool = concurrent.futures.ThreadPoolExecutor(DEVICES)
        self.work = [pool.submit(self._device, d) for d in stack.devices()[:DEVICES]]

    def _take(self):
        with self.lock:
            n, self.next = self.next, self.next + 1
        due = self.begun + n / RATE
        if due > time.monotonic():
            time.sleep(due - time.monotonic())
        return n

    def _device(self, device: dict):
        session = requests.Session()
        url = f"{self.stack.url}/ingest/v1/tenant/{device['tenant_id']}/device/{device['device_id']}/telemetry"
        while (n := self._take()) <= MESSAGES:
            body = {"site_id": device["site_id"], "seq": n, "ts": time.time(), "metrics": {"chaos_n": n}}
            deadline = time.monotonic() + 120
            while not self._accepted(session, url, body, device["token"]):
                assert time.monotonic() < deadline, f"message {n} was not accepted in two minutes"
                time.sleep(0.2)

    @staticmethod
    def _accepted(session, url, body, token):
        try:
            answer = session.post(url, json=body, headers={"X-Provision-Token": token}, timeout=5)
        except requests.RequestException:
            return False
        assert answer.status_code in (202, 503), answer.text
        return answer.status_code == 202


def number_of(request):
    return int(request.body["payload"]["metrics"]["chaos_n"])


def make_route(stack, name, sink):
    answer = requests.post(f"{stack.url}/api/v1/customer/message-routes", timeout=10, headers={
        "Authorization": f"Bearer {stack.token('tenantadmin1')}"}, json={
            "name": name, "topic_filter": "tenant/demo/device/+/telemetry", "destination_type": "webhook",
            "destination_config": {"url": sink.url}, "payload_filter": {"chaos_n": {"$gt": 0}}})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def dead_numbers(stack, route_id):
    return {int(n) for (n,) in stack.sql("SELECT payload -> 'metrics' ->> 'chaos_n' FROM dead_letter_messages "
                                         f"WHERE route_id = {route_id}")}


def disturb(stack, numbers):
    """Until all is sent: a victim, a while, the next one. Returns how often each was it."""
    kinds, count = ("delivery", "nats", "delivery", "postgres"), {}
    turn = 0
    while not all(w.done() for w in numbers.work) or turn < len(kinds):
        what = kinds[turn % len(kinds)]
        turn += 1
        if what == "nats":
            stack.nats.kill()
            time.sleep(random.choice((0.3, 3.5)))  # also longer than ingest waits for it
            stack.start_nats()
        elif what == "postgres":
            stack.postgres.kill()
            time.sleep(random.uniform(0.1, 1))
            stack.postgres.start()
        else:
            victim = stack.pulses[1 + turn // 2 % 2]
            victim.kill()
            time.sleep(random.uniform(0.1, 1))
            victim.start()
        count[what] = count.get(what, 0) + 1
        time.sleep(random.uniform(1, 3))
    return count


def test_every_number_is_delivered_or_a_dead_letter_whatever_is_killed():
    random.seed(7)
    with Sink() as taking, Sink() as failing, Stack(("gateway,mqtt,ingest,ops", "delivery", "delivery"), devices=DEVICES, fsync=True,
                                                    settings={"OUTBOUND_PRIVATE_HOSTS": f"{taking.host},{failing.host}"}) as stack:
        failing.answers = lambda request: 500 if number_of(request) % NEVER == 0 else 200
        to_taking, to_failing = make_route(stack, "taking", taking), make_route(stack, "failing", failing)
        time.sleep(4)  # until ingest knows the routes
        numbers = Numbers(stack)
        killed = disturb(stack, numbers)
        for work in numbers.work:
            work.result(300)
        assert min(killed[what] for what in ("delivery", "nats", "postgres")) >= 1
        stack.wait_ready(60)
        expected = set(range(1, MESSAGES + 1))

        def taken(sink):
            return {number_of(r) for r in list(sink.requests)}

        def missing():
            failed = {n for n in expected if n % NEVER == 0}
            return (expected - taken(taking)) | (expected - (taken(failing) - failed) - dead_numbers(stack, to_failing))

        wait_for("every number delivered or a dead letter", lambda: not missing(), 240, 1)
        wait_for("an empty queue", lambda: stack.sql("SELECT count(*) FROM message_route_queue") == [(0,)], 120)
        assert dead_numbers(stack, to_taking) == set()
        assert {n for n in expected if n % NEVER == 0} <= dead_numbers(stack, to_failing)
        for sink in (taking, failing):
            ids = {}
            for request in sink.requests:
                ids.setdefault(number_of(request), set()).add(request.id)
            assert all(len(of) == 1 for of in ids.values()) and set(ids) <= expected

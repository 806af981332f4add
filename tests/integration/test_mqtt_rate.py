"""A device that sends faster than its rate, at the real default limits of Pulse: order, times, once each."""

import json
import socket
import threading

import pytest
from servers import Stack, wait_for

RATE, BURST = 5, 20


@pytest.fixture(scope="module")
def limited():
    with Stack(settings={"RATE_LIMIT_RPS": str(RATE), "RATE_LIMIT_BURST": str(BURST)}, devices=4) as stack:
        yield stack


def text(b: bytes) -> bytes:
    return len(b).to_bytes(2, "big") + b


def packet(first: int, body: bytes) -> bytes:
    n, size = len(body), b""
    while True:
        n, low = divmod(n, 128)
        size += bytes([low | (128 if n else 0)])
        if not n:
            return bytes([first]) + size + body


class Raw:
    """A 3.1.1 client that sends at once what it is given, and notes when each acknowledgement came."""

    def __init__(self, stack, device):
        self.topic = f"tenant/{device['tenant_id']}/device/{device['device_id']}/telemetry".encode()
        self.acknowledged = []
        self.socket = socket.create_connection(("127.0.0.1", stack.mqtt_port), 5)
        self.socket.settimeout(60)
        self.socket.sendall(packet(0x10, text(b"MQTT") + b"\x04\xc2\x00\x00" + text(b"raw") +
                                   text(f"{device['tenant_id']}/{device['device_id']}".encode()) +
                                   text(device["token"].encode())))
        assert self.socket.recv(4) == b"\x20\x02\x00\x00"
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        held = b""
        while data := self.socket.recv(4096):
            held += data
            while len(held) >= 4:
                assert held[0] == 0x40
                self.acknowledged.append(int.from_bytes(held[2:4], "big"))
                held = held[4:]

    def publish(self, numbers, again=False):
        """Messages without a number or time of their own; the packet identifier is the value."""
        self.socket.sendall(b"".join(
            packet(0x3A if again else 0x32, text(self.topic) + n.to_bytes(2, "big") +
                   json.dumps({"metrics": {"n": n}}).encode()) for n in numbers))

    def wait(self, count):
        wait_for(f"{count} acknowledgements", lambda: len(self.acknowledged) >= count, 60)

    def break_off(self):
        """Breaks the connection, and takes what was still acknowledged."""
        self.socket.shutdown(socket.SHUT_WR)
        self.reader.join(30)
        self.socket.close()
        return self.acknowledged


def rows(stack, device):
    return stack.sql("SELECT (metrics ->> 'n')::int, extract(epoch FROM time)::float8, "
                     "extract(epoch FROM stored_at)::float8 FROM telemetry WHERE device_id = %s "
                     "ORDER BY stream_seq", (device["device_id"],))


def limited_count(stack):
    return stats(stack)["limited_device"]


def stats(stack):
    import requests
    return requests.get(f"{stack.url}/ingest/v1/metrics/rate-limits", timeout=5, headers={
        "Authorization": f"Bearer {stack.token('customer1')}"}).json()["rate_limit_stats"]


def test_a_burst_is_stored_in_order_once_and_at_the_time_it_came(limited):
    device, count = limited.devices()[0], 60
    before = limited_count(limited)
    client = Raw(limited, device)
    client.publish(range(1, count + 1))
    client.wait(count)
    assert client.break_off() == list(range(1, count + 1))
    wait_for("all rows", lambda: len(rows(limited, device)) >= count)
    stored = rows(limited, device)
    assert [n for n, _, _ in stored] == list(range(1, count + 1))
    # The messages came together and were let through one by one, over (60 - 20) / 5 seconds.
    times = [at for _, at, _ in stored]
    assert times == sorted(times)
    assert times[-1] < stored[-1][2] - (count - BURST) / RATE / 2
    # Each message counts as slowed down once at most, however long it waited.
    assert 0 < limited_count(limited) - before <= count - BURST


def test_what_waits_when_the_connection_breaks_is_sent_again_and_stored_once(limited):
    device, count = limited.devices()[1], 30
    client = Raw(limited, device)
    client.publish(range(1, count + 1))
    client.wait(BURST)
    acknowledged = client.break_off()
    assert len(acknowledged) < count
    second = Raw(limited, device)
    rest = [n for n in range(1, count + 1) if n not in acknowledged]
    second.publish(rest, again=True)
    second.wait(len(rest))
    second.break_off()
    wait_for("all rows", lambda: len(rows(limited, device)) >= count)
    # What the first connection left behind would come out by now: its messages were ahead in line.
    assert sorted(n for n, _, _ in rows(limited, device)) == list(range(1, count + 1))


def test_a_change_of_a_device_without_a_session_is_looked_up_by_nobody(limited):
    import requests
    silent, connected = limited.devices()[2:4]
    client = Raw(limited, connected)
    session = {"Authorization": f"Bearer {limited.token('customer1')}"}
    api = f"{limited.url}/api/v1/customer/devices"
    before = stats(limited)["cache_misses"]
    for _ in range(5):
        assert requests.patch(f"{api}/{silent['device_id']}", json={"notes": "x"}, headers=session,
                              timeout=10).status_code == 200
    # Announcements arrive in order: once the revoked session ends, those before were heard.
    tokens = requests.get(f"{api}/{connected['device_id']}/tokens", headers=session, timeout=10).json()
    for token in tokens["tokens"] if isinstance(tokens, dict) else tokens:
        requests.delete(f"{api}/{connected['device_id']}/tokens/{token['id']}", headers=session,
                        timeout=10).raise_for_status()
    client.reader.join(15)
    assert not client.reader.is_alive(), "the session goes on"
    client.socket.close()
    assert stats(limited)["cache_misses"] - before <= 2

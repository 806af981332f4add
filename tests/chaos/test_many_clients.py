"""MQTT over several processes, and very many clients of one."""

import asyncio
import pathlib
import resource

from mqtt_clients import Client
from servers import Stack, free_port, port_open, wait_for

CLIENTS = 10_000


def resident_bytes(pid: int) -> int:
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


def text(value: str) -> bytes:
    return len(value).to_bytes(2, "big") + value.encode()


def connect_packet(device: dict, client_id: str) -> bytes:
    """A CONNECT of MQTT 3.1.1: clean session, keep alive of 20 minutes."""
    body = (text("MQTT") + b"\x04\xc2" + (1200).to_bytes(2, "big") + text(client_id)
            + text(f"{device['tenant_id']}/{device['device_id']}") + text(device["token"]))
    length = bytes([len(body)]) if len(body) < 128 else bytes([len(body) % 128 | 128, len(body) // 128])
    return b"\x10" + length + body


async def open_clients(stack: Stack, devices: list, numbers: range) -> list:
    """Connects one client a number, fifty at once; answers their writers."""
    gate = asyncio.Semaphore(50)

    async def one(number: int):
        async with gate:
            reader, writer = await asyncio.open_connection("127.0.0.1", stack.mqtt_port, limit=1024)
            writer.write(connect_packet(devices[number % len(devices)], f"idle-{number}"))
            answer = await reader.readexactly(4)
            assert answer == b"\x20\x02\x00\x00", answer
            return writer

    return await asyncio.gather(*(one(number) for number in numbers))


def test_ten_thousand_idle_clients_take_under_20_kib_each():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert hard >= CLIENTS + 1000, "the test needs a file for each client"
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # the servers inherit it
    try:
        with Stack(["gateway,mqtt,ingest,evaluator,notifier,delivery,ops"], devices=1000) as stack:
            pid = stack.pulses[0].pid
            devices = stack.devices()

            async def grow():
                warm = await open_clients(stack, devices, range(1000))  # caches and pools take their size
                before = resident_bytes(pid)
                many = await open_clients(stack, devices, range(1000, 1000 + CLIENTS - 1000))
                each = (resident_bytes(pid) - before) / len(many)
                for writer in (*warm, *many):
                    writer.transport.abort()
                return each

            each = asyncio.run(grow())
            print(f"{each / 1024:.1f} KiB for each of {CLIENTS} clients")
            assert each < 20 * 1024
            with Client(stack, devices[0]) as client:
                client.publish('{"metrics":{"t":1}}')
                client.wait_acknowledged(1)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_client_that_comes_back_at_another_process_is_taken_over():
    stack = Stack(["gateway,mqtt,ingest,evaluator,notifier,delivery,ops", "mqtt"])
    elsewhere = free_port()
    stack.pulses[1].env["MQTT_PORT"] = str(elsewhere)
    with stack:
        wait_for("the second endpoint", lambda: port_open(elsewhere))
        device, other = stack.devices()[:2]
        here = stack.mqtt_port

        def at(port, whose, client_id):
            client = Client(stack, whose, 5, client_id=client_id)
            client.port = port
            client.client.reconnect_delay_set(60, 60)  # who was taken over stays away
            return client

        with at(here, other, "same") as bystander, at(here, device, "same") as first:
            with at(elsewhere, device, "same") as second:
                assert first.gone.wait(10), "the session in the first process goes on"
                assert first.disconnect_code == 0x8E  # session taken over
                second.publish('{"seq":1,"metrics":{"t":1}}')
                second.wait_acknowledged(1)
                # And back again.
                with at(here, device, "same") as third:
                    assert second.gone.wait(10), "the session in the second process goes on"
                    third.publish('{"seq":2,"metrics":{"t":2}}')
                    third.wait_acknowledged(1)
            assert not bystander.gone.is_set(), "another device's client of that name"
        wait_for("both messages stored", lambda: stack.stored(device["device_id"]) == 2)

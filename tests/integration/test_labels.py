"""QR labels: a picture of one device's code, and sheets to print."""

import subprocess

import pytest


def test_a_picture_leads_to_the_devices_page(stack, customer, device, tmp_path):
    answer = customer.get(f"/devices/{device['device_id']}/label.png?scale=4")
    assert answer.status_code == 200 and answer.headers["Content-Type"] == "image/png"
    assert answer.content.startswith(b"\x89PNG\r\n")
    assert len(customer.get(f"/devices/{device['device_id']}/label.png?scale=8").content) > len(answer.content)
    assert customer.get("/devices/ghost/label.png").status_code == 404
    assert customer.get(f"/devices/{device['device_id']}/label.png?scale=0").status_code == 422
    (tmp_path / "label.png").write_bytes(answer.content)
    read = subprocess.run(["zbarimg", "-q", "--raw", tmp_path / "label.png"], capture_output=True, text=True, check=True)
    assert read.stdout.strip() == f"{stack.url}/app/devices/{device['device_id']}"


@pytest.mark.parametrize("count, sheets", [(1, 1), (25, 2)])
def test_sheets_to_print(stack, customer, count, sheets):
    ids = [d["device_id"] for d in stack.devices()][:count]
    answer = customer.post("/devices/labels", json={"device_ids": ids})
    assert answer.status_code == 200 and answer.headers["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-") and answer.content.count(b"/Type /Page\n") == sheets


def test_no_label_of_a_device_that_is_not_ones_own(customer, other, device):
    for ids in (["ghost"], [device["device_id"], "ghost"]):
        assert customer.post("/devices/labels", json={"device_ids": ids}).status_code == 404
    assert other.post("/devices/labels", json={"device_ids": [device["device_id"]]}).status_code == 404
    assert customer.post("/devices/labels", json={"device_ids": []}).status_code == 422
    assert customer.post("/devices/labels", json={"device_ids": ["x"] * 241}).status_code == 422

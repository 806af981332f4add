"""X.509 certificates of devices: issued, uploaded, rotated, revoked; the MQTT listener that asks for them; the tenants'
own authorities. openssl and mosquitto are the judges."""

import json
import subprocess
import time

import pytest
import requests
from authorities import openssl, proven, signed
from ingest import envelope, publish, quarantined
from mqtt_clients import Client
from servers import PULSE, SERVED, environment, free_port, make_authority, wait_for

WARNING = "Save the private key now -- it will NOT be shown again."


def save(folder, answer, name="device"):
    """Certificate and key of an answer as files."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    certificate.write_text(answer["cert_pem"])
    if "private_key_pem" in answer:
        key.write_text(answer["private_key_pem"])
    return certificate, key


def issue(api, device_id, folder, name="device", **body):
    answer = api.post(f"/devices/{device_id}/certificates/generate", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json(), save(folder, answer.json(), name)


def refused(stack, device, certificate, version=5, **more):
    """Connects, and is told no."""
    client = Client(stack, device, version, certificate=certificate, **more).connect()
    try:
        assert client.code != 0
        assert client.gone.wait(5)
        return client.code
    finally:
        client.close()


def mosquitto_pub(stack, device, certificate, *flags, topic=None):
    name = f"tenant/{device['tenant_id']}/device/{device['device_id']}/telemetry"
    return subprocess.run(
        ["mosquitto_pub", "-h", "localhost", "-p", str(stack.mqtt_tls_port), "--cafile", str(stack.home / "ca.pem"), "--cert",
         str(certificate[0]), "--key", str(certificate[1]), "-q", "1", "-t", topic or name, "-m", '{"metrics":{"t":1}}', *flags],
        capture_output=True, text=True, timeout=20)


def audit_of(stack, device_id, event):
    return stack.sql("SELECT count(*) FROM audit_log WHERE entity_id = %s AND event_type = %s", (device_id, event))[0][0]


# ---- issue ----

@pytest.fixture()
def namesake(other, fresh_device):
    """Another tenant's device of the same id, for as long as the test lasts."""
    assert other.post("/devices", json={"device_id": fresh_device["device_id"]}).status_code == 201
    yield fresh_device["device_id"]
    assert other.delete(f"/devices/{fresh_device['device_id']}").status_code == 200


@pytest.mark.parametrize("key_type, named", [(None, "rsaEncryption"), ("ec-p256", "id-ecPublicKey")])
def test_openssl_agrees_with_what_is_issued(stack, customer, fresh_device, tmp_path, key_type, named):
    body = {"validity_days": 30, **({"key_type": key_type} if key_type else {})}
    answer, (certificate, key) = issue(customer, fresh_device["device_id"], tmp_path, **body)
    assert answer["warning"] == WARNING
    text = openssl("x509", "-in", certificate, "-noout", "-text").stdout
    assert named in text and f"CN = demo/{fresh_device['device_id']}" in text
    assert "TLS Web Client Authentication" in text and "CA:FALSE" in text
    (tmp_path / "bundle.pem").write_text(answer["ca_cert_pem"])
    assert "OK" in openssl("verify", "-purpose", "sslclient", "-CAfile", tmp_path / "bundle.pem", certificate).stdout
    public = openssl("x509", "-in", certificate, "-noout", "-pubkey").stdout
    assert public == openssl("pkey", "-in", key, "-pubout").stdout
    shown = answer["certificate"]
    digest = openssl("x509", "-in", certificate, "-noout", "-fingerprint", "-sha256").stdout
    assert digest.split("=")[1].strip().replace(":", "").lower() == shown["fingerprint_sha256"]
    serial = openssl("x509", "-in", certificate, "-noout", "-serial").stdout.strip().split("=")[1].lower()
    assert serial == shown["serial_number"] and len(serial) == 32
    assert shown["status"] == "ACTIVE" and 29 <= shown["expires_in_days"] <= 30
    assert customer.get("/ca-bundle").text == answer["ca_cert_pem"]
    # The key is nowhere.
    whole = stack.sql("SELECT string_agg(to_jsonb(c)::text, '') FROM device_certificates c")[0][0]
    assert "PRIVATE KEY" not in whole and "PRIVATE KEY" not in customer.get(f"/certificates/{shown['id']}").text


def test_a_request_gives_its_key_and_nothing_else(customer, fresh_device, tmp_path):
    device = fresh_device["device_id"]
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=other\\/stranger/O=Evil",
            "-addext", "basicConstraints=CA:TRUE", "-addext", "subjectAltName=DNS:evil.example", "-keyout",
            tmp_path / "own.key", "-out", tmp_path / "own.csr")
    csr = (tmp_path / "own.csr").read_text()
    answer = customer.post(f"/devices/{device}/certificates/csr", json={"csr_pem": csr})
    assert answer.status_code == 201, answer.text
    assert "private_key_pem" not in answer.json()
    certificate, _ = save(tmp_path, answer.json(), "signed")
    text = openssl("x509", "-in", certificate, "-noout", "-text").stdout
    assert f"Subject: CN = demo/{device}\n" in text and "evil" not in text and "CA:TRUE" not in text
    assert openssl("x509", "-in", certificate, "-noout", "-pubkey").stdout == openssl(
        "pkey", "-in", tmp_path / "own.key", "-pubout").stdout
    # In place of the one before, which works for a while.
    assert answer.json()["old_certificates"] == []
    next_one = customer.post(f"/devices/{device}/certificates/csr", json={"csr_pem": csr, "revoke_old_after_hours": 2}).json()
    assert [c["id"] for c in next_one["old_certificates"]] == [answer.json()["certificate"]["id"]]
    assert customer.get(f"/certificates/{next_one['old_certificates'][0]['id']}").json()["scheduled_revoke_at"]
    openssl("req", "-newkey", "rsa:1024", "-nodes", "-subj", "/CN=x", "-keyout", tmp_path / "w.key", "-out", tmp_path / "w.csr")
    lines = csr.splitlines()
    broken = "\n".join([lines[0], lines[1][:-8] + "AAAAAAAA", *lines[2:]])
    for bad in ((tmp_path / "w.csr").read_text(), broken, "x" * 60, csr[:200], answer.json()["cert_pem"]):
        refusal = customer.post(f"/devices/{device}/certificates/csr", json={"csr_pem": bad})
        assert refusal.status_code == 400 and refusal.json()["detail"].startswith("Invalid certificate request"), bad
    assert customer.post(f"/devices/{device}/certificates/csr", json={"csr_pem": "x" * 20_000}).status_code == 422


def test_lists_filters_and_refusals(stack, customer, other, operator, fresh_device, tmp_path):
    device = fresh_device["device_id"]
    first, _ = issue(customer, device, tmp_path, key_type="ec-p256")
    second, _ = issue(customer, device, tmp_path, key_type="ec-p256")
    revoked = customer.post(f"/certificates/{first['certificate']['id']}/revoke", json={})
    assert revoked.status_code == 200 and revoked.json()["status"] == "REVOKED"
    again = customer.post(f"/certificates/{first['certificate']['id']}/revoke", json={"reason": "twice"})
    assert (again.status_code, again.json()["detail"]) == (404, "Certificate not found or already revoked")
    page = customer.get(f"/certificates?device_id={device}").json()
    assert [c["id"] for c in page["certificates"]] == [second["certificate"]["id"], first["certificate"]["id"]]
    assert page["total"] == 2 and page["certificates"][1]["revoked_reason"] == "manual_revocation"
    assert customer.get(f"/certificates?device_id={device}&status=REVOKED").json()["total"] == 1
    assert customer.get("/certificates?status=LOST").json()["detail"] == "Invalid status filter"
    detail = customer.get(f"/certificates/{second['certificate']['id']}").json()
    assert detail["cert_pem"] == second["cert_pem"]
    assert other.get(f"/certificates/{second['certificate']['id']}").status_code == 404
    assert not {c["tenant_id"] for c in other.get("/certificates?limit=1000").json()["certificates"]} - {"other"}
    of_all = operator.get("/api/v1/operator/certificates?tenant_id=demo&status=REVOKED&limit=1000").json()
    assert first["certificate"]["id"] in [c["id"] for c in of_all["certificates"]]
    beyond = operator.get("/api/v1/operator/certificates?offset=1000000").json()
    assert beyond["certificates"] == [] and beyond["total"] >= 2
    assert operator.get("/api/v1/operator/certificates?status=LOST").status_code == 400
    for path in ("generate", "rotate"):
        answer = customer.post(f"/devices/nobody/certificates/{path}", json={})
        assert (answer.status_code, answer.json()["detail"]) == (404, "Device not found")
    assert customer.post(f"/devices/{device}/certificates/generate", json={"validity_days": 3651}).status_code == 422
    assert customer.post(f"/devices/{device}/certificates/generate", json={"key_type": "dsa"}).status_code == 422


def test_a_device_has_at_most_twenty_active_ones(customer, fresh_device, tmp_path):
    device = fresh_device["device_id"]
    for _ in range(20):
        issue(customer, device, tmp_path, key_type="ec-p256")
    full = customer.post(f"/devices/{device}/certificates/generate", json={"key_type": "ec-p256"})
    assert full.status_code == 409 and "20 active" in full.json()["detail"]
    # In their place there is room.
    assert customer.post(f"/devices/{device}/certificates/rotate", json={"key_type": "ec-p256"}).status_code == 201


# ---- the MQTT listener ----

@pytest.mark.parametrize("key_type", ["rsa-2048", "ec-p256"])
@pytest.mark.parametrize("version", ["mqttv311", "mqttv5"])
def test_mosquitto_publishes_by_certificate(stack, customer, fresh_device, tmp_path, key_type, version):
    answer, certificate = issue(customer, fresh_device["device_id"], tmp_path, key_type=key_type)
    done = mosquitto_pub(stack, fresh_device, certificate, "-V", version)
    assert done.returncode == 0, done.stderr
    wait_for("the row", lambda: stack.stored(fresh_device["device_id"]) == 1)
    wait_for("its use", lambda: customer.get(f"/certificates/{answer['certificate']['id']}").json()["last_used_at"])
    assert stack.sql("SELECT count(*) FROM quarantine_events WHERE device_id = %s", (fresh_device["device_id"],))[0][0] == 0
    named = mosquitto_pub(stack, fresh_device, certificate, "-V", version, "-u", f"demo/{fresh_device['device_id']}")
    assert named.returncode == 0, named.stderr


@pytest.mark.parametrize("version", [4, 5])
def test_a_live_connection_ends_with_its_certificate(stack, customer, fresh_device, tmp_path, version):
    device = fresh_device["device_id"]
    answer, certificate = issue(customer, device, tmp_path, name="one")
    kept_answer, kept = issue(customer, device, tmp_path, name="two")
    with Client(stack, fresh_device, version, certificate=certificate, client_id=f"one-{device}") as client, \
            Client(stack, fresh_device, version, certificate=kept, client_id=f"two-{device}") as other_client, \
            Client(stack, fresh_device, version, tls=True, client_id=f"token-{device}") as by_token:
        client.publish('{"metrics":{"t":1}}')
        client.wait_acknowledged(1)
        began = time.monotonic()
        assert customer.post(f"/certificates/{answer['certificate']['id']}/revoke", json={"reason": "stolen"}).ok
        assert client.gone.wait(60), "the connection goes on"
        assert time.monotonic() - began < 60
        if version == 5:
            assert client.disconnect_code == 0x87
        # The other certificate and the token are not touched.
        for still in (other_client, by_token):
            still.publish('{"metrics":{"t":2}}')
            still.wait_acknowledged(1)
            assert not still.gone.is_set()
    assert refused(stack, fresh_device, certificate, version) in ((4, 5) if version == 4 else (0x86, 0x87))
    assert mosquitto_pub(stack, fresh_device, certificate).returncode != 0
    wait_for("audit", lambda: audit_of(stack, device, "certificate.revoked") == 1)
    wait_for("the rows", lambda: stack.stored(device) == 3)


def test_twins_and_commands_by_certificate(stack, customer, fresh_device, tmp_path):
    device = fresh_device["device_id"]
    _, certificate = issue(customer, device, tmp_path, key_type="ec-p256")
    with Client(stack, fresh_device, 5, certificate=certificate) as client:
        client.client.subscribe(f"tenant/demo/device/{device}/commands", qos=1)
        assert client.subscribed.wait(5)
        sent = customer.post(f"/devices/{device}/commands", json={"command_type": "restart", "command_params": {}}).json()
        wait_for("the command", lambda: any(sent["command_id"] in m.payload.decode() for m in client.messages))
        client.publish(json.dumps({"reported": {"interval": 60}, "version": 0}), kind="shadow/reported")
        wait_for("the twin", lambda: customer.get(f"/devices/{device}/twin").json()["reported"] == {"interval": 60})
    assert quarantined(stack, fresh_device) == []


def test_certificates_of_others_are_refused(stack, customer, other, fresh_device, namesake, tmp_path):
    device = namesake
    issue(customer, device, tmp_path)
    # By an authority that nobody knows, with the right name.
    make_authority(tmp_path, "strange", "Strange CA")
    refused(stack, fresh_device, signed(tmp_path, "strange", f"demo/{device}"))
    # By our own authority's name and serial number, but another key.
    ours = openssl("x509", "-in", stack.home / "ca.pem", "-noout", "-subject").stdout.split("CN = ")[1].strip()
    make_authority(tmp_path, "fake", ours)
    refused(stack, fresh_device, signed(tmp_path, "fake", f"demo/{device}", "forged"))
    # By our own authority, but never registered: the server's own certificate, and one that was signed past Pulse.
    refused(stack, fresh_device, signed(stack.home, "ca", f"demo/{device}", "past"))
    # Another tenant's certificate is good for that tenant's device alone.
    _, theirs = issue(other, device, tmp_path, "theirs")
    with Client(stack, fresh_device, 5, certificate=theirs) as client:
        client.publish('{"metrics":{"t":1}}')  # to tenant/demo/...
        assert client.gone.wait(5) or client.acknowledged
        client.publish('{"metrics":{"t":1}}', topic=f"tenant/other/device/{device}/telemetry")
    wait_for("no row of ours", lambda: stack.stored(device, "demo") == 0)
    refused(stack, fresh_device, theirs, username=f"demo/{device}", password="")
    # The name in a CONNECT must be the certificate's; with a password it is the token that counts.
    _, own = issue(customer, device, tmp_path, "own")
    refused(stack, fresh_device, own, username=f"other/{device}", password="")
    refused(stack, fresh_device, own, username=f"demo/{device}", password="wrong")
    with Client(stack, fresh_device, 5, certificate=theirs, username=f"demo/{device}", password=fresh_device["token"]) as client:
        assert client.code == 0


def test_another_devices_topics_are_refused(stack, customer, fresh_device, device, tmp_path):
    _, certificate = issue(customer, fresh_device["device_id"], tmp_path)
    before = stack.stored(device["device_id"])
    topic = f"tenant/demo/device/{device['device_id']}/telemetry"
    done = mosquitto_pub(stack, fresh_device, certificate, "-V", "mqttv5", topic=topic)
    assert "not authorized" in (done.stdout + done.stderr).lower() or done.returncode != 0
    assert stack.stored(device["device_id"]) == before


def test_an_expired_certificate_is_refused_and_marked(stack, customer, fresh_device, tmp_path):
    device = fresh_device["device_id"]
    answer, certificate = issue(customer, device, tmp_path)
    with Client(stack, fresh_device, 5, certificate=certificate) as client:
        stack.sql("UPDATE device_certificates SET not_after = now() - interval '1 second' WHERE id = %s",
                  (answer["certificate"]["id"],))
        wait_for("EXPIRED", lambda: customer.get(f"/certificates/{answer['certificate']['id']}").json()["status"] == "EXPIRED")
        assert client.gone.wait(30), "the connection goes on"
    refused(stack, fresh_device, certificate)
    assert audit_of(stack, device, "certificate.expired") == 1


def test_the_worker_looks_at_the_certificate_again(stack, customer, fresh_device, tmp_path):
    """What comes into the stream past the door, by a certificate that is revoked or another device's."""
    device = fresh_device["device_id"]
    answer, _ = issue(customer, device, tmp_path)
    number = answer["certificate"]["id"]
    publish(stack, envelope(fresh_device, {"metrics": {"t": 1}}, auth=f"cert:{number}"))
    wait_for("the row", lambda: stack.stored(device) == 1)
    publish(stack, envelope(fresh_device, {"metrics": {"t": 1}}, auth="cert:999999"))
    assert customer.post(f"/certificates/{number}/revoke", json={}).ok
    publish(stack, envelope(fresh_device, {"metrics": {"t": 1}}, auth=f"cert:{number}"))
    wait_for("two refusals", lambda: len(quarantined(stack, fresh_device)) == 2)
    assert set(quarantined(stack, fresh_device)) == {"CERTIFICATE_INVALID"}
    assert stack.stored(device) == 1


def test_decommissioning_revokes(stack, customer, fresh_device, tmp_path):
    device = fresh_device["device_id"]
    answer, certificate = issue(customer, device, tmp_path)
    with Client(stack, fresh_device, 5, certificate=certificate) as client:
        assert customer.patch(f"/devices/{device}/decommission").status_code == 200
        assert client.gone.wait(60)
    shown = customer.get(f"/certificates/{answer['certificate']['id']}").json()
    assert (shown["status"], shown["revoked_reason"]) == ("REVOKED", "decommissioned")
    assert customer.patch(f"/devices/{device}/restore").status_code == 200
    refused(stack, fresh_device, certificate)


def test_an_outside_broker_asks_by_the_certificates_name(stack, customer, fresh_device, tmp_path):
    name = f"demo/{fresh_device['device_id']}"

    def ask(**body):
        return requests.post(f"{stack.url}/api/v1/internal/mqtt-auth", json=body, timeout=5,
                             headers={"X-Internal-Auth": "internal-secret-of-tests"}).json()["result"]

    assert ask(username=name, peer_cert_cn=name) == "deny"
    answer, _ = issue(customer, fresh_device["device_id"], tmp_path)
    assert ask(username=name, peer_cert_cn=name) == "allow"
    assert ask(username=name) == "deny"
    assert ask(username=name, peer_cert_cn="demo/another") == "deny"
    assert ask(username=name, peer_cert_cn=name, password="wrong") == "deny"
    customer.post(f"/certificates/{answer['certificate']['id']}/revoke", json={})
    wait_for("deny", lambda: ask(username=name, peer_cert_cn=name) == "deny")


# ---- rotate ----

def test_rotation_with_overlap(stack, customer, fresh_device, tmp_path):
    device = fresh_device["device_id"]
    old_answer, old = issue(customer, device, tmp_path, "old")
    answer = customer.post(f"/devices/{device}/certificates/rotate", json={"revoke_old_after_hours": 24, "key_type": "ec-p256"})
    assert answer.status_code == 201
    body = answer.json()
    assert body["grace_period_hours"] == 24 and body["warning"] == WARNING
    [gone] = body["old_certificates"]
    assert gone["id"] == old_answer["certificate"]["id"] and gone["fingerprint"] == old_answer["certificate"]["fingerprint_sha256"]
    assert gone["status"] == "ACTIVE (will remain active for grace period)" and gone["scheduled_revoke_at"]
    new = save(tmp_path, body, "new")
    with Client(stack, fresh_device, 5, certificate=old, client_id=f"old-{device}") as before, \
            Client(stack, fresh_device, 5, certificate=new, client_id=f"new-{device}") as after:
        for client in (before, after):
            client.publish('{"metrics":{"t":1}}')
            client.wait_acknowledged(1)
        stack.sql("UPDATE device_certificates SET scheduled_revoke_at = now() WHERE id = %s", (gone["id"],))
        assert before.gone.wait(60), "the old one outlives its overlap"
        after.publish('{"metrics":{"t":2}}')
        after.wait_acknowledged(2)
    shown = customer.get(f"/certificates/{gone['id']}").json()
    assert (shown["status"], shown["revoked_reason"]) == ("REVOKED", "rotated")
    at_once = customer.post(f"/devices/{device}/certificates/rotate", json={}).json()
    assert at_once["old_certificates"][0]["status"] == "REVOKED" and at_once["grace_period_hours"] == 0
    refused(stack, fresh_device, new)
    assert customer.post(f"/devices/{device}/certificates/rotate", json={"revoke_old_after_hours": 721}).status_code == 422


# ---- the revocation list, warnings ----

def test_the_list_of_the_revoked(stack, customer, fresh_device, tmp_path):
    device = fresh_device["device_id"]
    answer, (certificate, _) = issue(customer, device, tmp_path)
    _, (good, _) = issue(customer, device, tmp_path, "good")
    serial = answer["certificate"]["serial_number"]
    assert customer.post(f"/certificates/{answer['certificate']['id']}/revoke", json={}).ok
    crl = stack.home / "ca.crl"
    wait_for("the file", lambda: serial.upper() in openssl("crl", "-in", crl, "-noout", "-text").stdout, 60)
    assert "verify OK" in openssl("crl", "-in", crl, "-noout", "-CAfile", stack.home / "ca.pem").stderr
    served = customer.get("/crl")
    assert served.status_code == 200 and serial.upper() in openssl("crl", "-noout", "-text", stdin=served.text).stdout
    verify = ("verify", "-crl_check", "-CAfile", stack.home / "ca.pem", "-CRLfile", crl)
    assert "certificate revoked" in openssl(*verify, certificate, check=False).stderr
    assert "OK" in openssl(*verify, good).stdout
    before = openssl("crl", "-in", crl, "-noout", "-crlnumber").stdout
    second, _ = issue(customer, device, tmp_path, "second")
    customer.post(f"/certificates/{second['certificate']['id']}/revoke", json={})
    wait_for("a higher number", lambda: openssl("crl", "-in", crl, "-noout", "-crlnumber").stdout != before, 60)


def test_expiry_is_announced_once(stack, customer, fresh_device, tmp_path):
    device = fresh_device["device_id"]
    issue(customer, device, tmp_path, validity_days=29)
    issue(customer, device, tmp_path, validity_days=40)
    wait_for("the warning", lambda: audit_of(stack, device, "certificate.expiring") == 1)
    _, _ = issue(customer, device, tmp_path, validity_days=10)
    wait_for("the second", lambda: audit_of(stack, device, "certificate.expiring") == 2)  # and not the first again


# ---- uploads and the tenants' own authorities ----

def challenge(api):
    answer = api.post("/certificate-authorities/challenges")
    assert answer.status_code == 201
    return answer.json()["nonce"]


def trust(api, folder, ca, nonce):
    return api.post("/certificate-authorities", json=proven(folder, ca, nonce))


def test_an_authority_of_ones_own(stack, customer, other, fresh_device, namesake, tmp_path):
    device = namesake
    make_authority(tmp_path, "factory", "Factory CA")
    nonce = challenge(customer)
    # A proof by another key, for another's challenge, for none.
    make_authority(tmp_path, "fake", "Factory CA")
    proof, _ = signed(tmp_path, "fake", nonce, "fake-proof")
    mixed = customer.post("/certificate-authorities", json={
        "name": "Factory", "ca_cert_pem": (tmp_path / "factory.pem").read_text(), "verification_cert_pem": proof.read_text()})
    assert (mixed.status_code, mixed.json()["detail"]) == (400, "Verification certificate not signed by this CA")
    for wrong in (challenge(other), "0" * 32, "no nonce"):
        answer = trust(customer, tmp_path, "factory", wrong)
        assert answer.status_code == 400 and "no open challenge" in answer.json()["detail"], answer.text
    leaf = customer.post("/certificate-authorities", json={
        "name": "x", "ca_cert_pem": proof.read_text(), "verification_cert_pem": proof.read_text()})
    assert leaf.status_code == 400 and "no CA's" in leaf.json()["detail"]
    made = trust(customer, tmp_path, "factory", nonce)
    assert made.status_code == 201, made.text
    assert trust(customer, tmp_path, "factory", nonce).status_code == 400  # a challenge is good once
    assert trust(customer, tmp_path, "factory", challenge(customer)).status_code == 409
    # A certificate of it is taken, and lets its device in.
    certificate = signed(tmp_path, "factory", f"demo/{device}", key="ec")
    body = {"device_id": device, "cert_pem": certificate[0].read_text()}
    uploaded = customer.post("/certificates", json=body)
    assert uploaded.status_code == 201, uploaded.text
    assert uploaded.json()["issuer"] == "CN=Factory CA"
    again = customer.post("/certificates", json=body)
    assert (again.status_code, again.json()["detail"]) == (409, "Certificate already registered (duplicate fingerprint)")
    [listed] = [a for a in customer.get("/certificate-authorities").json()["certificate_authorities"]
                if a["ca_id"] == made.json()["ca_id"]]
    assert listed["active_certificates"] == 1
    # It is nobody else's.
    assert other.get("/certificate-authorities").json()["total"] == 0
    theirs = signed(tmp_path, "factory", f"other/{device}", "theirs")
    answer = other.post("/certificates", json={"device_id": device, "cert_pem": theirs[0].read_text()})
    assert (answer.status_code, answer.json()["detail"]) == (400, "Certificate issuer does not match trusted Device CA")
    assert other.delete(f"/certificate-authorities/{made.json()['ca_id']}").status_code == 404
    with Client(stack, fresh_device, 5, certificate=certificate) as client:
        client.publish('{"metrics":{"t":1}}')
        client.wait_acknowledged(1)
        gone = customer.delete(f"/certificate-authorities/{made.json()['ca_id']}")
        assert gone.json() == {"ca_id": made.json()["ca_id"], "revoked_certificates": 1}
        assert client.gone.wait(60)
    refused(stack, fresh_device, certificate)
    assert customer.delete(f"/certificate-authorities/{made.json()['ca_id']}").status_code == 404


def test_uploads_that_are_refused(stack, customer, fresh_device, tmp_path):
    device = fresh_device["device_id"]

    def upload(pem, of=device):
        answer = customer.post("/certificates", json={"device_id": of, "cert_pem": pem})
        return answer.status_code, answer.json().get("detail")

    def by_ours(common_name, **more):
        return signed(stack.home, "ca", common_name, "made", **more)[0].read_text()

    good = by_ours(f"demo/{device}")
    assert upload(good, "nobody") == (404, "Device not found")
    name = f"other/{device}"
    assert upload(by_ours(name)) == (
        400, f"Certificate CN '{name}' does not match expected 'demo/{device}'")
    assert upload("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n" + " " * 60) == (400, "Invalid PEM certificate")
    assert upload("x" * 100) == (400, "Invalid PEM certificate")
    make_authority(tmp_path, "strange", "Strange CA")
    assert upload(signed(tmp_path, "strange", f"demo/{device}")[0].read_text()) == (
        400, "Certificate issuer does not match trusted Device CA")
    ours = openssl("x509", "-in", stack.home / "ca.pem", "-noout", "-subject").stdout.split("CN = ")[1].strip()
    make_authority(tmp_path, "fake", ours)
    assert upload(signed(tmp_path, "fake", f"demo/{device}")[0].read_text()) == (
        400, "Certificate not signed by trusted Device CA")
    assert upload(by_ours(f"demo/{device}", days=-1)) == (400, "Certificate has expired")
    # openssl x509 can't postpone a beginning; openssl ca can.
    (tmp_path / "ca.cnf").write_text(
        f"[ca]\ndefault_ca=x\n[x]\ndatabase={tmp_path}/index\nnew_certs_dir={tmp_path}\npolicy=p\nrand_serial=yes\n"
        "default_md=sha256\n[p]\ncommonName=supplied\n")
    (tmp_path / "index").write_text("")
    openssl("ca", "-batch", "-notext", "-config", tmp_path / "ca.cnf", "-in", stack.home / "made.csr", "-cert", stack.home / "ca.pem",
            "-keyfile", stack.home / "ca.key", "-startdate", "20900101000000Z", "-enddate", "20910101000000Z", "-out",
            tmp_path / "later.pem")
    assert upload((tmp_path / "later.pem").read_text()) == (400, "Certificate not yet valid")
    weak = upload(by_ours(f"demo/{device}", key="rsa:1024"))
    assert weak[0] == 400 and weak[1].startswith("Certificate key must be")
    # A PEM that wants a password is none; nobody is asked at a terminal.
    secret = good.replace("-----BEGIN CERTIFICATE-----\n",
                          "-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\n")
    assert upload(secret) == (400, "Invalid PEM certificate")
    assert upload(good)[0] == 201


def test_without_an_authority(stack, customer, fresh_device):
    """Another process of the same Pulse, to which no CA was given."""
    port = free_port()
    env = environment({**stack.settings, "PULSE_PORT": str(port), "MQTT_PORT": "0", "MQTT_TLS_PORT": "0",
                       "DEVICE_CA_CERT": "", "DEVICE_CA_KEY": "", "DEVICE_CRL_FILE": "", "KEYCLOAK_INTERNAL_URL": stack.url})
    SERVED[port] = stack
    log = open(stack.home / "no-ca.log", "wb")
    child = subprocess.Popen([str(PULSE), "serve", "--roles", "gateway"], env=env, stdout=log, stderr=log)
    try:
        base = f"http://127.0.0.1:{port}/api/v1/customer"
        wait_for("it serves", lambda: requests.get(f"http://127.0.0.1:{port}/readyz", timeout=2).status_code == 200)
        head = {"Authorization": f"Bearer {stack.token('customer1')}"}

        def ask(method, path, **json_body):
            answer = requests.request(method, base + path, headers=head, json=json_body or None, timeout=10)
            return answer.status_code, answer.json()["detail"]

        none = (503, "Device CA not configured")
        assert ask("GET", "/ca-bundle") == none
        assert ask("GET", "/crl") == none
        assert ask("POST", f"/devices/{fresh_device['device_id']}/certificates/generate", validity_days=1) == none
        assert ask("POST", f"/devices/{fresh_device['device_id']}/certificates/rotate", validity_days=1) == none
        assert ask("POST", f"/devices/{fresh_device['device_id']}/certificates/csr", csr_pem="x" * 60) == none
        assert ask("POST", "/certificates", device_id=fresh_device["device_id"], cert_pem="x" * 60) == (
            503, "Device CA not configured -- cannot validate certificate")
    finally:
        child.terminate()
        child.wait(20)
        log.close()


@pytest.mark.parametrize("settings, said", [
    ({"DEVICE_CA_KEY": ""}, "go together"), ({"DEVICE_CA_CERT": "/nowhere.pem"}, "/nowhere.pem"),
    ({"DEVICE_CA_KEY": "{home}/key.pem"}, "not the key of"), ({"DEVICE_CA_CERT": "{home}/key.pem"}, "no certificate")])
def test_a_wrong_authority_is_told_at_start(stack, settings, said):
    wrong = {k: v.format(home=stack.home) for k, v in settings.items()}
    done = stack.command("serve", "--roles", "gateway", check=False,
                         settings={**wrong, "PULSE_PORT": str(free_port()), "MQTT_PORT": "0", "MQTT_TLS_PORT": "0"})
    assert done.returncode != 0 and said in done.stderr + done.stdout, json.dumps([done.stdout, done.stderr])

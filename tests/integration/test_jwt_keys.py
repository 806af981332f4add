"""Keys of other kinds, keys that can't be fetched any more, and who a token makes one."""

import time

import pytest
import requests
from servers import Stack, free_port
from test_jwt import Issuer, Key, ask, b64, openssl, refused


class PssKey(Key):
    """An RSA key whose JWKS entry says PS256."""

    def __init__(self, folder, name):
        super().__init__(folder, name)
        self.jwk = {**self.jwk, "alg": "PS256"}

    def sign(self, text):
        return openssl("dgst", "-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest",
                       "-sign", self.file, input=text.encode())


class EllipticKey:
    """A P-256 key as RFC 7518, 6.2 writes it."""

    def __init__(self, folder, name):
        self.file, self.id = folder / f"{name}.pem", name
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.file)
        point = openssl("ec", "-in", self.file, "-pubout", "-outform", "DER")[-64:]
        self.jwk = {"kty": "EC", "crv": "P-256", "use": "sig", "kid": name, "x": b64(point[:32]), "y": b64(point[32:])}

    def sign(self, text):
        der = openssl("dgst", "-sha256", "-sign", self.file, input=text.encode())
        r_end = 4 + der[3]
        numbers = der[4:r_end], der[r_end + 2:]
        return b"".join(n.lstrip(b"\0").rjust(32, b"\0") for n in numbers)


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("issuer")
    running = Issuer(folder)
    running.pss, running.elliptic, running.plain = (PssKey(folder, "pss"), EllipticKey(folder, "elliptic"),
                                                    Key(folder, "plain"))
    running.plain.jwk.pop("alg")
    running.keys += [running.pss.jwk, running.elliptic.jwk, running.plain.jwk]
    yield running
    running.server.shutdown()


def stack_of(issuer, **settings):
    return Stack(["gateway"], devices=1, settings={
        "PULSE_IDENTITY": "keycloak", "KEYCLOAK_PUBLIC_URL": issuer.url, "KEYCLOAK_INTERNAL_URL": issuer.url, **settings})


@pytest.fixture(scope="module")
def pulse(issuer):
    with stack_of(issuer, TRUSTED_PROXIES="127.0.0.1") as running:
        yield running


def test_each_algorithm_serves_where_the_keys_say_so(pulse, issuer):
    assert ask(pulse, issuer.token(key=issuer.elliptic, header={"alg": "ES256"})).status_code == 200
    assert ask(pulse, issuer.token(key=issuer.pss, header={"alg": "PS256"})).status_code == 200
    assert ask(pulse, issuer.token(key=issuer.plain)).status_code == 200


def test_an_algorithm_that_the_key_does_not_name_is_refused(pulse, issuer):
    for key, algorithm in ((issuer.pss, "RS256"), (issuer.key, "PS256"), (issuer.key, "ES256"),
                           (issuer.elliptic, "RS256"), (issuer.plain, "PS256")):
        refused(ask(pulse, issuer.token(key=key, header={"alg": algorithm})), "Invalid token")
    # A true PSS signature under a key that names no algorithm is not what its JWKS says either.
    pss = PssKey.__new__(PssKey)
    pss.file, pss.id = issuer.plain.file, "plain"
    refused(ask(pulse, issuer.token(key=pss, header={"alg": "PS256"})), "Invalid token")


def test_an_operator_who_carries_a_tenant_is_let_in(pulse, issuer):
    roles = {"roles": ["operator"]}
    assert ask(pulse, issuer.token(realm_access=roles)).status_code == 200
    refused(ask(pulse, issuer.token(realm_access=roles, organization=None)), "Customer role required", 403)


def test_a_proxy_is_believed_for_addresses_only(pulse, issuer):
    """Failures count by the address that the proxy tells; what is no address tells nothing."""
    def bad(forwarded):
        return requests.get(f"{pulse.url}/api/v1/customer/devices", timeout=5, headers={
            "Authorization": "Bearer a.b.c", "X-Forwarded-For": forwarded}).status_code

    for _ in range(100):
        assert bad("203.0.113.9:4711") == 401
    assert bad("203.0.113.9") == 429 and bad("evil, 203.0.113.9") == 429
    assert bad("[2001:db8::1]:80") == 401
    assert bad("unknown") == 401, "the proxy itself has not failed often enough"


def test_every_door_counts_failures(issuer):
    with stack_of(issuer) as stack:
        for _ in range(100):
            answer = requests.get(f"{stack.url}/api/auth/status", cookies={"pulse_session": "a.b.c"}, timeout=5)
            assert answer.status_code in (200, 429)
        refused(ask(stack, "a.b.c"), "Too many auth attempts", 429)


def test_known_keys_serve_while_the_issuer_hangs(tmp_path):
    issuer = Issuer(tmp_path)
    with stack_of(issuer, JWKS_TTL_SECONDS="1") as stack:
        assert ask(stack, issuer.token()).status_code == 200
        asked = issuer.asked
        issuer.server.socket.listen(0)
        hold = issuer.server.RequestHandlerClass.do_GET
        issuer.server.RequestHandlerClass.do_GET = lambda handler: time.sleep(60)
        try:
            time.sleep(1.5)
            for _ in range(5):
                answer = requests.get(f"{stack.url}/api/v1/customer/devices", timeout=3,
                                      headers={"Authorization": f"Bearer {issuer.token()}"})
                assert answer.status_code == 200
        finally:
            issuer.server.RequestHandlerClass.do_GET = hold
        assert issuer.asked == asked


def test_a_ticket_asks_for_authentication_in_its_own_words(pulse):
    answer = requests.get(f"{pulse.url}/api/ws-ticket", timeout=5)
    assert answer.status_code == 401 and answer.json()["detail"] == "Authentication required"


def test_ids_that_can_be_none_reach_no_look_up(pulse):
    """They would spoil the statement that honest devices wait for at the same moment."""
    for tenant, device in (("demo", "p%ff1"), ("de%00mo", "p1"), ("demo", "a b"), ("x" * 5000, "p1")):
        answer = requests.post(f"{pulse.url}/ingest/v1/tenant/{tenant}/device/{device}/telemetry", timeout=5,
                               headers={"X-Provision-Token": "x"}, json={"metrics": {"a": 1}})
        assert answer.status_code == 400 and answer.json()["detail"] == "UNREGISTERED_DEVICE", answer.text
    device = pulse.devices()[0]
    good = {"tenant_id": "demo", "device_id": device["device_id"], "msg_type": "telemetry",
            "provision_token": device["token"], "metrics": {"a": 1}}
    answer = requests.post(f"{pulse.url}/ingest/v1/batch", timeout=5,
                           json={"messages": [good, {**good, "tenant_id": "de\x00mo"}]})
    assert answer.status_code == 202 and answer.json()["accepted"] == 1
    assert answer.json()["results"][1]["reason"] == "UNREGISTERED_DEVICE"

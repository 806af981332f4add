"""From an email's link to a signed-in browser; forgotten and temporary passwords; what is left in the audit log."""

import html
import re
import time

import pytest
import requests
from servers import Stack, wait_for
from smtp import SmtpCapture
from test_signin import Browser

pytestmark = [pytest.mark.either_directory, pytest.mark.embedded_only(
    "the embedded issuer's own links, pages and traces; Keycloak's are walked by a browser in tests/full")]

PASSWORD = "ein gutes Kennwort"


@pytest.fixture(scope="module")
def mail():
    with SmtpCapture() as capture:
        yield capture


@pytest.fixture(scope="module")
def pulse(mail):
    with Stack(settings=mail.settings(), devices=1) as running:
        yield running


@pytest.fixture()
def browser(pulse, directory):
    return Browser(pulse, directory)


_made = 0


@pytest.fixture()
def invited(pulse, mail):
    """The email of a fresh invitation."""
    global _made
    _made += 1
    address = f"zoe{_made}@demo.example"
    pulse.command("admin", "invite", "--email", address, "--tenant", "demo")
    return mail.wait_for(address)


def hidden(page) -> str:
    return html.unescape(re.search(r'name="request"[^>]*value="([^"]+)"', page.text).group(1))


def choose(browser, link, password=PASSWORD, confirmation=None):
    """The answer to a link's form."""
    page = browser.go(link)
    assert page.status_code == 200, page.text
    return browser.go(link, "POST", data={"request": hidden(page), "password": password,
                                          "confirmation": password if confirmation is None else confirmation})


def username_of(page) -> str:
    return re.search(r'readonly value="([^"]+)"', page.text).group(1)


def events(pulse, kind):
    return pulse.sql("SELECT tenant_id, actor_name, details, host(ip_address), request_id FROM audit_log "
                     "WHERE event_type = %s AND category = 'security' ORDER BY id", (kind,))


def test_from_the_invitation_to_a_session(pulse, browser, invited):
    assert invited.sender == "pulse@pulse.example"
    tenant = pulse.sql("SELECT name FROM tenants WHERE tenant_id = 'demo'")[0][0]
    assert invited.subject == f"You are invited to {tenant} on Pulse"
    link = invited.links[0]
    assert link.startswith(f"{pulse.url}/realms/pulse/login-actions/action-token?key=")
    assert f'href="{html.escape(link)}"' in invited.html
    page = browser.go(link)
    user = username_of(page)
    done = choose(browser, link)
    assert done.status_code == 200 and f'href="{pulse.url}/login"' in done.text
    answer = browser.sign_in(user, PASSWORD)
    assert answer.status_code == 302, answer.text
    browser.go(answer.headers["Location"])
    status = browser.go("/api/auth/status").json()
    assert status["user"]["email"] == invited.to[0] and status["user"]["tenant_id"] == "demo"
    assert wait_for("the trace", lambda: [e for e in events(pulse, "auth.password_changed") if e[1] == user])


def test_a_link_works_once(browser, invited):
    choose(browser, invited.links[0])
    again = browser.go(invited.links[0])
    assert again.status_code == 410 and "no longer valid" in again.text and "invitation" in again.text


def test_a_link_ends_in_time(pulse, browser, invited):
    pulse.sql("UPDATE identity.action_tokens SET expires_at = now() WHERE used_at IS NULL")
    assert browser.go(invited.links[0]).status_code == 410


def test_a_link_is_kept_hashed(pulse, invited):
    key = invited.links[0].split("key=")[1]
    assert pulse.sql("SELECT count(*) FROM identity.action_tokens t WHERE t::text LIKE %s", (f"%{key}%",)) == [(0,)]
    assert key not in pulse.pulses[0].log.read_text()


def test_all_that_is_wrong_is_said_at_once(browser, invited):
    user = username_of(browser.go(invited.links[0]))
    page = choose(browser, invited.links[0], user, "x")
    assert page.status_code == 400
    for fault in ("at least 10 characters", "not be your user name or email", "not the same"):
        assert fault in page.text
    assert choose(browser, invited.links[0]).status_code == 200


def test_the_form_of_another_site_is_refused(browser, invited, pulse, directory):
    page = browser.go(invited.links[0])
    forged = Browser(pulse, directory).go(invited.links[0], "POST", data={
        "request": hidden(page), "password": PASSWORD, "confirmation": PASSWORD})
    assert forged.status_code == 400
    assert "form-action 'self'" in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store"


def test_an_invitation_that_can_not_be_sent_says_so_and_leaves_no_link(pulse, mail):
    mail.refused.add("gone@demo.example")
    answer = pulse.command("admin", "invite", "--email", "gone@demo.example", "--tenant", "demo", check=False)
    assert answer.returncode != 0 and "Email could not be sent" in answer.stderr
    assert pulse.sql("SELECT count(*) FROM identity.action_tokens t JOIN identity.users u ON u.id = t.user_id "
                     "WHERE u.email = 'gone@demo.example'") == [(0,)]


def test_a_temporary_password_is_replaced_before_the_session_opens(pulse, browser):
    pulse.command("admin", "reset-password", "--username", "customer1", "--password", "temporary one")
    time.sleep(1.1)  # tokens tell whole seconds: one of the very second of a revocation is refused
    page = browser.sign_in("customer1", "temporary one")
    assert page.status_code == 200 and "Choose your own password" in page.text
    assert "code=" not in page.headers.get("Location", "")
    action = html.unescape(re.search(r'<form[^>]*action="([^"]+)"', page.text).group(1))
    form = {"request": hidden(page), "password": "my own password", "confirmation": "my own password"}
    done = browser.go(action, "POST", data=form)
    assert done.status_code == 302 and "code=" in done.headers["Location"]
    assert browser.go(done.headers["Location"]).headers["Location"] == "/app/"
    assert browser.go("/api/auth/status").json()["authenticated"]
    assert browser.go(action, "POST", data=form).status_code == 400


def forgot(browser, address):
    page = browser.go("/realms/pulse/login-actions/reset-credentials")
    return browser.go("/realms/pulse/login-actions/reset-credentials", "POST",
                      data={"request": hidden(page), "email": address})


def main_of(page) -> str:
    return page.text[page.text.index("<main>"):]


def test_a_forgotten_password(pulse, browser, mail, directory):
    sign_in_page = browser.go(browser.go("/login").headers["Location"])
    assert 'href="/realms/pulse/login-actions/reset-credentials"' in sign_in_page.text
    other = Browser(pulse, directory).signed_in("tenantadmin1")
    known, unknown = forgot(browser, "tenantadmin1@demo.example"), forgot(browser, "nobody@demo.example")
    assert known.status_code == unknown.status_code == 200 and main_of(known) == main_of(unknown)
    sent = mail.wait_for("tenantadmin1@demo.example")
    assert "password" in sent.subject
    assert choose(browser, sent.links[0], "tara's new password").status_code == 200
    # Whoever was signed in with the old one is out at once, tokens already given included.
    refused = requests.get(f"{pulse.url}/api/v1/customer/devices", timeout=5,
                           cookies={"pulse_session": other.cookies.get("pulse_session")})
    assert refused.status_code == 401, refused.text
    assert browser.sign_in("tenantadmin1", "pulse-demo-1").status_code == 401
    browser.cookies.clear()
    assert browser.sign_in("tenantadmin1", "tara's new password").status_code == 302
    requests_ = wait_for("the trace", lambda: len(events(pulse, "auth.password_reset_requested")) >= 2
                         and events(pulse, "auth.password_reset_requested"))
    assert {(r[0], r[2]["sent"]) for r in requests_} == {("demo", True), (None, False)}
    assert not mail.to("nobody@demo.example")


def test_the_answer_does_not_wait_for_the_mail_server(browser, mail):
    # Else its time would tell who is known.
    mail.open.clear()
    try:
        assert forgot(browser, "operator1@demo.example").status_code == 200
        assert not mail.to("operator1@demo.example")
    finally:
        mail.open.set()
    mail.wait_for("operator1@demo.example")


def test_failed_sign_ins_and_locks_are_traced(pulse, browser):
    for _ in range(11):
        last = browser.sign_in("operator1", "wrong-and-secret")
    assert last.status_code == 429 and "Retry-After" in last.headers
    def failures():
        return [e for e in events(pulse, "auth.login_failed") if e[1] == "operator1"]

    wait_for("the trace", lambda: len(failures()) >= 10)
    failed = failures()
    assert len(failed) == 10
    assert all(e[2]["name"] == "operator1" and e[3] == "127.0.0.1" and e[4] for e in failed)
    assert len([e for e in events(pulse, "auth.login_locked") if e[1] == "operator1"]) == 1
    assert pulse.sql("SELECT count(*) FROM audit_log a WHERE a::text LIKE '%%wrong-and-secret%%'") == [(0,)]
    assert "wrong-and-secret" not in pulse.pulses[0].log.read_text()

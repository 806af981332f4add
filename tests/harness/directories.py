"""The two directories of people, as tests see them: what each does in its own way stands here, and nowhere else."""

import contextlib
import email
import email.policy
import html
import pathlib
import re
import tempfile
import threading
import time
import urllib.parse

from keycloak import Keycloak
from mail_capture import MailCapture


def fields_of(page) -> tuple:
    """(action, hidden fields) of a page's form."""
    form = re.search(r"<form.*?</form>", page.text, re.DOTALL)[0]
    hidden = {}
    for tag in re.findall(r"<input[^>]*>", form):
        told = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if told.get("type") == "hidden" and "name" in told:
            hidden[told["name"]] = html.unescape(told.get("value", ""))
    action = html.unescape(re.search(r'action="([^"]+)"', form).group(1))
    return urllib.parse.urljoin(page.url, action), hidden


class _Directory:
    """`keycloak`: what a Stack needs to know of one; `settings`: of its Pulse; `mail`: where emails arrive."""

    keycloak = None
    settings = {}

    def __init__(self, mail: MailCapture):
        self.mail = mail

    def emails(self, to: str) -> list:
        """Emails to this address, oldest first: [{subject, text, links}]."""
        out = []
        for file in sorted(self.mail.outbox.glob("*.eml")):
            message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
            if to in message["To"]:
                text = message.get_body(("plain",)).get_content()
                out.append({"subject": message["Subject"], "text": text, "links": re.findall(r"https?://\S+", text)})
        return out

    @contextlib.contextmanager
    def refusing(self, address: str):
        """Meanwhile the mail server does not take emails to this address."""
        self.mail.refused.add(address)
        try:
            yield
        finally:
            self.mail.refused.remove(address)


class Embedded(_Directory):
    """Pulse's own issuer."""

    counts_people = True  # of all tenants at once; where not, the count is nothing, and pages show a dash
    names_who_invites = True
    errors = {}  # codes of RFC 6749 that it says otherwise

    def __init__(self, mail: MailCapture):
        super().__init__(mail)
        self.settings = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(mail.port), "SMTP_SECURITY": "none",
                         "SMTP_FROM": "Pulse <pulse@pulse.example>"}

    def enter(self, browser, page, user: str, password: str):
        """From the sign-in page to the answer to the password."""
        action, hidden = fields_of(page)
        return browser.go(action, "POST", data={**hidden, "username": user, "password": password})

    def refusal(self, known: bool) -> tuple:
        """(status, words) of the page after a wrong password, for a user who is known or not."""
        return 401, "Invalid user name or password."

    def wait_out_revocation(self):
        """Our own tokens tell milliseconds: one that is made after a revocation is good at once."""


class OfKeycloak(_Directory):
    """A Keycloak with Pulse's realm. It sends its emails itself."""

    counts_people = False
    names_who_invites = False
    # It knows the implicit flow, and does not let this client use it.
    errors = {"unsupported_response_type": "unauthorized_client"}

    def __init__(self, keycloak: Keycloak):
        super().__init__(keycloak.mail)
        self.keycloak = keycloak

    def enter(self, browser, page, user: str, password: str):
        """The name first, then the password: an organization may have its own way to sign in."""
        action, hidden = fields_of(page)
        page = browser.go(action, "POST", data={**hidden, "username": user})
        if page.status_code != 200:
            return page
        action, hidden = fields_of(page)
        return browser.go(action, "POST", data={**hidden, "username": user, "password": password})

    def refusal(self, known: bool) -> tuple:
        """Who asks for the name first tells names that are known from others."""
        return 200, "Invalid password." if known else "Invalid username or password."

    def wait_out_revocation(self):
        """Its tokens tell seconds: one of the very second of a revocation is refused."""
        time.sleep(1.1)


@contextlib.contextmanager
def directory_of(identity: str):
    if identity == "keycloak":
        with Keycloak() as keycloak:
            yield OfKeycloak(keycloak)
        return
    with tempfile.TemporaryDirectory(prefix="pulse-mail-", dir="/var/tmp") as outbox, \
            MailCapture(0, pathlib.Path(outbox)) as mail:
        threading.Thread(target=mail.serve_forever, daemon=True).start()
        try:
            yield Embedded(mail)
        finally:
            mail.shutdown()

"""Signing in as a browser does it: code flow with PKCE, cookies, CSRF, refresh, logout."""

import time
import urllib.parse

import pytest
import requests
from servers import PASSWORD

pytestmark = pytest.mark.either_directory


class Browser(requests.Session):
    """Follows no redirects by itself, so that each step can be looked at."""

    def __init__(self, stack, directory):
        super().__init__()
        self.base, self.directory = stack.url, directory
        self.headers["Accept"] = "text/html"

    def go(self, path, method="GET", **kwargs):
        url = path if path.startswith("http") else self.base + path
        answer = self.request(method, url, allow_redirects=False, timeout=20, **kwargs)
        for cookie in self.cookies:  # browsers trust a loopback address as they trust https
            cookie.secure = False
        return answer

    def sign_in_page(self):
        begun = self.go("/login")
        assert begun.status_code == 302
        page = self.go(begun.headers["Location"])
        assert page.status_code == 200 and page.headers["Content-Type"].startswith("text/html")
        return page

    def sign_in(self, user="customer1", password=PASSWORD):
        """The answer to the form."""
        return self.directory.enter(self, self.sign_in_page(), user, password)

    def signed_in(self, user="customer1"):
        answer = self.sign_in(user)
        assert answer.status_code == 302, answer.text
        done = self.go(answer.headers["Location"])
        assert done.status_code == 302 and done.headers["Location"] == "/app/", done.headers
        return self


@pytest.fixture()
def browser(stack, directory):
    return Browser(stack, directory)


def test_the_way_to_the_sign_in_page(stack, browser):
    begun = browser.go("/login")
    query = urllib.parse.parse_qs(urllib.parse.urlparse(begun.headers["Location"]).query)
    assert query["client_id"] == ["pulse-ui"] and query["response_type"] == ["code"]
    assert query["code_challenge_method"] == ["S256"] and query["redirect_uri"] == [f"{stack.url}/callback"]
    assert len(query["state"][0]) >= 20
    cookies = begun.raw.headers.getlist("Set-Cookie")
    for name in ("oauth_state", "oauth_verifier"):
        told = next(c for c in cookies if c.startswith(name + "="))
        assert "HttpOnly" in told and "SameSite=Lax" in told and "Max-Age=600" in told


def test_from_sign_in_to_a_session_that_serves(browser):
    answer = browser.sign_in()
    assert answer.status_code == 302
    done = browser.go(answer.headers["Location"])
    assert done.status_code == 302 and done.headers["Location"] == "/app/"
    cookies = done.raw.headers.getlist("Set-Cookie")
    for name in ("pulse_session", "pulse_refresh"):
        told = next(c for c in cookies if c.startswith(name + "="))
        assert "HttpOnly" in told and "SameSite=Lax" in told and "Secure" not in told
    status = browser.go("/api/auth/status").json()
    assert status["authenticated"] and status["user"]["email"] == "customer1@demo.example"
    assert status["user"]["tenant_id"] == "demo" and status["user"]["role"] == "customer"
    assert 0 < status["expires_in"] <= 3600
    assert browser.go("/api/v1/customer/devices?limit=1").status_code == 200
    assert browser.go("/app/").status_code == 200


def test_nobody_is_signed_in_without_cookies(browser):
    assert browser.go("/api/auth/status").json() == {"authenticated": False}


def test_a_page_that_needs_a_session_leads_home_and_an_api_call_gets_401(stack, browser):
    answer = browser.go("/api/v1/customer/devices")
    assert answer.status_code == 302 and answer.headers["Location"] == "/"
    plain = requests.get(f"{stack.url}/api/v1/customer/devices", timeout=5)
    assert plain.status_code == 401 and plain.json()["detail"] == "Missing authorization"


@pytest.mark.parametrize("user, password", [("customer1", "wrong"), ("nobody", PASSWORD), ("", ""),
                                            ("customer1' OR '1'='1", "x"), ("<b>x</b>", "x")])
def test_a_wrong_password_says_the_same_for_everybody(browser, directory, user, password):
    answer = browser.sign_in(user, password)
    status, words = directory.refusal(known=user == "customer1")
    assert answer.status_code == status and words in answer.text
    assert "<b>x</b>" not in answer.text
    assert "code=" not in answer.headers.get("Location", "")


def test_a_code_serves_once(stack, browser, directory):
    answer = browser.sign_in()
    location = answer.headers["Location"]
    again = Browser(stack, directory)
    again.cookies.update(browser.cookies)
    assert browser.go(location).headers["Location"] == "/app/"
    refused = again.go(location)
    assert refused.headers["Location"].startswith("/?error=")


def test_the_callback_names_what_is_missing(stack, browser):
    assert browser.go("/callback").headers["Location"] == "/?error=missing_code"
    assert browser.go("/callback?code=x").headers["Location"] == "/?error=missing_state"
    assert browser.go("/callback?code=x&state=y").headers["Location"] == "/?error=state_mismatch"
    browser.go("/login")
    state = browser.cookies.get("oauth_state")
    assert browser.go(f"/callback?code=x&state={state}x").headers["Location"] == "/?error=state_mismatch"
    # A failed attempt takes its cookies with it.
    assert "oauth_state" not in browser.cookies
    browser.go("/login")
    state = browser.cookies.get("oauth_state")
    assert browser.go(f"/callback?code=x&state={state}").headers["Location"] == "/?error=invalid_code"
    browser.go("/login")
    state = browser.cookies.get("oauth_state")
    del browser.cookies["oauth_verifier"]
    assert browser.go(f"/callback?code=x&state={state}").headers["Location"] == "/?error=missing_verifier"


def test_a_code_of_another_browser_is_useless(stack, browser, directory):
    # Session fixation: the code of an attacker's sign-in, put before a victim.
    attacker = Browser(stack, directory)
    location = attacker.sign_in().headers["Location"]
    browser.go("/login")
    refused = browser.go(location)
    assert refused.headers["Location"] == "/?error=state_mismatch"
    assert "pulse_session" not in browser.cookies


def test_the_form_of_another_browser_is_refused(stack, browser, directory):
    assert directory.enter(browser, Browser(stack, directory).sign_in_page(), "customer1", PASSWORD).status_code == 400


@pytest.mark.parametrize("change", [{"redirect_uri": "https://evil.example/callback"}, {"client_id": "stranger"},
                                    {"redirect_uri": "javascript:alert(1)"}, {"redirect_uri": "//evil.example"},
                                    {"redirect_uri": "http://localhost@evil.example/"}, {"redirect_uri": ""}])
def test_what_is_wrong_with_client_or_address_is_not_redirected(stack, browser, change):
    query = {"response_type": "code", "client_id": "pulse-ui", "redirect_uri": f"{stack.url}/callback",
             "scope": "openid", "state": "s" * 30, "code_challenge": "c" * 43, "code_challenge_method": "S256"}
    answer = browser.go(stack.issuer + "/realms/pulse/protocol/openid-connect/auth?" + urllib.parse.urlencode({**query, **change}))
    assert answer.status_code == 400 and "Location" not in answer.headers


@pytest.mark.parametrize("change, error", [({"response_type": "token"}, "unsupported_response_type"),
                                           ({"code_challenge": ""}, "invalid_request"),
                                           ({"code_challenge_method": "plain"}, "invalid_request"),
                                           ({"prompt": "none"}, "login_required")])
def test_other_faults_go_back_to_the_client(stack, browser, directory, change, error):
    query = {"response_type": "code", "client_id": "pulse-ui", "redirect_uri": f"{stack.url}/callback",
             "scope": "openid", "state": "s" * 30, "code_challenge": "c" * 43, "code_challenge_method": "S256"}
    answer = browser.go(stack.issuer + "/realms/pulse/protocol/openid-connect/auth?" + urllib.parse.urlencode({**query, **change}))
    error = directory.errors.get(error, error)
    assert answer.status_code == 302 and f"error={error}" in answer.headers["Location"]
    assert answer.headers["Location"].startswith(f"{stack.url}/callback")


def test_csrf_refused_without_and_accepted_with_the_token(stack, browser):
    browser.signed_in("tenantadmin1")
    body = {"site_id": "csrf-site", "name": "CSRF"}
    refused = browser.go("/api/v1/customer/sites", "POST", json=body)
    assert refused.status_code == 403 and refused.json()["detail"] == "CSRF token missing or invalid"
    token = browser.go("/api/auth/status").headers["X-CSRF-Token"]
    for wrong in ("x" * len(token), token[:-1], ""):
        answer = browser.go("/api/v1/customer/sites", "POST", json=body, headers={"X-CSRF-Token": wrong})
        assert answer.status_code == 403
    made = browser.go("/api/v1/customer/sites", "POST", json=body, headers={"X-CSRF-Token": token})
    assert made.status_code == 201, made.text
    for method in ("PATCH", "DELETE"):
        assert browser.go("/api/v1/customer/sites/csrf-site", method, json={"name": "x"}).status_code == 403
    assert browser.go("/api/v1/customer/sites/csrf-site", "DELETE",
                      headers={"X-CSRF-Token": token}).status_code == 204


def test_the_csrf_cookie_is_strict(stack):
    answer = requests.get(f"{stack.url}/api/auth/status", timeout=5)
    told = next(c for c in answer.raw.headers.getlist("Set-Cookie") if c.startswith("csrf_token="))
    assert "HttpOnly" in told and "SameSite=Strict" in told
    assert answer.headers["X-CSRF-Token"] in told


def test_bearer_callers_need_no_csrf_token(customer):
    assert customer.post("/sites", json={}).status_code == 422


def test_refresh_rotates_and_an_old_refresh_token_ends_the_session(stack, browser, directory):
    browser.signed_in()
    token = browser.go("/api/auth/status").headers["X-CSRF-Token"]
    old = browser.cookies.get("pulse_refresh")
    time.sleep(1.1)  # tokens tell whole seconds: one of the very second of a refresh is not of long ago
    # Twice: two windows of one browser may use the same token at the same moment.
    for _ in range(2):
        before = browser.cookies.get("pulse_refresh")
        answer = browser.go("/api/auth/refresh", "POST", headers={"X-CSRF-Token": token})
        assert answer.status_code == 200 and answer.json()["success"] and answer.json()["expires_in"] > 0
        assert browser.cookies.get("pulse_refresh") != before
    # A token of long ago is stolen goods: nobody of this session goes on.
    thief = Browser(stack, directory)
    thief.cookies.set("pulse_refresh", old)
    thief.cookies.set("csrf_token", browser.cookies.get("csrf_token"))
    for who in (thief, browser):
        refused = who.go("/api/auth/refresh", "POST", headers={"X-CSRF-Token": token})
        assert refused.status_code == 401 and refused.json() == {"success": False}


def test_refresh_without_a_session_is_401(stack, browser):
    token = browser.go("/api/auth/status").headers["X-CSRF-Token"]
    answer = browser.go("/api/auth/refresh", "POST", headers={"X-CSRF-Token": token})
    assert answer.status_code == 401
    browser.cookies.set("pulse_refresh", "nonsense")
    answer = browser.go("/api/auth/refresh", "POST", headers={"X-CSRF-Token": token})
    assert answer.status_code == 401 and answer.json() == {"success": False}
    assert "Max-Age=0" in next(c for c in answer.raw.headers.getlist("Set-Cookie") if c.startswith("pulse_session="))


def test_logout_clears_the_cookies_and_ends_the_issuers_session(stack, browser):
    browser.signed_in()
    refresh = browser.cookies.get("pulse_refresh")
    out = browser.go("/logout")
    assert out.status_code == 302
    query = urllib.parse.parse_qs(urllib.parse.urlparse(out.headers["Location"]).query)
    assert query["client_id"] == ["pulse-ui"] and query["post_logout_redirect_uri"] == [f"{stack.url}/"]
    assert not browser.cookies.get("pulse_session") and not browser.cookies.get("pulse_refresh")
    # Whoever closes the window here has signed out: the refresh token is dead.
    again = requests.post(f"{stack.issuer}/realms/pulse/protocol/openid-connect/token", timeout=5, data={
        "grant_type": "refresh_token", "client_id": "pulse-ui", "refresh_token": refresh})
    assert again.status_code == 400 and again.json()["error"] == "invalid_grant"
    # Nothing is left to ask about: the issuer's page leads straight back.
    ended = browser.go(out.headers["Location"])
    assert ended.status_code == 302 and ended.headers["Location"].startswith(stack.url)
    # Another sign-in asks for the password again.
    assert browser.go(browser.go("/login").headers["Location"]).status_code == 200


def test_logout_does_not_redirect_to_strangers(stack, browser):
    answer = browser.go(stack.issuer + "/realms/pulse/protocol/openid-connect/logout?client_id=pulse-ui&"
                        "post_logout_redirect_uri=https://evil.example/")
    assert "evil.example" not in answer.headers.get("Location", "")


@pytest.mark.embedded_only("the words are those of our own page")
def test_a_logout_by_form_says_so(stack):
    answer = requests.post(f"{stack.url}/realms/pulse/protocol/openid-connect/logout", timeout=5,
                           data={"client_id": "pulse-ui"}, allow_redirects=False)
    assert answer.status_code == 200 and "signed out" in answer.text


def test_single_sign_on_by_the_issuers_cookie(browser):
    browser.signed_in()
    straight = browser.go(browser.go("/login").headers["Location"])
    assert straight.status_code == 302 and "code=" in straight.headers["Location"]


@pytest.mark.parametrize("form, error", [
    ({"grant_type": "password", "client_id": "pulse-ui", "username": "customer1", "password": "wrong"}, "invalid_grant"),
    ({"grant_type": "password", "client_id": "stranger", "username": "customer1", "password": PASSWORD},
     "invalid_client"),
    ({"grant_type": "magic", "client_id": "pulse-ui"}, "unsupported_grant_type"),
    ({"grant_type": "authorization_code", "client_id": "pulse-ui", "code": "x", "redirect_uri": "y",
      "code_verifier": "z" * 43}, "invalid_grant"),
    ({"grant_type": "refresh_token", "client_id": "pulse-ui", "refresh_token": "x"}, "invalid_grant")])
def test_the_token_endpoints_refusals(stack, form, error):
    answer = requests.post(f"{stack.issuer}/realms/pulse/protocol/openid-connect/token", data=form, timeout=10)
    assert answer.status_code in (400, 401) and answer.json()["error"] == error, answer.text


def test_the_discovery_document_is_keycloaks(stack):
    told = requests.get(f"{stack.issuer}/realms/pulse/.well-known/openid-configuration", timeout=5).json()
    issuer = f"{stack.issuer}/realms/pulse"
    assert told["issuer"] == issuer and told["jwks_uri"] == f"{issuer}/protocol/openid-connect/certs"
    assert told["authorization_endpoint"] == f"{issuer}/protocol/openid-connect/auth"
    assert told["token_endpoint"] == f"{issuer}/protocol/openid-connect/token"
    assert "S256" in told["code_challenge_methods_supported"]
    keys = requests.get(told["jwks_uri"], timeout=5).json()["keys"]
    assert keys and all(k["kty"] == "RSA" and "d" not in k and "p" not in k for k in keys)


def test_cors_for_known_origins_only(stack):
    def preflight(origin):
        return requests.options(f"{stack.url}/api/v1/customer/devices", timeout=5, headers={
            "Origin": origin, "Access-Control-Request-Method": "POST"})
    good = preflight("http://localhost:5173")
    assert good.headers["Access-Control-Allow-Origin"] == "http://localhost:5173"
    assert good.headers["Access-Control-Allow-Credentials"] == "true"
    for origin in ("https://evil.example", "null", "http://localhost:5173.evil.example"):
        assert "Access-Control-Allow-Origin" not in preflight(origin).headers


def test_who_a_token_is_of(stack):
    issuer = f"{stack.issuer}/realms/pulse/protocol/openid-connect"
    token = requests.post(f"{issuer}/token", timeout=10, data={
        "grant_type": "password", "client_id": "pulse-ui", "scope": "openid profile email", "username": "customer1",
        "password": PASSWORD}).json()["access_token"]
    told = requests.get(f"{issuer}/userinfo", headers={"Authorization": f"Bearer {token}"}, timeout=10).json()
    assert told["preferred_username"] == "customer1" and told["email"] == "customer1@demo.example" and told["sub"]
    assert requests.get(f"{issuer}/userinfo", timeout=10).status_code == 401


@pytest.mark.parametrize("end", [
    lambda issuer, token: requests.post(f"{issuer}/logout", timeout=10, data={
        "client_id": "pulse-ui", "refresh_token": token}),
    lambda issuer, token: requests.post(f"{issuer}/revoke", timeout=10, data={"client_id": "pulse-ui", "token": token})],
    ids=["logout", "revoke"])
def test_a_session_ends_by_its_refresh_token(stack, end):
    issuer = f"{stack.issuer}/realms/pulse/protocol/openid-connect"
    token = requests.post(f"{issuer}/token", timeout=10, data={
        "grant_type": "password", "client_id": "pulse-ui", "username": "customer1",
        "password": PASSWORD}).json()["refresh_token"]
    assert end(issuer, token).status_code in (200, 204)
    again = requests.post(f"{issuer}/token", timeout=10, data={
        "grant_type": "refresh_token", "client_id": "pulse-ui", "refresh_token": token})
    assert again.status_code == 400 and again.json()["error"] == "invalid_grant"


@pytest.mark.embedded_only("Keycloak asks before it signs anyone out by such an address")
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_issuers_way_out(stack, browser, method):
    issuer = "/realms/pulse/protocol/openid-connect"
    browser.signed_in()
    stay = browser.go(f"{issuer}/logout", method)
    assert stay.status_code == 200 and "You are signed out." in stay.text
    assert browser.go(browser.go("/login").headers["Location"]).status_code == 200
    on = browser.go(f"{issuer}/logout?client_id=pulse-ui&state=s&post_logout_redirect_uri={stack.url}/", method)
    assert on.status_code == 302 and on.headers["Location"] == f"{stack.url}/?state=s"
    token = requests.post(f"{stack.url}{issuer}/token", timeout=10, data={
        "grant_type": "password", "client_id": "pulse-ui", "username": "customer1",
        "password": PASSWORD}).json()["refresh_token"]
    assert browser.go(f"{issuer}/logout?client_id=pulse-ui&refresh_token={token}", method).status_code == 204

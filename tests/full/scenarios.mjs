// One browser scenario by name, against the Pulse at PULSE_URL whose people live in the Keycloak at
// KEYCLOAK_URL. Exit code 0: it went as it should. Screenshots go to SCREENS.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(path.join(process.env.WEB, 'package.json'));
const { chromium } = require('playwright-core');
const { PULSE_URL: url, KEYCLOAK_URL: keycloak, LINK: link } = process.env;
const password = 'pulse-demo-1';

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
const page = await context.newPage();
const problems = [];
page.on('pageerror', (e) => problems.push(`page error: ${e.message}`));
page.on('response', (r) => {
  if (r.status() >= 500) problems.push(`${r.status()} ${r.url()}`);
});
const screen = (name) => page.screenshot({ path: path.join(process.env.SCREENS, `${name}.png`) });

/** Keycloak asks for the name, then for the password: an organization may have its own way to sign in. */
async function fillIn(user, secret = password) {
  await page.fill('#username', user);
  if (!(await page.locator('#password').isVisible())) await page.click('#kc-login');
  await page.locator('#password').waitFor();
  await page.fill('#password', secret);
  await page.click('#kc-login');
}

async function signIn(user) {
  await page.goto(`${url}/login`);
  assert.ok(page.url().startsWith(`${keycloak}/realms/pulse/`), page.url());
  await fillIn(user);
  await page.waitForURL(`${url}/app/**`);
}

const inPage = (method, where) => page.evaluate(async ([m, w]) => {
  const token = (await fetch('/api/auth/status')).headers.get('X-CSRF-Token');
  const answer = await fetch(w, { method: m, headers: { 'X-CSRF-Token': token } });
  return { status: answer.status, body: await answer.json() };
}, [method, where]);

const cookie = async (name) => (await context.cookies()).find((c) => c.name === name)?.value;

const scenarios = {
  async 'sign-in-refresh-and-sign-out'() {
    await signIn('customer1');
    await screen('keycloak-signed-in');
    const who = await inPage('GET', '/api/auth/status');
    assert.equal(who.body.authenticated, true);
    assert.equal(who.body.user.tenant_id, 'demo');
    assert.equal(who.body.user.email, 'customer1@demo.example');
    const devices = await inPage('GET', '/api/v1/customer/devices');
    assert.equal(devices.status, 200);
    assert.equal(devices.body.total, 3);
    const before = [await cookie('pulse_session'), await cookie('pulse_refresh')];
    const refreshed = await inPage('POST', '/api/auth/refresh');
    assert.equal(refreshed.body.success, true);
    assert.ok(refreshed.body.expires_in > 200);
    assert.notEqual(await cookie('pulse_session'), before[0]);
    assert.notEqual(await cookie('pulse_refresh'), before[1]);
    // A second tab of the same browser is signed in without being asked.
    const tab = await context.newPage();
    await tab.goto(`${url}/login`);
    await tab.waitForURL(`${url}/app/**`);
    await tab.close();
    // Pulse has ended the session by then: Keycloak has nothing to ask.
    await page.goto(`${url}/logout`);
    // The application leads back to the form; the session at Keycloak is over, too.
    await page.locator('#username').waitFor();
    assert.equal(await cookie('pulse_session'), undefined);
    assert.equal((await (await context.request.get(`${url}/api/auth/status`)).json()).authenticated, false);
    assert.equal((await context.request.post(`${url}/api/auth/refresh`)).ok(), false);
  },
  async 'a-wrong-password-is-told'() {
    await page.goto(`${url}/login`);
    await fillIn('tenantadmin1', 'not the password');
    await page.locator('#input-error, #input-error-password, .alert-error').first().waitFor();
    assert.ok(page.url().startsWith(keycloak), page.url());
    assert.equal(await cookie('pulse_session'), undefined);
  },
  // From the link of an email: a password is chosen, once, and signs in.
  async 'an-invitation-is-taken'() {
    await page.goto(link);
    const proceed = page.getByRole('link', { name: /proceed/i });
    if (await proceed.isVisible()) await proceed.click();
    await page.fill('#password-new', 'chosen by myself 1');
    await page.fill('#password-confirm', 'chosen by myself 1');
    await screen('keycloak-invitation');
    await page.locator('[type=submit]').first().click();
    await page.locator('#kc-info-message, .instruction').first().waitFor();
    await page.goto(`${url}/login`);
    if (!page.url().startsWith(url)) await fillIn(process.env.INVITED, 'chosen by myself 1');
    await page.waitForURL(`${url}/app/**`);
    const who = await inPage('GET', '/api/auth/status');
    assert.equal(who.body.user.tenant_id, 'demo');
    const stranger = await (await browser.newContext()).newPage();
    await stranger.goto(link);
    assert.equal(await stranger.locator('#password-new').count(), 0, 'the link works twice');
    assert.match(await stranger.locator('body').innerText(), /expired|no longer valid|already/i);
  },
};

const name = process.argv[2];
let failed = false;
try {
  await scenarios[name]();
  assert.deepEqual(problems, []);
} catch (e) {
  failed = true;
  console.error(e);
  console.error(`at ${page.url()}\n${(await page.locator('body').innerText().catch(() => '')).slice(0, 1500)}`);
  await screen(`failed-${name}`).catch(() => {});
}
await browser.close();
process.exit(failed ? 1 : 0);

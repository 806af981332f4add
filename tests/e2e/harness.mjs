// What every scenario uses: a browser with one page, a signed-in person, a device that sends.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(path.join(process.env.WEB, 'package.json'));
const { chromium } = require('playwright-core');
const axe = require.resolve('axe-core/axe.min.js');

export const url = process.env.PULSE_URL;
/** The demo tenant's devices: {tenant_id, device_id, site_id, token}. */
export const devices = JSON.parse(process.env.DEVICES);
export const device = devices[0];

export const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
// axe comes in as a script, which the content security policy would refuse.
export const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, bypassCSP: true });
export const page = await context.newPage();
export const problems = [];
page.on('pageerror', (e) => problems.push(`page error: ${e.message}`));
page.on('response', (r) => {
  if (r.status() >= 500) problems.push(`${r.status()} ${r.url()}`);
});

export const screen = (name) => page.screenshot({ path: path.join(process.env.SCREENS, `${name}.png`) });

/** Fills the form, to which the application leads by itself. */
export async function signIn(user = 'customer1') {
  await page.goto(`${url}/app/`);
  await page.fill('#username', user);
  await page.fill('#password', 'pulse-demo-1');
  await page.click('#kc-login');
  await page.locator('aside').getByRole('link').first().waitFor();
}

/** A narrow screen must not scroll sideways. */
export async function fits(where) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(over <= 0, `${where}: wider than the screen by ${over} px`);
}

/** What axe finds against WCAG 2.2 A and AA. */
export async function accessible(where) {
  await page.addScriptTag({ path: axe });
  const found = await page.evaluate(async () => {
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
    const { violations } = await window.axe.run(document, { runOnly: tags });
    return violations.map((v) => [v.id, ...v.nodes.slice(0, 3).map((n) => `${n.html} ${n.failureSummary}`)]);
  });
  assert.deepEqual(found, [], where);
}

/** A device's message. */
export async function send(metrics, from = device, more = {}) {
  const answer = await fetch(`${url}/ingest/v1/tenant/${from.tenant_id}/device/${from.device_id}/telemetry`, {
    method: 'POST',
    headers: { 'X-Provision-Token': from.token, 'Content-Type': 'application/json' },
    body: JSON.stringify({ metrics, ...more }),
  });
  assert.equal(answer.status, 202);
}

/** A call of the API beside the browser, as another window or a script makes it. */
export async function call(user, method, where, body, more = {}) {
  const form = { grant_type: 'password', client_id: 'pulse-ui', username: user, password: 'pulse-demo-1' };
  const granted = await fetch(`${url}/realms/pulse/protocol/openid-connect/token`, {
    method: 'POST', body: new URLSearchParams(form),
  });
  const { access_token } = await granted.json();
  const answer = await fetch(`${url}/api/v1/customer${where}`, {
    method,
    headers: { Authorization: `Bearer ${access_token}`, 'Content-Type': 'application/json', ...more },
    body: JSON.stringify(body),
  });
  assert.ok(answer.ok, `${method} ${where}: ${answer.status} ${await answer.clone().text()}`);
  const text = await answer.text();
  return text === '' ? null : JSON.parse(text);
}

/** Waits until what has the focus is called so (by its label or its text). */
export const focused = (name) =>
  page.waitForFunction((wanted) => {
    const at = document.activeElement;
    return at && (at.getAttribute('aria-label') ?? at.textContent).includes(wanted);
  }, name);

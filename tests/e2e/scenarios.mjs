// One browser scenario by name, against the Pulse at PULSE_URL. Exit code 0: it went as it should.
// Screenshots go to SCREENS.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(path.join(process.env.WEB, 'package.json'));
const { chromium } = require('playwright-core');
const url = process.env.PULSE_URL;
const device = JSON.parse(process.env.DEVICE);

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
const problems = [];
page.on('pageerror', (e) => problems.push(`page error: ${e.message}`));
page.on('response', (r) => {
  if (r.status() >= 500) problems.push(`${r.status()} ${r.url()}`);
});

const screen = (name) => page.screenshot({ path: path.join(process.env.SCREENS, `${name}.png`) });

async function signIn(user = 'customer1') {
  await page.goto(`${url}/app/`);
  await page.getByRole('link', { name: /sign in/i }).first().click();
  await page.fill('#username', user);
  await page.fill('#password', 'pulse-demo-1');
  await page.click('#kc-login');
  await page.getByTestId('fleet-counts').waitFor();
}

async function send(metrics) {
  const answer = await fetch(`${url}/ingest/v1/tenant/${device.tenant_id}/device/${device.device_id}/telemetry`, {
    method: 'POST',
    headers: { 'X-Provision-Token': device.token, 'Content-Type': 'application/json' },
    body: JSON.stringify({ metrics }),
  });
  assert.equal(answer.status, 202);
}

const scenarios = {
  async 'sign-in-to-a-moving-chart'() {
    await send({ temperature: -18.5 });
    await signIn();
    await screen('home-light');
    await page.goto(`${url}/app/devices/${device.device_id}`);
    const value = page.locator('[data-metric="temperature"]').first();
    await value.waitFor();
    const charts = page.getByTestId('charts');
    await charts.locator('canvas').first().waitFor();
    const picture = () => charts.locator('canvas').first().evaluate((c) => c.toDataURL());
    await page.waitForTimeout(1500);
    const before = await picture();
    await send({ temperature: -7.5 });
    await page.waitForFunction(() => document.querySelector('[data-metric="temperature"]')?.textContent?.includes('7.5'));
    await page.waitForTimeout(1500);
    assert.notEqual(await picture(), before, 'the chart did not move');
    await page.locator('[data-message]').first().waitFor();
    await screen('device-light');
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.setViewportSize({ width: 390, height: 844 });
    await page.waitForTimeout(500);
    await screen('device-phone-dark');
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
    assert.equal(wide, false, 'the page is wider than a phone');
  },
  async 'devices-by-search-in-the-url'() {
    await signIn();
    await page.goto(`${url}/app/devices?q=${device.device_id}`);
    await page.locator(`[data-device="${device.device_id}"]`).first().waitFor();
    await page.reload();
    await page.locator(`[data-device="${device.device_id}"]`).first().waitFor();
    assert.equal(await page.locator('[data-device]').count(), 1);
    await screen('devices-search');
  },
  async 'a-wrong-password-is-told'() {
    await page.goto(`${url}/login`);
    await page.fill('#username', 'customer1');
    await page.fill('#password', 'wrong');
    await page.click('#kc-login');
    await page.getByRole('alert').waitFor();
    assert.match(await page.getByRole('alert').textContent(), /invalid/i);
    await screen('sign-in-refused');
  },
};

try {
  await scenarios[process.argv[2]]();
  assert.deepEqual(problems, []);
} finally {
  await browser.close();
}

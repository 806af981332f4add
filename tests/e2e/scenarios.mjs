// One browser scenario by name, against the Pulse at PULSE_URL. Exit code 0: it went as it should.
// Screenshots go to SCREENS.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
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

/** A narrow screen must not scroll sideways. */
async function fits(where) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(over <= 0, `${where}: wider than the screen by ${over} px`);
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
  // A tenant with nothing in it: from the first site to a message that the page hears by itself.
  async 'a-first-device-by-the-five-steps'() {
    await page.goto(`${url}/login`);
    await page.fill('#username', 'newcomer');
    await page.fill('#password', 'pulse-demo-1');
    await page.click('#kc-login');
    await page.waitForURL(/\/app\//);
    await page.goto(`${url}/app/fleet/getting-started?step=device`);
    const step = (id) => page.locator(`[data-step="${id}"]`);
    await step('device').waitFor();
    assert.equal(await step('device').getAttribute('data-done'), 'false');
    await screen('start-empty');
    await step('device').getByRole('button', { name: 'Add device' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Device id').fill('first-one');
    await dialog.getByRole('button', { name: 'Add device' }).click();
    await dialog.getByText('first-one is created').waitFor();
    await screen('start-credentials');
    await dialog.getByRole('button', { name: 'Close' }).first().click();
    await page.locator('[data-step="device"][data-done="true"]').waitFor();
    // The same page goes on: its credentials live in this window only.
    if ((await step('data').locator('pre').count()) === 0)
      await step('data').getByRole('button', { name: /open/i }).click();
    await step('data').locator('pre').first().waitFor();
    const lines = await step('data').locator('pre').allTextContents();
    const curl = lines.find((l) => l.includes('curl')), mosquitto = lines.find((l) => l.includes('mosquitto_pub'));
    assert.ok(curl && mosquitto, lines.join('\n'));
    // As printed, by a shell; a person takes longer than the live connection needs to open.
    await page.waitForTimeout(1500);
    execFileSync('sh', ['-c', curl], { timeout: 20_000 });
    await step('data').getByText('first-one has spoken').waitFor();
    await screen('start-heard');
    execFileSync('sh', ['-c', mosquitto], { timeout: 20_000 });
    await page.locator('[data-step="data"][data-done="true"]').waitFor();
    await page.goto(`${url}/app/devices/first-one`);
    await page.locator('[data-message]').nth(1).waitFor();
  },
  async 'every-page-in-both-themes-and-sizes'() {
    await send({ temperature: 4.5 });
    await signIn('tenantadmin1');
    const pages = { home: 'home', devices: 'devices', device: `devices/${device.device_id}`, sites: 'sites',
      site: `sites/${device.site_id}`, templates: 'templates', start: 'fleet/getting-started', tools: 'fleet/tools',
      missing: 'no-such-page' };
    for (const theme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme: theme });
      for (const [width, height] of [[1440, 900], [390, 844]]) {
        await page.setViewportSize({ width, height });
        for (const [name, where] of Object.entries(pages)) {
          await page.goto(`${url}/app/${where}`);
          await page.locator('h1').first().waitFor();
          await page.waitForTimeout(400);
          assert.equal(await page.locator('html').getAttribute('data-theme'), theme);
          if (width === 390) await fits(`${name} ${theme}`);
          await screen(`${name}-${width}-${theme}`);
        }
      }
    }
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
} catch (e) {
  await screen(`failed-${process.argv[2]}`);
  throw e;
} finally {
  await browser.close();
}

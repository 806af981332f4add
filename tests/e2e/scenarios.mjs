// One browser scenario by name, against the Pulse at PULSE_URL. Exit code 0: it went as it should.
// Screenshots go to SCREENS.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { accessible, browser, call, device, fits, page, problems, screen, send, signIn, url } from './harness.mjs';
import { alertScenarios } from './alerts.mjs';
import { certificates } from './certificates.mjs';
import { carrierScenarios } from './carriers.mjs';
import { controlScenarios } from './control.mjs';
import { deviceScenarios } from './devices.mjs';
import { firstMember } from './first-member.mjs';
import { hardwareScenarios } from './hardware.mjs';
import { importScenarios } from './import.mjs';
import { groups } from './groups.mjs';
import { live } from './live.mjs';
import { mapScenarios } from './map.mjs';
import { notificationScenarios } from './notifications.mjs';
import { operator } from './operator.mjs';
import { people } from './people.mjs';
import { oncall } from './oncall.mjs';
import { ruleScenarios } from './rules.mjs';
import { routeScenarios } from './routes.mjs';
import { updates } from './updates.mjs';
import { templateScenarios } from './templates.mjs';
import { walk } from './walk.mjs';

const scenarios = {
  ...alertScenarios,
  ...live,
  ...hardwareScenarios,
  ...mapScenarios,
  ...templateScenarios,
  ...certificates,
  ...deviceScenarios,
  ...controlScenarios,
  ...importScenarios,
  ...groups,
  ...carrierScenarios,
  ...notificationScenarios,
  ...routeScenarios,
  ...operator,
  ...firstMember,
  ...people,
  ...oncall,
  ...updates,
  ...ruleScenarios,
  ...walk,
  async 'sign-in-to-a-moving-chart'() {
    await send({ temperature: -18.5 });
    await signIn();
    await page.getByTestId('fleet-counts').waitFor();
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
  // A tenant with nothing in it: from the first site to a message that the page hears by itself. A
  // script does the first two steps meanwhile, which the page notices; what is open stays open.
  async 'a-first-device-by-the-five-steps'() {
    await page.goto(`${url}/login`);
    await page.fill('#username', 'newcomer');
    await page.fill('#password', 'pulse-demo-1');
    await page.click('#kc-login');
    await page.waitForURL(/\/app\//);
    await page.goto(`${url}/app/fleet/getting-started`);
    const step = (id) => page.locator(`[data-step="${id}"]`);
    const done = (id) => page.locator(`[data-step="${id}"][data-done="true"]`);
    await step('site').getByRole('button', { name: 'Create site' }).waitFor();
    assert.equal(await step('device').getAttribute('data-done'), 'false');
    assert.equal(await step('alerts').getAttribute('data-done'), 'false');
    await page.locator('header').getByText('Live', { exact: true }).waitFor();
    await screen('start-empty');
    await call('newcomer', 'POST', '/sites', { site_id: 'first-site', name: 'First site' });
    await done('site').waitFor();
    await step('site').getByRole('button', { name: /^Next:/ }).click();
    await step('template').getByRole('button', { name: 'New template' }).waitFor();
    await call('newcomer', 'POST', '/templates', { name: 'Own', slug: 'own', category: 'gateway' });
    await done('template').waitFor();
    await step('template').getByRole('button', { name: /^Next:/ }).click();
    await step('device').getByRole('button', { name: 'Add device' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Device id').fill('first-one');
    await dialog.getByRole('button', { name: 'Add device' }).click();
    await dialog.getByText('first-one is created').waitFor();
    await screen('start-credentials');
    await dialog.getByRole('button', { name: 'Close' }).first().click();
    await page.locator('[data-step="device"][data-done="true"]').waitFor();
    // The same page goes on by itself: its credentials live in this window only.
    await step('data').locator('pre').first().waitFor();
    const lines = await step('data').locator('pre').allTextContents();
    const curl = lines.find((l) => l.includes('curl')), mosquitto = lines.find((l) => l.includes('mosquitto_pub'));
    assert.ok(curl && mosquitto, lines.join('\n'));
    // As printed, by a shell; a person takes longer than the live connection needs to open.
    await page.waitForTimeout(1500);
    execFileSync('sh', ['-c', curl], { timeout: 20_000 });
    await step('data').getByText('first-one has spoken').waitFor();
    await done('data').waitFor();
    // The step is done, and what it heard still stands there.
    assert.ok(await step('data').getByText('first-one has spoken').isVisible());
    await screen('start-heard');
    execFileSync('sh', ['-c', mosquitto], { timeout: 20_000 });
    await page.locator('[data-step="data"][data-done="true"]').waitFor();
    await page.goto(`${url}/app/devices/first-one`);
    await page.locator('[data-message]').nth(1).waitFor();
  },
  async 'every-page-in-both-themes-and-sizes'() {
    await send({ temperature: 4.5 });
    await signIn('tenantadmin1');
    const pages = { home: 'home', live: 'live', devices: 'devices', device: `devices/${device.device_id}`, sites: 'sites',
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
          await accessible(`${name} ${theme} ${width}`);
          await screen(`${name}-${width}-${theme}`);
        }
      }
    }
  },
  async 'selected-rows-are-readable'() {
    await signIn('tenantadmin1');
    for (const theme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
      await page.goto(`${url}/app/devices`);
      await page.locator('[data-device] input[type=checkbox]').first().check();
      await accessible(`selected row ${theme}`);
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

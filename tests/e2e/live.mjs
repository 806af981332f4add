// Scenarios of what moves by itself: status, the live page, the connection, and who gets which pages.
import assert from 'node:assert/strict';
import { accessible, call, context, device, devices, fits, page, screen, send, signIn, url } from './harness.mjs';

const quiet = devices[1];
const state = (word) => page.locator('header').getByText(word, { exact: true }).waitFor();
const row = (id) => page.locator(`main [data-device="${id}"]`);

export const live = {
  async 'a-normalized-metric-is-charted-live'() {
    const normalized_name = 'charted_temperature';
    await call('tenantadmin1', 'POST', '/normalized-metrics', { normalized_name, display_unit: '°C', expected_max: 31 });
    await call('tenantadmin1', 'POST', '/metric-mappings', { raw_metric: 'charted_f', normalized_name, multiplier: 0.5, offset_value: -16 });
    const ago = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString();
    for (const [minutes, charted_f] of [[30, 80], [20, 84], [10, 88]]) await send({ charted_f }, device, { ts: ago(minutes) });
    await signIn();
    await page.goto(`${url}/app/devices/${device.device_id}?metrics=charted_f`);
    await page.getByTestId('charts').locator('canvas').waitFor();
    // It is offered beside what is sent, with its unit and what it is made from.
    const offered = page.getByRole('button', { name: /charted_temperature from charted_f/ });
    await offered.getByText('28 °C').waitFor();
    await offered.click();
    const chart = page.locator('[data-chart="charted_temperature"]');
    await chart.getByRole('img', { name: /usual maximum at 31/ }).waitFor();
    await chart.getByText('28 °C').first().waitFor();
    assert.ok(page.url().includes('charted_temperature'), page.url());
    // It grows with what arrives.
    await send({ charted_f: 90 });
    await chart.getByText('29 °C').first().waitFor();
    await offered.getByText('29 °C').waitFor();
    await accessible('a normalized metric');
    await screen('device-normalized');
    await page.setViewportSize({ width: 390, height: 844 });
    await fits('a normalized metric at 390 px');
    await screen('device-normalized-390');
    await call('tenantadmin1', 'DELETE', '/normalized-metrics/charted_temperature');
  },
  async 'lists-follow-the-status'() {
    await call('tenantadmin1', 'PATCH', `/devices/${quiet.device_id}`, { heartbeat_stale_seconds: 6 });
    await send({ temperature: 1 }, quiet);
    await signIn();
    const silent = page.getByRole('region', { name: 'Silent devices' });
    // It falls silent while Home is open: the counts, the list and the changes agree.
    await silent.locator(`[data-device="${quiet.device_id}"]`).getByText('Stale').waitFor();
    await page.waitForFunction(() => {
      const counted = document.querySelector('[aria-label$="stale, show them"]')?.textContent;
      return [...document.querySelectorAll('a')].some((a) => a.textContent === `All ${counted} stale`);
    });
    const change = page.locator(`[data-change="${quiet.device_id}"]`).first();
    await change.getByText('Stale').waitFor();
    const { device: facts } = await call('customer1', 'GET', `/devices/${quiet.device_id}`);
    assert.ok((await change.textContent()).includes(facts.name ?? quiet.device_id), await change.textContent());
    await screen('home-stale');
    await page.goto(`${url}/app/devices/${quiet.device_id}`);
    await page.getByTestId('status-why').getByText(/Check its power and its network/).waitFor();
    await screen('device-stale');
    await page.goto(`${url}/app/devices?q=status:stale`);
    await row(quiet.device_id).waitFor();
    await state('Live');
    await send({ temperature: 2 }, quiet);
    await row(quiet.device_id).waitFor({ state: 'detached' });
    // And comes back by itself when it falls silent again.
    await row(quiet.device_id).waitFor();
  },
  async 'the-live-page-shows-the-newest'() {
    await signIn();
    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Live' }).click();
    await page.locator('h1', { hasText: 'Live' }).waitFor();
    await page.getByText('since this page opened').first().waitFor();
    const feed = page.getByTestId('feed');
    await send({ temperature: 11.5 });
    await feed.locator(`[data-device="${device.device_id}"]`, { hasText: '11.5' }).waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    await send({ temperature: 22.5 });
    await page.getByRole('button', { name: 'Go on, 1 new' }).waitFor();
    assert.equal(await feed.getByText('22.5').count(), 0, 'a paused list moved');
    await page.getByRole('button', { name: /^Go on/ }).click();
    await feed.locator(`[data-device="${device.device_id}"]`, { hasText: '22.5' }).waitFor();
    const far = new Date(Date.now() + 3 * 86_400_000).toISOString();
    await send({ temperature: 1 }, device, { ts: far });
    const refused = page.getByRole('region', { name: 'Refused messages' });
    await refused.getByText('TIMESTAMP_IN_FUTURE').waitFor();
    await screen('live-1440');
    // Filters stand in the address.
    const other = devices.find((d) => d.site_id !== device.site_id);
    await page.getByLabel('Site').selectOption(device.site_id);
    await page.waitForURL(/site=/);
    await page.reload();
    await page.getByText('since this page opened').first().waitFor();
    await send({ humidity: 41.5 }, other);
    await send({ humidity: 42.5 });
    await feed.getByText('42.5').waitFor();
    assert.equal(await feed.getByText('41.5').count(), 0, 'another site came through the filter');
    await page.getByLabel('Metric').fill('humidity');
    await page.getByLabel('Metric').press('Enter');
    await page.waitForURL(/metric=humidity/);
    await page.setViewportSize({ width: 390, height: 844 });
    await fits('live');
    await screen('live-390');
  },
  // Those who run the platform belong to no tenant: its data is not theirs to ask for.
  async 'operators-have-their-own-shell'() {
    const asked = [];
    let sockets = 0;
    page.on('request', (r) => {
      if (r.url().includes('/api/v1/customer') || r.url().includes('ws-ticket')) asked.push(r.url());
    });
    page.on('websocket', () => (sockets += 1));
    await signIn('operator1');
    await page.locator('h1', { hasText: 'Overview' }).waitFor();
    await page.locator('[data-part="db"]').getByText('works').waitFor();
    assert.deepEqual(await page.getByRole('navigation', { name: 'Main' }).getByRole('link').allTextContents(),
      ['Overview', 'Tenants', 'Users', 'Audit log', 'Certificates']);
    await accessible('operator');
    await screen('operator-1440');
    // A reload fetches ahead what the first page will ask for.
    await page.reload();
    await page.locator('[data-part="db"]').waitFor();
    await page.goto(`${url}/app/devices`);
    await page.locator('h1', { hasText: 'There is no such page' }).waitFor();
    await page.keyboard.press('Control+k');
    await page.getByRole('option', { name: /Overview/ }).waitFor();
    assert.equal(await page.getByRole('option', { name: 'Add a device' }).count(), 0);
    assert.deepEqual([asked, sockets], [[], 0]);
    await page.keyboard.press('Escape');
    await page.setViewportSize({ width: 390, height: 844 });
    await page.goto(`${url}/app/`);
    await page.locator('[data-part="db"]').waitFor();
    await fits('operator');
    await screen('operator-390');
  },
  async 'customers-have-setup-monitor-and-maintain'() {
    await signIn();
    const navigation = page.getByRole('navigation', { name: 'Main' });
    for (const group of ['Setup', 'Monitor', 'Maintain'])
      await navigation.getByRole('heading', { name: group }).waitFor();
    const border = await page.locator('aside').getByTitle('Organization')
      .evaluate((e) => getComputedStyle(e).borderTopWidth);
    assert.equal(border, '0px', 'the organization looks like a field');
    await page.goto(`${url}/app/operator`);
    await page.locator('h1', { hasText: 'There is no such page' }).waitFor();
  },
  // What a page shows first must wait for as little as possible.
  async 'first-paint-waits-for-little'() {
    await signIn();
    const never = () => {};
    await page.route(/\/telemetry\/history/, never);
    await send({ temperature: 4.5 });
    await page.goto(`${url}/app/devices/${device.device_id}`);
    await page.getByTestId('chart-hint').waitFor();
    assert.equal(await page.getByTestId('charts').count(), 0);
    // The lists of Home are asked for while its code still loads.
    await page.route(/\/assets\/home-page/, never);
    const lists = ['OFFLINE', 'STALE', 'ONLINE'].map((s) => page.waitForRequest((r) => r.url().includes(`status=${s}`)));
    await page.goto(`${url}/app/home`);
    await Promise.all(lists);
    await page.unrouteAll({ behavior: 'ignoreErrors' });
  },
  // The browser leaves open WebSockets alone when the network goes: no close tells that it is back.
  async 'a-blip-of-the-network-passes'() {
    await signIn();
    await state('Live');
    await context.setOffline(true);
    await state('No network');
    await context.setOffline(false);
    await state('Live');
    const value = page.locator('main').getByText(/just now|1 s ago/).first();
    await send({ temperature: 3.5 });
    await value.waitFor();
  },
  // The server says how often: a second in this test, where ten were built in.
  async 'without-a-live-connection-pages-ask'() {
    await page.addInitScript(() => {
      window.WebSocket = class extends EventTarget {
        readyState = 3;
        constructor() {
          super();
          setTimeout(() => this.onclose?.({ code: 1006 }), 0);
        }
        close() {}
      };
    });
    await signIn();
    const counts = (r) => r.url().endsWith('/devices/summary');
    const until = Date.now() + 30_000;
    for (let n = 0; n < 6; n += 1) await page.waitForRequest(counts, { timeout: until - Date.now() });
  },
  async 'the-form-comes-first'() {
    await page.goto(`${url}/app/devices?q=status:online`);
    await page.locator('#username').waitFor();
    await page.getByRole('heading', { name: 'Sign in to your fleet' }).waitFor();
    const font = () => [...document.fonts].find((f) => f.family.includes('Inter Variable'))?.status;
    await page.waitForFunction(`(${font})() === 'loaded'`);
    await accessible('form');
    await screen('sign-in-form');
    await page.fill('#username', 'customer1');
    await page.fill('#password', 'pulse-demo-1');
    await page.click('#kc-login');
    // Back at the page that was asked for.
    await page.waitForURL(/\/app\/devices\?q=status/);
    // What went wrong is said before the form, not skipped.
    await context.clearCookies();
    await page.goto(`${url}/app/?error=state_mismatch`);
    await page.getByRole('alert').getByText(/took too long/).waitFor();
    await page.getByRole('link', { name: 'Sign in' }).waitFor();
    await screen('sign-in-error');
  },
};

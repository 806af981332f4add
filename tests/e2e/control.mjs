// Scenarios of the device page's twin and commands.
import assert from 'node:assert/strict';
import { accessible, call, devices, fits, page, screen, signIn, url } from './harness.mjs';

const device = devices[20];
const id = device.device_id;
const button = (name) => page.getByRole('button', { name, exact: true });

/** A call of the device's own API. */
async function asDevice(method, path, body) {
  const answer = await fetch(`${url}/device/v1${path}`, {
    method,
    headers: { 'X-Provision-Token': device.token, 'Content-Type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
  return answer.json();
}

async function at(tab) {
  await page.goto(`${url}/app/devices/${id}?tab=${tab}`);
  await page.getByRole('heading', { level: 1 }).waitFor();
}

/** Both sizes and both themes, each seen by axe. */
async function looks(name) {
  for (const [size, width, height] of [['wide', 1440, 900], ['phone', 390, 844]])
    for (const theme of ['light', 'dark']) {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme: theme });
      await page.waitForTimeout(300);
      await screen(`${name}-${size}-${theme}`);
      await fits(`${name} ${size}`);
      await accessible(`${name} ${size} ${theme}`);
    }
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.emulateMedia({ colorScheme: 'light' });
}

const setDesired = (desired, version) =>
  call('tenantadmin1', 'PATCH', `/devices/${id}/twin/desired`, { desired }, { 'If-Match': `"${version}"` });

export const controlScenarios = {
  async 'a-twin-is-changed-reported-and-its-conflict-shown'() {
    await signIn('tenantadmin1');
    await at('twin');
    await page.getByText('Nothing is desired or reported yet').waitFor();
    const text = page.getByLabel('Document');
    await text.fill('{"interval_seconds": 60, "led": {"on": true,');
    await page.getByText(/No JSON/).waitFor();
    assert.ok(await button('Save').isDisabled());
    await text.fill('{"interval_seconds": 60, "led": {"on": true, "color": "green"}}');
    await button('Save').click();
    await page.locator('[data-diff="only-left"]').first().waitFor();
    assert.equal(await page.locator('[data-diff="only-left"]').count(), 3);
    // The device reports something else, and the page hears it by itself.
    await asDevice('POST', '/shadow/reported', {
      reported: { interval_seconds: 30, led: { on: true, color: 'green' }, uptime: 5 }, version: 0,
    });
    await page.locator('[data-sync="pending"]').waitFor();
    await page.locator('[data-diff="differs"]').waitFor();
    await page.locator('[data-diff="only-right"]').waitFor();
    await page.getByRole('button', { name: /^Differing/ }).click();
    assert.equal(await page.locator('[data-diff="same"]').count(), 0);
    await page.locator('[data-change="reported"]').first().getByRole('button').click();
    await page.getByRole('button', { name: /^All/ }).click();
    await looks('twin');
    // Somebody else saves while a text is being written: their change is shown, and none is lost.
    await text.fill('{"interval_seconds": 45}');
    await setDesired({ interval_seconds: 60, mode: 'eco' }, 1);
    const alert = page.getByRole('alert').filter({ hasText: 'was saved while you edited' });
    await alert.waitFor();
    assert.equal(await alert.locator('[data-diff="only-right"]').count(), 1);
    assert.ok(await button('Save').isDisabled());
    await looks('twin-conflict');
    await page.getByRole('button', { name: /^Keep my text/ }).click();
    await button('Save').click();
    await alert.waitFor({ state: 'detached' });
    await page.getByText('desired version 3').waitFor();
    const twin = await call('tenantadmin1', 'GET', `/devices/${id}/twin`);
    assert.deepEqual(twin.desired, { interval_seconds: 45 });
    await asDevice('POST', '/shadow/reported', { reported: { interval_seconds: 45 }, version: 3 });
    await page.locator('[data-sync="synced"]').waitFor();
    // What is typed stays while another tab is looked at.
    await text.fill('{"kept": true}');
    await page.getByRole('tab', { name: 'Commands' }).click();
    await page.getByRole('tab', { name: /Twin/ }).click();
    assert.equal(await text.inputValue(), '{"kept": true}');
    await button('Discard').click();
  },

  async 'a-command-goes-from-its-form-to-its-acknowledgement'() {
    const { templates } = await call('tenantadmin1', 'GET', '/templates?source=system');
    const gateway = templates.find((t) => t.slug === 'gateway');
    await call('tenantadmin1', 'PATCH', `/devices/${id}`, { template_id: gateway.id });
    await signIn('tenantadmin1');
    await at('commands');
    await page.getByText('None yet. One that you send').waitFor();
    await page.getByLabel('Command', { exact: true }).selectOption('set_interval');
    await button('Send').click();
    await page.getByText('This is needed.').waitFor();
    await page.getByLabel('seconds').fill('1');
    await button('Send').click();
    await page.getByText('must be at least 5').waitFor();
    await page.getByLabel('seconds').fill('60');
    await button('Send').click();
    const row = page.locator('[data-command]').first();
    await page.locator('[data-command="queued"]').waitFor();
    const [waiting] = (await asDevice('GET', '/commands/pending')).commands;
    assert.deepEqual(waiting.params, { seconds: 60 });
    await asDevice('POST', `/commands/${waiting.command_id}/ack`, { status: 'failed', details: { why: 'too hot' } });
    await page.locator('[data-command="delivered"]').waitFor();
    await row.getByText('▲ failed').waitFor();
    await row.getByRole('button').first().click();
    await row.getByText('Acknowledged').waitFor();
    await row.getByText('too hot').waitFor();
    await looks('commands');
    await row.getByRole('button', { name: 'Send again' }).click();
    await page.locator('[data-command="queued"]').waitFor();
    // One that no template knows, with parameters as JSON.
    await page.getByLabel('Command', { exact: true }).selectOption({ label: 'Another command …' });
    await page.getByLabel('Name').fill('self_test');
    await page.getByLabel('Parameters').fill('{"deep": tr');
    await button('Send').click();
    await page.getByText(/No JSON/).waitFor();
    await page.getByLabel('Parameters').fill('{"deep": true}');
    await button('Send').click();
    const other = page.locator('[data-command="queued"]').filter({ hasText: 'self_test' });
    await other.waitFor();
    await other.getByRole('button').first().click();
    await other.getByRole('button', { name: 'Cancel' }).click();
    await page.locator('[data-command="expired"]').getByText('✕ cancelled').waitFor();
    await page.getByRole('button', { name: 'expired', exact: true }).click();
    await page.waitForURL(/command_status=expired/);
    await page.waitForFunction(() => document.querySelectorAll('[data-command]').length === 1);
    await page.reload();
    await page.locator('[data-command="expired"]').waitFor();
  },
};

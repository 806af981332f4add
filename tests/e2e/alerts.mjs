// Scenarios of alerts: the inbox by keys and on a phone, maintenance, the digest.
import assert from 'node:assert/strict';
import { accessible, call, devices, fits, focused, page, screen, send, signIn, url } from './harness.mjs';

/** The rule that test_browser.py makes: walk_heat over 30 is critical. */
const rule = process.env.WALK_RULE;
const inbox = `alerts?rule=${rule}`;
const rows = () => page.locator('[data-alert]');
const dialog = () => page.getByRole('dialog');

async function open(where, heading) {
  await page.goto(`${url}/app/${where}`);
  await page.locator('h1', { hasText: heading }).waitFor();
}

async function eachThemeAndSize(name, where, ready) {
  for (const theme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: theme });
    for (const [width, height] of [[1440, 900], [390, 844]]) {
      await page.setViewportSize({ width, height });
      await page.goto(`${url}/app/${where}`);
      await ready();
      await fits(`${name} ${width}`);
      await accessible(`${name} ${width} ${theme}`);
      await screen(`${name}-${width}-${theme}`);
    }
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 1440, height: 900 });
}

export const alertScenarios = {
  async 'alerts-come-live-and-are-triaged-by-keys'() {
    const three = devices.slice(3, 6);
    await signIn('tenantadmin1');
    await open(inbox, 'Alerts');
    await page.getByText('No alert fits').waitFor();
    for (const d of three) await send({ walk_heat: 20 }, d);
    for (const d of three) await send({ walk_heat: 99.5 }, d);
    await rows().nth(2).waitFor();
    assert.match(await page.getByTestId('alert-news').textContent(), /^Critical alert: /);
    await page.locator('aside').getByRole('link', { name: /^Alerts\s*\d/ }).waitFor();

    // Two by keys, the last one in its panel.
    for (const key of ['j', 'x', 'j', 'x']) await page.keyboard.press(key);
    await page.getByText('2 alerts selected').waitFor();
    await screen('alerts-selected');
    const last = await rows().nth(2).getAttribute('data-alert');
    await page.keyboard.press('e');
    await page.waitForFunction(() => document.querySelectorAll('[data-alert]').length === 1);
    // It goes on with the next one: the focus and the keys are there.
    await page.waitForFunction((id) => document.activeElement?.closest('[data-alert]')?.dataset.alert === id, last);
    await page.keyboard.press('Enter');
    const panel = page.getByRole('complementary', { name: 'Alert' });
    await panel.getByRole('button', { name: 'Acknowledge' }).waitFor();
    await panel.locator('canvas').waitFor();
    const deviceOf = (await call('tenantadmin1', 'GET', `/alerts/${last}`)).alert.device_id;
    await panel.getByLabel('Comment').fill('Walked past: the fan stands still.');
    await panel.getByRole('button', { name: 'Comment' }).click();
    await panel.getByText('the fan stands still').waitFor();
    assert.match(page.url(), /alert=\d+/);
    await eachThemeAndSize('alert', page.url().split('/app/')[1], () => panel.getByText('Opened').first().waitFor());
    // Found again, it says so without being asked.
    await send({ walk_heat: 99.75 }, three.find((d) => d.device_id === deviceOf));
    await panel.getByText('Repeated', { exact: true }).waitFor();
    await page.locator(`[data-alert="${last}"]`).getByText('×2').waitFor();
    await panel.getByText('Fan off, then call the night shift').waitFor();
    assert.equal(await panel.getByRole('link', { name: 'https://wiki.demo.example/fan' }).getAttribute('target'), '_blank');
    await panel.getByRole('button', { name: 'Close alert' }).click();
    await dialog().getByText(/walk_heat/).waitFor();
    await dialog().getByRole('button', { name: 'Cancel' }).click();
    await focused('Close alert');
    await panel.getByRole('button', { name: 'Close alert' }).click();
    await dialog().getByRole('button', { name: 'Close', exact: true }).last().click();
    await panel.getByText('Closed by tenantadmin1').waitFor();
    await eachThemeAndSize('alerts', `${inbox}&status=ALL&group=device`, () => rows().first().waitFor());

    // What recovers is closed by itself, and leaves the list.
    await open(`${inbox}&status=ACKNOWLEDGED`, 'Alerts');
    await rows().nth(1).waitFor();
    for (const d of three) await send({ walk_heat: 10 }, d);
    await page.getByText('No alert fits').waitFor();
    await page.goto(`${url}/app/devices/${three[0].device_id}?tab=alerts`);
    await page.getByRole('region', { name: 'Closed' }).getByText('walk_heat').first().waitFor();
    await screen('device-alerts');
  },

  // More than the page shows are found: all of them are meant by one choice, after a question.
  async 'all-alerts-that-match-are-acknowledged'() {
    const all = 'alerts?q=bulk-walk&limit=50';
    await signIn('tenantadmin1');
    await open(all, 'Alerts');
    await rows().nth(49).waitFor();
    await page.getByLabel('Select all 50 shown').check();
    await page.getByText('50 alerts selected').waitFor();
    await page.getByRole('button', { name: 'Select all 60 that match' }).click();
    await page.getByText('All 60 alerts that match').waitFor();
    await screen('alerts-all-that-match');
    await page.getByRole('toolbar').getByRole('button', { name: 'Acknowledge' }).click();
    await dialog().getByText('Acknowledge all 60 alerts that match?').waitFor();
    await dialog().getByRole('button', { name: 'Acknowledge' }).click();
    await page.getByText('60 alerts acknowledged').waitFor();
    await page.getByText('No alert fits').waitFor();
    const left = await call('tenantadmin1', 'GET', '/alerts?q=bulk-walk&status=OPEN');
    assert.equal(left.total, 0);
    await call('tenantadmin1', 'POST', '/alerts/bulk', { action: 'close', filter: { q: 'bulk-walk' } });
  },

  async 'a-phone-acknowledges-in-two-taps'() {
    const d = devices[6];
    await signIn('tenantadmin1');
    await page.setViewportSize({ width: 390, height: 844 });
    await open(inbox, 'Alerts');
    await send({ walk_heat: 77 }, d);
    await rows().first().waitFor();
    await screen('alerts-phone');
    const id = await rows().first().getAttribute('data-alert');
    await rows().first().getByRole('button').click();
    await page.getByRole('button', { name: 'Acknowledge', exact: true }).click();
    await page.getByText('Acknowledged by tenantadmin1').waitFor();
    await fits('an alert on a phone');
    await screen('alert-phone');
    await page.getByRole('button', { name: 'Back to the list' }).click();
    await page.locator(`[data-alert="${id}"]`).waitFor({ state: 'detached' });
    await send({ walk_heat: 5 }, d);
  },

  async 'maintenance-is-planned-and-a-digest-chosen'() {
    await signIn('tenantadmin1');
    await open('maintenance-windows', 'Maintenance');
    await page.getByText('No maintenance is planned').waitFor();
    await page.getByRole('button', { name: 'Plan maintenance' }).first().click();
    await dialog().getByLabel('Name', { exact: true }).fill('Walked night');
    await dialog().getByRole('button', { name: 'Every week' }).click();
    await dialog().getByRole('button', { name: 'Plan it' }).click();
    await dialog().getByText('Choose a day.').waitFor();
    await dialog().getByLabel('Friday').check();
    await dialog().getByLabel('Until').fill('2100-01-01T00:00');
    await accessible('a window being planned');
    await screen('maintenance-dialog');
    await dialog().getByRole('button', { name: 'Plan it' }).click();
    await dialog().waitFor({ state: 'detached' });
    await page.getByText('Fri 22:00 to 02:00 (next day)').first().waitFor();
    await eachThemeAndSize('maintenance', 'maintenance-windows', () => page.getByText('Walked night').waitFor());
    await page.getByRole('button', { name: 'Actions for Walked night' }).click();
    await page.getByRole('menuitem', { name: 'Switch off' }).click();
    await page.getByText('Switched off').waitFor();
    await page.getByRole('button', { name: 'Actions for Walked night' }).click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await dialog().getByRole('button', { name: 'Delete' }).click();
    await page.getByText('No maintenance is planned').waitFor();

    await open('settings/notifications', 'Notifications');
    await page.getByRole('button', { name: 'On Mondays' }).click();
    await page.getByLabel(/^To/).fill('walk@demo.example');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved', { exact: true }).waitFor();
    assert.equal((await call('tenantadmin1', 'GET', '/alert-digest-settings')).email, 'walk@demo.example');
    await eachThemeAndSize('digest', 'settings/notifications', () => page.getByLabel(/^To/).waitFor());
    await page.getByRole('button', { name: 'Never' }).click();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved', { exact: true }).first().waitFor();
  },
};

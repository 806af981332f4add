// Scenarios of message routes and dead letters.
import assert from 'node:assert/strict';
import { accessible, call, device, fits, page, screen, send, signIn, url } from './harness.mjs';

const dialog = () => page.getByRole('dialog');
const button = (name) => page.getByRole('button', { name, exact: true });
const submit = async (name) => {
  await dialog().getByRole('button', { name, exact: true }).click();
  await dialog().waitFor({ state: 'detached' });
};

async function look(name) {
  for (const theme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
    for (const [width, height] of [[1440, 900], [390, 844]]) {
      await page.setViewportSize({ width, height });
      await fits(`${name} ${theme}`);
      await accessible(`${name} ${theme} ${width}`);
      await screen(`${name}-${width}-${theme}`);
    }
  }
  await page.setViewportSize({ width: 1440, height: 900 });
}

export const routeScenarios = {
  async 'a-route-is-made-tried-and-its-dead-letter-discarded'() {
    await signIn('tenantadmin1');
    await page.goto(`${url}/app/settings/integrations`);
    await page.getByRole('heading', { name: 'No route yet' }).waitFor();
    await button('Create route').first().click();
    await dialog().getByRole('button', { name: 'Create route', exact: true }).click();
    await dialog().getByText('Give an address.').waitFor();
    await dialog().getByLabel('Name', { exact: true }).fill('Hot devices');
    await dialog().getByLabel('Payload filter').fill('{"temperature": {"$gt": 80}}');
    await dialog().getByLabel('Address').fill('http://127.0.0.1:1/');
    await dialog().getByLabel('Secret').fill('walk-secret');
    await dialog().getByRole('button', { name: 'Create route', exact: true }).click();
    await dialog().getByText('url must lead to a public address').waitFor();
    await dialog().getByLabel('Address').fill('https://nothing.invalid/pulse');
    await screen('route-add');
    await submit('Create route');
    const row = page.locator('[data-route="Hot devices"]');
    await row.getByText('https://nothing.invalid/pulse').waitFor();

    // A message is tried as it is typed.
    await page.getByText('1 route would take it').waitFor();
    await page.getByLabel('Payload', { exact: true }).fill('{"metrics": {"temperature": 20}}');
    await page.getByText("'temperature' is 20; the filter asks for greater than 80").waitFor();
    // A whole message brings its topic, and the destination may be tried with it.
    await page.getByLabel('Payload', { exact: true }).fill('{"topic": "tenant/demo/device/x/status", "payload": {"temperature": 90}}');
    await page.getByText('The pasted message names its own: tenant/demo/device/x/status').waitFor();
    const verdict = page.locator('[data-verdict="Hot devices"]');
    await verdict.getByText('✕ Hot devices').waitFor();
    await verdict.getByRole('button', { name: 'Send it to Hot devices' }).click();
    await page.getByText("Hot devices did not take the message: The destination's name has no address").waitFor();
    await look('routes');

    // An edit keeps the secret.
    await row.getByRole('button', { name: 'Edit' }).click();
    assert.equal(await dialog().getByLabel('Secret').inputValue(), '***');
    await dialog().getByLabel('Name', { exact: true }).fill('Very hot devices');
    await submit('Save');
    await page.locator('[data-route="Very hot devices"]').waitFor();

    await send({ temperature: 90 });
    await page.getByRole('link', { name: '▲ 1 dead letter' }).click({ timeout: 30_000 });
    const letter = page.locator('[data-letter]');
    await letter.getByText("The destination's name has no address").waitFor();
    await letter.getByText(`tenant/${device.tenant_id}/device/${device.device_id}/telemetry`).click();
    await letter.getByLabel('Payload').getByText('"temperature": 90').waitFor();
    await page.goto(`${url}/app/dead-letter`);
    await page.getByRole('region', { name: 'Reasons' }).waitFor();
    await look('dead-letters');
    await letter.getByRole('button', { name: 'Replay' }).click();
    await page.getByText("1 message not delivered: The destination's name has no address").waitFor();
    // Several at once, each named by how many go.
    await send({ temperature: 91 });
    await page.waitForFunction(() => document.querySelectorAll('[data-letter]').length === 2, null, { timeout: 30_000 });
    await page.getByLabel('Select all 2 shown').check();
    await button('Replay 2 messages').click();
    await page.getByText('2 messages not delivered').waitFor();
    await page.getByLabel('Select all 2 shown').check();
    await button('Discard 2 messages').click();
    await dialog().getByText('Discard 2 messages?').waitFor();
    await submit('Discard');
    await page.getByRole('heading', { name: 'Nothing here' }).waitFor();
    await button('Discarded').click();
    await letter.nth(1).waitFor();
    await button('Remove old ones').click();
    await dialog().getByLabel('Older than days').fill('0');
    await dialog().getByRole('button', { name: 'Remove', exact: true }).click();
    await dialog().getByText('Whole days, from 1 to 365.').waitFor();
    await dialog().getByLabel('Older than days').fill('7');
    await submit('Remove those older than 7 days');
    await page.getByText('0 dead letters removed').waitFor();
    assert.equal(await letter.count(), 2);

    await page.goto(`${url}/app/integrations`);
    await page.locator('[data-route="Very hot devices"]').getByRole('button', { name: 'Delete' }).click();
    await submit('Delete');
    await page.getByRole('heading', { name: 'No route yet' }).waitFor();
    const left = await call('tenantadmin1', 'GET', '/message-routes');
    assert.equal(left.total, 0);
  },
};

// Scenarios of carriers: an account in the settings, and a device's SIM. CARRIER: {url, key, iccid} of a stand-in.
import assert from 'node:assert/strict';
import { accessible, call, devices, fits, page, screen, signIn, url } from './harness.mjs';

const carrier = JSON.parse(process.env.CARRIER);
const dialog = () => page.getByRole('dialog');
const button = (name) => page.getByRole('button', { name, exact: true });
const submit = async (name) => {
  await dialog().getByRole('button', { name, exact: true }).click();
  await dialog().waitFor({ state: 'detached' });
};
const account = page.locator('[data-integration="hologram"]');

async function sim(id) {
  await page.goto(`${url}/app/devices/${id}?tab=connectivity`);
  await page.getByRole('heading', { level: 1 }).waitFor();
}

export const carrierScenarios = {
  async 'a-sim-is-linked-suspended-and-deactivated'() {
    const [first, second] = devices.map((d) => d.device_id);
    await signIn('tenantadmin1');
    await sim(first);
    await page.getByRole('link', { name: 'Settings, Carriers' }).click();
    await page.getByRole('heading', { name: 'No carrier yet' }).waitFor();
    await button('Add carrier').first().click();
    await dialog().getByRole('button', { name: 'Add carrier', exact: true }).click();
    await dialog().getByText('Give the API key.').waitFor();
    await dialog().getByLabel('API key').fill(carrier.key);
    await dialog().getByLabel('Organization id').fill('55');
    await dialog().getByLabel('API address').fill(carrier.url);
    await screen('carrier-add');
    await submit('Add carrier');
    await account.getByText(`****${carrier.key.slice(-4)}`).waitFor();
    assert.ok(!(await page.content()).includes(carrier.key), 'the key is in the page');

    // Linked by the id at the carrier, the SIM tells of itself.
    await sim(first);
    await button('Link a SIM').click();
    await dialog().getByLabel('Device id at the carrier').fill('7');
    await submit('Link SIM');
    await page.getByText('✓ active').waitFor();
    await page.getByText('3.5 MB used').waitFor();
    await button('Ask the carrier').click();
    await page.getByLabel('What the carrier tells').waitFor();
    await button('Suspend').click();
    await submit('Suspend');
    await page.getByText('▲ suspended').waitFor();
    await button('Activate').click();
    await submit('Activate');
    await page.getByText('✓ active').waitFor();

    // A new SIM is claimed.
    await sim(second);
    await button('Link a SIM').click();
    await dialog().getByRole('button', { name: 'A new one' }).click();
    await dialog().getByLabel('ICCID').fill(carrier.iccid);
    await dialog().getByRole('option', { name: 'Pilot' }).waitFor({ state: 'attached' });
    await screen('sim-claim');
    await submit('Claim and link');
    await page.getByText('✓ active').waitFor();

    await page.goto(`${url}/app/settings/carrier`);
    await account.getByText('2 devices').waitFor();
    await account.getByRole('button', { name: 'Delete' }).click();
    await dialog().getByRole('button', { name: 'Delete' }).click();
    await dialog().getByText('Integration is used by 2 devices').waitFor();
    await dialog().getByRole('button', { name: 'Cancel' }).click();
    await call('tenantadmin1', 'PUT', `/devices/${first}/connection`, { data_limit_mb: 4 });
    for (const theme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
      for (const [width, height] of [[1440, 900], [390, 844]]) {
        await page.setViewportSize({ width, height });
        await page.goto(`${url}/app/settings/carrier`);
        await account.getByText('✓ in step').waitFor();
        await fits(`carriers ${theme}`);
        await accessible(`carriers ${theme} ${width}`);
        await screen(`carriers-${width}-${theme}`);
        await sim(first);
        await page.getByText('of 4 MB').waitFor();
        await fits(`sim ${theme}`);
        await accessible(`sim ${theme} ${width}`);
        await screen(`sim-${width}-${theme}`);
      }
    }

    // What can't be undone asks for the SIM's number.
    await page.setViewportSize({ width: 1440, height: 900 });
    await button('Deactivate').click();
    await dialog().getByRole('button', { name: 'Deactivate' }).click();
    await dialog().getByText(`Type “${carrier.iccid}” as it stands.`).waitFor();
    await dialog().getByLabel('Type the ICCID to confirm').fill(carrier.iccid);
    await submit('Deactivate');
    await page.getByText('✕ deactivated').waitFor();
    assert.equal(await button('Activate').count(), 0, 'a dead SIM offers to be activated');

    // An account goes when no device uses it.
    for (const id of [first, second]) {
      await sim(id);
      await button('Unlink').click();
      await submit('Unlink');
      await page.getByRole('heading', { name: 'No SIM is linked' }).waitFor();
    }
    await page.goto(`${url}/app/settings/carrier`);
    await account.getByText('0 devices').waitFor();
    await account.getByRole('button', { name: 'Delete' }).click();
    await submit('Delete');
    await page.getByRole('heading', { name: 'No carrier yet' }).waitFor();
  },
};

// Scenarios of import, wizard, provisioning keys and the MQTT test client.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { accessible, call, device, fits, page, screen, send, signIn, url } from './harness.mjs';

const button = (name) => page.getByRole('button', { name, exact: true });

/** Drops a file into the page's field. */
async function choose(name, text) {
  await page.locator('input[type=file]').setInputFiles({ name, mimeType: 'text/csv', buffer: Buffer.from(text) });
}

/** What a click lets the browser save, as text. */
async function saved(click) {
  const [file] = await Promise.all([page.waitForEvent('download'), click()]);
  return { name: file.suggestedFilename(), text: readFileSync(await file.path(), 'utf8') };
}

const results = (status) => page.locator(`[data-result="${status}"]`);

export const importScenarios = {
  async 'devices-are-imported-from-a-file'() {
    await signIn('tenantadmin1');
    await page.goto(`${url}/app/devices`);
    await page.getByRole('link', { name: 'Import', exact: true }).click();
    await page.getByText('Drop a CSV file here').waitFor();
    await accessible('import, empty');
    await choose('fleet.csv', 'name,device_type,device_id,colour,site_id\nPump A,pump,walk-a,red,\n'
      + 'Pump B,pump,no spaces,red,\nPump C,pump,walk-c,red,nowhere\n');
    await page.getByText('1 fit', { exact: true }).waitFor();
    await page.getByText('Ignored columns: colour').waitFor();
    assert.equal(await results('error').count(), 2, 'problems come first');
    await page.getByText('Site not found: nowhere').waitFor();
    await accessible('import, checked');
    await screen('import-checked');
    const mend = await saved(() => button('Download rows to mend').click());
    assert.match(mend.text, /^name,device_type,device_id,colour,site_id,problem\r\nPump B,pump,no spaces,red,,"device_id must/);
    const before = (await call('tenantadmin1', 'GET', '/devices?q=walk-')).total;
    assert.equal(before, 0, 'a check writes nothing');
    // Mended and dropped again.
    await button('Choose another file').click();
    await choose('fleet.csv', 'name,device_type,device_id\nPump A,pump,walk-a\nPump B,pump,walk-b\nPump C,pump,\n');
    await page.getByText('3 fit', { exact: true }).waitFor();
    await button('Import 3 devices').click();
    await page.getByText('3 devices imported').first().waitFor();
    assert.equal(await results('ok').count(), 3);
    await screen('import-done');
    const credentials = await saved(() => button('Download credentials').click());
    assert.equal(credentials.name, 'fleet-credentials.csv');
    const [id, , username, password] = credentials.text.split('\r\n')[1].split(',');
    assert.deepEqual([id, username], ['walk-a', 'demo/walk-a']);
    await send({ temperature: 4 }, { tenant_id: 'demo', device_id: id, token: password });
    await page.getByRole('link', { name: 'walk-a' }).click();
    await page.waitForURL(/\/devices\/walk-a$/);
  },

  async 'a-large-file-is-imported-in-the-background'() {
    await signIn('tenantadmin1');
    await page.goto(`${url}/app/devices/import`);
    const rows = Array.from({ length: 1300 }, (_, i) => `Bulk ${i},pump,bulk-${i},${i === 7 ? 'nowhere' : ''}`);
    const text = `name,device_type,device_id,site_id\n${rows.join('\n')}\n`;
    await choose('many.csv', text);
    await button('Check every row first').click();
    await page.locator('[data-import=completed]').waitFor();
    assert.match(await page.locator('[data-import]').textContent(), /check only.*1,300 of 1,300 rows.*1,299 fit.*1 refused/);
    await button('Another file').click();
    await choose('many.csv', text);
    await button('Import in the background').click();
    await page.waitForURL(/import=imp-/);
    await page.locator('[data-import=completed]').waitFor({ timeout: 60_000 });
    await accessible('import, in the background');
    await screen('import-background');
    // The address alone leads back to it.
    await page.reload();
    await page.locator('[data-import=completed]').waitFor();
    const result = await saved(() => page.getByRole('link', { name: 'Download result' }).click());
    assert.match(result.text, /\r\n8,Bulk 7,error,,Site not found: nowhere\r\n/);
    await button('Make credentials').click();
    const credentials = await saved(() => button('Make and download').click());
    const lines = credentials.text.trim().split('\r\n');
    assert.equal(lines.length, 1300);
    await send({ temperature: 4 }, { tenant_id: 'demo', device_id: 'bulk-0', token: lines[1].split(',')[3] });
  },

  async 'the-wizard-leads-to-a-first-message'() {
    await signIn('tenantadmin1');
    await page.goto(`${url}/app/devices/wizard`);
    await page.getByRole('radio', { name: /Tank level sensor/ }).check();
    await accessible('wizard, template');
    await button('Next: Identity').click();
    await button('Next: Location').click();
    await page.getByText('Give an id.').waitFor();
    await page.getByLabel('Device id').fill('wizard-1');
    await page.getByLabel('Serial number').fill('SN-77');
    await accessible('wizard, identity');
    await button('Next: Location').click();
    await page.getByLabel('Site').selectOption(device.site_id);
    await page.getByLabel('Latitude').fill('95');
    await button('Create device').click();
    await page.getByText('A number from -90 to 90.').waitFor();
    await page.getByLabel('Latitude').fill('51.5');
    await page.getByLabel('Longitude').fill('-0.1');
    await button('Back').click();
    assert.equal(await page.getByLabel('Device id').inputValue(), 'wizard-1', 'what was typed stays');
    await button('Next: Location').click();
    await screen('wizard-location');
    await button('Create device').click();
    await page.getByText('wizard-1 is created').waitFor();
    await page.getByText('Listening on demo / wizard-1').waitFor();
    await accessible('wizard, connect');
    const made = await call('tenantadmin1', 'GET', '/devices/wizard-1');
    assert.deepEqual([made.device.template_slug, made.device.serial_number, made.device.latitude, made.device.site_id],
      ['tank-level', 'SN-77', 51.5, device.site_id]);
    const curl = await page.getByLabel('HTTP with curl').textContent();
    execFileSync('sh', ['-c', curl], { timeout: 20_000 });
    await page.getByText('wizard-1 has spoken').waitFor();
    await screen('wizard-spoken');
    await button('Python').click();
    assert.match(await page.getByLabel('Python with paho-mqtt').textContent(), /demo\/wizard-1/);
    await button('Set up another').click();
    await page.getByRole('radio', { name: /No template/ }).waitFor();
  },

  async 'devices-register-themselves-by-a-key'() {
    await signIn('tenantadmin1');
    await page.goto(`${url}/app/devices/provisioning`);
    await page.getByText('No keys yet').waitFor();
    await accessible('provisioning keys, empty');
    await button('Create a key').click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Create key' }).click();
    await dialog.getByText('Choose a site.').waitFor();
    await dialog.getByLabel('Name').fill('Batch 7');
    await dialog.getByLabel('Site').selectOption(device.site_id);
    await dialog.getByLabel('Devices at most').fill('2');
    await dialog.getByRole('button', { name: 'Create key' }).click();
    const key = await dialog.getByLabel('Provisioning key', { exact: true }).textContent();
    assert.match(key.trim(), /^claim-/);
    await dialog.getByRole('button', { name: 'Close' }).last().click();
    const claimed = await fetch(`${url}/api/device/claim`, {
      method: 'POST', headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ key: key.trim(), device_id: 'walk-claimed' }),
    });
    assert.equal(claimed.status, 201);
    const row = page.locator('[data-key="Batch 7"]');
    await row.getByText('1 of 2').waitFor();
    await accessible('provisioning keys');
    await screen('provisioning-keys');
    await row.getByRole('button', { name: 'Revoke' }).click();
    await dialog.getByRole('button', { name: 'Revoke' }).click();
    await page.getByText('No keys yet').waitFor();
  },

  async 'the-browser-speaks-mqtt'() {
    await signIn('tenantadmin1');
    await page.goto(`${url}/app/fleet/mqtt-client?device=${device.device_id}`);
    const log = page.locator('[data-entry]');
    await page.getByLabel('Password').fill('wrong');
    await button('Connect').click();
    await log.filter({ hasText: 'user name or password is wrong' }).or(log.filter({ hasText: 'not authorised' })).first().waitFor();
    await page.getByLabel('Password').fill(device.token);
    await button('Connect').click();
    await page.getByText('● Connected').waitFor();
    await log.filter({ hasText: 'Subscribed' }).first().waitFor();
    await page.getByLabel('Payload').fill('{"metrics":{"walk_mqtt":7}}');
    await button('Publish').click();
    await log.filter({ hasText: 'Stored: PUBACK' }).waitFor();
    await accessible('MQTT test client');
    await screen('mqtt-client');
    await button('Disconnect').click();
    await page.getByText(/Not connected/).waitFor();
    const latest = async () => (await call('tenantadmin1', 'GET', `/devices/${device.device_id}/telemetry/latest`)).telemetry;
    for (let i = 0; i < 100 && !JSON.stringify(await latest()).includes('walk_mqtt'); i += 1) await page.waitForTimeout(100);
    assert.match(JSON.stringify(await latest()), /walk_mqtt/);
  },

  async 'labels-are-saved-to-print'() {
    await signIn('customer1');
    await page.goto(`${url}/app/devices/${device.device_id}?tab=connect`);
    const picture = page.getByAltText(`QR code of ${device.device_id}`);
    await picture.waitFor();
    await page.waitForFunction((img) => img.complete && img.naturalWidth > 100, await picture.elementHandle());
    await accessible('connect, with a label');
    await screen('connect-label');
    const one = await saved(() => button('PDF to print').click());
    assert.ok(one.text.startsWith('%PDF-'));
    await page.goto(`${url}/app/devices`);
    await page.locator('[data-device] input[type=checkbox]').first().check();
    const sheet = await saved(() => button('Labels').click());
    assert.equal(sheet.name, 'labels.pdf');
    assert.ok(sheet.text.startsWith('%PDF-'));
  },

  async 'import-pages-in-both-themes-and-sizes'() {
    await signIn('tenantadmin1');
    const pages = { import: 'devices/import', wizard: 'devices/wizard', provisioning: 'devices/provisioning',
      'mqtt-client': 'fleet/mqtt-client' };
    for (const theme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme: theme });
      for (const [width, height] of [[1440, 900], [390, 844]]) {
        await page.setViewportSize({ width, height });
        for (const [name, where] of Object.entries(pages)) {
          await page.goto(`${url}/app/${where}`);
          await page.locator('h1').first().waitFor();
          await page.waitForTimeout(400);
          if (name === 'import') {
            await choose('a.csv', 'name,device_type\nPump,pump\n,fan\n');
            await page.getByText('1 fit', { exact: true }).waitFor();
          }
          if (width === 390) await fits(`${name} ${theme}`);
          await accessible(`${name} ${theme} ${width}`);
          await screen(`${name}-${width}-${theme}`);
        }
      }
    }
  },
};

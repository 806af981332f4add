// Jobs, firmware and campaigns in the browser.
import assert from 'node:assert/strict';
import { accessible, call, device, devices, fits, page, screen, signIn, url } from './harness.mjs';

const button = (name) => page.getByRole('button', { name, exact: true });
const dialog = () => page.getByRole('dialog');

async function open(where, heading) {
  await page.goto(`${url}/app/${where}`);
  await page.locator('h1', { hasText: heading }).waitFor();
}

/** A group of the first few devices: its id. */
async function group(name, size) {
  const made = await call('customer1', 'POST', '/device-groups', { name });
  for (const d of devices.slice(0, size))
    await call('customer1', 'PUT', `/device-groups/${made.group_id}/devices/${d.device_id}`);
  return made.group_id;
}

async function firmware(version) {
  return call('customer1', 'POST', '/firmware', { version, file_url: 'https://firmware.example/a.bin',
    checksum_sha256: 'ab'.repeat(32), file_size_bytes: 7340032, device_type: 'cold-chain' });
}

export const updates = {
  async 'update-pages-in-both-themes-and-sizes'() {
    for (const d of devices.slice(0, 10)) await call('customer1', 'PATCH', `/devices/${d.device_id}`, { device_type: 'cold-chain' });
    const made = await call('customer1', 'POST', '/ota/campaigns', { name: 'Pictures', rollout_strategy: 'canary',
      firmware_version_id: (await firmware('1.0-pictures')).id, target_group_id: await group('For pictures', 12) });
    await call('customer1', 'POST', `/ota/campaigns/${made.id}/start`);
    const job = await call('customer1', 'POST', '/jobs', { document_type: 'reboot', document_params: { delay_s: 5 }, target_all: true });
    await signIn();
    const pages = { updates: 'updates', campaign: `ota/campaigns/${made.id}`, firmware: 'ota/firmware', jobs: 'jobs',
      job: `jobs/${job.job_id}`, 'new-campaign': 'updates?new=1', 'new-job': 'jobs?new=1', 'upload': 'ota/firmware?new=1' };
    for (const theme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme: theme });
      for (const [width, height] of [[1440, 900], [390, 844]]) {
        await page.setViewportSize({ width, height });
        for (const [name, where] of Object.entries(pages)) {
          await page.goto(`${url}/app/${where}`);
          await page.locator('h1').first().waitFor();
          await page.waitForTimeout(500);
          if (width === 390) await fits(`${name} ${theme}`);
          await accessible(`${name} ${theme} ${width}`);
          await screen(`updates-${name}-${width}-${theme}`);
        }
      }
    }
  },
  /** From a file on this machine to a campaign that runs, is paused, resumed and aborted. */
  async 'firmware-goes-out-in-a-campaign'() {
    await group('Pilots', 3);
    await signIn();
    await open('ota/firmware', 'Firmware');
    await button('Upload firmware').first().click();
    await dialog().locator('input[type=file]').setInputFiles({ name: 'fw.bin', mimeType: 'application/octet-stream',
      buffer: Buffer.alloc(6_000_000, 7) });
    await dialog().getByLabel('Version', { exact: true }).fill('3.1.4');
    await button('Upload').click();
    const row = page.locator('main').getByRole('listitem').filter({ hasText: '3.1.4' });
    await row.waitFor();
    await row.getByText('5.7 MiB').waitFor();
    await row.getByRole('link', { name: 'Roll out' }).click();
    await dialog().getByLabel('Group', { exact: true }).selectOption({ label: 'Pilots · 3 devices' });
    await button('Create campaign').click();
    await page.locator('h1', { hasText: '3.1.4 for Pilots' }).waitFor();
    for (const [step, action, state] of [['Start', 'Start', 'Running'], ['Pause', 'Pause', 'Paused'], ['Resume', 'Resume', 'Running'],
      ['Abort', 'Abort campaign', 'Aborted']]) {
      await button(step).click();
      await dialog().getByRole('button', { name: action, exact: true }).click();
      await dialog().waitFor({ state: 'detached' });
      await page.getByText(state, { exact: true }).first().waitFor();
    }
    await page.getByRole('button', { name: /^Skipped/ }).click();
    assert.match(page.url(), /status=SKIPPED/);
  },
  async 'a-job-is-made-and-followed'() {
    await signIn();
    await open('jobs', 'Jobs');
    await button('New job').first().click();
    await dialog().getByLabel('Document type').fill('blink');
    await dialog().getByLabel(/^Parameters/).fill('{"times": ');
    await button('One device').click();
    await dialog().getByLabel('Device id').fill(device.device_id);
    await button('Create job').click();
    await dialog().getByText('A JSON object, or nothing.').waitFor();
    await dialog().getByLabel(/^Parameters/).fill('{"times": 3}');
    await button('Create job').click();
    await page.locator('h1', { hasText: 'blink' }).waitFor();
    const { jobs } = await call('customer1', 'GET', '/jobs?limit=1');
    const report = (status) => fetch(`${url}/device/v1/jobs/${jobs[0].job_id}/execution`, { method: 'PUT',
      headers: { 'X-Provision-Token': device.token, 'Content-Type': 'application/json' }, body: JSON.stringify({ status }) });
    assert.equal((await report('IN_PROGRESS')).status, 200);
    assert.equal((await report('SUCCEEDED')).status, 200);
    await page.getByText('Completed', { exact: true }).first().waitFor();
    await page.getByText('1 of 1 device succeeded').waitFor();
  },
};

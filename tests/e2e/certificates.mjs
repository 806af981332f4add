// Scenarios of certificates: a device's, and the CAs of an organization.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { accessible, call, devices, fits, page, screen, signIn, url } from './harness.mjs';

const device = devices[1].device_id;
const rows = (life) => page.locator(life ? `[data-certificate][data-life="${life}"]` : '[data-certificate]');
const button = (name, within = page) => within.getByRole('button', { name, exact: true });
const dialog = () => page.getByRole('dialog');
const shell = (line, cwd) => execFileSync('sh', ['-c', line], { cwd, encoding: 'utf8', stdio: 'pipe' });

/** Saves the files that a dialog shows into a folder of their own. */
async function saveFiles(count) {
  const folder = mkdtempSync(path.join(tmpdir(), 'pulse-certificate-'));
  const names = [];
  for (const one of await dialog().getByRole('button', { name: /^Save [^a]/ }).all()) {
    const [file] = await Promise.all([page.waitForEvent('download'), one.click()]);
    names.push(file.suggestedFilename());
    await file.saveAs(path.join(folder, file.suggestedFilename()));
  }
  assert.equal(names.length, count, names.join());
  return folder;
}

/** Wide and narrow, light and dark. */
async function looks(name) {
  for (const [width, height, scheme] of [[1440, 900, 'light'], [1440, 900, 'dark'], [390, 844, 'light'], [390, 844, 'dark']]) {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme: scheme });
    await page.waitForTimeout(300);
    await screen(`${name}-${width}-${scheme}`);
    await fits(`${name} ${width}`);
    await accessible(`${name} ${width} ${scheme}`);
  }
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.emulateMedia({ colorScheme: 'light' });
}

export const certificates = {
  // The lines that the page prints are run as they stand, with the files that it saves.
  async 'a-certificate-from-its-issue-to-its-end'() {
    await signIn('tenantadmin1');
    await page.goto(`${url}/app/devices/${device}?tab=certificates`);
    await page.getByText('No certificate yet').waitFor();
    await accessible('no certificate');
    await button('Issue certificate').first().click();
    await dialog().getByLabel('Valid for (days)').fill('0');
    await button('Issue certificate', dialog()).click();
    await dialog().getByText('A whole number from 1 to 3650.').waitFor();
    await dialog().getByLabel('Valid for (days)').fill('20');
    await button('Issue certificate', dialog()).click();
    await dialog().getByText('The private key is shown this once').waitFor();
    await screen('certificate-issued');
    await accessible('certificate issued');
    const first = await saveFiles(3);
    shell(await dialog().locator('pre').innerText(), first);
    await button('I have saved them', dialog()).click();
    await rows('soon').getByText('Expires soon').waitFor();
    await page.reload();
    await rows('soon').getByText(/used (just now|\d+ s ago)/).waitFor();
    assert.equal(await page.getByText('PRIVATE KEY').count(), 0);

    // Rotated: the old one works on for its overlap.
    await button('More ways to a certificate').click();
    await page.getByRole('menuitem', { name: 'Rotate', exact: true }).click();
    await button('Rotate', dialog()).click();
    await dialog().getByText('The private key is shown this once').waitFor();
    const second = await saveFiles(3);
    const line = await dialog().locator('pre').innerText();
    for (const folder of [first, second]) shell(line, folder);
    await button('I have saved them', dialog()).click();
    await rows('good').getByText('Active', { exact: true }).waitFor();
    await rows('replaced').getByText(/works for 2[34] h more/).waitFor();

    // Signed: the key stays here.
    shell('openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout own.key -subj /CN=x -out own.csr 2>&1', second);
    await button('More ways to a certificate').click();
    await page.getByRole('menuitem', { name: 'Sign a request (CSR)' }).click();
    await dialog().getByLabel('Certificate request (PEM)').fill(readFileSync(path.join(second, 'own.key'), 'utf8'));
    await button('Sign', dialog()).click();
    await dialog().getByText('That is a private key').waitFor();
    await dialog().getByLabel('or a file:').setInputFiles(path.join(second, 'own.csr'));
    await page.waitForFunction(() => document.querySelector('textarea')?.value.includes('REQUEST'));
    await button('Sign', dialog()).click();
    await dialog().getByText('The private key stayed where the request was made.').waitFor();
    const third = await saveFiles(2);
    writeFileSync(path.join(third, `${device}.key`), readFileSync(path.join(second, 'own.key')));
    shell(line, third);
    await button('Done', dialog()).click();

    // Revoked, with a reason.
    await button('Revoke', rows('good').first()).click();
    await dialog().getByLabel('Reason').fill('device stolen');
    await screen('certificate-revoke');
    await button('Revoke', dialog()).click();
    await rows('revoked').getByText(/revoked .* ago: device stolen/).waitFor();
    assert.throws(() => shell(line, third), 'a revoked certificate is let in');
    await looks('certificates');
  },

  async 'a-ca-of-ones-own-is-proven'() {
    await signIn('tenantadmin1');
    await page.goto(`${url}/app/settings/certificates`);
    await page.getByText("Certificates come from Pulse's CA alone").waitFor();
    await button('Add a CA').click();
    await dialog().getByLabel('Name', { exact: true }).fill('Factory in Graz');
    const folder = mkdtempSync(path.join(tmpdir(), 'pulse-ca-'));
    writeFileSync(path.join(folder, 'ca.cnf'), '[req]\ndistinguished_name = n\n[n]\n[ca]\nbasicConstraints = critical, CA:TRUE\n' +
      'keyUsage = critical, keyCertSign\n');
    shell('openssl req -x509 -config ca.cnf -extensions ca -newkey rsa:2048 -nodes -days 30 -subj "/CN=Factory" ' +
      '-keyout your-ca.key -out your-ca.pem 2>&1', folder);
    await dialog().getByLabel('CA certificate (PEM)').fill(readFileSync(path.join(folder, 'your-ca.pem'), 'utf8'));
    shell(`{ ${await dialog().locator('pre').innerText()}\n} 2>&1`, folder);
    await button('Add CA', dialog()).click();
    await dialog().getByText('It begins with').waitFor();
    await screen('ca-add');
    await accessible('add a CA');
    // The CA itself proves nothing.
    const proof = dialog().getByLabel('Verification certificate (PEM)');
    await proof.fill(readFileSync(path.join(folder, 'your-ca.pem'), 'utf8'));
    await button('Add CA', dialog()).click();
    await dialog().getByText('Verification certificate not signed by this CA').waitFor();
    await proof.fill(readFileSync(path.join(folder, 'proof.pem'), 'utf8'));
    await button('Add CA', dialog()).click();
    const ca = page.locator('[data-authority="Factory in Graz"]');
    await ca.getByText('0 active certificates').waitFor();

    // A certificate that it signed is registered on its device's page, and shows here by itself.
    const other = devices[2].device_id;
    shell(`openssl req -newkey rsa:2048 -nodes -keyout d.key -subj '/CN=demo\\/${other}' -out d.csr 2>&1 && openssl x509 -req ` +
      '-in d.csr -CA your-ca.pem -CAkey your-ca.key -CAcreateserial -days 30 -out d.pem 2>&1', folder);
    await call('tenantadmin1', 'POST', '/certificates', { device_id: other, cert_pem: readFileSync(path.join(folder, 'd.pem'), 'utf8') });
    await ca.getByText('1 active certificate', { exact: true }).waitFor();
    await page.getByRole('list', { name: 'Certificates of devices' }).getByText('CN=Factory').waitFor();
    await looks('certificate-authorities');
    await button('Remove', ca).click();
    await dialog().getByLabel('Type the name to confirm').fill('Factory in Graz');
    await button('Remove', dialog()).click();
    await ca.waitFor({ state: 'detached' });
    await page.getByRole('group', { name: 'Status' }).getByRole('button', { name: 'Revoked' }).click();
    await page.waitForURL(/status=REVOKED/);
    await rows('revoked').getByText(/ca removed/).waitFor();
    await page.getByRole('link', { name: other }).first().click();
    await page.waitForURL(/tab=certificates/);
    await rows('revoked').first().waitFor();
  },

  async 'operators-see-certificates-of-all-tenants'() {
    await call('tenantadmin1', 'POST', `/devices/${devices[3].device_id}/certificates/generate`, { key_type: 'ec-p256' });
    await signIn('operator1');
    await page.locator('aside').getByRole('link', { name: 'Certificates' }).click();
    await page.getByText(devices[3].device_id).first().waitFor();
    await page.getByLabel('Tenant').selectOption('fresh');
    await page.waitForURL(/tenant=fresh/);
    await page.getByText('No certificate is active').waitFor();
    await page.getByLabel('Tenant').selectOption('');
    await rows('good').first().waitFor();
    await looks('operator-certificates');
  },
};

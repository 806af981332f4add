// What platform staff do: tenants, users, the audit log, and the documents of the interface.
import assert from 'node:assert/strict';
import { accessible, browser, fits, page, problems, screen, signIn, url } from './harness.mjs';
import { mailTo } from './mail.mjs';

const dialog = () => page.getByRole('dialog');
const row = (id) => page.locator(`[data-row="${id}"]`);
export const region = (name) => page.getByRole('region', { name, exact: true });
const told = (text) => page.locator('[data-sonner-toast]').getByText(text).first().waitFor();

/** Opens a page of the signed-in person and waits for its heading. */
export async function open(where, heading) {
  await page.goto(`${url}/app/${where}`);
  await page.locator('h1', heading ? { hasText: heading } : {}).first().waitFor();
}

/** Makes a tenant by the dialog, with its first administrator. */
export async function createTenant(name, { id, email, tier = 'growth' }) {
  await open('operator/tenants?new=1', 'Tenants');
  await dialog().getByLabel('Name', { exact: true }).fill(name);
  assert.equal(await dialog().getByLabel('Tenant id').inputValue(), id, 'the id follows the name');
  await dialog().getByLabel('Tier').selectOption(tier);
  if (email) await dialog().getByLabel('Email').fill(email);
  await dialog().getByRole('button', { name: email ? 'Create and invite' : 'Create tenant' }).click();
  await page.locator('h1', { hasText: name }).waitFor();
}

export const operator = {
  async 'documents-of-the-interface'() {
    // A browser as people have it: the content security policy holds.
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    const docs = await context.newPage();
    const said = [];
    docs.on('console', (m) => ['error', 'warning'].includes(m.type()) && said.push(m.text()));
    docs.on('pageerror', (e) => said.push(e.message));
    docs.on('request', (r) => {
      if (!r.url().startsWith(url) && !/^(data|blob):/.test(r.url())) said.push(`asked another host: ${r.url()}`);
    });
    await docs.goto(`${url}/app/`);
    await docs.fill('#username', 'operatoradmin1');
    await docs.fill('#password', 'pulse-demo-1');
    await docs.click('#kc-login');
    await docs.locator('aside').getByRole('link').first().waitFor();
    said.length = 0;
    await docs.goto(`${url}/docs`);
    await docs.getByText('Try it out calls as operatoradmin1@demo.example').waitFor();
    /** Opens an operation of a tag, and calls it. */
    const tryOut = async (tag, id, edit) => {
      const room = docs.locator(`.opblock-tag[data-tag="${tag}"]`);
      if ((await room.getAttribute('data-is-open')) !== 'true') await room.click();
      const operation = docs.locator(`#operations-${tag}-${id}`);
      await operation.locator('.opblock-summary-control').click();
      await operation.getByRole('button', { name: 'Try it out' }).click();
      if (edit) await edit(operation);
      await operation.getByRole('button', { name: 'Execute' }).click();
      const status = operation.locator('.live-responses-table tbody .response-col_status');
      await status.first().waitFor();
      return (await status.first().textContent()).trim();
    };
    assert.match(await tryOut('Health', 'get_health'), /^200/);
    await docs.screenshot({ path: `${process.env.SCREENS}/docs.png` });
    // Reading and changing, by the session and its token against forgery.
    assert.match(await tryOut('Tenants', 'get_api_v1_operator_tenants'), /^200/);
    const made = await tryOut('Tenants', 'post_api_v1_operator_tenants', (operation) =>
      operation.locator('textarea.body-param__text').fill('{"tenant_id": "by-the-docs", "name": "By the docs"}'));
    assert.match(made, /^201/);
    assert.deepEqual(said, []);
    await docs.goto(`${url}/redoc`);
    await docs.locator('h2', { hasText: 'One tenant' }).first().waitFor();
    await docs.getByPlaceholder('Search...').fill('restore');
    await docs.locator('[role=menuitem]', { hasText: 'Undo a deletion' }).first().waitFor();
    await docs.screenshot({ path: `${process.env.SCREENS}/redoc.png` });
    assert.deepEqual(said, []);
    await context.close();
  },
  async 'operator-pages-in-both-themes-and-sizes'() {
    await signIn('operatoradmin1');
    await open('operator/users?q=customer1', 'Users');
    const person = await page.locator('[data-row]').first().getAttribute('data-row');
    const pages = { tenants: 'operator/tenants', 'new-tenant': 'operator/tenants?new=1', tenant: 'operator/tenants/demo',
      users: 'operator/users', 'new-user': 'operator/users?new=1', user: `operator/users/${person}`,
      'audit-log': 'operator/audit-log', 'staff-log': 'operator/audit-log?source=staff' };
    for (const theme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
      for (const [width, height] of [[1440, 900], [390, 844]]) {
        await page.setViewportSize({ width, height });
        for (const [name, where] of Object.entries(pages)) {
          await open(where);
          await page.waitForFunction(() => !document.querySelector('main [role=status][aria-label^=Loading]'));
          if (width === 390) await fits(`${name} ${theme}`);
          await accessible(`${name} ${theme} ${width}`);
          await screen(`operator-${name}-${width}-${theme}`);
        }
      }
    }
  },
  async 'tenants-are-found-changed-disabled-and-deleted'() {
    await signIn('operatoradmin1');
    await createTenant('Molkerei Kiel', { id: 'molkerei-kiel' });
    await region('People').getByText('Nobody yet').waitFor();
    await region('Facts').getByRole('button', { name: 'Edit' }).click();
    await dialog().getByLabel('City').fill('Flensburg');
    await dialog().getByLabel('Contact email').fill('nowhere');
    await dialog().getByRole('button', { name: 'Save' }).click();
    await dialog().getByText('An email address, such as').waitFor();
    await dialog().getByLabel('Contact email').fill('ops@molkerei.example');
    await dialog().getByRole('button', { name: 'Save' }).click();
    await dialog().waitFor({ state: 'detached' });
    await region('Facts').getByText('Flensburg').waitFor();
    // What was before stands in its log.
    const line = region('Audit').locator('[data-line]', { hasText: 'Tenant changed' }).first();
    await line.getByRole('button').click();
    const city = line.getByRole('table', { name: 'What changed' }).getByRole('row', { name: /city/ });
    assert.match(await city.textContent(), /city.*–.*Flensburg/);
    // Disabling wants the name as it stands.
    const danger = region('Danger zone');
    await danger.getByRole('button', { name: 'Disable' }).click();
    await dialog().getByRole('textbox').fill('molkerei');
    await dialog().getByRole('button', { name: 'Disable tenant' }).click();
    await dialog().getByText('Type “Molkerei Kiel” as it stands.').waitFor();
    await accessible('confirmation');
    await dialog().getByRole('textbox').fill('Molkerei Kiel');
    await dialog().getByRole('button', { name: 'Disable tenant' }).click();
    await page.getByText('Its people are refused; its devices keep sending.', { exact: false }).first().waitFor();
    await screen('operator-tenant-disabled');
    // The list: search, status and order stand in the address.
    await open('operator/tenants', 'Tenants');
    await page.getByLabel('Search tenants').fill('molkerei kiel');
    await page.waitForURL(/q=molkerei/);
    await row('molkerei-kiel').getByText('Disabled').waitFor();
    assert.equal(await page.locator('[data-row]').count(), 1);
    await page.getByRole('button', { name: 'Active', exact: true }).click();
    await page.getByText('No tenant fits').waitFor();
    await page.getByRole('button', { name: 'Show all tenants' }).click();
    await page.getByRole('columnheader', { name: 'Devices' }).getByRole('button').click();
    await page.getByRole('columnheader', { name: 'Devices' }).getByRole('button').click();
    await page.waitForURL(/sort=-devices/);
    await page.reload();
    await row('demo').waitFor();
    assert.equal(await page.locator('[data-row]').first().getAttribute('data-row'), 'demo', 'the most devices first');
    // By keys to the first one.
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.waitForURL(/tenants\/demo$/);
    await region('Fleet').getByText('in service').waitFor();
    // Deleted, restored, deleted and gone.
    await open('operator/tenants/molkerei-kiel', 'Molkerei Kiel');
    const remove = async () => {
      await danger.getByRole('button', { name: 'Delete' }).click();
      await dialog().getByRole('textbox').fill('Molkerei Kiel');
      await dialog().getByRole('button', { name: 'Delete tenant' }).click();
      await page.getByText(/Its data goes on \d{4}-\d\d-\d\d/).waitFor();
    };
    await remove();
    await danger.getByRole('button', { name: 'Restore' }).click();
    await dialog().getByRole('button', { name: 'Restore tenant' }).click();
    await danger.getByRole('button', { name: 'Disable' }).waitFor();
    await remove();
    await danger.getByRole('button', { name: 'Purge' }).click();
    await dialog().getByRole('textbox').fill('Molkerei Kiel');
    await dialog().getByRole('button', { name: 'Purge tenant' }).click();
    await danger.getByText('The time to undo is over').waitFor();
  },
  async 'users-of-all-tenants'() {
    const elsewhere = await browser.newContext();
    const other = await elsewhere.newPage();
    const signInThere = async () => {
      await other.goto(`${url}/login`);
      await other.fill('#username', 'customer1');
      await other.fill('#password', 'pulse-demo-1');
      await other.click('#kc-login');
      await other.locator('aside').getByRole('link').first().waitFor();
    };
    await signInThere();
    await signIn('operatoradmin1');
    await open('operator/users', 'Users');
    await page.getByLabel('Role').selectOption('operator');
    await page.waitForURL(/role=operator/);
    await page.locator('[data-row]', { hasText: 'operator1' }).first().getByText('Staff').waitFor();
    await open('operator/users?tenant=demo', 'Users');
    await page.getByLabel('Search users').fill('cora');
    await page.waitForURL(/q=cora/);
    await page.getByRole('link', { name: 'Cora Customer' }).click();
    await page.locator('h1', { hasText: 'Cora Customer' }).waitFor();
    await region('Facts').getByRole('link', { name: 'Demo' }).waitFor();
    // One session ends, and that browser is out.
    const session = region('Sessions').locator('[data-session]').first();
    await session.getByText(/Chrome on Linux/).waitFor();
    await screen('operator-user');
    await session.getByRole('button', { name: 'End', exact: true }).click();
    await told('The session is ended');
    await other.goto(`${url}/app/devices`);
    await other.locator('#kc-login, a[href="/login"]').first().waitFor();
    // A link for a new password, and a role given and taken.
    await page.getByRole('button', { name: 'Reset password' }).click();
    await told('Password reset email sent');
    assert.match((await mailTo('customer1@demo.example')).link, /action-token/);
    const admin = region('Roles').locator('[data-role="tenant-admin"]');
    await admin.getByRole('button', { name: 'Give Administrator' }).click();
    await admin.getByText('Held').waitFor();
    await admin.getByRole('button', { name: 'Take Administrator' }).click();
    await dialog().getByRole('button', { name: 'Take the role' }).click();
    await admin.getByRole('button', { name: 'Give Administrator' }).waitFor();
    // Disabled, and the form refuses; enabled, and it lets in again.
    await page.getByRole('button', { name: 'Disable', exact: true }).click();
    await dialog().getByRole('button', { name: 'Disable user' }).click();
    await page.getByRole('button', { name: 'Enable', exact: true }).waitFor();
    await other.goto(`${url}/login`);
    await other.fill('#username', 'customer1');
    await other.fill('#password', 'pulse-demo-1');
    await other.click('#kc-login');
    await other.getByRole('alert').waitFor();
    await page.getByRole('button', { name: 'Enable', exact: true }).click();
    await page.getByRole('button', { name: 'Disable', exact: true }).waitFor();
    await signInThere();
    // All of it stands in the account's own timeline.
    const history = region('Done to this account');
    for (const type of ['user.enabled', 'user.disabled', 'user.role_removed', 'user.password_reset_sent', 'session.ended'])
      await history.getByText(type).first().waitFor();
    await elsewhere.close();
    // Nobody locks themselves out.
    await open('operator/users?q=operatoradmin1', 'Users');
    await page.locator('[data-row] a').first().click();
    await page.getByText('you', { exact: true }).waitFor();
    assert.ok(await page.getByRole('button', { name: 'Disable', exact: true }).isDisabled());
    // A new one, by the dialog.
    await open('operator/users?new=1', 'Users');
    await dialog().getByLabel('Email').fill('ida@demo.example');
    await dialog().getByLabel('First name').fill('Ida');
    await dialog().getByLabel('Tenant').selectOption('demo');
    await dialog().getByRole('button', { name: 'Create user' }).click();
    await page.locator('h1', { hasText: 'Ida' }).waitFor();
    assert.match((await mailTo('ida@demo.example')).link, /action-token/);
  },
  async 'the-audit-log-of-all-tenants'() {
    await signIn('operatoradmin1');
    await createTenant('Watched', { id: 'watched', email: 'kay@watched.example' });
    await region('Audit').getByText('tenant.created').waitFor();
    await region('Audit').getByRole('link', { name: 'In the audit log' }).click();
    await page.waitForURL(/audit-log\?tenant=watched/);
    const lines = page.locator('main [data-line]');
    await lines.nth(1).waitFor();
    await lines.filter({ hasText: 'user.invited' }).first().getByRole('button').first().click();
    await screen('operator-audit-open');
    await page.getByRole('button', { name: 'Only this action' }).click();
    await page.waitForURL(/action=user.invited/);
    await page.waitForFunction(() => document.querySelectorAll('main [data-line]').length === 1);
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByLabel('Search the log').fill('kay@watched');
    await page.waitForURL(/q=kay/);
    await page.waitForFunction(() => document.querySelectorAll('main [data-line]').length === 1);
    await page.getByLabel('Up to this day').fill('2020-01-01');
    await page.getByText('No event fits').waitFor();
    await page.getByRole('button', { name: 'Show everything' }).click();
    await page.waitForURL((at) => at.search === '');
    // The export holds what the filter holds. Of two choices in one moment neither takes the other back.
    await page.evaluate(() => {
      for (const [label, value] of [
        ['Category', 'organization'],
        ['Tenant', 'watched'],
      ]) {
        const choice = document.querySelector(`select[aria-label="${label}"]`);
        choice.value = value;
        choice.dispatchEvent(new Event('change', { bubbles: true }));
      }
    });
    await page.waitForURL(/category=organization&tenant=watched/);
    await page.getByLabel('Category', { exact: true }).selectOption('');
    await page.waitForURL((at) => at.search === '?tenant=watched');
    const saving = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Export' }).click();
    await page.getByRole('menuitem', { name: 'CSV' }).click();
    const file = await saving;
    const { readFileSync } = await import('node:fs');
    const rows = readFileSync(await file.path(), 'utf8').trim().split('\r\n');
    assert.ok(rows.length > 2 && rows.slice(1).every((r) => r.endsWith(',watched')), rows.join('\n'));
    // What staff looked at.
    await page.getByRole('button', { name: 'What staff did' }).click();
    await page.getByLabel('Action', { exact: true }).selectOption('create_tenant');
    await page.waitForURL(/action=create_tenant/);
    const made = lines.filter({ hasText: 'create tenant' }).filter({ hasText: 'watched' }).first();
    await made.getByRole('button').first().click();
    await made.getByText('127.0.0.1').waitFor();
    await made.getByRole('link', { name: 'operatoradmin1' }).click();
    await page.locator('h1', { hasText: 'Ada Operator' }).waitFor();
    assert.deepEqual(problems, []);
  },
  async 'operators-without-admin-look-only'() {
    await signIn('operator1');
    await page.keyboard.press('Control+k');
    await dialog().getByRole('combobox').fill('demo');
    await dialog().getByRole('option', { name: /Demo company/ }).click();
    await page.waitForURL(/tenants\/demo$/);
    const disable = region('Danger zone').getByRole('button', { name: 'Disable' });
    await disable.waitFor();
    assert.ok(await disable.isDisabled());
    assert.match(await disable.getAttribute('title'), /operator-admin/);
    for (const name of ['Edit', 'Invite administrator'])
      assert.ok(await page.getByRole('button', { name }).first().isDisabled(), name);
    await open('operator/tenants?new=1', 'Tenants');
    assert.ok(await page.getByRole('button', { name: 'Create tenant' }).isDisabled());
    assert.equal(await dialog().count(), 0);
    await open('operator/tenants/nowhere-at-all-x').catch(() => {});
    await page.getByText('There is no tenant “nowhere-at-all-x”').waitFor();
  },
};

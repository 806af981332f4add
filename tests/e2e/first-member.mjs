// From a new tenant to its first member: everybody comes by the link of an email.
import assert from 'node:assert/strict';
import { browser, call, page, screen, signIn, url } from './harness.mjs';
import { mailTo } from './mail.mjs';
import { createTenant, open, region } from './operator.mjs';

/** Chooses a password on the page of an email's link, and comes to the sign-in form. */
async function choosePassword(on, link, password) {
  await on.goto(link);
  await on.fill('#password', password);
  await on.fill('#confirmation', password);
  await on.locator('button[type=submit]').click();
  await on.locator('a[href$="/login"]').waitFor();
}

/** A browser of their own for whom an email invited: chooses a password, signs in, comes to the application. */
export async function arrive(link, username) {
  const on = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
  await choosePassword(on, link, 'pulse-demo-1');
  await on.locator('a[href$="/login"]').click();
  await on.fill('#username', username);
  await on.fill('#password', 'pulse-demo-1');
  await on.click('#kc-login');
  await on.locator('aside').getByRole('link').first().waitFor();
  return on;
}

/** What the API answers to the browser of a person: status and detail. */
const asked = (on, method, path, body) =>
  on.evaluate(async ([m, where, content]) => {
    const status = await fetch('/api/auth/status');
    const answer = await fetch(where, {
      method: m,
      headers: { 'X-CSRF-Token': status.headers.get('X-CSRF-Token'), 'Content-Type': 'application/json' },
      body: content ? JSON.stringify(content) : undefined,
    });
    return [answer.status, (await answer.json()).detail];
  }, [method, path, body]);

const nameOfCaller = (on) => on.evaluate(async () => (await (await fetch('/api/auth/status')).json()).user.email);

export const firstMember = {
  /** From a new tenant to a member who sees what the own role allows, each by the link of an email. */
  async 'from-a-new-tenant-to-a-member-of-it'() {
    await signIn('operatoradmin1');
    await createTenant('Frostline', { id: 'frostline', email: 'frida@frostline.example' });
    await region('People').getByRole('link', { name: 'frida' }).waitFor();
    await screen('walk-tenant');
    // The administrator comes by the link, in a browser that knows nobody.
    const invitation = await mailTo('frida@frostline.example');
    assert.match(invitation.subject, /invites you to Frostline/);
    const admin = await arrive(invitation.link, 'frida');
    await admin.locator('h1').first().waitFor();
    assert.equal(await nameOfCaller(admin), 'frida@frostline.example');
    await admin.screenshot({ path: `${process.env.SCREENS}/walk-admin.png` });
    // The link works once.
    const again = await admin.context().request.get(invitation.link);
    assert.equal(again.status(), 410);
    // In the pages: a role of the tenant's own, and a member who holds nothing else.
    const wanted = ['devices.read', 'sites.read', 'sites.write'];
    await admin.goto(`${url}/app/roles/new`);
    await admin.getByLabel('Name', { exact: true }).fill('Site planner');
    for (const action of wanted) await admin.locator(`[data-permission="${action}"] input`).check();
    await admin.getByRole('button', { name: 'Review and create' }).click();
    await admin.getByRole('dialog').getByRole('button', { name: 'Create role' }).click();
    await admin.locator('h1', { hasText: 'Site planner' }).waitFor();
    await admin.goto(`${url}/app/team`);
    await admin.getByRole('button', { name: 'Invite people' }).click();
    const form = admin.getByRole('dialog');
    await form.getByLabel('Email').fill('mila@frostline.example');
    await form.getByLabel(/^First name/).fill('Mila');
    await form.getByLabel(/Viewer/).uncheck();
    await form.getByLabel(/Site planner/).check();
    await form.getByRole('button', { name: 'Send invitation' }).click();
    await form.getByText('The invitation is on its way').waitFor();
    const member = await arrive((await mailTo('mila@frostline.example')).link, 'mila');
    await member.locator('h1').first().waitFor();
    const mine = await call('mila', 'GET', '/me/permissions');
    assert.deepEqual([mine.roles, [...mine.permissions].sort()], [['Site planner'], wanted]);
    // What the role allows works, what it does not is not offered, and refused by name.
    await member.goto(`${url}/app/sites?new=1`);
    await member.getByRole('dialog').getByLabel('Name').fill('North');
    await member.getByRole('dialog').getByRole('button', { name: 'Create site' }).click();
    await member.getByRole('link', { name: 'North' }).waitFor();
    assert.equal(await member.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Team' }).count(), 0);
    await member.goto(`${url}/app/devices`);
    await member.locator('button[aria-disabled="true"]', { hasText: 'Add device' }).first().waitFor();
    const refused = await asked(member, 'POST', '/api/v1/customer/devices', { device_id: 'd-1', site_id: 'north' });
    assert.deepEqual(refused, [403, 'Permission required: devices.create']);
    assert.deepEqual(await asked(member, 'GET', '/api/v1/customer/users'), [403, 'Permission required: users.read']);
    assert.equal((await asked(member, 'GET', '/api/v1/operator/tenants'))[0], 403);
    // Another tenant's site is not there, and theirs is.
    await member.goto(`${url}/app/sites`);
    await member.getByRole('link', { name: 'North' }).waitFor();
    await member.screenshot({ path: `${process.env.SCREENS}/walk-member.png` });
    // The operator sees who came, and what was refused.
    await open('operator/tenants/frostline', 'Frostline');
    await region('People').getByRole('link', { name: 'Mila' }).waitFor();
    await open('operator/audit-log?tenant=frostline&q=devices', 'Audit log');
    await page.locator('main [data-line]', { hasText: 'mila' }).first().waitFor();
  },
};

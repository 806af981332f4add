// An organization's own people: team, roles, tokens, settings, and who did what.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { accessible, browser, call, device, fits, page, screen, signIn, url } from './harness.mjs';
import { arrive } from './first-member.mjs';
import { mailTo } from './mail.mjs';

const dialog = () => page.getByRole('dialog');
const region = (name) => page.getByRole('region', { name, exact: true });
const button = (name) => page.getByRole('button', { name, exact: true });

async function open(where, heading) {
  await page.goto(`${url}/app/${where}`);
  await page.locator('h1', { hasText: heading }).waitFor();
}

const member = (name) => page.locator('[data-row]', { hasText: name });

/** Opens the menu of a person of the list and takes an entry. */
async function take(name, entry) {
  await button(`Actions for ${name}`).click();
  await page.getByRole('menuitem', { name: entry }).click();
}

const events = (path) => call('tenantadmin1', 'GET', `/audit-log?${path}`).then((r) => r.events);

/** Events are written a moment after what they tell of. */
async function eventOf(query, fits_) {
  for (let tries = 0; tries < 40; tries += 1) {
    const found = (await events(query)).find(fits_);
    if (found) return found;
    await new Promise((done) => setTimeout(done, 200));
  }
  throw new Error(`no event by ${query}`);
}

/** Makes a role by the API: its id. */
async function roleOf(name, actions) {
  const { permissions } = await call('tenantadmin1', 'GET', '/permissions');
  const made = await call('tenantadmin1', 'POST', '/roles', { name, description: '',
    permission_ids: permissions.filter((p) => actions.includes(p.action)).map((p) => p.id) });
  return made.id;
}

export const people = {
  async 'people-pages-in-both-themes-and-sizes'() {
    const role = await roleOf('For the pictures', ['devices.read', 'sites.read']);
    const { users } = await call('tenantadmin1', 'GET', '/users?search=customer1');
    await signIn('tenantadmin1');
    const pages = { team: 'team', member: `team/${users[0].id}`, roles: 'roles', role: `roles/${role}`, 'role-new': 'roles/new',
      activity: 'activity-log', access: 'settings/access', profile: 'settings/profile',
      organization: 'settings/organization', subscription: 'subscription', 'device-activity': `devices/${device.device_id}?tab=activity`,
      'site-activity': `sites/${device.site_id}` };
    for (const theme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme: theme });
      for (const [width, height] of [[1440, 900], [390, 844]]) {
        await page.setViewportSize({ width, height });
        for (const [name, where] of Object.entries(pages)) {
          await page.goto(`${url}/app/${where}`);
          await page.locator('h1').first().waitFor();
          await page.waitForTimeout(400);
          if (width === 390) await fits(`${name} ${theme}`);
          await accessible(`${name} ${theme} ${width}`);
          await screen(`${name}-${width}-${theme}`);
        }
      }
    }
  },
  /** From a role made in the editor, by an email's link, to a member who sees just what it allows. */
  async 'an-invited-member-sees-what-the-role-allows'() {
    await signIn('tenantadmin1');
    await open('roles', 'Roles');
    await page.getByRole('link', { name: 'Create role' }).first().click();
    await page.getByLabel('Name', { exact: true }).fill('Site keeper');
    await page.getByLabel(/^Description/).fill('Keeps the sites');
    // A role without permissions is none.
    for (const action of ['devices.read', 'sites.read', 'sites.write', 'users.read'])
      await page.locator(`[data-permission="${action}"] input`).check();
    await page.getByTestId('save-bar').getByText('+4').waitFor();
    await button('Review and create').click();
    await dialog().getByTestId('role-diff').getByText('sites.write').waitFor();
    assert.equal(await dialog().getByTestId('role-diff').locator('li').count(), 4);
    await screen('role-diff-new');
    await dialog().getByRole('button', { name: 'Create role' }).click();
    await page.locator('h1', { hasText: 'Site keeper' }).waitFor();
    await page.getByText('nobody has it').first().waitFor();

    await open('team', 'Team');
    await button('Invite people').click();
    await dialog().getByTestId('people-limit').waitFor();
    await dialog().getByRole('button', { name: 'Send invitation' }).click();
    await dialog().getByText('An email address, such as').waitFor();
    await dialog().getByLabel('Email').fill('sina@demo.example');
    await dialog().getByLabel(/^First name/).fill('Sina');
    await dialog().getByLabel(/^Last name/).fill('Sommer');
    await dialog().getByLabel(/Viewer/).uncheck();
    await dialog().getByText('Choose at least one role.').waitFor();
    await dialog().getByLabel(/Site keeper/).check();
    await screen('invite');
    await dialog().getByRole('button', { name: 'Send invitation' }).click();
    await dialog().getByText('The invitation is on its way').waitFor();
    await dialog().getByRole('button', { name: 'Done' }).click();
    await member('Sina Sommer').locator('[data-state="invited"]').waitFor();
    await member('Sina Sommer').getByText('Site keeper').waitFor();

    const theirs = await arrive((await mailTo('sina@demo.example')).link, 'sina');
    const side = theirs.getByRole('navigation', { name: 'Main' });
    await side.getByRole('link', { name: 'Team' }).waitFor();
    assert.equal(await side.getByRole('link', { name: 'Roles' }).count(), 0, 'a page that is never allowed');
    // What the role allows works.
    await theirs.goto(`${url}/app/sites?new=1`);
    await theirs.getByRole('dialog').getByLabel('Name').fill('Sinas hall');
    await theirs.getByRole('dialog').getByRole('button', { name: 'Create site' }).click();
    await theirs.getByRole('link', { name: 'Sinas hall' }).waitFor();
    // What it does not is dimmed, and says which permission is missing and who grants it.
    await theirs.goto(`${url}/app/devices`);
    const add = theirs.getByRole('button', { name: 'Add device' });
    await theirs.locator('button[aria-disabled="true"]', { hasText: 'Add device' }).waitFor();
    await add.click({ force: true }); // disabled in word, and yet it answers
    const why = theirs.getByRole('dialog');
    await why.getByText('devices.create', { exact: true }).waitFor();
    await why.getByText('Tara Admin').waitFor();
    await why.getByText('Site keeper').waitFor();
    await theirs.screenshot({ path: `${process.env.SCREENS}/missing-permission.png` });
    await why.getByRole('button', { name: 'Close' }).first().click();
    // The server refuses it, too, in the same words.
    await theirs.goto(`${url}/app/devices?new=1`);
    await theirs.getByRole('dialog').getByLabel('Device id').fill('not-mine');
    await theirs.getByRole('dialog').getByLabel('Site').selectOption({ index: 1 }).catch(() => {});
    await theirs.getByRole('dialog').getByRole('button', { name: 'Add device' }).click();
    await theirs.locator('[data-missing="devices.create"]').waitFor();
    await theirs.goto(`${url}/app/roles`);
    await theirs.locator('[data-missing="users.roles"]').waitFor();
    // The list tells that she came, and the log what she did and what was refused.
    await open('team', 'Team');
    await member('Sina Sommer').locator('[data-state="active"]').waitFor();
    const { users } = await call('tenantadmin1', 'GET', '/users?search=sina');
    await eventOf(`actor_id=${users[0].id}&search=refused`, (e) => e.event_type === 'access.refused');
    await open(`team/${users[0].id}`, 'Sina Sommer');
    await region('What they did').locator('[data-line]', { hasText: 'devices.create' }).first().waitFor();
    await region('Signed in').locator('[data-session]').first().waitFor();
    await screen('member');
  },
  async 'a-role-changes-by-a-diff'() {
    const role = await roleOf('Day shift', ['devices.read', 'alerts.read', 'alerts.close']);
    const other = await roleOf('Stand-in', ['devices.read']);
    const invited = await call('tenantadmin1', 'POST', '/users/invite', { email: 'dora@demo.example', role_ids: [role] });
    await signIn('tenantadmin1');
    await open(`roles/${role}`, 'Day shift');
    const box = (action) => page.locator(`[data-permission="${action}"] input`);
    await box('alerts.close').uncheck();
    await box('alerts.acknowledge').check();
    await page.getByTestId('save-bar').getByText('touches 1 person').waitFor();
    // The address holds search and filter; a click elsewhere asks first.
    await button('Changed 2').click();
    await page.waitForURL(/only=changed/);
    assert.equal(await page.getByTestId('matrix').locator('[data-permission] input').count(), 2);
    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Team' }).click();
    await dialog().getByText('Leave without saving?').waitFor();
    await dialog().getByRole('button', { name: 'Cancel' }).click();
    await page.getByLabel('Name', { exact: true }).fill('Day shift north');
    await button('Review and save').click();
    await dialog().getByText('1 person is touched').waitFor();
    const diff = dialog().getByTestId('role-diff');
    assert.deepEqual(await diff.locator('li').allInnerTexts().then((all) => all.map((t) => t.split('\n')[0].trim())),
      ['− alerts.close', '+ alerts.acknowledge']);
    await diff.getByText('Day shift north').waitFor();
    await screen('role-diff');
    await dialog().getByRole('button', { name: 'Save role' }).click();
    await page.locator('h1', { hasText: 'Day shift north' }).waitFor();
    // What people hold goes with a replacement only.
    await button('Delete').click();
    await dialog().getByRole('button', { name: 'Delete role' }).click();
    await dialog().getByText('Choose the role that they get.').waitFor();
    await dialog().getByLabel('They get instead').selectOption(other);
    await dialog().getByRole('button', { name: 'Delete role' }).click();
    await page.waitForURL(/\/app\/roles$/);
    const { assignments } = await call('tenantadmin1', 'GET', `/users/${invited.id}/assignments`);
    assert.deepEqual(assignments.map((a) => a.role_name), ['Stand-in']);
    // The system's are to be looked at and duplicated.
    await page.locator('[data-role="Viewer"]').getByRole('link', { name: 'Viewer' }).click();
    await page.locator('h1', { hasText: 'Viewer' }).waitFor();
    assert.equal(await page.getByTestId('matrix').locator('input:enabled').count(), 0);
    await page.getByRole('link', { name: 'Duplicate' }).click();
    assert.equal(await page.getByLabel('Name', { exact: true }).inputValue(), 'Viewer copy');
  },
  async 'a-token-of-the-browser-works-in-a-script'() {
    const ask = (token, path) =>
      fetch(`${url}/api/v1/customer${path}`, { headers: { Authorization: `Bearer ${token}` } }).then((r) => r.status);
    await signIn('tenantadmin1');
    await open('settings/access', 'API tokens');
    await button('New token').first().click();
    await dialog().getByLabel('What it is for').fill('Nightly report');
    await dialog().getByRole('button', { name: 'Create token' }).click();
    await dialog().getByText('Choose at least one.').waitFor();
    await dialog().locator('[data-scope="users.read"] input').check();
    await dialog().getByRole('button', { name: 'Create token' }).click();
    const secret = await dialog().getByTestId('secret').innerText();
    assert.match(secret, /^pulse_pat_/);
    assert.ok((await dialog().locator('pre').innerText()).includes(secret), 'a call that works as printed');
    await screen('token-secret');
    assert.equal(await ask(secret, '/users'), 200);
    assert.equal(await ask(secret, '/roles'), 403);
    await dialog().getByRole('button', { name: 'I have stored it' }).click();
    const row = page.locator('[data-token="Nightly report"]');
    await row.getByText('ends in').waitFor();
    await row.getByText('used', { exact: false }).waitFor();
    assert.equal(await page.getByText(secret).count(), 0, 'a secret that stays on the page');
    // Rotated, the old secret is refused at once; revoked, the new one, too.
    await take('Nightly report', 'Rotate');
    await dialog().getByRole('button', { name: 'Rotate' }).click();
    const turned = await dialog().getByTestId('secret').innerText();
    assert.equal(await ask(secret, '/users'), 401);
    assert.equal(await ask(turned, '/users'), 200);
    await dialog().getByRole('button', { name: 'I have stored it' }).click();
    await take('Nightly report', 'Revoke');
    await dialog().getByRole('button', { name: 'Revoke' }).click();
    await row.waitFor({ state: 'detached' });
    assert.equal(await ask(turned, '/users'), 401);
    // A machine of its own.
    await button('New service account').click();
    await dialog().getByLabel('Name').fill('Data pipeline');
    await dialog().getByRole('button', { name: 'Create' }).click();
    const account = page.locator('[data-account="Data pipeline"]');
    await account.getByRole('button', { name: 'New token' }).click();
    await dialog().getByLabel('What it is for').fill('production');
    await dialog().getByRole('button', { name: 'Only look' }).click();
    await dialog().getByRole('button', { name: 'Create token' }).click();
    const machine = await dialog().getByTestId('secret').innerText();
    assert.match(machine, /^pulse_svc_/);
    assert.equal(await ask(machine, '/devices'), 200);
    await dialog().getByRole('button', { name: 'I have stored it' }).click();
    await account.getByText('production').waitFor();
    await screen('tokens');
    await take('Data pipeline', 'Delete');
    await dialog().getByRole('button', { name: 'Delete' }).click();
    await dialog().getByText('Type “Data pipeline” as it stands.').waitFor();
    await dialog().getByLabel('Type the name to confirm').fill('Data pipeline');
    await dialog().getByRole('button', { name: 'Delete' }).click();
    await account.waitFor({ state: 'detached' });
    assert.equal(await ask(machine, '/devices'), 401);
    // All of it stands in the log.
    await open('activity-log?q=Nightly', 'Activity log');
    await page.locator('[data-line]', { hasText: 'api_token.created' }).first().waitFor();
  },
  async 'the-team-is-changed-in-the-browser'() {
    await call('tenantadmin1', 'POST', '/users/invite', { email: 'vera@demo.example', first_name: 'Vera', last_name: 'Vogt' });
    await signIn('tenantadmin1');
    await page.goto(`${url}/app/users`);
    await page.waitForURL(/\/app\/team$/);
    await page.getByLabel('Search the team').fill('vera');
    await page.waitForURL(/q=vera/);
    await page.reload();
    await member('Vera Vogt').waitFor();
    assert.equal(await page.locator('[data-row]').count(), 1);
    await take('Vera Vogt', 'Edit name and email');
    await dialog().getByLabel('Last name').fill('Voss');
    await dialog().getByRole('button', { name: 'Save' }).click();
    await member('Vera Voss').waitFor();
    await take('Vera Voss', 'Send the link again');
    await page.getByText('A link is on its way to vera@demo.example').waitFor();
    await take('Vera Voss', 'Change roles');
    await dialog().getByLabel(/Device Manager/).check();
    await dialog().getByTestId('grant-change').getByText(/^\+ \d+ permissions/).waitFor();
    await screen('roles-of-a-member');
    await dialog().getByRole('button', { name: 'Save roles' }).click();
    await member('Vera Voss').getByText('Device Manager').waitFor();
    await take('Vera Voss', 'Disable');
    await dialog().getByRole('button', { name: 'Disable' }).click();
    await member('Vera Voss').locator('[data-state="disabled"]').waitFor();
    await take('Vera Voss', 'Enable');
    await member('Vera Voss').locator('[data-state="invited"]').waitFor();
    await take('Vera Voss', 'Withdraw the invitation');
    await dialog().getByRole('button', { name: 'Withdraw invitation' }).click();
    await page.getByText('Nobody is called “vera”').waitFor();
    // What can't be done says so in words: nobody changes their own access.
    await page.goto(`${url}/app/team`);
    await button('Actions for Tara Admin').click();
    await page.getByText('Nobody changes their own roles or access').waitFor();
    assert.equal(await page.getByRole('menuitem', { name: 'Disable' }).count(), 0);
  },
  async 'the-activity-log-is-searched-and-exported'() {
    const site = { site_id: 'log-hall', name: 'Log hall' };
    await call('customer1', 'POST', '/sites', site);
    await call('customer1', 'PATCH', '/sites/log-hall', { name: 'Log hall two' });
    await eventOf('search=log-hall', (e) => e.event_type === 'site.updated');
    await signIn('tenantadmin1');
    await open('activity-log', 'Activity log');
    await page.getByLabel('Search the activity log').fill('log-hall');
    await page.waitForURL(/q=log-hall/);
    await page.reload();
    const line = page.locator('[data-line]', { hasText: 'site.updated' });
    await line.getByRole('button').first().click();
    // What was stands beside what is.
    const name = line.getByRole('row', { name: /name/ });
    await name.waitFor();
    assert.match(await name.innerText(), /Log hall[^]*Log hall two/);
    await line.getByText('Only theirs').click();
    await page.waitForURL(/actor=/);
    await page.getByLabel('Who', { exact: true }).locator('option:checked', { hasText: 'Cora Customer' })
      .waitFor({ state: 'attached' });
    await screen('activity-detail');
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      button('Export').click().then(() => page.getByRole('menuitem', { name: 'CSV' }).click()),
    ]);
    const text = readFileSync(await file.path(), 'utf8');
    assert.match(text, /^timestamp,event_type/);
    assert.ok(text.includes('site.created') && !text.includes('auth.login'), 'the export does not follow the filter');
    // The site's page tells it, too, and hears of the next change by itself.
    await open('sites/log-hall', 'Log hall two');
    await region('Activity').locator('[data-line]', { hasText: 'site.updated' }).first().waitFor();
    await call('customer1', 'PATCH', '/sites/log-hall', { name: 'Log hall three' });
    await page.waitForFunction(() => document.querySelectorAll('[data-line]').length >= 3);
    await page.setViewportSize({ width: 390, height: 844 });
    await open('activity-log', 'Activity log');
    await fits('the activity log');
  },
  async 'subscriptions-are-found-and-explained'() {
    await call('customer1', 'POST', '/devices', { device_id: 'paid-1', plan_id: 'standard' });
    await signIn('customer1');
    await page.locator('aside').getByRole('link', { name: 'Subscription' }).click();
    await page.locator('h1', { hasText: 'Subscription' }).waitFor();
    await page.getByRole('img', { name: /\d+ trial/ }).waitFor();
    await page.getByLabel('Search subscriptions').fill('PAID');
    await page.waitForURL(/q=PAID/i);
    await page.reload();
    const row = page.locator('[data-row]', { hasText: 'paid-1' });
    await row.waitFor();
    assert.match(await row.innerText(), /Standard[^]*Trial[^]*ends in 13 days[^]*9\.99/);
    await row.getByRole('link', { name: 'paid-1' }).click();
    await dialog().getByText('paid-1', { exact: true }).waitFor();
    await dialog().getByText('Device twin').waitFor();
    await accessible('a subscription');
    await screen('subscription-detail');
    await page.keyboard.press('Escape');
    await dialog().waitFor({ state: 'detached' });
    assert.ok(!page.url().includes('id='), 'the address still opens the dialog');
    // The device goes: its subscription leaves the list by itself, and the history says who ended it.
    await call('customer1', 'DELETE', '/devices/paid-1');
    await page.getByText('No subscription fits').waitFor();
    await page.getByRole('button', { name: 'Show all that live' }).click();
    await page.getByLabel('State', { exact: true }).selectOption('CANCELLED');
    await row.waitFor();
    const ended = region('History').locator('[data-line]', { hasText: 'paid-1' }).first();
    await ended.getByText('Subscription cancelled').waitFor();
    await ended.getByRole('button').click();
    assert.match(await ended.innerText(), /TRIAL[^]*CANCELLED/);
    await page.setViewportSize({ width: 390, height: 844 });
    await fits('the subscriptions');
  },
  async 'profile-and-organization-are-kept'() {
    const other = await browser.newContext();
    await signIn('customer1');
    const elsewhere = await other.newPage();
    await elsewhere.goto(`${url}/app/`);
    await elsewhere.fill('#username', 'customer1');
    await elsewhere.fill('#password', 'pulse-demo-1');
    await elsewhere.click('#kc-login');
    await elsewhere.locator('aside').getByRole('link').first().waitFor();
    await page.goto(`${url}/app/settings`);
    await page.locator('h1', { hasText: 'Organization' }).waitFor();
    await page.locator('[data-limit="users"]').getByRole('meter').waitFor();
    await page.getByLabel('Legal name').fill('Demo GmbH & Co. KG');
    await page.getByLabel('Country').fill('D1');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Two letters, such as DE.').waitFor();
    await page.getByLabel('Country').fill('DE');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved', { exact: true }).waitFor();
    await page.reload();
    await page.waitForFunction(() => [...document.querySelectorAll('input')].some((i) => i.value === 'Demo GmbH & Co. KG'));
    await region('Activity').locator('[data-line]', { hasText: 'organization.updated' }).first().waitFor();

    await page.getByRole('navigation', { name: 'Settings' }).getByRole('link', { name: 'Profile' }).click();
    await page.getByLabel(/^Display name/).fill('Cora');
    await page.getByLabel('Time zone').selectOption('Europe/Berlin');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByLabel('Begin with').selectOption('/devices');
    await page.getByRole('button', { name: 'Dark', exact: true }).click();
    await page.waitForFunction(() => document.documentElement.dataset.theme === 'dark');
    await page.waitForTimeout(500);
    const saved = await call('customer1', 'GET', '/preferences');
    assert.deepEqual([saved.display_name, saved.timezone, saved.appearance],
      ['Cora', 'Europe/Berlin', { start_page: '/devices', theme: 'dark' }]);
    await page.goto(`${url}/app/`);
    await page.waitForURL(/\/app\/devices/);
    // Signed out everywhere else, the other browser is shown the way in.
    await page.goto(`${url}/app/settings/profile`);
    await button('Sign out everywhere else').click();
    await dialog().getByRole('button', { name: 'Sign out everywhere else' }).click();
    await page.getByText('You are signed out everywhere else').waitFor();
    await page.getByText('· this browser').waitFor();
    await elsewhere.goto(`${url}/app/devices`);
    await elsewhere.locator('#kc-login, a[href="/login"]').first().waitFor();
    await screen('profile-dark');
  },
};

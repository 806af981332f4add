// Scenarios of notifications: a channel, a routing rule, the simulator and the delivery log. HOOK: a stand-in's address.
import assert from 'node:assert/strict';
import { accessible, call, device, fits, focused, page, screen, signIn, url } from './harness.mjs';

const dialog = () => page.getByRole('dialog');
const button = (name) => page.getByRole('button', { name, exact: true });
const submit = async (name) => {
  await dialog().getByRole('button', { name, exact: true }).click();
  await dialog().waitFor({ state: 'detached' });
};
const secret = 'a-secret-of-the-hook';

export const notificationScenarios = {
  async 'an-alerts-way-is-set-up-and-tried'() {
    await signIn('tenantadmin1');
    await page.goto(`${url}/app/notifications`);
    await page.getByRole('heading', { name: 'Nobody is told yet' }).waitFor();
    await button('Add channel').first().click();
    await dialog().getByText('In Slack, open the app directory').waitFor();
    await screen('channel-add');
    await dialog().getByRole('button', { name: 'Add channel', exact: true }).click();
    await dialog().getByText('This is needed.').waitFor();
    await dialog().getByLabel('Type', { exact: true }).selectOption('webhook');
    await dialog().getByLabel('Name').fill('Night shift');
    await dialog().getByLabel('Address').fill(process.env.HOOK);
    await dialog().getByLabel('Secret').fill(secret);
    await submit('Add channel');
    const channel = page.locator('[data-channel="Night shift"]');
    await channel.getByRole('button', { name: 'Test' }).click();
    await page.getByText(/the test message was taken in/).waitFor();
    assert.ok(!(await page.content()).includes(secret), 'the secret is in the page');

    // Edited without typing the secret, it still works.
    await channel.getByRole('button', { name: 'Edit' }).click();
    await dialog().getByText('Leave it empty to keep what is stored.').waitFor();
    await dialog().getByLabel('At most so many messages a minute').fill('20');
    await submit('Save');
    await channel.getByText('Up to 20 messages a minute').waitFor();
    await focused('Edit');

    // A header is added; what an API client wrote beside the fields stays, and so does a mail server's kind of TLS.
    await channel.getByRole('button', { name: 'Edit' }).click();
    await dialog().getByLabel('Headers').fill('no header');
    await dialog().getByRole('button', { name: 'Save', exact: true }).click();
    await dialog().getByText('Write “Name: value”, one a line.').waitFor();
    await dialog().getByLabel('Headers').fill('X-Walk: of the shift');
    await submit('Save');
    await channel.getByRole('button', { name: 'Test' }).click();
    await page.getByText(/the test message was taken in/).last().waitFor();
    const smtp = { host: 'mail.demo.example', port: 2525, tls: 'starttls', from: 'pulse@demo.example' };
    const mail = await call('tenantadmin1', 'POST', '/notification-channels', { name: 'Walk mail', channel_type: 'email',
      config: { smtp, recipients: ['ops@demo.example'] } });
    const row = page.locator('[data-channel="Walk mail"]');
    await row.getByRole('button', { name: 'Edit' }).click();
    assert.equal(await dialog().getByLabel('From').inputValue(), 'pulse@demo.example');
    await dialog().getByLabel('Subject').fill('{summary}');
    await submit('Save');
    const saved = (await call('tenantadmin1', 'GET', `/notification-channels/${mail.channel_id}`)).config;
    assert.deepEqual([saved.smtp, saved.recipients], [smtp, ['ops@demo.example']]);
    await call('tenantadmin1', 'DELETE', `/notification-channels/${mail.channel_id}`);
    await row.waitFor({ state: 'detached' });

    await button('Routing').click();
    await page.getByRole('heading', { name: 'No alert goes anywhere yet' }).waitFor();
    await button('Add rule').first().click();
    await dialog().getByLabel('Severity at least').selectOption('4');
    await dialog().getByLabel('closed').check();
    await dialog().getByLabel('Only at some hours').check();
    for (const day of ['Sun', 'Sat']) await dialog().getByLabel(day).check();
    await dialog().getByLabel('From').selectOption('0');
    await dialog().getByLabel('To', { exact: true }).selectOption('24');
    await screen('routing-add');
    await submit('Add rule');
    await page.getByText('Alerts of severity 4 and up, when opened or closed; every day 00:00–24:00').waitFor();

    await page.getByLabel('Device', { exact: true }).fill(device.device_id);
    await button('Look').click();
    await page.getByText('Now it would be told to Night shift.').waitFor();
    await page.getByLabel('Severity', { exact: true }).selectOption('3');
    await button('Look').click();
    await page.getByText('Nobody would be told.').waitFor();
    await page.getByText('the severity is too low').waitFor();
    await page.getByLabel('Severity', { exact: true }).selectOption('4');
    await page.getByLabel('Site', { exact: true }).selectOption(device.site_id);
    await page.getByLabel('At (optional)').fill('2030-01-07T12:00');
    await button('Look').click();
    await page.getByText(/^On .* it would be told to Night shift\.$/).waitFor();
    await screen('simulator');

    for (const theme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
      for (const [width, height] of [[1440, 900], [390, 844]]) {
        await page.setViewportSize({ width, height });
        for (const [name, path, sign] of [
          ['channels', 'notifications', 'Night shift'],
          ['routing', 'notifications?tab=routing', 'To Night shift'],
          ['delivery-log', 'delivery-log', 'oncall@demo.example'],
        ]) {
          await page.goto(`${url}/app/${path}`);
          await page.getByText(sign, { exact: false }).first().waitFor();
          if (name === 'delivery-log') {
            await page.getByRole('button', { name: '2 attempts' }).click();
            await page.getByText('the email could not be sent').waitFor();
          }
          await fits(`${name} ${theme}`);
          await accessible(`${name} ${theme} ${width}`);
          await screen(`${name}-${width}-${theme}`);
        }
      }
    }
    await page.goto(`${url}/app/delivery-log?status=FAILED`);
    await page.getByRole('heading', { name: 'Nothing fits' }).waitFor();

    await page.goto(`${url}/app/notifications`);
    await channel.getByRole('button', { name: 'Delete' }).click();
    await submit('Delete');
    await page.getByRole('heading', { name: 'Nobody is told yet' }).waitFor();
  },
};

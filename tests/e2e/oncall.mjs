// Escalation policies and on-call schedules in the browser.
import assert from 'node:assert/strict';
import { accessible, call, fits, focused, page, screen, signIn, url } from './harness.mjs';

const button = (name) => page.getByRole('button', { name, exact: true });
const dialog = () => page.getByRole('dialog');

async function open(where, heading) {
  await page.goto(`${url}/app/${where}`);
  await page.locator('h1', { hasText: heading }).waitFor();
}

const layers = [
  { name: 'Night shift', rotation_type: 'custom', shift_duration_hours: 12, handoff_day: 0, handoff_hour: 8, layer_order: 1,
    responders: ['ada', 'grace@demo.example'] },
  { name: 'Backup', rotation_type: 'weekly', handoff_day: 0, handoff_hour: 9, responders: ['eve', 'mallory', 'trent'] },
];
const tomorrow = (hours) => new Date(Math.floor(Date.now() / 3600000) * 3600000 + hours * 3600000).toISOString();

export const oncall = {
  async 'on-call-pages-in-both-themes-and-sizes'() {
    const made = await call('tenantadmin1', 'POST', '/oncall-schedules', { name: 'Pictures', timezone: 'Europe/Berlin',
      description: 'Who answers at night', layers });
    await call('tenantadmin1', 'POST', `/oncall-schedules/${made.schedule_id}/overrides`, { responder: 'trent',
      start_at: tomorrow(20), end_at: tomorrow(44), reason: 'Swap' });
    const empty = await call('tenantadmin1', 'POST', '/oncall-schedules', { name: 'Weekend', timezone: 'UTC', layers: [] });
    await call('tenantadmin1', 'POST', '/escalation-policies', { name: 'Cold chain', is_default: true, repeat_count: 2,
      description: 'Goods spoil within two hours.', levels: [
        { level_number: 1, delay_minutes: 5, oncall_schedule_id: made.schedule_id },
        { level_number: 2, delay_minutes: 20, notify_email: 'lead@demo.example' },
        { level_number: 3, delay_minutes: 60, notify_email: 'head@demo.example', notify_webhook: 'https://hooks.demo.example/pulse' }] });
    await signIn('tenantadmin1');
    const of = `oncall?schedule=${made.schedule_id}`;
    const pages = { calendar: of, month: `${of}&days=28`, gaps: `oncall?schedule=${empty.schedule_id}`, 'new-schedule': `${of}&new=1`,
      policies: 'escalation-policies', 'new-policy': 'escalation-policies?new=1' };
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
          await screen(`oncall-${name}-${width}-${theme}`);
        }
      }
    }
  },
  /** A schedule is made, an override drawn on its calendar and taken back, and its calendar link made. */
  async 'a-schedule-is-made-and-an-override-drawn'() {
    await signIn('tenantadmin1');
    await open('oncall', 'On-call');
    await button('New schedule').first().click();
    await button('Create schedule').click();
    await dialog().getByText('Give a name.').waitFor();
    await dialog().getByLabel('Name', { exact: true }).fill('Drawn');
    await dialog().getByLabel('Time zone').fill('Mars/Olympus');
    await dialog().getByLabel('People, in their order').fill('ada\ngrace@demo.example');
    await button('Create schedule').click();
    await dialog().getByText(/IANA time zone database/).waitFor();
    await dialog().getByLabel('Time zone').fill('UTC');
    await button('Create schedule').click();
    await dialog().waitFor({ state: 'detached' });
    const shifts = page.getByRole('list', { name: 'Who is on call' });
    await page.getByRole('region', { name: 'Drawn' }).waitFor();
    await shifts.getByText('grace@demo.example').first().waitFor();
    const lane = await page.locator('[data-lane=final]').boundingBox();
    const y = lane.y + lane.height / 2;
    await page.mouse.move(lane.x + lane.width * 0.3, y);
    await page.mouse.down();
    await page.mouse.move(lane.x + lane.width * 0.4, y, { steps: 5 });
    await page.mouse.up();
    await dialog().getByLabel('Who takes over').fill('eve');
    await button('Add override').last().click();
    await dialog().waitFor({ state: 'detached' });
    await shifts.getByText('eve').waitFor();
    // Asked for by its name and time; taken back, the focus is where it was.
    await button('Remove the override of eve').click();
    await dialog().getByText('Remove the override of eve?').waitFor();
    await dialog().getByRole('button', { name: 'Cancel' }).click();
    await focused('Remove the override of eve');
    await button('Remove the override of eve').click();
    await dialog().getByRole('button', { name: 'Remove', exact: true }).click();
    await shifts.getByText('eve').waitFor({ state: 'detached' });
    // A schedule's turns are counted from a day that it is told, in its own zone; the rest of a layer stays.
    const stored = async () => (await call('tenantadmin1', 'GET', '/oncall-schedules')).schedules.find((s) => s.name === 'Drawn');
    await button('Edit Drawn').click();
    await dialog().getByLabel('Turns are counted from').fill('2026-01-05T09:00');
    await button('Save').click();
    await dialog().waitFor({ state: 'detached' });
    const [moved] = (await stored()).layers;
    assert.equal(new Date(moved.rotation_start).toISOString(), '2026-01-05T09:00:00.000Z');
    await button('Edit Drawn').click();
    await dialog().getByLabel('Description').fill('Walked through');
    await button('Save').click();
    await dialog().waitFor({ state: 'detached' });
    const [same] = (await stored()).layers;
    assert.deepEqual([same.rotation_start, same.responders], [moved.rotation_start, moved.responders]);
    // The header tells on every page; another window's change is felt.
    await page.goto(`${url}/app/sites`);
    await page.locator('header').getByRole('link', { name: /^On call: / }).waitFor();
    await open('oncall', 'On-call');
    await page.getByRole('button', { name: 'Drawn', exact: true }).click();
    await button('Calendar links').click();
    await button('Make link').click();
    const link = await dialog().locator('pre').innerText();
    assert.match(link, /\/api\/v1\/calendar\/[\w-]{43}\/oncall\.ics$/);
    const calendar = await fetch(link.replace(/^https?:\/\/[^/]+/, url));
    assert.match(await calendar.text(), /^BEGIN:VCALENDAR\r\n/);
    await button('Revoke the link of Everybody').click();
    await page.getByRole('dialog', { name: 'Revoke the link of Everybody?' }).getByRole('button', { name: 'Revoke', exact: true }).click();
    await dialog().getByText('No links yet.').waitFor();
    assert.equal((await fetch(link.replace(/^https?:\/\/[^/]+/, url))).status, 404);
  },
  async 'a-policy-is-made-changed-and-deleted'() {
    await signIn('tenantadmin1');
    await open('escalation-policies', 'Escalation policies');
    await button('New policy').first().click();
    await dialog().getByLabel('Name', { exact: true }).fill('Walked');
    await button('Create policy').click();
    await dialog().getByText('Say whom this level tells.').waitFor();
    await dialog().getByLabel(/^Email/).fill('nobody');
    await button('Create policy').click();
    await dialog().getByText(/must be an email address/).waitFor();
    await dialog().getByLabel(/^Email/).fill('lead@demo.example');
    await button('Create policy').click();
    await dialog().waitFor({ state: 'detached' });
    const panel = page.getByRole('region', { name: 'Walked' });
    await panel.getByText('lead@demo.example').waitFor();
    await panel.getByText('15 min', { exact: true }).waitFor();
    await button('Edit Walked').click();
    await button('Add level').click();
    await dialog().getByLabel(/^Email/).last().fill('head@demo.example');
    await button('Save').click();
    await panel.getByText('head@demo.example').waitFor();
    await button('Delete Walked').click();
    await button('Delete policy').click();
    await panel.waitFor({ state: 'detached' });
  },
};

// Scenarios of the device list and of a device's page.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { accessible, browser, call, context, device, devices, fits, page, screen, send, signIn, url } from './harness.mjs';

const row = (id) => page.locator(`[data-device="${id}"]`);
const box = (id) => row(id).getByRole('checkbox');
const menu = (name) => page.getByRole('button', { name, exact: true });
const selected = (n) => page.getByText(`${n} selected`, { exact: true }).waitFor();
const shownIds = () => page.locator('[data-device]').evaluateAll((all) => all.map((d) => d.dataset.device));

async function list(query = '') {
  await page.goto(`${url}/app/devices${query}`);
  await page.locator('[data-device]').first().waitFor();
}

async function deviceAt(query = '', id = device.device_id) {
  await page.goto(`${url}/app/devices/${id}${query}`);
  await page.getByRole('heading', { level: 1 }).waitFor();
}

/** What a click lets the browser save. */
async function saved(click) {
  const [file] = await Promise.all([page.waitForEvent('download'), click()]);
  return { name: file.suggestedFilename(), bytes: readFileSync(await file.path()) };
}

async function choose(trigger, item) {
  await menu(trigger).click();
  await page.getByRole('menuitem', { name: item, exact: true }).click();
}

const at = (name) => new URL(page.url()).searchParams.get(name);

export const deviceScenarios = {
  async 'a-hundred-thousand-rows-scroll'() {
    const all = 100_000;
    let like;
    await page.route('**/api/v1/customer/devices?*', async (route) => {
      const query = new URL(route.request().url()).searchParams;
      const [offset, limit] = [Number(query.get('offset')), Number(query.get('limit'))];
      like ??= (await (await route.fetch()).json()).devices[0];
      const ids = Array.from({ length: Math.min(limit, all - offset) }, (_, i) => `d-${offset + i}`);
      const rows = ids.map((device_id) => ({ ...like, device_id, name: device_id }));
      return route.fulfill({ json: { tenant_id: 'demo', devices: rows, count: rows.length, total: all, limit, offset,
        next_cursor: null } });
    });
    await signIn('tenantadmin1');
    await list();
    const seen = await page.locator('[data-device]').first().evaluate(async (row) => {
      let box = row.parentElement;
      while (box.scrollHeight <= box.clientHeight || getComputedStyle(box).overflowY === 'visible') box = box.parentElement;
      const frames = [];
      let last = await new Promise(requestAnimationFrame);
      for (let i = 0; i < 120; i += 1) {
        box.scrollTop += 180;
        const now = await new Promise(requestAnimationFrame);
        frames.push(now - last);
        last = now;
      }
      const drawn = document.querySelectorAll('[data-device]').length;
      box.scrollTop = box.scrollHeight;
      frames.sort((a, b) => a - b);
      return { drawn, median: frames[60], p95: frames[114], longest: frames[119] };
    });
    // How long a frame takes is a figure to look at: it depends on the machine.
    console.log('frames of a scrolled table, ms', seen);
    assert(seen.drawn < 200, `${seen.drawn} rows are drawn`);
    await row(`d-${all - 1}`).waitFor();
  },

  async 'enter-presses-what-has-the-focus'() {
    await signIn('tenantadmin1');
    await list();
    await page.keyboard.press('j');
    await menu('Add device').focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').getByLabel('Device id').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.locator('aside').getByRole('link', { name: 'Sites' }).focus();
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/app\/sites$/);
    // With nothing in focus it opens the row; a box in focus leaves j, k and x their meaning.
    await list();
    const [first, second] = await shownIds();
    await box(first).click();
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('x');
    await selected(2);
    assert.ok(await box(second).isChecked());
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press('Enter');
    await page.waitForURL(new RegExp(`/devices/${second}$`));
  },

  async 'many-devices-are-selected-and-tagged'() {
    await signIn('tenantadmin1');
    await list();
    const ids = (await shownIds()).slice(0, 5);
    await page.getByLabel('Select all devices').click();
    await selected((await call('tenantadmin1', 'GET', '/devices')).total);
    await menu('Clear').click();
    await box(ids[3]).click();
    await box(ids[1]).click({ modifiers: ['Shift'] });
    await selected(3);
    await page.keyboard.press('Escape');
    // Someone else tags one meanwhile: that tag stays.
    await call('tenantadmin1', 'PUT', `/devices/${ids[2]}/tags`, { tags: ['kept'] });
    await menu('Tag').click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Tag', { exact: true }).fill('north/a 1');
    await dialog.getByRole('button', { name: 'Add tag' }).click();
    await dialog.waitFor({ state: 'detached' });
    for (const [id, tags] of [[ids[0], []], [ids[1], ['north/a 1']], [ids[2], ['kept', 'north/a 1']]])
      assert.deepEqual((await call('tenantadmin1', 'GET', `/devices/${id}/tags`)).tags, tags, id);
    await row(ids[2]).getByText('kept').waitFor();
    await screen('devices-selected');
  },

  async 'a-view-is-kept-by-its-name'() {
    await signIn();
    await list(`?q=site:${device.site_id}`);
    const site = (await call('customer1', 'GET', '/sites')).sites.find((s) => s.site_id === device.site_id);
    await menu(`Site: ${site.name}`).waitFor();
    await menu('View').click();
    await page.getByRole('menuitemradio', { name: 'Name' }).click();
    await page.getByRole('menuitemcheckbox', { name: 'Descending' }).click();
    await page.getByRole('menuitemradio', { name: 'Comfortable' }).click();
    await page.getByRole('menuitemcheckbox', { name: 'Template' }).click();
    await screen('devices-view-menu');
    await page.keyboard.press('Escape');
    assert.equal(at('sort'), '-name');
    await page.waitForFunction(() => document.querySelector('[data-device]')?.offsetHeight === 40);
    await choose('Views', 'Save this view');
    await page.getByRole('dialog').getByLabel('Name').fill('Mine');
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await menu('View: Mine').waitFor();
    await list();
    await menu('Views').click();
    await page.getByRole('menuitemcheckbox', { name: 'Mine' }).click();
    await menu('View: Mine').waitFor();
    assert.deepEqual([at('q'), at('sort')], [`site:${device.site_id}`, '-name']);
    assert.equal(await page.getByRole('columnheader', { name: 'Template' }).count(), 0);
    const names = await page.locator('[data-device] a').allTextContents();
    assert.ok(names.length > 3 && names.every((n, i) => i === 0 || names[i - 1] >= n), names.join());
    await choose('View: Mine', 'Delete “Mine”');
    await menu('Views').waitFor();
  },

  async 'the-list-shows-units-and-the-last-hour'() {
    const meter = devices.find((d) => d.template === 'energy-meter');
    await send({ power: 1200, voltage: 231.5, current: 5.25 }, meter);
    await signIn();
    await list(`?q=${meter.device_id}`);
    await row(meter.device_id).getByText('1200 W').waitFor();
    await row(meter.device_id).locator('[data-spark] path').waitFor({ state: 'attached' });
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await choose('More for this list', 'Copy the call as curl');
    const curl = await page.evaluate(() => navigator.clipboard.readText());
    const form = { grant_type: 'password', client_id: 'pulse-ui', username: 'customer1', password: 'pulse-demo-1' };
    const granted = await fetch(`${url}/realms/pulse/protocol/openid-connect/token`, {
      method: 'POST', body: new URLSearchParams(form),
    });
    const env = { ...process.env, PULSE_TOKEN: (await granted.json()).access_token };
    const answer = JSON.parse(execFileSync('sh', ['-c', `${curl} -s`], { env, encoding: 'utf8' }));
    assert.deepEqual(answer.devices.map((d) => d.device_id), [meter.device_id]);
    const file = await saved(() => choose('More for this list', 'Download as CSV'));
    assert.match(file.bytes.toString(), new RegExp(`^device_id,.*\r\n${meter.device_id},`));
    await deviceAt('', meter.device_id);
    for (const [metric, text] of [['voltage', '231.5 V'], ['current', '5.25 A'], ['power', '1200 W']])
      await page.locator(`[data-metric="${metric}"]`).getByText(text, { exact: true }).waitFor();
  },

  async 'a-phone-selects-sorts-and-zooms'() {
    for (let i = 0; i < 5; i += 1) await send({ temperature: -18 - i / 2 });
    await signIn();
    await page.setViewportSize({ width: 390, height: 844 });
    await list();
    const [first, second] = await shownIds();
    await box(first).click();
    await box(second).click();
    await selected(2);
    await fits('two selected');
    await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' });
    await accessible('two selected on a phone');
    await screen('devices-phone-selected');
    await menu('View').click();
    await page.getByRole('menuitemradio', { name: 'Device id' }).click();
    await page.getByRole('menuitemcheckbox', { name: 'Descending' }).click();
    await page.keyboard.press('Escape');
    const last = [...devices.map((d) => d.device_id)].sort().at(-1);
    await page.waitForFunction((id) => document.querySelector('[data-device]')?.dataset.device >= id, last);

    // A finger draws over the chart.
    const touch = await browser.newContext({
      viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, storageState: await context.storageState(),
    });
    const phone = await touch.newPage();
    await phone.goto(`${url}/app/devices/${device.device_id}`);
    const over = phone.locator('[data-chart] .u-over').first();
    await over.scrollIntoViewIfNeeded();
    const { x, y, width, height } = await over.boundingBox();
    const finger = await touch.newCDPSession(phone);
    const put = (type, part) =>
      finger.send('Input.dispatchTouchEvent', {
        type, touchPoints: part === null ? [] : [{ x: x + width * part, y: y + height / 2 }],
      });
    await put('touchStart', 0.3);
    for (const part of [0.4, 0.5, 0.6, 0.7]) await put('touchMove', part);
    await put('touchEnd', null);
    await phone.waitForURL(/start=.*end=/);
    const zoomed = new URL(phone.url()).searchParams;
    const seconds = (Date.parse(zoomed.get('end')) - Date.parse(zoomed.get('start'))) / 1000;
    assert.ok(Math.abs(seconds - 0.4 * 3600) < 120, `zoomed to ${seconds} s`);
    await phone.getByRole('button', { name: 'Reset zoom' }).click();
    await phone.waitForURL((u) => !u.searchParams.has('start'));
    await touch.close();
  },

  async 'charts-tell-now-and-are-saved-as-drawn'() {
    await send({ temperature: -3 });
    await send({ temperature: -9.5 });
    await signIn();
    await deviceAt('?metrics=temperature');
    const chart = page.locator('[data-chart]').first();
    await chart.locator('canvas').waitFor();
    // Both fall into one bucket; now is the last and not their average.
    await page.locator('[data-metric="temperature"]').getByText('-9.5 °C').waitFor();
    await chart.getByText('now -9.5 °C').waitFor();
    const csv = await saved(() => choose('Export', 'CSV of what is drawn'));
    const lines = csv.bytes.toString().trim().split('\r\n');
    assert.match(lines[0], /^time,temperature \(°C\)/);
    assert.ok(lines.length > 1);
    const png = await saved(() => choose('Export', 'Picture (PNG)'));
    assert.deepEqual([...png.bytes.subarray(1, 4)].map((b) => String.fromCharCode(b)).join(''), 'PNG');
    assert.ok(png.bytes.length > 2000, `${png.bytes.length} bytes`);

    await menu('Custom').click();
    const form = page.getByRole('form', { name: 'Custom time range' });
    await form.getByLabel('To').fill('2020-01-01T00:00:00');
    await form.getByRole('button', { name: 'Show' }).click();
    await form.getByText(/Must be later/).waitFor();
    await screen('device-custom-range');
    await form.getByLabel('From').fill('2020-01-01T00:00:00');
    await form.getByLabel('To').fill('2020-03-01T12:30:00');
    await form.getByRole('button', { name: 'Show' }).click();
    await page.waitForURL(/start=/);
    const utc = await page.evaluate(() => new Date('2020-03-01T12:30:00').toISOString());
    assert.equal(at('end'), utc);
    await page.getByText(/1 Jan 00:00 to 1 Mar 12:30/).waitFor();
    const old = await saved(() => choose('Export', 'CSV of what is drawn'));
    assert.equal(old.bytes.toString().trim().split('\r\n').length, 1, 'nothing was sent in 2020');
    await page.reload();
    await page.getByText(/1 Jan 00:00 to 1 Mar 12:30/).waitFor();
  },

  async 'a-decommissioned-device-comes-back'() {
    const id = devices.at(-1).device_id;
    await signIn('tenantadmin1');
    await call('tenantadmin1', 'PATCH', `/devices/${id}/decommission`);
    await list('?q=is:decommissioned');
    assert.deepEqual(await shownIds(), [id]);
    await deviceAt('', id);
    await page.getByText(/out of service/).waitFor();
    await screen('device-decommissioned');
    await choose('More actions', 'Restore');
    await page.getByText(/out of service/).waitFor({ state: 'detached' });
    assert.equal((await call('tenantadmin1', 'GET', `/devices/${id}`)).device.decommissioned_at, null);
  },

  async 'unsaved-details-are-kept'() {
    await signIn('tenantadmin1');
    await deviceAt('?tab=details');
    const notes = page.getByLabel('Notes');
    await notes.fill('Behind the door');
    await page.getByRole('tab', { name: 'Live' }).click();
    await page.getByTestId('charts').or(page.getByText('Nothing received yet')).waitFor();
    assert.equal(await notes.isVisible(), false);
    await page.getByRole('tab', { name: /Details.*unsaved/ }).click();
    assert.equal(await notes.inputValue(), 'Behind the door');
    await page.locator('aside').getByRole('link', { name: 'Sites' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('not saved').waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByRole('tab', { name: 'Details', exact: true }).waitFor();
    await page.locator('aside').getByRole('link', { name: 'Sites' }).click();
    await page.waitForURL(/\/app\/sites$/);
    assert.equal((await call('tenantadmin1', 'GET', `/devices/${device.device_id}`)).device.notes, 'Behind the door');
  },

  async 'refused-messages-say-what-is-known'() {
    const { mqtt_host, mqtt_port } = await call('customer1', 'GET', '/connection-info');
    const { tenant_id, device_id, token } = device;
    const publish = (text) =>
      execFileSync('mosquitto_pub', ['-V', 'mqttv5', '-h', mqtt_host, '-p', String(mqtt_port), '-i', `${tenant_id}-refused`,
        '-u', `${tenant_id}/${device_id}`, '-P', token, '-q', '1', '-t', `tenant/${tenant_id}/device/${device_id}/telemetry`,
        '-m', text], { timeout: 20_000 });
    publish('no json');
    publish('{"metrics":{"temperature":1e999}}');
    await send({ temperature: -18 }, device, { seq: 1795570565100 });
    await signIn();
    await deviceAt();
    const told = async (reason) => {
      const message = page.locator('[data-message="quarantined"]').filter({ hasText: reason }).first();
      await message.getByRole('button').click();
      return (await message.innerText()).replace(/\s+/g, ' ');
    };
    const json = await told('INVALID_JSON');
    assert.doesNotMatch(json, /Measured|–|#0/);
    assert.match(json, /Received \d\d:\d\d:\d\d Quarantined INVALID_JSON/);
    const infinite = await told('METRIC_VALUE_INVALID');
    assert.match(infinite, /"temperature": \(no number that can be stored\)/);
    await screen('messages-refused');
    // A row is one line, however long the message took.
    const line = page.locator('[data-message="stored"]').first();
    await line.getByText(/ ms$/).evaluate((n) => (n.textContent = '1234 ms'));
    const { height } = await line.getByRole('button').boundingBox();
    assert.ok(height < 32, `a stored message is ${height} px high`);
  },
};

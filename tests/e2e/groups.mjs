// Scenarios of device groups, the search language and changes of many devices at once.
import assert from 'node:assert/strict';
import { accessible, call, devices, fits, page, screen, signIn, url } from './harness.mjs';

const button = (name) => page.getByRole('button', { name, exact: true });
const dialog = () => page.getByRole('dialog');
const shownIds = () => page.locator('[data-device]').evaluateAll((all) => all.map((d) => d.dataset.device));

async function open(where, heading) {
  await page.goto(`${url}/app/${where}`);
  await page.locator('h1', { hasText: heading }).waitFor();
}

export const groups = {
  async 'groups-by-hand-and-by-a-query'() {
    const [first, second] = devices.map((d) => d.device_id);
    await signIn('tenantadmin1');
    await open('device-groups', 'Groups');
    await page.getByText('No groups yet').waitFor();
    await screen('groups-empty');
    await button('Create group').first().click();
    await dialog().getByLabel('Name', { exact: true }).fill('Walked by hand');
    await dialog().getByRole('button', { name: 'Create group' }).click();
    await page.locator('h1', { hasText: 'Walked by hand' }).waitFor();
    await button('Add devices').first().click();
    await dialog().getByLabel('Search devices').fill(first);
    await dialog().getByRole('checkbox', { name: new RegExp(first) }).check();
    await dialog().getByLabel('Search devices').fill(`id:${second}`);
    await dialog().getByRole('checkbox', { name: new RegExp(second) }).check();
    await screen('group-add-members');
    await dialog().getByRole('button', { name: 'Add 2 devices' }).click();
    await dialog().waitFor({ state: 'detached' });
    const id = page.url().split('/').at(-1);
    await page.getByRole('region', { name: 'Devices' }).getByText(second).waitFor();
    assert.equal((await call('tenantadmin1', 'GET', `/device-groups/${id}/members`)).total, 2);

    // A query says while it is typed what it finds, and where it is at fault.
    await open('device-groups?new=1', 'Groups');
    await dialog().getByRole('button', { name: 'By a query' }).click();
    await dialog().getByLabel('Name', { exact: true }).fill('Walked by query');
    const query = dialog().getByLabel('Devices that fit');
    await query.fill(`id:${first} temperature>warm`);
    await dialog().getByText(/at position \d+: '>' needs a number/).waitFor();
    await screen('group-query-fault');
    await query.fill(`id:${first}`);
    await dialog().getByText('1 device fits now').waitFor();
    await accessible('a query with its preview');
    await screen('group-query-preview');
    await dialog().getByRole('button', { name: 'Create group' }).click();
    await page.locator('h1', { hasText: 'Walked by query' }).waitFor();
    await page.getByRole('region', { name: 'Devices' }).getByText(first).first().waitFor();

    for (const theme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme: theme });
      for (const [width, height] of [[1440, 900], [390, 844]]) {
        await page.setViewportSize({ width, height });
        for (const [name, where, heading] of [['groups', 'device-groups', 'Groups'], ['group', `device-groups/${id}`, 'Walked']]) {
          await open(where, heading);
          await page.getByText(name === 'group' ? second : 'Walked by query').first().waitFor();
          await fits(`${name} ${width}`);
          await accessible(`${name} ${width} ${theme}`);
          await screen(`${name}-${width}-${theme}`);
        }
      }
    }
    await page.setViewportSize({ width: 1440, height: 900 });
    await open(`device-groups/${id}`, 'Walked by hand');
    await button('Delete').click();
    await dialog().getByText('The list of its 2 devices goes').waitFor();
    await dialog().getByRole('button', { name: 'Delete Walked by hand' }).click();
    await page.waitForURL(/\/device-groups$/);
    await page.getByText('Walked by query').waitFor();
    await page.getByText('Walked by hand', { exact: true }).first().waitFor({ state: 'detached' });
  },

  async 'a-search-changes-many-devices-and-takes-it-back'() {
    const ids = devices.slice(0, 3).map((d) => d.device_id).sort();
    await signIn('tenantadmin1');
    await page.goto(`${url}/app/devices?q=${encodeURIComponent(`id:${ids.join(',')}`)}`);
    await page.locator('[data-device]').nth(2).waitFor();
    assert.deepEqual((await shownIds()).sort(), ids);
    await button('What the search understands').click();
    await page.getByRole('dialog', { name: 'Search language' }).waitFor();
    await accessible('the search language');
    await screen('devices-search-help');
    await page.keyboard.press('Escape');
    await page.getByLabel('Select all devices').click();
    await page.getByText('3 selected', { exact: true }).waitFor();
    const sites = (await call('tenantadmin1', 'GET', '/sites')).sites;
    const where = async () => Object.fromEntries(await Promise.all(ids.map(async (id) =>
      [id, (await call('tenantadmin1', 'GET', `/devices/${id}`)).device.site_id])));
    const before = await where();
    const target = sites.find((s) => ids.some((id) => before[id] !== s.site_id));
    await button('Change').click();
    await page.getByRole('menuitem', { name: 'Move to a site' }).click();
    await dialog().getByLabel('Site', { exact: true }).selectOption(target.site_id);
    await dialog().getByRole('button', { name: 'Move', exact: true }).click();
    await dialog().waitFor({ state: 'detached' });
    await page.getByText(/^Moved \d device/).waitFor();
    assert.deepEqual(new Set(Object.values(await where())), new Set([target.site_id]));
    await screen('devices-moved');
    await button('Undo').click();
    await page.getByText(/(is|are) as before/).waitFor();
    assert.deepEqual(await where(), before);
    // A malformed search is told in the list's place, and what is typed stays.
    await page.getByLabel('Filter devices').fill('status:asleep');
    await page.getByText(/status is online, stale or offline/).waitFor();
    await screen('devices-search-fault');
    await page.getByLabel('Filter devices').fill('-status:online OR status:online');
    await page.locator('[data-device]').first().waitFor();
  },
};

// Scenarios of the map.
import assert from 'node:assert/strict';
import { accessible, call, device, devices, fits, page, screen, send, signIn, url } from './harness.mjs';

const at = (name) => new URL(page.url()).searchParams.get(name);
const place = (d, latitude, longitude) =>
  call('tenantadmin1', 'PATCH', `/devices/${d.device_id}`, { latitude, longitude });
const inView = (id) => page.getByRole('region', { name: 'On this map' }).locator(`[data-device="${id}"]`);
const map = () => page.getByTestId('map');
const card = () => page.getByRole('region', { name: 'Chosen on the map' });

async function open(query = '') {
  await page.goto(`${url}/app/map${query}`);
  await map().waitFor();
}

export const mapScenarios = {
  async 'devices-stand-on-a-map'() {
    await place(device, 53.5413, 9.9841);
    await place(devices[1], 48.1857, 11.5631);
    await place(devices[2], 48.1857, 11.5631);
    await signIn('tenantadmin1');
    await open();
    // The list beside the map is its other form: by keys alone to a device's card.
    await inView(device.device_id).focus();
    await page.keyboard.press('Enter');
    await card().waitFor();
    assert.equal(at('device'), device.device_id);
    await send({ temperature: -17.5 });
    await card().getByText('-17.5 °C').waitFor();
    await page.reload();
    await card().getByText('-17.5 °C').waitFor();
    await card().getByRole('button', { name: 'Close' }).click();
    await card().waitFor({ state: 'detached' });

    // Keys move and zoom it, the address keeps where, and a reload shows the same.
    await map().focus();
    await page.keyboard.press('+');
    await page.keyboard.press('ArrowUp');
    await page.waitForURL(/at=/);
    const before = at('at');
    await page.reload();
    await map().waitFor();
    await page.waitForTimeout(600);
    assert.equal(at('at'), before);
    await page.keyboard.press('Tab');
    await map().focus();
    await page.keyboard.press('0');
    await inView(devices[1].device_id).waitFor();

    // A click on what is drawn: two at the very same place are told as such.
    await open(`?at=48.1857,11.5631,17&q=${devices[1].site_id === devices[2].site_id ? `site:${devices[1].site_id}` : ''}`);
    await page.waitForTimeout(600);
    const box = await map().boundingBox();
    await map().click({ position: { x: box.width / 2, y: box.height / 2 } });
    await card().waitFor();
    await screen('map-one-place');

    // A status that changes is felt without asking, also by the filter.
    await open('?q=status:online');
    await inView(device.device_id).waitFor();
    await send({ temperature: 1 }, devices[1]);
    await inView(devices[1].device_id).waitFor();
    await page.getByRole('navigation', { name: 'Ways to see devices' }).getByRole('link', { name: 'List' }).click();
    await page.waitForURL(/\/devices\?q=status/);
  },

  async 'maps-in-both-themes-and-sizes'() {
    await place(device, 53.5413, 9.9841);
    await signIn('tenantadmin1');
    for (const theme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
      for (const [width, height] of [[1440, 900], [390, 844]]) {
        await page.setViewportSize({ width, height });
        await open(`?device=${device.device_id}`);
        await card().getByRole('link', { name: 'Open device' }).waitFor();
        await page.waitForTimeout(500);
        await fits(`map ${theme}`);
        await accessible(`map ${theme} ${width}`);
        await screen(`map-${width}-${theme}`);
        await page.goto(`${url}/app/sites?view=map`);
        await map().waitFor();
        await page.waitForTimeout(500);
        await fits(`sites map ${theme}`);
        await accessible(`sites map ${theme} ${width}`);
        await screen(`sites-map-${width}-${theme}`);
      }
    }
  },

  async 'a-hundred-thousand-devices-are-drawn'() {
    const all = 100_000;
    await page.route('**/api/v1/customer/fleet/positions?*', (route) => {
      const query = new URL(route.request().url()).searchParams;
      const from = Number(query.get('after')?.slice(2) ?? -1) + 1;
      const some = Array.from({ length: Number(query.get('limit')) }, (_, i) => from + i).filter((n) => n < all);
      const last = some.at(-1);
      return route.fulfill({ json: {
        device_ids: some.map((n) => `d-${n}`),
        names: some.map((n) => `Device ${n}`),
        latitudes: some.map((n) => 36 + ((n * 7919) % 10007) / 500),
        longitudes: some.map((n) => -9 + ((n * 104729) % 10009) / 320),
        statuses: some.map((n) => (n % 17 === 0 ? 2 : n % 11 === 0 ? 1 : 0)),
        total: from === 0 ? all : null,
        next: last < all - 1 ? `d-${last}` : null,
      } });
    });
    await signIn('tenantadmin1');
    await open();
    await page.getByText('100,000 of 100,000 devices have a place').waitFor({ timeout: 120_000 });
    await page.getByRole('region', { name: 'On this map' }).getByText('100,000 devices').waitFor();
    await screen('map-100000');
    await page.getByRole('button', { name: 'Offline', exact: true }).click();
    await page.getByRole('region', { name: 'On this map' }).getByText('5,883 devices').waitFor();
  },
};

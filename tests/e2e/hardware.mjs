// Scenarios of what a device consists of: sensors, modules in slots, transports, health.
import assert from 'node:assert/strict';
import { accessible, call, fits, page, screen, send, signIn, url } from './harness.mjs';

const dialog = () => page.getByRole('dialog');
const button = (name) => page.getByRole('button', { name, exact: true });
const install = () => page.getByRole('button', { name: 'install a module in Port A' });
const section = (name) => page.getByRole('region', { name, exact: true });
const post = (where, body) => call('tenantadmin1', 'POST', where, body);

async function submit(name) {
  await dialog().getByRole('button', { name, exact: true }).click();
  await dialog().waitFor({ state: 'detached' });
}

/** A device of a template with two slots, and a module that fits one of them. */
async function made(id) {
  const probe = await post('/templates', { name: `Probe ${id}`, slug: `probe-${id}`, category: 'expansion_module' });
  await post(`/templates/${probe.id}/metrics`, {
    metric_key: 't1', display_name: 'Probe temperature', data_type: 'float', unit: '°C', is_required: true,
  });
  const other = await post('/templates', { name: `Relay ${id}`, slug: `relay-${id}`, category: 'expansion_module' });
  const box = await post('/templates', { name: `Box ${id}`, slug: `box-${id}`, category: 'gateway' });
  await post(`/templates/${box.id}/metrics`, {
    metric_key: 'supply', display_name: 'Supply', data_type: 'float', unit: 'V', min_value: 0, max_value: 30,
    is_required: true,
  });
  await post(`/templates/${box.id}/slots`, {
    slot_key: 'port-a', display_name: 'Port A', slot_type: 'expansion', interface_type: 'rs485', max_devices: 1,
    compatible_templates: [probe.id],
  });
  await post(`/templates/${box.id}/slots`, {
    slot_key: 'bus', display_name: 'Bus', slot_type: 'sensor', interface_type: '1-wire', max_devices: 3,
  });
  await post('/devices', { device_id: id, template_id: box.id });
  const { password } = await post(`/devices/${id}/tokens/rotate`, {});
  return { tenant_id: 'demo', device_id: id, token: password, probe, other };
}

export const hardwareScenarios = {
  async 'modules-are-plugged-in-and-pulled-out'() {
    const d = await made('box-1');
    await signIn('tenantadmin1');
    await page.goto(`${url}/app/devices/${d.device_id}?tab=hardware`);
    const port = page.locator('[data-slot="port-a"]');
    await install().click();
    const choices = await dialog().getByLabel('Template').locator('option').allTextContents();
    assert.deepEqual(choices, ['No template', `Probe ${d.device_id}`]);
    await dialog().getByLabel('Name', { exact: true }).fill('Tank probe');
    await dialog().getByLabel('Template').selectOption({ label: `Probe ${d.device_id}` });
    await button('Add a name').click();
    await dialog().getByLabel('Sent name 1').fill('t1');
    await dialog().getByRole('button', { name: 'Install' }).click();
    await dialog().getByText('Each line needs both names.').waitFor();
    await dialog().getByLabel('Stored name 1').fill('tank_temperature');
    await screen('module-install');
    await submit('Install');
    await port.getByText('full').waitFor();
    await port.getByText('Tank probe').waitFor();

    // What it sends is stored by the other name, and shows among the sensors.
    await send({ t1: 21.5, supply: 48 }, d);
    const sensors = section('Sensors');
    await sensors.locator('[data-sensor="supply"]').getByText('▲ out of range').waitFor();
    await sensors.getByText('21.5 °C').waitFor();

    await port.getByRole('button', { name: /Tank probe/ }).click();
    await dialog().getByLabel('Serial number').fill('SN-7');
    await submit('Save');
    await port.getByRole('button', { name: /Tank probe/ }).click();
    assert.equal(await dialog().getByLabel('Serial number').inputValue(), 'SN-7');
    await button('Remove this module').click();
    await dialog().getByText('becomes free').waitFor();
    await submit('Remove module');
    await install().waitFor();
  },

  async 'sensors-and-transports-are-kept'() {
    const d = await made('box-2');
    await signIn('tenantadmin1');
    await page.goto(`${url}/app/devices/${d.device_id}?tab=hardware`);
    await page.getByTestId('sensor-limit').getByText(/^1 of \d+/).waitFor();
    await button('Add sensor').click();
    await dialog().getByLabel('Key').fill('door');
    await dialog().getByLabel('Name').fill('Door');
    await submit('Add sensor');
    const door = page.locator('[data-sensor="door"]');
    await door.getByText('of its own').waitFor();
    const act = async (sensor, item) => {
      await button(`Actions of ${sensor}`).click();
      await page.getByRole('menuitem', { name: item, exact: true }).click();
    };
    await act('Door', 'Edit');
    await dialog().getByLabel('Unit').fill('°');
    await submit('Save');
    await act('Door', 'Deactivate');
    await door.getByText('(inactive)').waitFor();
    await act('Door', 'Delete');
    await submit('Delete sensor');
    await door.waitFor({ state: 'detached' });
    await button('Actions of Supply').click();
    assert.equal(await page.getByRole('menuitem', { name: 'Delete', exact: true }).count(), 0, 'a required one goes');
    await page.keyboard.press('Escape');

    await page.goto(`${url}/app/devices/${d.device_id}?tab=health`);
    await page.locator('[data-transport="mqtt_direct"]').getByText('★ primary').waitFor();
    await button('Add transport').click();
    await dialog().getByLabel('Protocol', { exact: true }).selectOption('http_api');
    await dialog().getByLabel('Primary').check();
    await submit('Add transport');
    await page.locator('[data-transport="http_api"]').getByText('★ primary').waitFor();
    assert.equal(await page.getByText('★ primary').count(), 1);
    await button('Remove HTTP').click();
    await submit('Remove transport');
    await page.locator('[data-transport="mqtt_direct"]').getByText('★ primary').waitFor();

    await page.goto(`${url}/app/sensors?device=${d.device_id}`);
    await page.getByRole('cell', { name: /Supply/ }).waitFor();
    assert.equal(await page.locator('tbody tr').count(), 1);
    await page.getByRole('link', { name: d.device_id }).click();
    await page.waitForURL(/tab=hardware/);
  },

  async 'hardware-and-health-in-both-themes-and-sizes'() {
    const d = await made('box-3');
    await post(`/devices/${d.device_id}/modules`, {
      slot_key: 'bus', label: 'Wall', bus_address: '28-01', module_template_id: d.other.id,
    });
    await send({ supply: 34, battery_pct: 15, rssi: -97, cpu_temp_c: 41.5, network_type: 'LTE-M' }, d);
    await signIn('tenantadmin1');
    for (const theme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
      for (const [width, height] of [[1440, 900], [390, 844]]) {
        await page.setViewportSize({ width, height });
        for (const [name, where, there] of [
          ['hardware', `devices/${d.device_id}?tab=hardware`, page.locator('[data-slot="bus"]').getByText('1 of 3')],
          ['health', `devices/${d.device_id}?tab=health`, page.locator('[data-tile="Battery"]').getByText('▲ low')],
          ['fault', `devices/${d.device_id}?tab=health`, page.getByTestId('template-fault').getByText('is above the greatest value, 30 V')],
          ['sensors', 'sensors', page.locator('[data-sensor]').first()],
        ]) {
          await page.goto(`${url}/app/${where}`);
          await there.waitFor();
          await page.waitForTimeout(500);
          await fits(`${name} ${theme}`);
          await accessible(`${name} ${theme} ${width}`);
          await screen(`${name}-${width}-${theme}`);
        }
      }
    }
  },
};

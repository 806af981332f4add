// Scenarios of templates: made, changed, compared, brought back, exported and imported.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { accessible, call, fits, page, screen, signIn, url } from './harness.mjs';

const dialog = () => page.getByRole('dialog');
const section = (name) => page.getByRole('region', { name, exact: true });
const button = (name) => page.getByRole('button', { name, exact: true });

async function submit(name) {
  await dialog().getByRole('button', { name, exact: true }).click();
  await dialog().waitFor({ state: 'detached' });
}

/** A template of the demo tenant with a bit of everything. */
async function made(slug) {
  const post = (where, body) => call('tenantadmin1', 'POST', where, body);
  const t = await post('/templates', { name: `Boiler ${slug}`, slug, category: 'edge_device', model: 'B 40' });
  const at = `/templates/${t.id}`;
  await post(`${at}/metrics`, {
    metric_key: 'water_temp', display_name: 'Water', data_type: 'float', unit: '°C', min_value: 0, max_value: 110,
    is_required: true,
  });
  await post(`${at}/commands`, {
    command_key: 'heat', display_name: 'Heat',
    parameters_schema: { type: 'object', properties: { target: { type: 'number' } } },
  });
  await post(`${at}/slots`, {
    slot_key: 'bus', display_name: 'Sensor bus', slot_type: 'sensor', interface_type: 'rs485', max_devices: 4,
  });
  return t;
}

export const templateScenarios = {
  async 'a-template-is-built-compared-and-brought-back'() {
    await signIn('tenantadmin1');
    await page.goto(`${url}/app/templates`);
    await button('New template').first().click();
    await dialog().getByLabel('Name', { exact: true }).fill('Heat pump');
    await dialog().getByRole('button', { name: 'Create template' }).click();
    await page.waitForURL(/\/templates\/\d+$/);
    const here = page.url();

    // The example follows what is typed, before anything is saved.
    await button('Add metric').click();
    await dialog().getByLabel('Key').fill('flow');
    await dialog().getByLabel('Name').fill('Flow');
    await dialog().getByLabel('Unit').fill('l/h');
    await dialog().getByLabel('Minimum').fill('10');
    await dialog().getByLabel('Maximum').fill('5');
    await dialog().getByRole('button', { name: 'Add metric' }).click();
    await dialog().getByText('Not less than the minimum.').waitFor();
    await dialog().getByLabel('Maximum').fill('30');
    await dialog().getByText('{"metrics":{"flow":20}}').waitFor();
    await screen('template-metric-dialog');
    await submit('Add metric');
    await section('Metrics').getByText('number, 10 to 30 l/h').waitFor();
    await section('Example message').getByText('"flow": 20').waitFor();

    await button('Add command').click();
    await dialog().getByLabel('Key').fill('defrost');
    await dialog().getByLabel('Name').fill('Defrost');
    await dialog().getByLabel('Parameters').fill('{"type": ');
    await dialog().getByRole('button', { name: 'Add command' }).click();
    await dialog().getByText(/Not JSON/).waitFor();
    await dialog().getByLabel('Parameters').fill('{"type": "object", "properties": {"minutes": {"type": "integer"}}}');
    await submit('Add command');
    await section('Commands').getByText('minutes').waitFor();

    await button('Add slot').click();
    await dialog().getByLabel('Key').fill('port-a');
    await dialog().getByLabel('Name').fill('Port A');
    await submit('Add slot');
    await page.locator('[data-slot="port-a"]').getByText('□ free').waitFor();

    // Two hands on one key: the second hears of it in its form.
    await button('Add metric').click();
    await dialog().getByLabel('Key').fill('flow');
    await dialog().getByLabel('Name').fill('Again');
    await dialog().getByRole('button', { name: 'Add metric' }).click();
    await dialog().getByText('Metric key already exists on template').waitFor();
    await dialog().getByRole('button', { name: 'Cancel' }).click();

    await button('Delete Flow').click();
    await submit('Delete metric');
    await section('Metrics').getByText('No metrics yet', { exact: false }).waitFor();
    const versions = section('Versions').locator('[data-version]');
    await versions.first().getByRole('button', { name: /Version/ }).click();
    await versions.first().getByText('metrics / flow').waitFor();
    await screen('template-versions');
    const before = Number(await versions.nth(1).getAttribute('data-version'));
    await button(`Restore version ${before}`).click();
    await dialog().getByText('metrics / flow').waitFor();
    await submit('Restore');
    await section('Metrics').getByText('Flow', { exact: true }).waitFor();

    // Out as a file and in again; what does not fit is told by its place.
    await button('More actions').click();
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('menuitem', { name: 'Export as JSON' }).click(),
    ]);
    assert.equal(file.suggestedFilename(), 'heat-pump.template.json');
    const text = readFileSync(await file.path(), 'utf8');
    const document = JSON.parse(text);
    assert.equal(document.metrics[0].metric_key, 'flow');
    await page.goto(`${url}/app/templates`);
    await button('Import').click();
    document.metrics[0].data_type = 'colour';
    await dialog().getByLabel('Document').fill(JSON.stringify(document));
    await dialog().getByRole('button', { name: 'Import', exact: true }).click();
    await dialog().getByText('metrics.0.data_type').waitFor();
    await screen('template-import-faults');
    document.metrics[0].data_type = 'float';
    document.device_template.slug = 'heat-pump-2';
    document.device_template.name = 'Heat pump 2';
    await dialog().getByLabel('Document').fill(JSON.stringify(document));
    await dialog().getByRole('button', { name: 'Import', exact: true }).click();
    await page.getByRole('heading', { name: 'Heat pump 2', level: 1 }).waitFor();
    await page.locator('[data-slot="port-a"]').waitFor();

    // Devices hold a template; without them it goes.
    const id = page.url().split('/').at(-1);
    await call('tenantadmin1', 'POST', '/devices', { device_id: 'pump-1', template_id: Number(id) });
    await page.reload();
    await page.getByRole('link', { name: '1 device' }).waitFor();
    await button('More actions').click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await dialog().getByRole('button', { name: 'Delete template' }).click();
    await dialog().getByText('Template is in use by devices').waitFor();
    await page.goto(here);
    await button('More actions').click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await submit('Delete template');
    await page.waitForURL(/\/templates$/);
    await page.goto(here);
    await page.getByText('There is no such template').waitFor();
  },

  async 'templates-in-both-themes-and-sizes'() {
    const t = await made('themes');
    await signIn('tenantadmin1');
    await page.goto(`${url}/app/templates?source=system`);
    await page.getByRole('region', { name: 'System templates' }).getByRole('link').first().click();
    await button('Clone to change').waitFor();
    assert.equal(await button('Add metric').count(), 0, 'a locked template offers a change');
    for (const theme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
      for (const [width, height] of [[1440, 900], [390, 844]]) {
        await page.setViewportSize({ width, height });
        for (const [name, where] of [['templates', 'templates'], ['template', `templates/${t.id}`]]) {
          await page.goto(`${url}/app/${where}`);
          await page.getByText(`Boiler themes`).first().waitFor();
          await page.waitForTimeout(500);
          await fits(`${name} ${theme}`);
          await accessible(`${name} ${theme} ${width}`);
          await screen(`${name}-${width}-${theme}`);
        }
      }
    }
  },
};

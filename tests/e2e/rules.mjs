// Scenarios of rules: one by the editor until its alert is there, templates, import, names of metrics.
import assert from 'node:assert/strict';
import { accessible, call, devices, fits, page, screen, send, signIn, url } from './harness.mjs';

const dialog = () => page.getByRole('dialog');
const button = (name) => page.getByRole('button', { name, exact: true });
const row = (name) => page.locator(`[data-rule="${name}"]`);
const [device] = devices;

export const ruleScenarios = {
  async 'a-rule-is-written-previewed-and-fires'() {
    const ago = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString();
    for (const [minutes, walk_c] of [[90, 20], [80, 34], [70, 36], [60, 24], [50, 22], [40, 23]])
      await send({ walk_c }, device, { ts: ago(minutes) });
    await signIn('tenantadmin1');
    await page.goto(`${url}/app/fleet/getting-started?step=alerts`);
    await page.getByRole('link', { name: 'New rule' }).click();
    await page.getByRole('heading', { name: 'New rule' }).waitFor();
    await button('Create rule').click();
    await page.getByText('Give the rule a name.').waitFor();
    await page.getByLabel('Name', { exact: true }).fill('Walk too warm');
    await page.getByLabel('Metric').fill('walk_c');
    await page.getByLabel('Value', { exact: true }).fill('30');
    await page.getByLabel('Severity').selectOption('5');
    await page.getByLabel('Site').selectOption(device.site_id);
    await page.getByLabel('Value at which it is over').fill('25');
    const told = page.getByTestId('preview-told');
    await told.getByText('1 alert', { exact: true }).waitFor();
    await page.getByText('walk_c is 34 (> 30)').waitFor();
    await page.locator('[data-chart="walk_c"] canvas').waitFor();
    await screen('rule-editor');
    await button('Create rule').click();
    await row('Walk too warm').getByText('When walk_c is above 30').waitFor();
    // The device breaches: the alert is there, and its row on the page says so.
    const open = row('Walk too warm').getByText('1 open alert');
    for (let i = 0; i < 30 && !(await open.isVisible()); i += 1) {
      await send({ walk_c: 41 });
      await page.waitForTimeout(1000);
    }
    await open.waitFor();
    await screen('rules');
    // The threshold is drawn on the device's chart.
    await page.goto(`${url}/app/devices/${device.device_id}?metrics=walk_c`);
    await page.getByRole('img', { name: /walk.*; Walk too warm at 30/i }).waitFor();
    await page.waitForTimeout(800);
    await screen('device-threshold');
    // Off and on again: its alert is closed.
    await page.goto(`${url}/app/rules`);
    await page.getByRole('switch', { name: 'Walk too warm is at work' }).click();
    await row('Walk too warm').getByText('1 open alert').waitFor({ state: 'detached' });
    await page.getByRole('switch', { name: 'Walk too warm is at work', checked: false }).click();
    await page.getByRole('switch', { name: 'Walk too warm is at work', checked: true }).waitFor();
    await row('Walk too warm').getByRole('link', { name: 'Walk too warm' }).click();
    assert.equal(await page.getByLabel('Value', { exact: true }).inputValue(), '30');
    await page.getByLabel('Value', { exact: true }).fill('33');
    await button('Save').click();
    await row('Walk too warm').getByText('is above 33').waitFor();

    // The usual ones, and a document that comes twice.
    await button('Templates').click();
    await dialog().getByLabel('Battery low').check();
    await screen('rule-templates');
    await dialog().getByRole('button', { name: 'Add 1 rule' }).click();
    await row('Battery low').waitFor();
    const { rules } = await call('tenantadmin1', 'GET', '/alert-rules/export');
    const text = JSON.stringify({ format: 'pulse-alert-rules/1', rules: [...rules, { ...rules[0], name: 'Another' }] });
    await button('More').click();
    await page.getByRole('menuitem', { name: 'Import rules' }).click();
    await dialog().getByLabel('Document').fill(text);
    await button('Look what it would do').click();
    await dialog().getByText('is there already').first().waitFor();
    await button('Make 1 rule').click();
    await row('Another').waitFor();
    for (const name of ['Another', 'Battery low', 'Walk too warm']) {
      await button(`More for ${name}`).click();
      await page.getByRole('menuitem', { name: 'Delete' }).click();
      await dialog().getByRole('button', { name: 'Delete', exact: true }).click();
      await row(name).waitFor({ state: 'detached' });
    }
  },

  async 'metrics-get-names-units-and-ranges'() {
    await send({ walk_f: 90 });
    await signIn('tenantadmin1');
    await page.goto(`${url}/app/metrics`);
    await button('New normalized metric').first().click();
    await dialog().getByLabel('Name').fill('walk_temperature');
    await dialog().getByLabel('Unit').fill('°C');
    await dialog().getByRole('button', { name: 'Save' }).click();
    const named = page.locator('[data-metric-name="walk_temperature"]');
    await named.waitFor();
    await button('Map walk_f').click();
    await dialog().getByLabel('Becomes').selectOption('walk_temperature');
    await dialog().getByLabel('Times').fill('0.5');
    await dialog().getByLabel('Plus').fill('-16');
    await dialog().getByText('100 from a device is 34 for rules.').waitFor();
    await screen('metric-map');
    await dialog().getByRole('button', { name: 'Map', exact: true }).click();
    await named.getByText('walk_f').waitFor();
    await button('Describe walk_f').click();
    await dialog().getByLabel('Unit').fill('°F');
    await dialog().getByLabel('Usually at most').fill('95');
    await dialog().getByRole('button', { name: 'Save' }).click();
    await page.getByText('at most 95 °F').waitFor();
    await screen('metrics');
    await button('Delete walk_temperature').click();
    await dialog().getByRole('button', { name: 'Delete', exact: true }).click();
    await named.waitFor({ state: 'detached' });
    await button('Delete the description of walk_f').click();
    await dialog().getByRole('button', { name: 'Delete', exact: true }).click();
    await page.getByText('at most 95 °F').waitFor({ state: 'detached' });
  },

  async 'rule-pages-in-both-themes-and-sizes'() {
    const rule = await call('tenantadmin1', 'POST', '/alert-rules', {
      name: 'Cold store too warm', site_ids: [device.site_id], severity: 5, clear_threshold: -20,
      conditions: [{ metric_name: 'temperature', operator: 'GT', threshold: -17, duration_minutes: 5 },
        { metric_name: 'door_open', operator: 'EQ', threshold: 1 }],
    });
    await call('tenantadmin1', 'POST', '/normalized-metrics', { normalized_name: 'air', display_unit: '°C', expected_min: -40 });
    await call('tenantadmin1', 'POST', '/metric-mappings', { raw_metric: 'temperature', normalized_name: 'air' });
    await call('tenantadmin1', 'POST', '/metrics/catalog', { metric_name: 'temperature', unit: '°C', expected_max: 5 });
    await signIn('tenantadmin1');
    for (const theme of ['light', 'dark'])
      for (const [width, height] of [[1440, 900], [390, 844]]) {
        await page.emulateMedia({ colorScheme: theme });
        await page.setViewportSize({ width, height });
        for (const [name, where, seen] of [
          ['rules', 'rules', page.locator('[data-rule]').first()],
          ['rule', `rules/${rule.rule_id}`, page.getByTestId('preview-told')],
          ['metrics', 'metrics', page.locator('[data-metric-name]').first()]]) {
          await page.goto(`${url}/app/${where}`);
          await seen.waitFor();
          await page.waitForTimeout(400);
          await fits(`${name} ${theme} ${width}`);
          await accessible(`${name} ${theme} ${width}`);
          await screen(`${name}-${width}-${theme}`);
        }
      }
    await call('tenantadmin1', 'DELETE', `/alert-rules/${rule.rule_id}`);
    await call('tenantadmin1', 'DELETE', '/normalized-metrics/air');
    await call('tenantadmin1', 'DELETE', '/metrics/catalog/temperature');
  },
};

// Scenarios of rules: one by the editor until its alert is there, templates, import, names of metrics.
import assert from 'node:assert/strict';
import { accessible, call, devices, fits, focused, page, screen, send, signIn, url } from './harness.mjs';

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
    await dialog().getByText('Its 1 open alert will be closed').waitFor();
    await dialog().getByRole('button', { name: 'Switch off' }).click();
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
    // From the entry of a menu the focus comes back to what opened the menu.
    await button('More for Another').click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    await dialog().getByRole('button', { name: 'Cancel' }).click();
    await focused('More for Another');
    // The palette finds rules and makes them.
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox').fill('walk too');
    await page.getByRole('option', { name: 'Walk too warm' }).click();
    await page.getByRole('heading', { name: 'Walk too warm' }).waitFor();
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox').fill('alert rule');
    await page.getByRole('option', { name: 'Make an alert rule' }).click();
    await page.getByRole('heading', { name: 'New rule' }).waitFor();
    await page.goto(`${url}/app/rules`);
    await row('Another').waitFor();
    await page.keyboard.press('?');
    await dialog().getByText('Acknowledge the alert, or those selected, and go on with the next').waitFor();
    await page.keyboard.press('Escape');
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
    await button('Edit the mapping of walk_f').click();
    assert.equal(await dialog().getByLabel('Times').inputValue(), '0.5');
    await dialog().getByLabel('Times').fill('0');
    await dialog().getByRole('button', { name: 'Save' }).click();
    await dialog().getByText('Times 0 every value would be the same.').waitFor();
    await dialog().getByLabel('Times').fill('0.25');
    await dialog().getByRole('button', { name: 'Save' }).click();
    await named.getByText('× 0.25').waitFor();
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

  // What the editor has no field for stays; one that watches sensors of a type is written in it.
  async 'a-rule-is-edited-without-loss'() {
    const group = await call('tenantadmin1', 'POST', '/device-groups', { group_id: 'walk-group', name: 'Walk group' });
    const other = await call('tenantadmin1', 'POST', '/device-groups', { group_id: 'walk-other', name: 'Walk other' });
    const gap = await call('tenantadmin1', 'POST', '/alert-rules', {
      name: 'Walk gap', rule_type: 'telemetry_gap', group_ids: [group.group_id], device_group_id: other.group_id,
      gap_conditions: { metric_name: 'walk_c', gap_minutes: 20, min_expected_per_hour: 4 },
    });
    await signIn('tenantadmin1');
    await page.goto(`${url}/app/rules/${gap.rule_id}`);
    assert.equal(await page.getByLabel('Values in an hour at least').inputValue(), '4');
    await page.getByLabel('Minutes', { exact: true }).fill('25');
    await button('Save').click();
    await row('Walk gap').getByText('in Walk group, and in Walk other').waitFor();
    const kept = await call('tenantadmin1', 'GET', `/alert-rules/${gap.rule_id}`);
    assert.deepEqual([kept.gap_conditions.gap_minutes, kept.gap_conditions.min_expected_per_hour], [25, 4]);
    assert.deepEqual([kept.group_ids, kept.device_group_id], [[group.group_id], other.group_id]);

    await page.goto(`${url}/app/rules/new`);
    await page.getByLabel('Name', { exact: true }).fill('Walk probes');
    await page.getByLabel('What is compared').selectOption('type');
    await page.getByLabel('Type of sensors').fill('walk-probe');
    await page.getByLabel('Value', { exact: true }).fill('8');
    // With another condition there is no single value at which it is over.
    await page.getByLabel('Value at which it is over').fill('9');
    await button('Create rule').click();
    await page.getByText('It can\'t be over while it still holds: give at most 8.').waitFor();
    await page.getByLabel('Value at which it is over').fill('7');
    await screen('rule-of-sensors');
    await button('Create rule').click();
    await row('Walk probes').getByText('When a sensor of type walk-probe is above 8').waitFor();
    await page.goto(`${url}/app/rules/new`);
    await button('+ another condition').click();
    await page.getByText('It is over when that no longer holds, for').waitFor();
    assert.equal(await page.getByLabel('Value at which it is over').count(), 0);
    for (const name of ['Walk gap', 'Walk probes']) {
      const { rules } = await call('tenantadmin1', 'GET', '/alert-rules');
      await call('tenantadmin1', 'DELETE', `/alert-rules/${rules.find((r) => r.name === name).rule_id}`);
    }
    for (const id of ['walk-group', 'walk-other']) await call('tenantadmin1', 'DELETE', `/device-groups/${id}`);
  },

  // What a device tells of its health is a metric as any other: rules and alerts are on its charts, too.
  async 'thresholds-are-drawn-on-health'() {
    const rule = await call('tenantadmin1', 'POST', '/alert-rules', {
      name: 'Walk battery', metric_name: 'battery_pct', operator: 'LT', threshold: 39, severity: 4 });
    // A count is no value of the metric: no line.
    const counted = await call('tenantadmin1', 'POST', '/alert-rules', {
      name: 'Walk count', rule_type: 'window', aggregation: 'count', window_seconds: 300, metric_name: 'battery_pct',
      operator: 'GT', threshold: 90, severity: 2 });
    await send({ battery_pct: 40 });
    await signIn('tenantadmin1');
    await page.goto(`${url}/app/devices/${device.device_id}?tab=health&health=1h`);
    const chart = page.getByTestId('health-charts').getByRole('img', { name: /^Battery: .*; Walk battery at 39/ });
    for (let i = 0; i < 30 && !(await chart.isVisible()); i += 1) {
      await page.waitForTimeout(500);
      if (i % 5 === 4) await page.reload();
    }
    await chart.waitFor();
    assert.ok(!(await chart.getAttribute('aria-label')).includes('Walk count'));
    await screen('health-threshold');
    for (const r of [rule, counted]) await call('tenantadmin1', 'DELETE', `/alert-rules/${r.rule_id}`);
  },

  // Who may look and not change reads all pages of this room, and none of them breaks.
  async 'a-viewer-reads-rules-and-alerts'() {
    const rule = await call('tenantadmin1', 'POST', '/alert-rules', {
      name: 'Read by viewers', metric_name: 'walk_read', operator: 'GT', threshold: 30, duration_minutes: 5,
      clear_threshold: 28, severity: 4, description: 'Open the valve: https://wiki.demo.example/valve',
    });
    await signIn('walkviewer');
    await page.goto(`${url}/app/rules`);
    await row('Read by viewers').getByRole('link', { name: 'Read by viewers' }).click();
    const view = page.getByTestId('rule-view');
    await view.getByText('When walk_read is above 30 for 5 min, on all devices.').waitFor();
    await view.getByText('when the value passes 28').waitFor();
    await view.getByRole('link', { name: 'https://wiki.demo.example/valve' }).waitFor();
    assert.equal(await page.getByRole('alert').count(), 0, 'nothing is refused');
    for (const theme of ['light', 'dark'])
      for (const [width, height] of [[1440, 900], [390, 844]]) {
        await page.emulateMedia({ colorScheme: theme });
        await page.setViewportSize({ width, height });
        await fits(`rule read ${theme} ${width}`);
        await accessible(`rule read ${theme} ${width}`);
        await screen(`rule-read-${width}-${theme}`);
      }
    await page.setViewportSize({ width: 1440, height: 900 });
    await button('Edit').click({ force: true });
    await dialog().getByText('alert-rules.update').first().waitFor();
    await page.keyboard.press('Escape');
    await page.goto(`${url}/app/rules/new`);
    await page.getByRole('heading', { name: 'Your roles make no rules' }).waitFor();
    for (const [where, seen] of [['alerts', 'Alerts'], ['rules?tab=oncall', 'On-call'], ['rules?tab=escalation', 'Escalation policies'],
      ['rules?tab=maintenance', 'Maintenance'], ['notifications', 'Notifications'], ['notifications?tab=routing', 'Notifications'],
      ['integrations', 'Integrations'], ['dead-letter', 'Dead letters'], ['delivery-log', 'Delivery log'], ['metrics', 'Metrics']]) {
      await page.goto(`${url}/app/${where}`);
      await page.getByRole('heading', { name: seen, exact: true }).first().waitFor();
      await page.waitForLoadState('networkidle');
      assert.equal(await page.getByRole('alert').count(), 0, where);
    }
    await call('tenantadmin1', 'DELETE', `/alert-rules/${rule.rule_id}`);
  },

  // A call that fails is told where its answer would stand, with another try; the rest of the page stays.
  async 'a-failing-call-is-told-in-its-place'() {
    await signIn('tenantadmin1');
    for (const [call_, where, what] of [
      ['**/customer/alerts?*', 'alerts', 'Alerts'], ['**/customer/alert-rules', 'rules', 'Rules'],
      ['**/customer/oncall-schedules', 'oncall', 'Schedules'], ['**/customer/escalation-policies', 'escalation-policies', 'Policies'],
      ['**/customer/maintenance-windows', 'maintenance-windows', 'Maintenance'],
      ['**/customer/notification-channels', 'notifications', 'Channels'],
      ['**/customer/notification-routing-rules', 'notifications?tab=routing', 'Routing rules'],
      ['**/customer/message-routes?*', 'integrations', 'Routes'], ['**/customer/dead-letter?*', 'dead-letter', 'Dead letters'],
      ['**/customer/delivery-jobs?*', 'delivery-log', 'The delivery log'], ['**/customer/metrics/reference', 'metrics', 'Metrics']]) {
      await page.route(call_, (r) => r.fulfill({ status: 409, headers: { 'X-Request-ID': 'walk-id' }, json: { detail: 'The walk refuses' } }));
      await page.goto(`${url}/app/${where}`);
      const told = page.getByRole('main').getByRole('alert').filter({ hasText: `${what} could not be loaded` });
      await told.getByText('The walk refuses').waitFor();
      await told.getByText('walk-id').waitFor();
      assert.ok(await page.locator('h1').first().isVisible(), where);
      if (where === 'alerts') await screen('alerts-failing');
      await page.unroute(call_);
      await told.getByRole('button', { name: 'Try again' }).click();
      await told.waitFor({ state: 'detached' });
    }
  },

  async 'rule-pages-in-both-themes-and-sizes'() {
    const rule = await call('tenantadmin1', 'POST', '/alert-rules', {
      name: 'Cold store too warm', site_ids: [device.site_id], severity: 5,
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

// The way of one alert as people see it, from a device's message to its end. test_walk.py makes the rule, the
// channels and the schedule, and looks at what receivers are told meanwhile.
import assert from 'node:assert/strict';
import { accessible, device, fits, page, screen, send, signIn, url } from './harness.mjs';

const rule = process.env.WALK_RULE;

export const walk = {
  async 'from-a-breach-to-its-end'() {
    await signIn('tenantadmin1');
    await page.goto(`${url}/app/alerts?rule=${rule}`);
    await page.getByText('No alert fits').waitFor();
    await page.locator('header').getByText('Live', { exact: true }).waitFor();
    const row = page.locator('[data-alert]');
    // Until its readings are handed on to the rules.
    for (let i = 0; i < 30 && !(await row.isVisible()); i += 1) {
      await send({ walk_c: 35 });
      await row.waitFor({ timeout: 1000 }).catch(() => {});
    }
    await row.waitFor();
    assert.match(await page.getByTestId('alert-news').textContent(), /^Warning alert: /);
    await row.getByText('Warning 4').waitFor();
    await screen('walk-opened');

    // Nobody reacts: its row becomes critical by itself.
    await row.getByText('Critical 5').waitFor({ timeout: 60_000 });

    // Somebody is woken, and reacts on a phone: one tap opens it, the next acknowledges it.
    await page.setViewportSize({ width: 390, height: 844 });
    await fits('the inbox on a phone');
    await row.getByRole('button').click();
    const panel = page.getByRole('complementary', { name: 'Alert' });
    await panel.getByText(/^Escalated to level 1, now severity 5: .*night@demo\.example/).waitFor();
    await panel.getByText('Turn the cooler up').waitFor();
    await screen('walk-phone');
    await panel.getByRole('button', { name: 'Acknowledge' }).click();
    await panel.getByText('Acknowledged by tenantadmin1').waitFor();
    await fits('the alert on a phone');
    await accessible('the alert on a phone');

    // The value is good again: closed, said on the page that is open.
    await send({ walk_c: 20 });
    await panel.getByText('Closed: the value is good again').waitFor();
    await screen('walk-closed');
    await panel.getByRole('button', { name: 'Back to the list' }).click();
    await page.getByText('No alert fits').waitFor();
  },
};

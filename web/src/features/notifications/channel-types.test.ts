import { expect, it } from 'vitest';
import { configOf, formValues, kindOf } from './channel-types';

it('reads a config into a form, and writes the same one', () => {
  const email = kindOf('email');
  const config = {
    smtp: { host: 'mail.example.com', port: 25, tls: false, password: '***' },
    from: 'a@example.com',
    recipients: { to: ['b@example.com', 'c@example.com'] },
  };
  const values = formValues(email, config);
  expect(values['recipients.to']).toBe('b@example.com, c@example.com');
  expect(configOf(email, values, config)).toEqual(config);
});

it('keeps members that no field is for, and leaves out what does not apply', () => {
  const webhook = kindOf('webhook');
  const before = { url: 'https://a.example', headers: { 'X-Key': '***' } };
  expect(configOf(webhook, { url: 'https://b.example', method: 'PUT', secret: '' }, before)).toEqual({
    url: 'https://b.example',
    method: 'PUT',
    headers: { 'X-Key': '***' },
  });
  const snmp = kindOf('snmp');
  const made = configOf(snmp, { ...formValues(snmp, {}), host: 'h', user: 'u', community: 'c' }, {});
  expect(made).toEqual({ host: 'h', port: 162, version: '2c', community: 'c' });
});

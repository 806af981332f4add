import { expect, it } from 'vitest';
import { choicesOf, configOf, formValues, headersOf, kindOf } from './channel-types';

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
  const before = { url: 'https://a.example', headers: { 'X-Key': '***' }, of_later: { a: 1 } };
  const shown = formValues(webhook, before);
  expect(shown.headers).toBe('X-Key: ***');
  expect(configOf(webhook, { ...shown, url: 'https://b.example', method: 'PUT' }, before)).toEqual({
    url: 'https://b.example',
    method: 'PUT',
    headers: { 'X-Key': '***' },
    of_later: { a: 1 },
  });
  const snmp = kindOf('snmp');
  const made = configOf(snmp, { ...formValues(snmp, {}), host: 'h', user: 'u', community: 'c' }, null);
  expect(made).toEqual({ host: 'h', port: 162, version: '2c', community: 'c' });
});

it('changes nothing of a stored config but what was changed', () => {
  const email = kindOf('email');
  // As a client of the API may have written it: other places, other words, no port.
  const stored = {
    smtp: { host: 'mail.example.com', username: 'u', password: '***', from: 'a@example.com', tls: 'none' },
    recipients: ['b@example.com', 'c@example.com'],
  };
  const shown = formValues(email, stored);
  expect([shown['smtp.tls'], shown['smtp.user'], shown.from, shown['recipients.to']]).toEqual([
    'false', 'u', 'a@example.com', 'b@example.com, c@example.com']);
  expect(configOf(email, shown, stored)).toEqual(stored);
  for (const tls of [true, false, 'starttls', 'tls', 'none', undefined]) {
    const config = { ...stored, smtp: { ...stored.smtp, tls } };
    const saved = configOf(email, { ...formValues(email, config), subject_template: 'x' }, config);
    expect(saved).toEqual({ ...config, subject_template: 'x' });
  }
  // An address more leaves those that stood in the list.
  expect(configOf(email, { ...shown, 'recipients.cc': 'd@example.com' }, stored).recipients).toEqual({
    to: ['b@example.com', 'c@example.com'],
    cc: ['d@example.com'],
  });
  expect(configOf(email, { ...shown, from: 'z@example.com', 'smtp.user': '' }, stored)).toMatchObject({
    from: 'z@example.com',
    smtp: { host: 'mail.example.com', password: '***', tls: 'none' },
  });
  expect(configOf(email, { ...shown, 'smtp.tls': 'starttls' }, stored).smtp).toMatchObject({ tls: 'starttls' });
});

it('writes headers line by line, and finds a line that is none', () => {
  expect(headersOf('Authorization: Bearer a:b\n\nX-A:1')).toEqual({ Authorization: 'Bearer a:b', 'X-A': '1' });
  expect(headersOf('no colon')).toBeNull();
});

it('offers what is stored, too', () => {
  const qos = kindOf('mqtt').fields.find((f) => f.at === 'qos')!;
  expect(choicesOf(qos, '1')?.map((c) => c.value)).toEqual(['0', '1', '2']);
  expect(choicesOf(qos, '7')?.at(-1)).toEqual({ value: '7', label: '7' });
  expect(choicesOf({ at: 'a', label: 'A' }, 'x')).toBeNull();
});

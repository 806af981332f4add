import { expect, test } from 'vitest';
import { ownChannels, withOwnChannel } from './own-channels';

test('what is no list of ids names no channel', () => {
  expect(ownChannels({})).toEqual([]);
  expect(ownChannels({ oncall_channel_ids: 'x' })).toEqual([]);
  expect(ownChannels({ oncall_channel_ids: [1, '2', 3] })).toEqual([1, 3]);
});

test('a channel comes and goes beside everything else', () => {
  const prefs = { email_digest_frequency: 'daily', oncall_channel_ids: [1, 9] };
  expect(withOwnChannel(prefs, 2, true, [1, 2])).toEqual({
    email_digest_frequency: 'daily',
    oncall_channel_ids: [1, 2],
  });
  expect(withOwnChannel(prefs, 1, false, [1, 2, 9])).toEqual({
    email_digest_frequency: 'daily',
    oncall_channel_ids: [9],
  });
});

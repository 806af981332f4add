import { expect, it } from 'vitest';
import { nextOpen } from './open-step';
import { steps } from './queries';

const none = { sites: 0, templates: 0, devices: 0, online: 0, alert_rules: 0, dismissed: false };
const ready = { ...none, sites: 1, templates: 1, devices: 1 };

it('opens the first step that is to be done', () => {
  expect(nextOpen(steps(none), null, null).id).toBe('site');
  expect(nextOpen(steps(ready), null, null).id).toBe('data');
  expect(nextOpen(steps({ ...ready, online: 1, alert_rules: 1 }), null, null).id).toBeNull();
});

it('stays at a step that is completed while it is open', () => {
  const open = nextOpen(steps(ready), null, null);
  expect(nextOpen(steps({ ...ready, online: 1 }), open, null).id).toBe('data');
});

it('goes on when the user has finished the dialog and the step is done', () => {
  const open = { id: 'site', finished: true, left: null } as const;
  expect(nextOpen(steps(none), open, null)).toEqual(open);
  expect(nextOpen(steps({ ...none, sites: 1 }), open, null)).toEqual({
    id: 'template',
    finished: false,
    left: null,
  });
  // Also while the URL still names the step that is left.
  const later = nextOpen(steps({ ...none, sites: 1 }), open, 'site');
  expect(later.id).toBe('template');
  expect(nextOpen(steps({ ...none, sites: 1 }), later, 'site').id).toBe('template');
  const cleared = nextOpen(steps({ ...none, sites: 1 }), later, null);
  expect(nextOpen(steps({ ...none, sites: 1 }), cleared, 'site').id).toBe('site');
});

it('opens what the URL names, done or not', () => {
  const open = { id: 'data', finished: false, left: null } as const;
  expect(nextOpen(steps(ready), open, 'site').id).toBe('site');
  expect(nextOpen(steps(ready), open, 'nonsense').id).toBe('data');
});

// The calls about on-call schedules and escalation policies.
import { answer, client } from './client';
import type { components } from './schema';

const base = '/api/v1/customer' as const;
type Schemas = components['schemas'];

export type Schedule = Schemas['OncallSchedule'];
export type ScheduleInput = Schemas['OncallScheduleIn'];
export type Layer = Schemas['OncallLayer'];
export type LayerInput = Schemas['OncallLayerIn'];
export type OverrideInput = Schemas['OncallOverrideIn'];
export type Slot = Schemas['OncallSlot'];
export type Timeline = Schemas['OncallTimeline'];
export type Current = Schemas['ScheduleOncall'];
export type Feed = Schemas['OncallFeed'];
export type NewFeed = Schemas['NewOncallFeed'];
export type Policy = Schemas['EscalationPolicy'];
export type PolicyInput = Schemas['EscalationPolicyIn'];
export type Level = Schemas['EscalationLevel'];
export type LevelInput = Schemas['EscalationLevelIn'];

const schedule = (schedule_id: number) => ({ params: { path: { schedule_id } } });
const policy = (policy_id: number) => ({ params: { path: { policy_id } } });

export const oncall = {
  schedules: () =>
    answer<Schemas['OncallScheduleList']>(client.GET(`${base}/oncall-schedules`)).then(
      (a) => a.schedules,
    ),
  create: (body: ScheduleInput) =>
    answer<Schedule>(client.POST(`${base}/oncall-schedules`, { body })),
  replace: (id: number, body: ScheduleInput) =>
    answer<Schedule>(
      client.PUT(`${base}/oncall-schedules/{schedule_id}`, { ...schedule(id), body }),
    ),
  remove: (id: number) =>
    answer<unknown>(client.DELETE(`${base}/oncall-schedules/{schedule_id}`, schedule(id))),
  everyCurrent: () =>
    answer<Schemas['EveryOncall']>(client.GET(`${base}/oncall/current`)).then((a) => a.schedules),
  timeline: (schedule_id: number, query: { days: number; start: string }) =>
    answer<Timeline>(
      client.GET(`${base}/oncall-schedules/{schedule_id}/timeline`, {
        params: { path: { schedule_id }, query },
      }),
    ),
  addOverride: (id: number, body: OverrideInput) =>
    answer<unknown>(
      client.POST(`${base}/oncall-schedules/{schedule_id}/overrides`, { ...schedule(id), body }),
    ),
  removeOverride: (schedule_id: number, override_id: number) =>
    answer<unknown>(
      client.DELETE(`${base}/oncall-schedules/{schedule_id}/overrides/{override_id}`, {
        params: { path: { schedule_id, override_id } },
      }),
    ),
  feeds: (id: number) =>
    answer<Schemas['OncallFeedList']>(
      client.GET(`${base}/oncall-schedules/{schedule_id}/feeds`, schedule(id)),
    ).then((a) => a.feeds),
  addFeed: (id: number, responder: string | null) =>
    answer<NewFeed>(
      client.POST(`${base}/oncall-schedules/{schedule_id}/feeds`, {
        ...schedule(id),
        body: { responder },
      }),
    ),
  removeFeed: (schedule_id: number, feed_id: number) =>
    answer<unknown>(
      client.DELETE(`${base}/oncall-schedules/{schedule_id}/feeds/{feed_id}`, {
        params: { path: { schedule_id, feed_id } },
      }),
    ),

  policies: () =>
    answer<Schemas['EscalationPolicyList']>(client.GET(`${base}/escalation-policies`)).then(
      (a) => a.policies,
    ),
  createPolicy: (body: PolicyInput) =>
    answer<Policy>(client.POST(`${base}/escalation-policies`, { body })),
  replacePolicy: (id: number, body: PolicyInput) =>
    answer<Policy>(client.PUT(`${base}/escalation-policies/{policy_id}`, { ...policy(id), body })),
  removePolicy: (id: number) =>
    answer<unknown>(client.DELETE(`${base}/escalation-policies/{policy_id}`, policy(id))),
};

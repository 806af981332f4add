// Groups of devices, and changes of many devices at once.
import { answer, client } from './client';
import type { DeviceGroup, GroupMembers } from './types';

const base = '/api/v1/customer' as const;
const one = (group_id: string) => ({ params: { path: { group_id } } });

export type GroupFilter = Record<string, unknown>;

export type BulkAction =
  | 'add_tags'
  | 'remove_tags'
  | 'move_site'
  | 'set_template'
  | 'decommission'
  | 'restore';
export interface BulkParams {
  tags?: string[];
  site_id?: string;
  template_id?: number;
}
/** Which devices: these, or all that a search finds. */
export type BulkTarget = { device_ids: string[] } | { query: string };
export interface BulkResult {
  action: BulkAction;
  matched: number;
  changed: number;
  skipped: { device_id: string; reason: string }[];
  undo: { undo_id: string; expires_at: string } | null;
  /** What an undo does not bring back. */
  note?: string | null;
}

export const groupsApi = {
  list: () =>
    answer<{ groups: DeviceGroup[] }>(client.GET(`${base}/device-groups`)).then((r) => r.groups),
  createStatic: (body: { group_id?: string; name: string; description?: string | null }) =>
    answer<DeviceGroup>(client.POST(`${base}/device-groups`, { body })),
  createDynamic: (body: {
    group_id?: string;
    name: string;
    description?: string | null;
    query_filter: GroupFilter;
  }) => answer<DeviceGroup>(client.POST(`${base}/device-groups/dynamic`, { body: body as never })),
  updateStatic: (id: string, body: { name?: string; description?: string | null }) =>
    answer<DeviceGroup>(client.PATCH(`${base}/device-groups/{group_id}`, { ...one(id), body })),
  updateDynamic: (
    id: string,
    body: { name?: string; description?: string | null; query_filter?: GroupFilter },
  ) =>
    answer<DeviceGroup>(
      client.PATCH(`${base}/device-groups/{group_id}/dynamic`, { ...one(id), body: body as never }),
    ),
  remove: (group: DeviceGroup) =>
    answer<unknown>(
      group.group_type === 'dynamic'
        ? client.DELETE(`${base}/device-groups/{group_id}/dynamic`, one(group.group_id))
        : client.DELETE(`${base}/device-groups/{group_id}`, one(group.group_id)),
    ),
  members: (group_id: string, limit: number, offset: number) =>
    answer<GroupMembers>(
      client.GET(`${base}/device-groups/{group_id}/members`, {
        params: { path: { group_id }, query: { limit, offset } },
      }),
    ),
  addMember: (group_id: string, device_id: string) =>
    answer<unknown>(
      client.PUT(`${base}/device-groups/{group_id}/devices/{device_id}`, {
        params: { path: { group_id, device_id } },
      }),
    ),
  removeMember: (group_id: string, device_id: string) =>
    answer<unknown>(
      client.DELETE(`${base}/device-groups/{group_id}/devices/{device_id}`, {
        params: { path: { group_id, device_id } },
      }),
    ),

  bulk: (action: BulkAction, target: BulkTarget, params: BulkParams = {}) =>
    answer<BulkResult>(
      client.POST(`${base}/devices/bulk`, { body: { action, ...target, params } as never }),
    ),
  undoBulk: (undo_id: string) =>
    answer<BulkResult>(client.POST(`${base}/devices/bulk/undo`, { body: { undo_id } })),
};

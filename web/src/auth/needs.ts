// The permission of each call that the pages offer as a button, as the API's document states it
// (x-permission); a test compares the two.

/** Permissions by what they are for. */
export const needs = {
  createSite: 'sites.write',
  editSite: 'sites.write',
  deleteSite: 'sites.write',
  createDevice: 'devices.create',
  importDevices: 'devices.import',
  provisioningKeys: 'devices.import',
  editDevice: 'devices.update',
  decommission: 'devices.decommission',
  rotateToken: 'devices.tokens.rotate',
  revokeToken: 'devices.tokens.revoke',
  tag: 'devices.tags.write',
  createTemplate: 'devices.write',
  cloneTemplate: 'devices.write',
  seeTeam: 'users.read',
  invite: 'users.invite',
  editMember: 'users.edit',
  removeMember: 'users.remove',
  roles: 'users.roles',
  serviceAccounts: 'users.roles',
  organization: 'subscriptions.write',
} as const;

/** The call behind each, as `METHOD /path` of the document. */
export const callOf: Record<keyof typeof needs, string> = {
  createSite: 'POST /sites',
  editSite: 'PATCH /sites/{site_id}',
  deleteSite: 'DELETE /sites/{site_id}',
  createDevice: 'POST /devices',
  importDevices: 'POST /devices/import',
  provisioningKeys: 'POST /provisioning-keys',
  editDevice: 'PATCH /devices/{device_id}',
  decommission: 'PATCH /devices/{device_id}/decommission',
  rotateToken: 'POST /devices/{device_id}/tokens/rotate',
  revokeToken: 'DELETE /devices/{device_id}/tokens/{token_id}',
  tag: 'POST /devices/{device_id}/tags/{tag}',
  createTemplate: 'POST /templates',
  cloneTemplate: 'POST /templates/{template_id}/clone',
  seeTeam: 'GET /users',
  invite: 'POST /users/invite',
  editMember: 'PUT /users/{user_id}',
  removeMember: 'DELETE /users/{user_id}',
  roles: 'GET /roles',
  serviceAccounts: 'GET /service-accounts',
  organization: 'PUT /organization',
};

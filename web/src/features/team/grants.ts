// What a choice of roles gives, and what of it the caller may hand out.
import type { Role } from '@/api/people';

/** Actions that any of these roles bundles. */
export function actionsOf(roles: readonly Role[]): Set<string> {
  return new Set(roles.flatMap((r) => r.permissions.map((p) => p.action)));
}

/** The first permission of a role that the caller does not hold: nobody grants what they don't hold. */
export function ungrantable(role: Role, may: (permission: string) => boolean): string | null {
  return role.permissions.find((p) => !may(p.action))?.action ?? null;
}

/** How many permissions a choice of roles adds and takes. */
export function grantChange(
  roles: readonly Role[],
  before: ReadonlySet<string>,
  after: ReadonlySet<string>,
): { added: string[]; removed: string[] } {
  const was = actionsOf(roles.filter((r) => before.has(r.id)));
  const will = actionsOf(roles.filter((r) => after.has(r.id)));
  return {
    added: [...will].filter((a) => !was.has(a)).sort(),
    removed: [...was].filter((a) => !will.has(a)).sort(),
  };
}

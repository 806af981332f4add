// What a token may do, chosen from what its maker may do.
import type { Permission } from '@/api/people';

/** Only to look: no permission that changes anything. */
export function readOnly(permissions: readonly Permission[]): string[] {
  return permissions.filter((p) => p.action.endsWith('.read')).map((p) => p.action);
}

/** "devices.read", "devices.read and 3 more", "everything" for a list of scopes. */
export function scopeWords(scopes: readonly string[], all: number): string {
  if (all > 0 && scopes.length >= all) return 'everything';
  if (scopes.length <= 2) return scopes.join(', ');
  return `${scopes[0]} and ${scopes.length - 1} more`;
}

export type Life = 'ended' | 'soon' | 'good' | 'endless';

const week = 7 * 86_400_000;

/** How a token's life stands: whether it ended, ends within a week, later, or never. */
export function lifeOf(expiresAt: string | null | undefined, now: number): Life {
  if (!expiresAt) return 'endless';
  const left = Date.parse(expiresAt) - now;
  if (left <= 0) return 'ended';
  return left < week ? 'soon' : 'good';
}

/** A call that tries a token, as a shell takes it. */
export function tryToken(origin: string, secret: string): string {
  return `curl -H 'Authorization: Bearer ${secret}' '${origin}/api/v1/customer/me/permissions'`;
}

import type { Member } from '@/api/people';

/** What a person is called: their name, else the one they sign in with. */
export function nameOf(m: Pick<Member, 'first_name' | 'last_name' | 'username'>): string {
  return `${m.first_name} ${m.last_name}`.trim() || m.username;
}

/** "Ann", "Ann and Ben", "Ann, Ben and 3 others". */
export function listed(names: readonly string[], most = 3): string {
  if (names.length <= 1) return names[0] ?? '';
  const shown = names.slice(0, names.length > most ? most - 1 : most);
  const rest = names.length - shown.length;
  const last = rest > 0 ? `${rest} others` : shown.pop()!;
  return `${shown.join(', ')} and ${last}`;
}

/** Two letters for a person's mark. */
export function initials(m: Pick<Member, 'first_name' | 'last_name' | 'username'>): string {
  const letters = `${m.first_name.charAt(0)}${m.last_name.charAt(0)}`;
  return (letters || m.username.slice(0, 2)).toUpperCase();
}

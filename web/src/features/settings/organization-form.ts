// The organization as a form: what is text, and what of it changed.
import type { Organization, OrganizationPatch } from '@/api/people';

export const textFields = [
  'legal_name', 'industry', 'company_size', 'contact_name', 'contact_email', 'phone',
  'address_line1', 'address_line2', 'postal_code', 'city', 'state_province', 'country',
  'billing_email',
] as const;
export type TextName = (typeof textFields)[number];
export type OrganizationValues = Record<TextName | 'name' | 'timezone' | 'logo', string>;

/** What the form begins with. */
export function valuesOf(o: Organization): OrganizationValues {
  const texts = Object.fromEntries(textFields.map((f) => [f, o[f] ?? ''])) as Record<TextName, string>;
  return { ...texts, name: o.name, timezone: o.timezone, logo: o.logo ?? '' };
}

/** Only what changed; an emptied field is cleared. Null: nothing changed. */
export function patchOf(before: OrganizationValues, after: OrganizationValues): OrganizationPatch | null {
  const patch: OrganizationPatch = {};
  for (const field of [...textFields, 'logo'] as const)
    if (after[field].trim() !== before[field].trim()) patch[field] = after[field].trim() || null;
  for (const field of ['name', 'timezone'] as const)
    if (after[field].trim() !== before[field].trim()) patch[field] = after[field].trim();
  return Object.keys(patch).length > 0 ? patch : null;
}

// The sidebar's entries: only pages that exist. A page of a later room adds its line here.

export interface NavEntry {
  to: string;
  label: string;
  /** Second key after `g`. */
  key?: string;
  /** Leaves the sidebar when all steps are done or it was dismissed. */
  startOnly?: boolean;
}
export interface NavGroup {
  label: string | null;
  entries: NavEntry[];
}

export const navigation: NavGroup[] = [
  { label: null, entries: [{ to: '/home', label: 'Home', key: 'h' }] },
  {
    label: 'Setup',
    entries: [
      { to: '/fleet/getting-started', label: 'Getting started', key: 'g', startOnly: true },
      { to: '/sites', label: 'Sites', key: 's' },
      { to: '/templates', label: 'Templates', key: 't' },
      { to: '/devices', label: 'Devices', key: 'd' },
    ],
  },
  { label: 'Monitor', entries: [] },
  { label: 'Maintain', entries: [{ to: '/fleet/tools', label: 'Tools', key: 'c' }] },
];

export const pages: NavEntry[] = navigation.flatMap((group) => group.entries);

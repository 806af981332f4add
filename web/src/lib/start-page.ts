// The page that the application begins with, as the person chose; kept here so that it need not be
// asked for first.
const key = 'pulse.start-page';

export const startPages = [
  { value: '/home', label: 'Home' },
  { value: '/live', label: 'Live' },
  { value: '/devices', label: 'Devices' },
  { value: '/sites', label: 'Sites' },
] as const;

/** Where `/` leads. */
export function startPage(): string {
  const kept = localStorage.getItem(key);
  return startPages.some((p) => p.value === kept) ? kept! : '/home';
}

/** Remembers the choice in this browser; anything unknown means Home. */
export function keepStartPage(path: unknown): void {
  if (startPages.some((p) => p.value === path)) localStorage.setItem(key, String(path));
  else localStorage.removeItem(key);
}

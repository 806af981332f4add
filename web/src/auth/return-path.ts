// The page that was asked for before signing in.
const key = 'pulse.return';
const root = '/app';

/** Keeps the present path for after the sign-in. */
export function rememberPath(): void {
  const path = location.pathname.slice(root.length) + location.search + location.hash;
  if (path !== '' && path !== '/' && path.startsWith('/')) sessionStorage.setItem(key, path);
}

/** The kept path, once. Only paths of this application are ever kept. */
export function takePath(): string | null {
  const path = sessionStorage.getItem(key);
  sessionStorage.removeItem(key);
  return path;
}

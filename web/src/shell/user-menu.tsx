import { useNavigate } from 'react-router';
import { useSyncAppearance } from '@/features/settings/appearance';
import { signOut } from '@/auth/known';
import { useSession } from '@/auth/session';
import { setTheme, useThemeChoice, type ThemeChoice } from '@/lib/theme';
import { Menu, MenuCheck, MenuItem, MenuLabel, MenuLine } from '@/ui/menu';

/** Who is signed in, the theme, and the way out. */
export default function UserMenu() {
  const { user, kind } = useSession();
  const navigate = useNavigate();
  useSyncAppearance();
  const theme = useThemeChoice();
  const initials = user.email.slice(0, 2).toUpperCase();
  const themes: [ThemeChoice, string][] = [
    ['light', 'Light'],
    ['dark', 'Dark'],
    ['system', 'As the system'],
  ];
  return (
    <Menu
      trigger={
        <button
          type="button"
          aria-label={`${initials}, account of ${user.email}`}
          className="grid size-7 place-items-center rounded-full bg-surface-2 text-11 font-semibold text-ink-2"
        >
          {initials}
        </button>
      }
    >
      <MenuLabel>
        {user.email}
        <br />
        {[user.role, user.tenant_id].filter(Boolean).join(' · ')}
      </MenuLabel>
      <MenuLine />
      <MenuLabel>Theme</MenuLabel>
      {themes.map(([value, label]) => (
        <MenuCheck key={value} checked={theme === value} onChange={() => setTheme(value)}>
          {label}
        </MenuCheck>
      ))}
      <MenuLine />
      {kind === 'customer' && (
        <>
          <MenuItem onSelect={() => void navigate('/settings/profile')}>
            Profile and preferences
          </MenuItem>
          <MenuItem onSelect={() => void navigate('/settings/access')}>API tokens</MenuItem>
        </>
      )}
      <MenuItem onSelect={signOut}>Sign out</MenuItem>
    </Menu>
  );
}

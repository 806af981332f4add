// What a tier allows, in words and as bars.
import type { AccountTier } from '@/api/operator';
import { count } from '@/lib/numbers';

const labels: Record<string, [string, string]> = {
  users: ['People', 'people'],
  alert_rules: ['Alert rules', 'alert rules'],
  notification_channels: ['Notification channels', 'channels'],
  dashboards_per_user: ['Dashboards of a person', 'dashboards each'],
  device_groups: ['Device groups', 'device groups'],
  api_requests_per_minute: ['API requests a minute', 'requests a minute'],
};

const label = (name: string) => labels[name]?.[0] ?? name.replaceAll('_', ' ');

/** "2 people · 5 alert rules · …": the limits in one line. */
export function TierLimits({ tier }: { tier: Pick<AccountTier, 'limits'> }) {
  const parts = Object.keys(labels)
    .filter((name) => typeof tier.limits?.[name] === 'number')
    .map((name) => `${count(tier.limits[name]!)} ${labels[name]![1]}`);
  return <span className="num">{parts.join(' · ')}</span>;
}

/** How much of a limit is used: a word beside the colour when it is near or over. */
export function usageOf(used: number, limit: number): { share: number; word: string; tone: string } {
  const share = limit > 0 ? Math.min(1, used / limit) : 1;
  if (used > limit) return { share: 1, word: 'over the limit', tone: 'critical' };
  if (used === limit) return { share, word: 'none left', tone: 'warning' };
  if (share >= 0.8) return { share, word: `${count(limit - used)} left`, tone: 'warning' };
  return { share, word: '', tone: 'accent' };
}

const bars: Record<string, string> = {
  accent: 'bg-accent',
  warning: 'bg-warning',
  critical: 'bg-critical',
};
const words: Record<string, string> = {
  accent: 'text-ink-2',
  warning: 'text-warning',
  critical: 'text-critical',
};

/** Every limit of a tier; a bar where it is known how much is used. */
export function TierUse({ tier, used }: { tier: AccountTier; used: Record<string, number> }) {
  const names = [...new Set([...Object.keys(labels), ...Object.keys(tier.limits)])].filter(
    (name) => typeof tier.limits[name] === 'number',
  );
  return (
    <ul>
      {names.map((name) => {
        const limit = tier.limits[name]!;
        const now = used[name];
        const u = now === undefined ? null : usageOf(now, limit);
        return (
          <li
            key={name}
            data-limit={name}
            className="grid min-h-8 grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 border-b px-3 py-1.5 last:border-b-0 sm:grid-cols-[11rem_minmax(0,1fr)_10rem]"
          >
            <span>{label(name)}</span>
            {u ? (
              <span
                role="meter"
                aria-label={label(name)}
                aria-valuemin={0}
                aria-valuenow={Math.min(now!, limit)}
                aria-valuemax={limit}
                aria-valuetext={`${now} of ${limit}`}
                className="h-1.5 overflow-hidden rounded-full bg-surface-2 max-sm:col-span-2 max-sm:row-start-2"
              >
                <span
                  className={`block h-full ${bars[u.tone]}`}
                  style={{ width: `${100 * u.share}%` }}
                />
              </span>
            ) : (
              <span className="max-sm:hidden" />
            )}
            <span className={`num text-right ${u ? words[u.tone] : 'text-ink-2'}`}>
              {u ? `${count(now!)} of ${count(limit)}` : `up to ${count(limit)}`}
              {u?.word && <span className="block text-12">{u.word}</span>}
            </span>
          </li>
        );
      })}
    </ul>
  );
}

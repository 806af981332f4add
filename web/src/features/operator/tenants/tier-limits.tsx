// What a tier allows, in words and as bars.
import type { AccountTier } from '@/api/operator';
import { count } from '@/lib/numbers';
import { UsageRow } from '@/ui/usage';

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

/** Every limit of a tier; a bar where it is known how much is used. */
export function TierUse({ tier, used }: { tier: AccountTier; used: Record<string, number> }) {
  const names = [...new Set([...Object.keys(labels), ...Object.keys(tier.limits)])].filter(
    (name) => typeof tier.limits[name] === 'number',
  );
  return (
    <ul>
      {names.map((name) => (
        <UsageRow
          key={name}
          name={name}
          label={label(name)}
          used={used[name]}
          limit={tier.limits[name]!}
        />
      ))}
    </ul>
  );
}

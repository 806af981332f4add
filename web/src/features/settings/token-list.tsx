import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { toast } from 'sonner';
import { people, type ApiToken, type NewApiToken, type TokenHome } from '@/api/people';
import { usePermissions } from '@/auth/permissions';
import { many } from '@/lib/numbers';
import { Button } from '@/ui/button';
import { Confirm } from '@/ui/confirm';
import { MoreIcon } from '@/ui/icons';
import { Menu, MenuItem } from '@/ui/menu';
import { Ago, useNow } from '@/ui/time';
import { useRefreshTokens } from './queries';
import { lifeOf, scopeWords, type Life } from './scopes';
import { SecretDialog } from './token-dialogs';

const tones: Record<Life, string> = {
  ended: 'text-critical',
  soon: 'text-warning',
  good: 'text-ink-2',
  endless: 'text-ink-2',
};

function Row({
  token: t,
  total,
  onAsk,
}: {
  token: ApiToken;
  /** Number of permissions that there are. */
  total: number;
  onAsk: (what: 'rotate' | 'revoke') => void;
}) {
  const now = useNow(Date.parse(t.created_at));
  const life = lifeOf(t.expires_at, now);
  return (
    <li
      data-token={t.name}
      className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 border-b px-3 py-2 last:border-b-0"
    >
      <div className="min-w-0">
        <p className="flex min-w-0 flex-wrap items-baseline gap-x-2">
          <span className="font-medium">{t.name}</span>
          <span className="font-mono text-12 text-ink-3">{t.hint}</span>
        </p>
        <div className="text-12 text-ink-2">
          <details className="inline-block max-w-full align-top">
            <summary className="cursor-pointer" title={t.scopes.join('\n')}>
              {scopeWords(t.scopes, total)}
            </summary>
            <ul className="py-1 pl-4 font-mono">
              {t.scopes.map((s) => (
                <li key={s}>{s}</li>
              ))}
            </ul>
          </details>
          {' · '}
          {t.last_used_at ? (
            <>
              used <Ago at={t.last_used_at} />
              {t.last_used_ip && (
                <>
                  {' '}
                  from <span className="font-mono">{t.last_used_ip}</span>
                </>
              )}
            </>
          ) : (
            'never used'
          )}
          {' · '}
          <span className={tones[life]}>
            {life === 'endless' ? (
              'never ends'
            ) : (
              <>
                {life !== 'good' && <span aria-hidden="true">▲ </span>}
                {life === 'ended' ? 'ended ' : 'ends '}
                <Ago at={t.expires_at} />
              </>
            )}
          </span>
        </div>
      </div>
      <Menu
        trigger={
          <Button small kind="quiet" aria-label={`Actions for ${t.name}`}>
            <MoreIcon />
          </Button>
        }
      >
        <MenuItem onSelect={() => onAsk('rotate')}>Rotate</MenuItem>
        <MenuItem danger onSelect={() => onAsk('revoke')}>
          Revoke
        </MenuItem>
      </Menu>
    </li>
  );
}

/** Tokens with what can be done about each. */
export function TokenList({
  tokens,
  home,
  label,
}: {
  tokens: readonly ApiToken[];
  home: TokenHome;
  label: string;
}) {
  const refresh = useRefreshTokens();
  const { held } = usePermissions();
  const [asking, setAsking] = useState<{ token: ApiToken; what: 'rotate' | 'revoke' } | null>(null);
  const [made, setMade] = useState<NewApiToken | null>(null);
  const close = () => {
    setAsking(null);
    rotate.reset();
    revoke.reset();
  };
  const rotate = useMutation({
    mutationFn: (id: string) => people.rotateToken(home, id),
    onSuccess: (token) => {
      setMade(token);
      close();
      refresh();
    },
  });
  const revoke = useMutation({
    mutationFn: (id: string) => people.revokeToken(home, id),
    onSuccess: () => {
      toast.success('The token is revoked');
      close();
      refresh();
    },
  });
  const t = asking?.token;
  const used = t?.last_used_at ? (
    <>
      It was last used <Ago at={t.last_used_at} />.
    </>
  ) : (
    'It was never used.'
  );
  return (
    <>
      <ul aria-label={label}>
        {tokens.map((token) => (
          <Row
            key={token.id}
            token={token}
            total={held.size}
            onAsk={(what) => setAsking({ token, what })}
          />
        ))}
      </ul>
      {asking?.what === 'rotate' && t && (
        <Confirm
          title={`Rotate ${t.name}?`}
          action="Rotate"
          danger={false}
          busy={rotate.isPending}
          error={rotate.error}
          onConfirm={() => rotate.mutate(t.id)}
          onClose={close}
        >
          <p>
            The secret that is out ends at once; a new one with the same{' '}
            {many(t.scopes.length, 'scope')} is shown next. {used}
          </p>
        </Confirm>
      )}
      {asking?.what === 'revoke' && t && (
        <Confirm
          title={`Revoke ${t.name}?`}
          action="Revoke"
          busy={revoke.isPending}
          error={revoke.error}
          onConfirm={() => revoke.mutate(t.id)}
          onClose={close}
        >
          <p>What calls with it is refused at once, for good. {used}</p>
        </Confirm>
      )}
      {made && <SecretDialog token={made} onClose={() => setMade(null)} />}
    </>
  );
}

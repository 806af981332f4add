import type { RoleDiff as Diff } from './matrix';

/** What saving a role changes, permission by permission. */
export function RoleDiff({ diff }: { diff: Diff }) {
  const texts = [
    ['Name', diff.name],
    ['Description', diff.description],
  ] as const;
  return (
    <div className="rounded-m border font-mono text-12" data-testid="role-diff">
      {texts.map(
        ([label, change]) =>
          change && (
            <div key={label} className="border-b px-3 py-1.5 last:border-b-0">
              <span className="font-sans text-ink-2">{label}</span>
              {change.before && (
                <p className="break-words text-critical">
                  <span aria-label="before">− </span>
                  {change.before}
                </p>
              )}
              <p className="break-words text-online">
                <span aria-label="after">+ </span>
                {change.after || '(none)'}
              </p>
            </div>
          ),
      )}
      {(diff.added.length > 0 || diff.removed.length > 0) && (
        <ul className="max-h-[40dvh] overflow-y-auto" tabIndex={0} aria-label="Permissions that change">
          {[
            ...diff.removed.map((p) => ({ p, sign: '−', word: 'removed' })),
            ...diff.added.map((p) => ({ p, sign: '+', word: 'added' })),
          ].map(({ p, sign, word }) => (
            <li
              key={p.id}
              className={`flex flex-wrap gap-x-3 px-3 py-1 ${sign === '+' ? 'bg-online-soft text-online' : 'bg-critical-soft text-critical'}`}
            >
              <span>
                <span aria-label={word}>{sign}</span> {p.action}
              </span>
              <span className="font-sans">{p.description}</span>
            </li>
          ))}
        </ul>
      )}
      <p className="border-t px-3 py-1.5 font-sans text-ink-3 first:border-t-0">
        {diff.kept} unchanged
      </p>
    </div>
  );
}

// What needs a permission: left out, or shown with the reason why it does not work.
import type { ReactNode } from 'react';
import { cx } from '@/lib/cx';
import { Button, ButtonLink, type ButtonProps } from '@/ui/button';
import { explainMissing } from './missing';
import { usePermissions } from './permissions';

/** Leaves its content out for whom it is never allowed. */
export function Gate({
  needs,
  children,
  otherwise = null,
}: {
  needs: string | undefined;
  children: ReactNode;
  otherwise?: ReactNode;
}) {
  return usePermissions().may(needs) ? children : otherwise;
}

/** Why something is not allowed, in a line; undefined where it is. */
export function useWhyNot(needs: string | undefined): string | undefined {
  const { known, may } = usePermissions();
  return known && !may(needs)
    ? `Needs the permission ${needs}. Press to see who can grant it.`
    : undefined;
}

/**
 * A button for what needs a permission. Whom it is missing sees it dimmed with the reason, and a press
 * explains the permission and who can grant it.
 */
export function GatedButton({ needs, ...rest }: ButtonProps & { needs: string }) {
  const why = useWhyNot(needs);
  if (!why) return <Button {...rest} />;
  return (
    <Button
      {...rest}
      kind={rest.kind === 'primary' ? 'plain' : rest.kind}
      className={cx(rest.className, 'cursor-not-allowed! border-dashed text-ink-3!')}
      disabled={false}
      busy={false}
      type="button"
      aria-disabled
      title={why}
      onClick={() => explainMissing(needs)}
    />
  );
}

/** A link to where something is made or changed, as a button. */
export function GatedLink({
  needs,
  ...rest
}: Parameters<typeof ButtonLink>[0] & { needs: string }) {
  const why = useWhyNot(needs);
  if (!why) return <ButtonLink {...rest} />;
  return (
    <GatedButton needs={needs} small={rest.small} className={rest.className}>
      {rest.children}
    </GatedButton>
  );
}

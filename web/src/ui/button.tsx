import type { ButtonHTMLAttributes, Ref } from 'react';
import { Link, type LinkProps } from 'react-router';
import { cx } from '@/lib/cx';

type Kind = 'plain' | 'primary' | 'danger' | 'quiet';

const kinds: Record<Kind, string> = {
  plain: 'bg-surface border-line-strong text-ink hover:bg-surface-2',
  primary: 'bg-accent border-accent text-accent-ink hover:brightness-110',
  danger: 'bg-surface border-critical text-critical hover:bg-critical-soft',
  quiet: 'border-transparent text-ink-2 hover:bg-surface-2 hover:text-ink',
};

function look(kind: Kind, small: boolean | undefined, more: string | undefined): string {
  return cx(
    'inline-flex shrink-0 items-center justify-center gap-1.5 rounded-m border font-medium whitespace-nowrap',
    'disabled:cursor-not-allowed disabled:opacity-55',
    small ? 'h-7 px-2 text-12' : 'h-8 px-3',
    kinds[kind],
    more,
  );
}

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  kind?: Kind;
  small?: boolean;
  /** Shows that the work is going on and takes no second click. */
  busy?: boolean;
  ref?: Ref<HTMLButtonElement>;
}

export function Button({ kind = 'plain', small, busy, className, disabled, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
      className={look(kind, small, className)}
    />
  );
}

export function ButtonLink({
  kind = 'plain',
  small,
  className,
  ...rest
}: LinkProps & { kind?: Kind; small?: boolean }) {
  return <Link {...rest} className={look(kind, small, className)} />;
}

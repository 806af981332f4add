import type { ReactNode } from 'react';
import { MenuItem } from '@/ui/menu';
import { useWhyNot } from './gated';
import { explainMissing } from './missing';

/** An entry of a menu for what needs a permission; without it, it explains which. */
export function GatedItem({
  needs,
  onSelect,
  children,
  ...rest
}: {
  needs: string;
  onSelect: () => void;
  danger?: boolean;
  disabled?: boolean;
  children: ReactNode;
}) {
  const why = useWhyNot(needs);
  if (!why)
    return (
      <MenuItem {...rest} onSelect={onSelect}>
        {children}
      </MenuItem>
    );
  return (
    <MenuItem onSelect={() => explainMissing(needs)}>
      <span className="text-ink-3" title={why}>
        {children}
        <span className="sr-only">, not allowed: {why}</span>
      </span>
      <span aria-hidden="true" className="ml-auto pl-3 text-11 text-ink-3">
        needs {needs}
      </span>
    </MenuItem>
  );
}

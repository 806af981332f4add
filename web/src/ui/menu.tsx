import { DropdownMenu } from 'radix-ui';
import type { ReactNode } from 'react';
import { cx } from '@/lib/cx';
import { CheckIcon } from './icons';

/** A button's menu. `trigger` must be a button. */
export function Menu({ trigger, children }: { trigger: ReactNode; children: ReactNode }) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          align="end"
          sideOffset={4}
          collisionPadding={8}
          className="pop z-50 max-h-[70dvh] min-w-48 overflow-y-auto rounded-m border bg-surface p-1 shadow-pop"
        >
          {children}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

const item =
  'relative flex h-8 cursor-pointer items-center gap-2 rounded-s px-2 outline-none select-none data-[highlighted]:bg-surface-2 data-[disabled]:opacity-50';

export function MenuItem({
  onSelect,
  danger,
  disabled,
  children,
}: {
  onSelect: () => void;
  danger?: boolean;
  disabled?: boolean;
  children: ReactNode;
}) {
  return (
    <DropdownMenu.Item
      onSelect={onSelect}
      disabled={disabled}
      className={cx(item, danger && 'text-critical')}
    >
      {children}
    </DropdownMenu.Item>
  );
}

export function MenuCheck({
  checked,
  onChange,
  disabled,
  close = false,
  children,
}: {
  checked: boolean;
  onChange: (next: boolean) => void;
  disabled?: boolean;
  /** Choosing it closes the menu. */
  close?: boolean;
  children: ReactNode;
}) {
  return (
    <DropdownMenu.CheckboxItem
      checked={checked}
      disabled={disabled}
      onCheckedChange={onChange}
      onSelect={(e) => {
        if (!close) e.preventDefault();
      }}
      className={cx(item, 'pl-7')}
    >
      <DropdownMenu.ItemIndicator className="absolute left-2.5">
        <CheckIcon size={14} />
      </DropdownMenu.ItemIndicator>
      {children}
    </DropdownMenu.CheckboxItem>
  );
}

/** Choices of which one holds. */
export function MenuChoice({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: string;
  options: { value: string; label: string }[];
  onChange: (next: string) => void;
}) {
  return (
    <DropdownMenu.RadioGroup aria-label={label} value={value} onValueChange={onChange}>
      <MenuLabel>{label}</MenuLabel>
      {options.map((o) => (
        <DropdownMenu.RadioItem
          key={o.value}
          value={o.value}
          onSelect={(e) => e.preventDefault()}
          className={cx(item, 'pl-7')}
        >
          <DropdownMenu.ItemIndicator className="absolute left-2.5">
            <CheckIcon size={14} />
          </DropdownMenu.ItemIndicator>
          {o.label}
        </DropdownMenu.RadioItem>
      ))}
    </DropdownMenu.RadioGroup>
  );
}

export function MenuLabel({ children }: { children: ReactNode }) {
  return (
    <DropdownMenu.Label className="px-2 pt-1.5 pb-1 text-11 text-ink-3">{children}</DropdownMenu.Label>
  );
}

export const MenuLine = () => <DropdownMenu.Separator className="my-1 h-px bg-line" />;

// What the dialogs of a template's parts (metrics, commands, slots) share.
import type { ReactNode } from 'react';
import { toast } from 'sonner';
import { Dialog, DialogForm } from '@/ui/dialog';
import { TextField } from '@/ui/field';
import { useTemplateWrite } from './queries';

interface PartForm {
  dirty: boolean;
  error: unknown;
  setError: (error: unknown) => void;
  values: { display_name: string };
}

/** Saves a part: says so and closes, or shows the fault. */
export function usePartSave(
  act: () => Promise<unknown>,
  { editing, form, onClose }: { editing: boolean; form: PartForm; onClose: () => void },
) {
  return useTemplateWrite<undefined, unknown>(act, {
    onSuccess: () => {
      toast.success(editing ? 'Saved' : `${form.values.display_name.trim()} is added`);
      onClose();
    },
    onError: form.setError,
  });
}

/** The dialog around a part's fields; `part` is null for a new one. */
export function PartDialog({
  noun,
  part,
  description,
  form,
  save,
  check,
  onClose,
  children,
}: {
  noun: string;
  part: { display_name: string } | null;
  description: string;
  form: PartForm;
  save: { isPending: boolean; mutate: (input: undefined) => void };
  check: () => boolean;
  onClose: () => void;
  children: ReactNode;
}) {
  return (
    <Dialog
      open
      onClose={onClose}
      dirty={form.dirty}
      wide
      title={part ? `Edit ${part.display_name}` : `Add a ${noun}`}
      description={description}
    >
      <DialogForm
        submit={part ? 'Save' : `Add ${noun}`}
        busy={save.isPending}
        error={form.error}
        onCancel={onClose}
        onSubmit={() => {
          if (check()) save.mutate(undefined);
        }}
      >
        {children}
      </DialogForm>
    </Dialog>
  );
}

interface Text {
  value: string;
  fault: string | undefined;
  placeholder: string;
  help?: string;
  onChange: (value: string) => void;
}

/** Key and name, which every part has; a key stays as it was made. */
export function KeyAndName({
  editing,
  partKey,
  name,
}: {
  editing: boolean;
  partKey: Text;
  name: Text;
}) {
  return (
    <>
      <TextField
        label="Key"
        mono
        autoFocus={!editing}
        disabled={editing}
        {...partKey}
        onChange={(e) => partKey.onChange(e.target.value.trim())}
      />
      <TextField label="Name" {...name} onChange={(e) => name.onChange(e.target.value)} />
    </>
  );
}

/** What most parts have as well. */
export function DescriptionField({ value, fault, onChange }: Omit<Text, 'placeholder' | 'help'>) {
  return (
    <TextField
      label="Description"
      optional
      value={value}
      onChange={(e) => onChange(e.target.value)}
      fault={fault}
    />
  );
}

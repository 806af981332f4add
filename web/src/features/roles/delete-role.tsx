import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { toast } from 'sonner';
import { people, type Role } from '@/api/people';
import { useRefreshPeople, useRoles } from '@/features/people/queries';
import { many } from '@/lib/numbers';
import { Confirm } from '@/ui/confirm';
import { SelectField } from '@/ui/field';

/** Asks once before a role goes; who has it gets another in its place. */
export function DeleteRole({
  role,
  onClose,
  onDone,
}: {
  role: Role;
  onClose: () => void;
  onDone?: () => void;
}) {
  const refresh = useRefreshPeople();
  const others = (useRoles().data ?? []).filter((r) => r.id !== role.id);
  const held = role.member_count > 0;
  const [replacement, setReplacement] = useState('');
  const [tried, setTried] = useState(false);
  const remove = useMutation({
    mutationFn: () => people.deleteRole(role.id, held ? replacement : undefined),
    onSuccess: () => {
      toast.success(`The role ${role.name} is deleted`);
      refresh();
      onClose();
      onDone?.();
    },
  });
  return (
    <Confirm
      title={`Delete the role ${role.name}?`}
      action="Delete role"
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => {
        setTried(true);
        if (!held || replacement) remove.mutate();
      }}
      onClose={onClose}
    >
      {held ? (
        <>
          <p>
            {many(role.member_count, 'person has it', 'people have it')}. They get another role in its
            place, at once.
          </p>
          <SelectField
            label="They get instead"
            none="Choose a role"
            options={others.map((r) => ({ value: r.id, label: r.name }))}
            value={replacement}
            onChange={setReplacement}
            fault={tried && !replacement ? 'Choose the role that they get.' : undefined}
          />
        </>
      ) : (
        <p>Nobody has it. Its {many(role.permissions.length, 'permission')} go with it; this can't be undone.</p>
      )}
    </Confirm>
  );
}

import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '@/api/customer';
import type { BulkAction, BulkParams } from '@/api/groups';
import { labels } from '@/api/imports';
import { GatedButton } from '@/auth/gated';
import { needs } from '@/auth/needs';
import { usePermissions } from '@/auth/permissions';
import { useLabelSheet } from '@/features/connect/label';
import { useSites } from '@/features/sites/queries';
import { useTemplates } from '@/features/templates/queries';
import { count, many } from '@/lib/numbers';
import { Button } from '@/ui/button';
import { Confirm } from '@/ui/confirm';
import { Dialog, DialogForm } from '@/ui/dialog';
import { SelectField, TextField } from '@/ui/field';
import { DownIcon } from '@/ui/icons';
import { Menu, MenuItem } from '@/ui/menu';
import type { Selection } from './selection';
import { useBulk } from './use-bulk';

type Asked = Exclude<BulkAction, 'restore'>;

const words: Record<Exclude<Asked, 'decommission'>, { title: string; submit: string }> = {
  add_tags: { title: 'Tag', submit: 'Add tag' },
  remove_tags: { title: 'Remove a tag from', submit: 'Remove tag' },
  move_site: { title: 'Move', submit: 'Move' },
  set_template: { title: 'Set the template of', submit: 'Set template' },
};

/** Asks what a change needs to know, and makes it. */
function BulkDialog({
  action,
  selection,
  onClose,
}: {
  action: Exclude<Asked, 'decommission'>;
  selection: Selection;
  onClose: () => void;
}) {
  const bulk = useBulk();
  const sites = useSites();
  const templates = useTemplates();
  const tags = useQuery({ queryKey: ['tags'], queryFn: api.tags, enabled: action === 'remove_tags' });
  const [value, setValue] = useState('');
  const [fault, setFault] = useState<string>();
  const word = value.trim();
  const send = () => {
    if (!word) {
      setFault(action.endsWith('tags') ? 'Give a tag.' : 'Choose one.');
      return;
    }
    const params: BulkParams =
      action === 'move_site'
        ? { site_id: word }
        : action === 'set_template'
          ? { template_id: Number(word) }
          : { tags: [word] };
    bulk.mutate({ action, target: selection.target, params }, { onSuccess: onClose });
  };
  const change = (next: string) => {
    setValue(next);
    setFault(undefined);
  };
  return (
    <Dialog
      open
      onClose={onClose}
      dirty={value !== '' || bulk.isPending}
      title={`${words[action].title} ${many(selection.size, 'device')}`}
    >
      <DialogForm
        submit={words[action].submit}
        busy={bulk.isPending}
        error={bulk.error}
        onCancel={onClose}
        onSubmit={send}
      >
        {action === 'add_tags' && (
          <TextField
            label="Tag"
            autoFocus
            value={value}
            onChange={(e) => change(e.target.value)}
            fault={fault}
            help="Added to the tags that each device has."
            placeholder="pilot"
          />
        )}
        {action === 'remove_tags' && (
          <SelectField
            label="Tag"
            none="Choose a tag"
            value={value}
            onChange={change}
            fault={fault}
            options={(tags.data ?? []).map((t) => ({ value: t, label: t }))}
          />
        )}
        {action === 'move_site' && (
          <SelectField
            label="Site"
            none="Choose a site"
            value={value}
            onChange={change}
            fault={fault}
            options={(sites.data ?? []).map((s) => ({ value: s.site_id, label: s.name }))}
          />
        )}
        {action === 'set_template' && (
          <SelectField
            label="Template"
            none="Choose a template"
            value={value}
            onChange={change}
            fault={fault}
            help="Its required metrics are added to each device's sensors; the others stay."
            options={(templates.data ?? []).map((t) => ({ value: String(t.id), label: t.name }))}
          />
        )}
      </DialogForm>
    </Dialog>
  );
}

/** What can be done to the selected devices: these, or all that the search finds. */
export function BulkBar({
  selection,
  decommissioned,
}: {
  selection: Selection;
  /** The list shows devices that are out of service. */
  decommissioned: boolean;
}) {
  const bulk = useBulk();
  const sheet = useLabelSheet();
  const { may } = usePermissions();
  const [open, setOpen] = useState<Asked | null>(null);
  const { size, target, clear } = selection;
  const close = () => setOpen(null);
  const ids = [...selection.ids];
  return (
    <>
      <span className="num text-ink-2" role="status">
        {size} selected
      </span>
      <GatedButton needs={needs.tag} onClick={() => setOpen('add_tags')}>
        Tag
      </GatedButton>
      <Menu
        trigger={
          <Button>
            Change
            <DownIcon />
          </Button>
        }
      >
        <MenuItem disabled={!may(needs.tag)} onSelect={() => setOpen('remove_tags')}>
          Remove a tag
        </MenuItem>
        <MenuItem disabled={!may(needs.editDevice)} onSelect={() => setOpen('move_site')}>
          Move to a site
        </MenuItem>
        <MenuItem disabled={!may(needs.editDevice)} onSelect={() => setOpen('set_template')}>
          Set the template
        </MenuItem>
      </Menu>
      {!selection.whole && size <= labels.most && (
        <Button busy={sheet.isPending} onClick={() => sheet.mutate(ids)}>
          Labels
        </Button>
      )}
      {decommissioned ? (
        <GatedButton
          needs={needs.decommission}
          busy={bulk.isPending}
          onClick={() => bulk.mutate({ action: 'restore', target }, { onSuccess: clear })}
        >
          Restore
        </GatedButton>
      ) : (
        <GatedButton
          needs={needs.decommission}
          kind="danger"
          onClick={() => setOpen('decommission')}
        >
          Decommission
        </GatedButton>
      )}
      <Button kind="quiet" onClick={clear}>
        Clear
      </Button>
      {open && open !== 'decommission' && (
        <BulkDialog action={open} selection={selection} onClose={close} />
      )}
      {open === 'decommission' && (
        <Confirm
          title={size === 1 ? `Decommission ${ids[0]}?` : `Decommission ${many(size, 'device')}?`}
          action={size === 1 ? `Decommission ${ids[0]}` : `Decommission ${size}`}
          busy={bulk.isPending}
          error={bulk.error}
          onClose={close}
          onConfirm={() =>
            bulk.mutate(
              { action: 'decommission', target },
              {
                onSuccess: () => {
                  clear();
                  close();
                },
              },
            )
          }
        >
          <p>
            {size === 1 ? 'Its credentials are' : 'Their credentials are'} revoked at once and
            messages are refused. The history stays. For an hour you can undo this, tokens included;
            later, new ones are needed. Certificates stay revoked.
          </p>
          {selection.whole ? (
            <p>
              All {count(size)} that <code className="font-mono text-12">{selection.whole.query || 'the list'}</code>{' '}
              finds.
            </p>
          ) : (
            size > 1 && (
              <ul className="max-h-48 overflow-y-auto rounded-m border px-3 py-2 font-mono text-12">
                {ids.map((id) => (
                  <li key={id}>{id}</li>
                ))}
              </ul>
            )
          )}
        </Confirm>
      )}
    </>
  );
}

// Every shared part in every state, for whoever changes one. Only in development.
import { useState, type ReactNode } from 'react';
import { ApiError } from '@/api/errors';
import { GatedButton } from '@/auth/gated';
import { ChangeTable } from '@/features/audit/change-table';
import { changesIn } from '@/features/audit/changes';
import { Button } from '@/ui/button';
import { CodeBlock, CopyValue } from '@/ui/copy';
import { CopyCall } from '@/ui/copy-call';
import { Dialog, DialogForm } from '@/ui/dialog';
import { AreaField, Segmented, SelectField, TextField } from '@/ui/field';
import { Menu, MenuCheck, MenuChoice, MenuItem, MenuLabel, MenuLine } from '@/ui/menu';
import { Kbd, PageHeader, Panel, Tag } from '@/ui/page';
import { ActionError, Empty, Failure, Skeleton, SkeletonRows } from '@/ui/states';
import { StatusMark } from '@/ui/status';
import { Ago } from '@/ui/time';
import { UsageRow } from '@/ui/usage';

const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString();
const refused = new ApiError(422, 'refused', '0190c2f4-kit', [
  { loc: ['body', 'name'], msg: 'Field required', type: 'missing' },
]);

function Row({ children }: { children: ReactNode }) {
  return <div className="flex flex-wrap items-center gap-3 p-3">{children}</div>;
}

export default function KitPage() {
  const [choice, setChoice] = useState('a');
  const [open, setOpen] = useState(false);
  const options = [
    { value: 'a', label: 'First' },
    { value: 'b', label: 'Second' },
  ];
  return (
    <div className="grid items-start gap-4 lg:grid-cols-2">
      <div className="lg:col-span-2">
        <PageHeader title="Parts" facts={<span>in every state</span>} />
      </div>
      <Panel title="Buttons">
        {[false, true].map((small) => (
          <Row key={String(small)}>
            {(['plain', 'primary', 'danger', 'quiet'] as const).map((kind) => (
              <Button key={kind} kind={kind} small={small}>
                {kind}
              </Button>
            ))}
            <Button small={small} disabled>
              disabled
            </Button>
            <Button small={small} busy>
              busy
            </Button>
          </Row>
        ))}
      </Panel>
      <Panel title="Status and times">
        <Row>
          <StatusMark status="ONLINE" />
          <StatusMark status="STALE" since={ago(840)} />
          <StatusMark status="OFFLINE" since={ago(260_000)} />
          <Ago at={ago(3)} />
          <Ago at={ago(4000)} />
          <Ago at={null} />
        </Row>
        <Row>
          <Tag>pilot</Tag> <Kbd>Ctrl K</Kbd> <CopyValue text="nw-48213" name="device id" />
          <CopyCall path="/api/v1/customer/devices" />
        </Row>
      </Panel>
      <Panel title="Fields">
        <div className="grid gap-4 p-3 sm:grid-cols-2">
          <TextField label="Text" help="What it is for." defaultValue="value" />
          <TextField label="With a fault" fault="Field required" optional />
          <SelectField label="Select" options={options} value={choice} onChange={setChoice} />
          <TextField label="Disabled" disabled defaultValue="can't change" />
          <AreaField label="Area" value="" onChange={() => {}} />
          <Segmented label="Choice" options={options} value={choice} onChange={setChoice} />
        </div>
      </Panel>
      <Panel title="Menu and dialog">
        <Row>
          <Menu trigger={<Button>Menu</Button>}>
            <MenuLabel>Label</MenuLabel>
            <MenuItem onSelect={() => {}}>Item</MenuItem>
            <MenuItem danger onSelect={() => {}}>
              Danger
            </MenuItem>
            <MenuItem disabled onSelect={() => {}}>
              Disabled
            </MenuItem>
            <MenuLine />
            <MenuCheck checked onChange={() => {}}>
              Checked
            </MenuCheck>
            <MenuChoice label="One of these" value={choice} options={options} onChange={setChoice} />
          </Menu>
          <Button onClick={() => setOpen(true)}>Dialog</Button>
        </Row>
        <Row>
          <ActionError error={refused} />
          <ActionError error={new ApiError(409, 'Device already exists', '0190c2f4-kit')} />
        </Row>
      </Panel>
      <Panel title="Limits, changes and permissions">
        <ul>
          <UsageRow name="a" label="Some used" used={4} limit={10} />
          <UsageRow name="b" label="Nearly used" used={9} limit={10} />
          <UsageRow name="c" label="Over the limit" used={12} limit={10} />
          <UsageRow name="d" label="Not counted" used={null} limit={300} />
        </ul>
        <Row>
          <ChangeTable
            changes={changesIn({ before: { city: 'Kiel', tags: ['a', 'b'] }, after: { city: 'Lübeck', tags: ['b', 'c'] } })}
          />
        </Row>
        <Row>
          <GatedButton needs="never.granted">Not allowed</GatedButton>
          <ActionError error={new ApiError(403, 'refused', '0190c2f4-kit', [], null, 'Permission required: devices.create')} />
        </Row>
      </Panel>
      <Panel title="Loading">
        <SkeletonRows rows={3} />
        <Row>
          <Skeleton className="h-10 w-full" />
        </Row>
      </Panel>
      <Panel title="Empty">
        <Empty title="No devices yet" action={<Button kind="primary">Add the first</Button>}>
          Says what it is and what to do next.
        </Empty>
      </Panel>
      <Panel title="Failure">
        <Failure error={new ApiError(503, 'Database unavailable', '0190c2f4-kit')} what="Sites" retry={() => {}} />
      </Panel>
      <Panel title="Code">
        <Row>
          <CodeBlock label="HTTP with curl" text={'curl -X POST http://localhost:8080/ \\\n  -d 1'} />
        </Row>
      </Panel>
      <Dialog open={open} onClose={() => setOpen(false)} title="Dialog" description="With a form.">
        <DialogForm submit="Save" busy={false} error={refused} onCancel={() => setOpen(false)} onSubmit={() => {}}>
          <TextField label="Name" fault={refused.fields.name} />
        </DialogForm>
      </Dialog>
    </div>
  );
}

import { useState } from 'react';
import type { DeviceModule } from '@/api/instances';
import type { TemplateSlot } from '@/api/templates';
import type { Device } from '@/api/types';
import { useWhyNot } from '@/auth/gated';
import { explainMissing } from '@/auth/missing';
import { needs } from '@/auth/needs';
import { useTemplate } from '@/features/templates/queries';
import { SlotsPicture } from '@/features/templates/slots-picture';
import { many } from '@/lib/numbers';
import { Panel } from '@/ui/page';
import { Failure, SkeletonRows } from '@/ui/states';
import { ModuleDialog } from './module-dialog';
import { useModules } from './queries';

/** Stands in for the slot of a module whose template has lost it. */
const lost = (key: string): TemplateSlot => ({
  id: 0, template_id: 0, slot_key: key, display_name: key, slot_type: 'expansion', interface_type: 'not in the template',
  max_devices: 0, compatible_templates: null, is_required: false, description: null, sort_order: 0,
});

export function ModulesPanel({ device }: { device: Device }) {
  const modules = useModules(device.device_id);
  const template = useTemplate(device.template?.id ?? device.template_id);
  const locked = useWhyNot(needs.editHardware) !== undefined;
  const [open, setOpen] = useState<{ slot: TemplateSlot; module: DeviceModule | null } | null>(null);
  const own = template.data?.slots ?? [];
  const here = modules.data ?? [];
  const strays = [...new Set(here.map((m) => m.slot_key))].filter((k) => !own.some((s) => s.slot_key === k));
  const slots = [...own, ...strays.map(lost)];
  const error = modules.error ?? template.error;
  const show = (slot: TemplateSlot, module: DeviceModule | null) =>
    locked ? explainMissing(needs.editHardware) : setOpen({ slot, module });
  return (
    <Panel title="Modules" aside={modules.data && <span className="num">{many(here.length, 'module')}</span>}>
      {error && (!modules.data || !template.data) ? (
        <Failure error={error} what="The modules" retry={() => void modules.refetch()} />
      ) : modules.isPending || template.isLoading ? (
        <SkeletonRows rows={3} label="Loading modules" />
      ) : slots.length === 0 ? (
        <p className="px-3 py-3 text-ink-2">
          {device.template || device.template_id
            ? 'Its template has no slots: nothing is plugged into devices of this kind.'
            : 'It has no template. With one that has slots, modules are installed here.'}
        </p>
      ) : (
        <SlotsPicture
          device={device.name || device.device_id}
          slots={slots}
          modules={here}
          onSlot={(s) => show(slots.find((x) => x.slot_key === s.slot_key)!, null)}
          onModule={(m) =>
            show(slots.find((x) => x.slot_key === m.slot_key)!, here.find((x) => x.id === m.id)!)
          }
        />
      )}
      {open && <ModuleDialog device={device.device_id} {...open} onClose={() => setOpen(null)} />}
    </Panel>
  );
}

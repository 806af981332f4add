import { useMutation } from '@tanstack/react-query';
import { toast } from 'sonner';
import { api } from '@/api/customer';
import type { Site } from '@/api/types';
import { useRefreshFleet } from '@/features/devices/queries';
import { slug } from '@/lib/slug';
import { idFault, numberOrNull, useForm } from '@/lib/use-form';
import { Dialog, DialogForm } from '@/ui/dialog';
import { TextField } from '@/ui/field';

const coordinate = (text: string, most: number) => {
  const n = numberOrNull(text);
  return n !== null && !(Math.abs(n) <= most) && `A number from -${most} to ${most}.`;
};

/** Creates a site, or edits one. */
export function SiteDialog({ site, onClose }: { site: Site | null; onClose: () => void }) {
  const refresh = useRefreshFleet();
  const form = useForm({
    name: site?.name ?? '',
    site_id: site?.site_id ?? '',
    ownId: site !== null,
    location: site?.location ?? '',
    latitude: site?.latitude?.toString() ?? '',
    longitude: site?.longitude?.toString() ?? '',
  });
  const v = form.values;
  const id = v.ownId ? v.site_id : slug(v.name);
  const save = useMutation({
    mutationFn: () => {
      const body = {
        name: v.name.trim(),
        location: v.location.trim() || null,
        latitude: numberOrNull(v.latitude),
        longitude: numberOrNull(v.longitude),
      };
      return site ? api.updateSite(site.site_id, body) : api.createSite({ site_id: id, ...body });
    },
    onSuccess: () => {
      toast.success(site ? 'Saved' : `${v.name.trim()} is created`);
      refresh();
      onClose();
    },
    onError: form.setError,
  });
  return (
    <Dialog
      open
      onClose={onClose}
      dirty={form.dirty}
      title={site ? `Edit ${site.name}` : 'Create a site'}
      description={site ? undefined : 'A place where devices stand.'}
    >
      <DialogForm
        submit={site ? 'Save' : 'Create site'}
        busy={save.isPending}
        error={form.error}
        onCancel={onClose}
        onSubmit={() => {
          const good = form.check({
            name: v.name.trim() === '' && 'Give a name.',
            site_id: site ? false : idFault(id),
            latitude: coordinate(v.latitude, 90),
            longitude: coordinate(v.longitude, 180),
          });
          if (good) save.mutate();
        }}
      >
        <TextField
          label="Name"
          autoFocus
          value={v.name}
          onChange={(e) => form.set('name', e.target.value)}
          fault={form.fault('name')}
          placeholder="Hamburg Hub"
        />
        <TextField
          label="Site id"
          mono
          disabled={site !== null}
          value={id}
          onChange={(e) => {
            form.set('ownId', true);
            form.set('site_id', e.target.value.trim());
          }}
          fault={form.fault('site_id')}
          help={site ? undefined : "Devices send it with their messages; it can't be changed later."}
        />
        <TextField
          label="Address or description"
          optional
          value={v.location}
          onChange={(e) => form.set('location', e.target.value)}
          fault={form.fault('location')}
        />
        <div className="grid grid-cols-2 gap-3">
          <TextField
            label="Latitude"
            optional
            inputMode="decimal"
            value={v.latitude}
            onChange={(e) => form.set('latitude', e.target.value)}
            fault={form.fault('latitude')}
          />
          <TextField
            label="Longitude"
            optional
            inputMode="decimal"
            value={v.longitude}
            onChange={(e) => form.set('longitude', e.target.value)}
            fault={form.fault('longitude')}
          />
        </div>
      </DialogForm>
    </Dialog>
  );
}

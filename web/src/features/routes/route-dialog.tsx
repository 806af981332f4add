import { useMutation } from '@tanstack/react-query';
import { toast } from 'sonner';
import { routes, type DestinationType, type MessageRoute } from '@/api/routes';
import { useForm } from '@/lib/use-form';
import { Dialog, DialogForm } from '@/ui/dialog';
import { AreaField, SelectField, TextField } from '@/ui/field';
import { faultsOf, inputOf, valuesOf } from './form';
import { destinations, useRefreshRoutes } from './queries';

/** Creates a route, or edits one. A secret of *** stays as it is. */
export function RouteDialog({ route, onClose }: { route: MessageRoute | null; onClose: () => void }) {
  const refresh = useRefreshRoutes();
  const form = useForm(valuesOf(route));
  const v = form.values;
  const save = useMutation({
    mutationFn: () => {
      const input = inputOf(v);
      return route ? routes.update(route.id, input) : routes.create(input);
    },
    onSuccess: (saved) => {
      toast.success(route ? 'Saved' : `${saved.name} is created`);
      refresh();
      onClose();
    },
    onError: form.setError,
  });
  type Text = Exclude<keyof typeof v, 'kept'>;
  const field = (name: Text) => ({
    value: v[name],
    onChange: (e: { target: { value: string } }) => form.set(name, e.target.value),
    fault: form.fault(name),
  });
  const area = (name: Text) => ({
    value: v[name],
    onChange: (value: string) => form.set(name, value),
    fault: form.fault(name),
    mono: true,
  });
  return (
    <Dialog
      open
      onClose={onClose}
      dirty={form.dirty}
      title={route ? `Edit ${route.name}` : 'Create a route'}
      description={route ? undefined : 'Which messages of your devices go where.'}
    >
      <DialogForm
        submit={route ? 'Save' : 'Create route'}
        busy={save.isPending}
        error={form.error}
        onCancel={onClose}
        onSubmit={() => {
          if (form.check(faultsOf(v))) save.mutate();
        }}
      >
        <TextField label="Name" autoFocus {...field('name')} placeholder="Hot devices" />
        <TextField
          label="Topic filter"
          mono
          {...field('topic_filter')}
          help="+ stands for one level, # for all that follow."
        />
        <AreaField
          label="Payload filter"
          optional
          {...area('payload_filter')}
          help={'E.g. {"temperature": {"$gt": 80}}. All conditions must hold.'}
        />
        <SelectField
          label="Destination"
          options={destinations}
          value={v.type}
          onChange={(type) => form.set('type', type as DestinationType)}
        />
        {v.type === 'webhook' && (
          <>
            <TextField label="Address" mono {...field('url')} placeholder="https://example.com/pulse" />
            <div className="grid gap-3 sm:grid-cols-2">
              <SelectField
                label="Method"
                options={['POST', 'PUT'].map((value) => ({ value, label: value }))}
                value={v.method}
                onChange={(method) => form.set('method', method)}
              />
              <TextField
                label="Secret"
                optional
                type="password"
                autoComplete="new-password"
                {...field('secret')}
                help="Signs each request."
              />
            </div>
            <AreaField
              label="Headers"
              optional
              {...area('headers')}
              help={'E.g. {"Authorization": "Bearer ..."}. They are stored encrypted.'}
            />
          </>
        )}
        {v.type === 'mqtt_republish' && (
          <TextField
            label="Topic"
            mono
            {...field('topic')}
            placeholder="tenant/{tenant_id}/device/{device_id}/routed/hot"
            help="Inside your own topics. {tenant_id} and {device_id} are filled in."
          />
        )}
        {v.type === 'postgresql' && (
          <>
            <TextField
              label="Connection"
              optional
              mono
              {...field('dsn')}
              placeholder="postgresql://user:password@host:5432/database"
              help="Without one the messages stay in the built-in store, where they are anyway."
            />
            <TextField label="Table" optional mono {...field('table')} placeholder="public.readings" />
            <AreaField
              label="Columns"
              optional
              {...area('columns')}
              help={'E.g. {"device": "device_id", "temp": "metrics.temperature"}.'}
            />
          </>
        )}
      </DialogForm>
    </Dialog>
  );
}

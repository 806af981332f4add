import { routes, type DestinationType, type MessageRoute } from '@/api/routes';
import { useForm } from '@/lib/use-form';
import { AreaField, SelectField, TextField } from '@/ui/field';
import { FormDialog } from '@/ui/form-dialog';
import { faultsOf, inputOf, valuesOf } from './form';
import { destinations, useRefreshRoutes } from './queries';

/** Creates a route, or edits one. A secret of *** stays as it is. */
export function RouteDialog({ route, onClose }: { route: MessageRoute | null; onClose: () => void }) {
  const refresh = useRefreshRoutes();
  const form = useForm(valuesOf(route));
  const v = form.values;
  const save = () => {
    const input = inputOf(v);
    return route ? routes.update(route.id, input) : routes.create(input);
  };
  return (
    <FormDialog
      title={route ? `Edit ${route.name}` : 'Create a route'}
      description={route ? undefined : 'Which messages of your devices go where.'}
      submit={route ? 'Save' : 'Create route'}
      form={form}
      faults={() => faultsOf(v)}
      save={save}
      told={(saved) => (route ? 'Saved' : `${saved.name} is created`)}
      onSaved={refresh}
      onClose={onClose}
    >
      <TextField label="Name" autoFocus {...form.text('name')} placeholder="Hot devices" />
      <TextField
        label="Topic filter"
        mono
        {...form.text('topic_filter')}
        help="+ stands for one level, # for all that follow."
      />
      <AreaField
        label="Payload filter"
        optional
        mono
        {...form.choice('payload_filter')}
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
          <TextField label="Address" mono {...form.text('url')} placeholder="https://example.com/pulse" />
          <div className="grid gap-3 sm:grid-cols-2">
            <SelectField
              label="Method"
              options={['POST', 'PUT'].map((value) => ({ value, label: value }))}
              {...form.choice('method')}
            />
            <TextField
              label="Secret"
              optional
              type="password"
              autoComplete="new-password"
              {...form.text('secret')}
              help="Signs each request."
            />
          </div>
          <AreaField
            label="Headers"
            optional
            mono
            {...form.choice('headers')}
            help={'E.g. {"Authorization": "Bearer ..."}. They are stored encrypted.'}
          />
        </>
      )}
      {v.type === 'mqtt_republish' && (
        <TextField
          label="Topic"
          mono
          {...form.text('topic')}
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
            {...form.text('dsn')}
            placeholder="postgresql://user:password@host:5432/database"
            help="Without one the messages stay in the built-in store, where they are anyway."
          />
          <TextField label="Table" optional mono {...form.text('table')} placeholder="public.readings" />
          <AreaField
            label="Columns"
            optional
            mono
            {...form.choice('columns')}
            help={'E.g. {"device": "device_id", "temp": "metrics.temperature"}.'}
          />
          <AreaField
            label="Certificates of authorities"
            optional
            mono
            {...form.choice('sslrootcert')}
            help="PEM text, for a connection with sslmode=verify-ca or verify-full to a server whose certificate is by an authority of your own."
          />
        </>
      )}
    </FormDialog>
  );
}

// The calls of imports, of keys by which devices register themselves, and of labels.
import { answer, client } from './client';
import type { components } from './schema';

const base = '/api/v1/customer' as const;
type Schemas = components['schemas'];

export type ImportAnswer = Schemas['ImportAnswer'];
export type ImportResultRow = Schemas['ImportResultRow'];
export type ImportJob = Schemas['ImportJob'];
export type ProvisioningKey = Schemas['ProvisioningKey'];
export type NewProvisioningKey = Schemas['NewProvisioningKey'];
export type ProvisioningKeyInput = Schemas['CreateProvisioningKey'];

/** A file as a form; the browser states the boundary. */
const asForm = (file: File) => ({
  body: { file: '' },
  bodySerializer: () => {
    const form = new FormData();
    form.set('file', file);
    return form;
  },
});
const one = (import_id: string) => ({ params: { path: { import_id } } });

export const imports = {
  /** Up to 500 rows at once; `dry_run` writes nothing. */
  send: (file: File, query: { dry_run?: boolean; credentials?: boolean }) =>
    answer<ImportAnswer>(
      client.POST(`${base}/devices/import`, { params: { query }, ...asForm(file) }),
    ),
  /** Many rows, in the background. */
  start: (file: File, dry_run: boolean) =>
    answer<ImportJob>(
      client.POST(`${base}/devices/import-jobs`, {
        params: { query: dry_run ? { dry_run } : {} },
        ...asForm(file),
      }),
    ),
  list: () =>
    answer<{ imports: ImportJob[] }>(client.GET(`${base}/devices/import-jobs`)).then(
      (r) => r.imports,
    ),
  one: (id: string) =>
    answer<ImportJob>(client.GET(`${base}/devices/import-jobs/{import_id}`, one(id))),
  cancel: (id: string) =>
    answer<ImportJob>(client.DELETE(`${base}/devices/import-jobs/{import_id}`, one(id))),
  resultPath: (id: string) =>
    `${base}/devices/import-jobs/${encodeURIComponent(id)}/result.csv`,
  credentials: (id: string) =>
    answer<Blob>(
      client.POST(`${base}/devices/import-jobs/{import_id}/credentials`, {
        ...one(id),
        parseAs: 'blob',
      }),
    ),
};

export const provisioning = {
  keys: () =>
    answer<{ keys: ProvisioningKey[] }>(client.GET(`${base}/provisioning-keys`)).then((r) => r.keys),
  create: (body: ProvisioningKeyInput) =>
    answer<NewProvisioningKey>(client.POST(`${base}/provisioning-keys`, { body })),
  revoke: (key_id: string) =>
    answer<unknown>(
      client.DELETE(`${base}/provisioning-keys/{key_id}`, { params: { path: { key_id } } }),
    ),
};

export const labels = {
  /** How many one file holds: ten sheets. */
  most: 240,
  picture: (id: string) => `${base}/devices/${encodeURIComponent(id)}/label.png`,
  sheet: (device_ids: string[]) =>
    answer<Blob>(
      client.POST(`${base}/devices/labels`, { body: { device_ids }, parseAs: 'blob' }),
    ),
};

// The calls about jobs, firmware and campaigns.
import { answer, client, csrfToken } from './client';
import { errorFrom } from './errors';
import type { components } from './schema';

const base = '/api/v1/customer' as const;
type Schemas = components['schemas'];

export type Job = Schemas['Job'];
export type JobDetail = Schemas['JobDetail'];
export type JobExecution = Schemas['JobExecution'];
export type JobInput = Schemas['CreateJob'];
export type Firmware = Schemas['Firmware'];
export type FirmwareUpload = Schemas['FirmwareUpload'];
export type UploadInput = Schemas['BeginUpload'];
export type FirmwareInput = Schemas['CreateFirmware'];
export type Campaign = Schemas['Campaign'];
export type CampaignDetail = Schemas['CampaignDetail'];
export type CampaignInput = Schemas['CreateCampaign'];
export type CampaignDevice = Schemas['CampaignDevice'];

const campaign = (campaign_id: number) => ({ params: { path: { campaign_id } } });

/** Puts one part of a file; the client's way of sending JSON does not fit bytes. */
async function putPart(upload: string, part: number, bytes: Blob): Promise<void> {
  const reply = await fetch(`${base}/firmware/uploads/${upload}/parts/${part}`, {
    method: 'PUT',
    headers: {
      'Content-Type': 'application/octet-stream',
      'X-CSRF-Token': await csrfToken(),
    },
    body: bytes,
  });
  if (!reply.ok)
    throw errorFrom(reply.status, reply.headers, await reply.json().catch(() => undefined));
}

export const updates = {
  jobs: (query: { status?: string; limit: number; offset: number }) =>
    answer<Schemas['JobList']>(client.GET(`${base}/jobs`, { params: { query } })),
  job: (job_id: string, query: { execution_status?: string; limit: number; offset: number }) =>
    answer<JobDetail>(client.GET(`${base}/jobs/{job_id}`, { params: { path: { job_id }, query } })),
  createJob: (body: JobInput) =>
    answer<Schemas['CreatedJob']>(client.POST(`${base}/jobs`, { body })),
  cancelJob: (job_id: string, reason: string) =>
    answer<unknown>(
      client.DELETE(`${base}/jobs/{job_id}`, {
        params: { path: { job_id } },
        body: { reason: reason === '' ? null : reason },
      }),
    ),

  firmware: (query: { limit: number; offset: number }) =>
    answer<Schemas['FirmwareList']>(client.GET(`${base}/firmware`, { params: { query } })),
  addFirmware: (body: FirmwareInput) =>
    answer<Firmware>(client.POST(`${base}/firmware`, { body })),
  deleteFirmware: (firmware_id: number) =>
    answer<unknown>(client.DELETE(`${base}/firmware/{firmware_id}`, { params: { path: { firmware_id } } })),
  /** Uploads a file in parts; tells the share that is done after each. */
  async upload(file: File, about: UploadInput, progress: (share: number) => void): Promise<Firmware> {
    const begun = await answer<FirmwareUpload>(
      client.POST(`${base}/firmware/uploads`, { body: about }),
    );
    const path = { upload_id: begun.upload_id };
    for (let part = 1; part <= begun.parts; part += 1) {
      const from = (part - 1) * begun.part_bytes;
      const bytes = file.slice(from, from + begun.part_bytes);
      // A part that is lost on the way is sent again; what is there stays there.
      for (let left = 3; ; left -= 1) {
        try {
          await putPart(begun.upload_id, part, bytes);
          break;
        } catch (error) {
          if (left === 0) throw error;
          await new Promise((done) => setTimeout(done, 1000));
        }
      }
      progress(part / begun.parts);
    }
    return answer<Firmware>(
      client.POST(`${base}/firmware/uploads/{upload_id}/complete`, { params: { path } }),
    );
  },

  campaigns: (query: { status?: string; limit: number; offset: number }) =>
    answer<Schemas['CampaignList']>(client.GET(`${base}/ota/campaigns`, { params: { query } })),
  campaign: (id: number) =>
    answer<CampaignDetail>(client.GET(`${base}/ota/campaigns/{campaign_id}`, campaign(id))),
  campaignDevices: (
    campaign_id: number,
    query: { status?: string; limit: number; offset: number },
  ) =>
    answer<Schemas['CampaignDeviceList']>(
      client.GET(`${base}/ota/campaigns/{campaign_id}/devices`, {
        params: { path: { campaign_id }, query },
      }),
    ),
  createCampaign: (body: CampaignInput) =>
    answer<CampaignDetail>(client.POST(`${base}/ota/campaigns`, { body })),
  steerCampaign: (id: number, action: 'start' | 'pause' | 'abort') =>
    answer<unknown>(
      client.POST(`${base}/ota/campaigns/{campaign_id}/${action}`, campaign(id)),
    ),
  rollBack: (id: number) =>
    answer<CampaignDetail>(
      client.POST(`${base}/ota/campaigns/{campaign_id}/rollback`, { ...campaign(id), body: {} }),
    ),
};

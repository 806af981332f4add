import { useMutation } from '@tanstack/react-query';
import { toast } from 'sonner';
import { asApiError } from '@/api/errors';
import { labels } from '@/api/imports';
import { download } from '@/lib/csv';
import { Button } from '@/ui/button';
import { Panel } from '@/ui/page';

/** Makes the sheets and saves them. */
export function useLabelSheet() {
  return useMutation({
    mutationFn: (ids: string[]) => labels.sheet(ids),
    onSuccess: (file) => download('labels.pdf', file),
    onError: (error) => toast.error(`The labels were not made: ${asApiError(error).message}`),
  });
}

/** The device's QR code, which leads to its page. */
export function LabelPanel({ device }: { device: string }) {
  const sheet = useLabelSheet();
  const picture = labels.picture(device);
  return (
    <Panel title="QR label">
      <div className="flex items-center gap-3 p-3">
        <img
          src={picture}
          alt={`QR code of ${device}`}
          width={112}
          height={112}
          className="size-28 shrink-0 rounded-m border bg-white"
        />
        <div className="flex min-w-0 flex-col items-start gap-2">
          <p className="text-ink-2">Whoever scans it comes to this device's page.</p>
          <div className="flex flex-wrap gap-2">
            <a
              href={picture}
              download={`${device}.png`}
              className="inline-flex h-7 items-center rounded-m border border-line-strong bg-surface px-2 text-12 font-medium hover:bg-surface-2"
            >
              Download PNG
            </a>
            <Button small busy={sheet.isPending} onClick={() => sheet.mutate([device])}>
              PDF to print
            </Button>
          </div>
        </div>
      </div>
    </Panel>
  );
}

import { toast } from 'sonner';
import { apiCurl } from '@/lib/commands';
import { Button } from './button';
import { copyText } from './copy';
import { CopyIcon } from './icons';

/** Copies the question to the API behind a page, as curl. */
export async function copyCall(path: string): Promise<void> {
  try {
    await copyText(apiCurl(location.origin, path));
    toast.success('Copied. The shell needs a Bearer token in PULSE_TOKEN.');
  } catch (error) {
    toast.error(error instanceof Error ? error.message : String(error));
  }
}

/** A button for it, where a page has no menu; left out on a phone, which has no shell. */
export function CopyCall({ path }: { path: string }) {
  return (
    <Button
      kind="quiet"
      className="max-sm:hidden"
      title="Copy the call behind this page as curl"
      aria-label="Copy as curl"
      onClick={() => void copyCall(path)}
    >
      <CopyIcon size={14} /> curl
    </Button>
  );
}

import { useMutation } from '@tanstack/react-query';
import { toast } from 'sonner';
import { asApiError } from '@/api/errors';
import { routes } from '@/api/routes';

interface Tried {
  id: number;
  name: string;
  /** Absent: a sample of the server's. */
  message?: { topic: string; payload: Record<string, unknown> };
}

/** Sends a message to a route's destination, and says how it was taken. */
export function useTest() {
  return useMutation({
    mutationFn: ({ id, message }: Tried) => routes.test(id, message),
    onSuccess: (result, { name, message }) => {
      const what = message ? 'the message' : 'the sample';
      const status = result.status_code ? ` (HTTP ${result.status_code})` : '';
      if (result.success) toast.success(`${name} took ${what} in ${Math.round(result.duration_ms)} ms${status}`);
      else toast.error(`${name} did not take ${what}${status}: ${result.error ?? 'no reason was given'}`);
    },
    onError: (error) => toast.error(asApiError(error).message),
  });
}

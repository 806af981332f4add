import { asApiError } from '@/api/errors';
import { count } from '@/lib/numbers';
import type { LineSource } from '@/lib/use-lines';
import { Button } from './button';

/** The end of a list that is read page by page: how many there are, the way to more, and why it failed. */
export function ShowMore({ source }: { source: LineSource<unknown> }) {
  const all = source.total ?? source.lines.length;
  if (!source.more && all <= source.lines.length) return null;
  return (
    <div className="flex flex-wrap items-center justify-between gap-3 border-t px-3 py-2 text-ink-2">
      <span className="num">
        {count(source.lines.length)} of {count(all)}
      </span>
      {source.error && (
        <span role="alert" className="text-critical">
          ▲ More could not be read: {asApiError(source.error).message}
        </span>
      )}
      {source.more && (
        <Button small busy={source.loadingMore} onClick={source.more}>
          {source.error ? 'Try again' : 'Show more'}
        </Button>
      )}
    </div>
  );
}

import { useRouteError } from 'react-router';
import { Button } from '@/ui/button';

/** A page that broke: the rest stays usable. A part that a new version replaced is fetched anew. */
export function PageError({ whole = false }: { whole?: boolean }) {
  const error = useRouteError();
  const text = error instanceof Error ? error.message : String(error);
  const gone = /dynamically imported module|Importing a module/i.test(text);
  return (
    <div role="alert" className={whole ? 'p-6' : 'panel p-4'}>
      <h1 className="mb-1">{gone ? 'Pulse has a new version' : 'This page has broken'}</h1>
      <p className="mb-3 max-w-prose text-ink-2">
        {gone
          ? 'A part of this page belongs to the version before. Reload to get the new one.'
          : `It is our fault, not yours: ${text}`}
      </p>
      <Button kind="primary" onClick={() => location.reload()}>
        Reload
      </Button>
    </div>
  );
}

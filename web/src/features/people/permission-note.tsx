import { listed, nameOf } from './names';
import { useCatalogue, useGrantors } from './queries';

/** What a permission is for, in the catalogue's words. */
export function usePermissionWords(permission: string): string | undefined {
  return useCatalogue().data?.find((p) => p.action === permission)?.description;
}

/** "Tara Admin can grant it." */
export function useGrantWords(): string {
  const names = useGrantors().map(nameOf);
  return names.length > 0
    ? `${listed(names)} can grant it.`
    : 'An administrator of your organization can grant it.';
}

/** Under a refusal: which permission is missing, what it is for, and who can grant it. */
export default function PermissionNote({ permission }: { permission: string }) {
  const words = usePermissionWords(permission);
  const grant = useGrantWords();
  return (
    <p className="mt-1 text-ink-2" data-missing={permission}>
      Missing permission: {words ? `${words} ` : ''}
      <code className="font-mono text-12">{permission}</code>. {grant}
    </p>
  );
}

// Permissions as a matrix: a row for each kind of thing, a column for each common verb, the rest beside.
import type { Permission, Role } from '@/api/people';

export const verbs = ['read', 'create', 'update', 'delete', 'write'] as const;
export type Verb = (typeof verbs)[number];

/** What the columns are called. */
export const verbWords: Record<Verb, string> = {
  read: 'See',
  create: 'Create',
  update: 'Change',
  delete: 'Delete',
  write: 'Write',
};

const same: Record<string, Verb> = {
  read: 'read',
  create: 'create',
  invite: 'create',
  update: 'update',
  edit: 'update',
  delete: 'delete',
  remove: 'delete',
  write: 'write',
};

export interface MatrixRow {
  category: string;
  /** All permissions of the row. */
  all: Permission[];
  cells: Partial<Record<Verb, Permission>>;
  /** What has no column of its own, with what it is called here. */
  others: { permission: Permission; label: string }[];
}

/** "devices.tokens.rotate" of devices → "tokens rotate". */
function rest(p: Permission): string {
  return p.action.slice(p.action.indexOf('.') + 1).replace(/[.-]/g, ' ');
}

/** The catalogue in its rows, by name. */
export function matrixOf(catalogue: readonly Permission[]): MatrixRow[] {
  const rows = new Map<string, MatrixRow>();
  for (const p of catalogue) {
    let row = rows.get(p.category);
    if (!row) {
      row = { category: p.category, all: [], cells: {}, others: [] };
      rows.set(p.category, row);
    }
    row.all.push(p);
    const verb = same[p.action.slice(p.action.indexOf('.') + 1)];
    if (verb && !row.cells[verb]) row.cells[verb] = p;
    else row.others.push({ permission: p, label: rest(p) });
  }
  return [...rows.values()].sort((a, b) => a.category.localeCompare(b.category));
}

/** What a search finds: in what a permission is called and what it is for. */
export function fits(p: Permission, text: string): boolean {
  const low = text.trim().toLowerCase();
  return low === '' || [p.action, p.category, p.description].some((x) => x.toLowerCase().includes(low));
}

/** "alert-rules" → "Alert rules". */
export function categoryWords(category: string): string {
  if (category === 'oncall') return 'On-call';
  const text = category.replace(/[-_]/g, ' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export interface RoleDraft {
  name: string;
  description: string;
  ids: ReadonlySet<number>;
}

export interface RoleDiff {
  added: Permission[];
  removed: Permission[];
  kept: number;
  name: { before: string; after: string } | null;
  description: { before: string; after: string } | null;
  /** Nothing is different. */
  same: boolean;
}

/** The draft that shows a role as it is; of none, an empty one. */
export function draftOf(role: Pick<Role, 'name' | 'description' | 'permissions'> | null): RoleDraft {
  return {
    name: role?.name ?? '',
    description: role?.description ?? '',
    ids: new Set(role?.permissions.map((p) => p.id)),
  };
}

/** What saving a draft would change. */
export function diffOf(
  before: RoleDraft,
  after: RoleDraft,
  catalogue: readonly Permission[],
): RoleDiff {
  const added = catalogue.filter((p) => after.ids.has(p.id) && !before.ids.has(p.id));
  const removed = catalogue.filter((p) => before.ids.has(p.id) && !after.ids.has(p.id));
  const text = (a: string, b: string) =>
    a.trim() === b.trim() ? null : { before: a.trim(), after: b.trim() };
  const name = text(before.name, after.name);
  const description = text(before.description, after.description);
  return {
    added,
    removed,
    kept: catalogue.filter((p) => after.ids.has(p.id) && before.ids.has(p.id)).length,
    name,
    description,
    same: added.length === 0 && removed.length === 0 && !name && !description,
  };
}

/** A free name for a copy: "Viewer copy", "Viewer copy 2". */
export function copyName(name: string, taken: readonly string[]): string {
  const low = new Set(taken.map((t) => t.toLowerCase()));
  for (let n = 1; ; n += 1) {
    const next = n === 1 ? `${name} copy` : `${name} copy ${n}`;
    if (!low.has(next.toLowerCase())) return next;
  }
}

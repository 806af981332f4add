// The inbox by keys: where they are, what is selected, and what is done, asked for first where it must be.
import { useEffect, useRef, useState } from 'react';
import type { Alert, AlertAction, AlertFilter } from '@/api/alerts';
import { useKeys } from '@/lib/use-keys';
import { isAskedFor } from './act-parts';
import { useAct, type Act } from './queries';
import { nextAfter, stepFrom } from './triage';

const rowOf = (id: number) =>
  document.querySelector<HTMLElement>(`[data-alert="${id}"] button`);

/** True when what it is done to leaves a list of these. */
const leaves = (action: AlertAction, status: string | undefined): boolean =>
  action === 'close' ? status !== 'ALL' : action === 'acknowledge' && status === 'OPEN';

export function useTriage({
  rows,
  filter,
  open,
  show,
}: {
  /** As they stand on the screen. */
  rows: readonly Alert[];
  filter: AlertFilter;
  /** The alert beside the list. */
  open: number | null;
  show: (id: number | null, replace?: boolean) => void;
}) {
  const act = useAct();
  const [selected, setSelected] = useState<ReadonlySet<number>>(new Set());
  const [everything, setEverything] = useState(false);
  const [asking, setAsking] = useState<Act | null>(null);
  const [at, setAt] = useState<number | null>(null);
  const order = rows.map((a) => a.alert_id);
  const chosen = order.filter((id) => selected.has(id));
  const here = at ?? open;

  // Where it was last seen, for when it leaves the list by itself.
  const place = useRef(0);
  const wanted = useRef<number | null>(null);
  useEffect(() => {
    const found = here === null ? -1 : order.indexOf(here);
    if (found >= 0) place.current = found;
    if (wanted.current === null) return;
    rowOf(wanted.current)?.focus();
    wanted.current = null;
  });

  // Another list: what was selected in this one is not meant in it.
  const { sort: _order, ...narrowed } = filter;
  const which = JSON.stringify(narrowed);
  useEffect(() => {
    setSelected(new Set());
    setEverything(false);
  }, [which]);

  const select = (next: ReadonlySet<number>) => {
    setSelected(next);
    setEverything(false);
  };
  const toggle = (id: number) => {
    const next = new Set(selected);
    if (!next.delete(id)) next.add(id);
    select(next);
  };
  const go = (id: number) => {
    setAt(id);
    if (open !== null) show(id);
    wanted.current = id;
  };
  const step = (by: 1 | -1) => {
    const next = stepFrom(order, here, place.current, by);
    if (next !== null) go(next);
  };
  const send = (what: Act) => {
    const acted = new Set('ids' in what.target ? what.target.ids : order);
    const next = nextAfter(order, acted, here, place.current);
    act.mutate(what, {
      onSuccess: () => {
        setAsking(null);
        select(new Set());
        if (!leaves(what.action, filter.status)) return;
        if (next !== null) go(next);
        else setAt(null);
      },
    });
  };
  /** To what is selected, else to where the keys are. */
  const run = (action: AlertAction, minutes?: number) => {
    const ids = chosen.length > 0 ? chosen : here !== null && (order.includes(here) || here === open) ? [here] : [];
    if ((ids.length === 0 && !everything) || act.isPending) return;
    const what: Act = { action, target: everything ? { filter: narrowed } : { ids }, minutes };
    if (isAskedFor(what)) setAsking(what);
    else send(what);
  };
  const leave = () => {
    wanted.current = open;
    show(null);
  };
  useKeys({
    j: () => step(1),
    k: () => step(-1),
    x: () => here !== null && toggle(here),
    e: () => run('acknowledge'),
    Enter: () => here !== null && show(here, false),
    Escape: () => (selected.size > 0 ? select(new Set()) : leave()),
  });

  return {
    here,
    chosen,
    selected,
    everything,
    asking,
    busy: act.isPending,
    toggle,
    /** All that are shown, or none. */
    toggleShown: () => select(chosen.length === order.length ? new Set() : new Set(order)),
    clear: () => select(new Set()),
    meanEverything: () => setEverything(true),
    run,
    /** What was asked for is meant. */
    confirm: () => asking && send(asking),
    forget: () => setAsking(null),
    openRow: (id: number) => {
      setAt(id);
      show(id, false);
    },
    leave,
  };
}

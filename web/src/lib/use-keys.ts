import { useEffect, useRef } from 'react';

/** Inputs that take no text. */
const ticked = 'input[type=checkbox],input[type=radio],input[type=button],input[type=submit]';

/** True where a key belongs to typing and not to us. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement) || target.matches(ticked)) return false;
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

/** What takes the keys while it is open. A popover of the browser's stays in the page when it is closed. */
const dialogs = '[role="dialog"]:not([popover]),[role="alertdialog"],[role="menu"]';

const pressed =
  'a,button,input,summary,[role=button],[role=link],[role=tab],[role=checkbox],[role=option]';

/** True for the keys that press what has the focus: a link or button keeps its Enter and Space. */
function presses(event: KeyboardEvent): boolean {
  if (event.key !== 'Enter' && event.key !== ' ') return false;
  return event.target instanceof Element && event.target.closest(pressed) !== null;
}

export type KeyMap = Record<string, (event: KeyboardEvent) => void>;

/**
 * Page-wide keys, such as `/`, `?`, `j`, or two in a row as `g d`. `mod+k` works while typing
 * too; nothing works while a dialog is open.
 */
export function useKeys(map: KeyMap): void {
  const latest = useRef(map);
  useEffect(() => {
    latest.current = map;
  });
  useEffect(() => {
    let first = '';
    let timer: ReturnType<typeof setTimeout> | undefined;
    const onKey = (event: KeyboardEvent) => {
      const mod = event.ctrlKey || event.metaKey;
      if (mod) {
        const handler = latest.current[`mod+${event.key.toLowerCase()}`];
        if (handler) {
          event.preventDefault();
          handler(event);
        }
        return;
      }
      if (event.altKey || event.defaultPrevented || isTyping(event.target)) return;
      if (presses(event)) return;
      if (document.querySelector(dialogs)) return;
      const pair = first ? `${first} ${event.key}` : '';
      const handler = (pair && latest.current[pair]) || latest.current[event.key];
      clearTimeout(timer);
      first = '';
      if (handler) {
        event.preventDefault();
        handler(event);
      } else if (Object.keys(latest.current).some((k) => k.startsWith(`${event.key} `))) {
        first = event.key;
        timer = setTimeout(() => {
          first = '';
        }, 900);
      }
    };
    window.addEventListener('keydown', onKey);
    return () => {
      window.removeEventListener('keydown', onKey);
      clearTimeout(timer);
    };
  }, []);
}

// Where the focus goes when a dialog is closed.

/** The button that opened a menu, of something inside the menu: an entry is gone when its menu is. */
export function openerOf(element: Element | null): HTMLElement | null {
  const menu = element?.closest('[role="menu"]');
  const trigger = menu && document.getElementById(menu.getAttribute('aria-labelledby') ?? '');
  return trigger ?? (element instanceof HTMLElement && element !== document.body ? element : null);
}

/**
 * Remembers what has the focus now. The answer gives it back: to that element; where it left the page
 * meanwhile (its row was deleted), to the beginning of the list that it stood in, or to the page's main part.
 */
export function rememberFocus(): () => void {
  const opener = openerOf(document.activeElement);
  // Of a row that may be deleted: the list that it stands in.
  const list = opener?.closest('ul,ol,table,section,[role="region"]') ?? null;
  return () => {
    // Somebody has placed it already, on what is next. (What encloses a nested dialog takes it only for want of another.)
    const now = document.activeElement;
    if (now && now !== document.body && !now.matches('[role="dialog"]')) return;
    if (opener?.isConnected) {
      opener.focus();
      return;
    }
    const near = list?.isConnected ? list.querySelector<HTMLElement>('a[href],button:not(:disabled)') : null;
    const main = document.querySelector<HTMLElement>('main');
    (near ?? main)?.focus({ preventScroll: true });
  };
}

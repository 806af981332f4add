import { useEffect, useState } from 'react';
import { Button } from './button';
import { CheckIcon, CopyIcon } from './icons';

/** Puts text on the clipboard, also where the page is not served by https. */
export async function copyText(text: string): Promise<void> {
  if (navigator.clipboard && window.isSecureContext) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = document.createElement('textarea');
  area.value = text;
  area.style.position = 'fixed';
  area.style.opacity = '0';
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  if (!done) throw new Error('The browser did not allow copying.');
}

function useCopied(): [boolean, (text: string) => void] {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1600);
    return () => clearTimeout(timer);
  }, [copied]);
  return [copied, (text) => void copyText(text).then(() => setCopied(true), () => setCopied(false))];
}

export function CopyButton({ text, label = 'Copy' }: { text: string; label?: string }) {
  const [copied, copy] = useCopied();
  return (
    <Button small onClick={() => copy(text)} aria-live="polite">
      {copied ? <CheckIcon size={14} /> : <CopyIcon size={14} />}
      {copied ? 'Copied' : label}
    </Button>
  );
}

/** A short value in mono that copies itself when clicked. */
export function CopyValue({ text, name }: { text: string; name: string }) {
  const [copied, copy] = useCopied();
  return (
    <button
      type="button"
      onClick={() => copy(text)}
      title={`Copy ${name}`}
      aria-label={`Copy ${name} ${text}`}
      className="inline-flex max-w-full items-center gap-1 rounded-s font-mono text-12 text-ink-3 hover:text-ink"
    >
      <span className="truncate">{text}</span>
      {copied ? <CheckIcon size={12} /> : <CopyIcon size={12} />}
      <span className="sr-only" aria-live="polite">
        {copied ? 'Copied' : ''}
      </span>
    </button>
  );
}

/** A block of code or shell that copies as a whole. */
export function CodeBlock({ text, label }: { text: string; label: string }) {
  return (
    <div className="rounded-m border bg-surface-2">
      <div className="flex items-center justify-between gap-2 border-b px-3 py-1.5">
        <span className="text-12 text-ink-2">{label}</span>
        <CopyButton text={text} />
      </div>
      <pre
        tabIndex={0}
        aria-label={label}
        className="overflow-x-auto px-3 py-2 font-mono text-12 leading-5 whitespace-pre"
      >
        {text}
      </pre>
    </div>
  );
}

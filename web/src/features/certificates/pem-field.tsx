import { useId } from 'react';
import { AreaField } from '@/ui/field';

/** PEM text, pasted or from a file. */
export function PemField({
  label,
  help,
  fault,
  value,
  onChange,
}: {
  label: string;
  help?: string;
  fault?: string;
  value: string;
  onChange: (value: string) => void;
}) {
  const id = useId();
  return (
    <div className="flex flex-col gap-1.5">
      <AreaField label={label} help={help} fault={fault} value={value} onChange={onChange} />
      <div className="text-12 text-ink-2">
        <label htmlFor={id}>or a file: </label>
        <input
          id={id}
          type="file"
          accept=".pem,.crt,.cer,.csr,.req,.txt"
          className="max-w-full"
          onChange={(e) => {
            const file = e.target.files?.[0];
            // A PEM is small; what is not is none.
            if (file) void file.slice(0, 20_000).text().then(onChange);
          }}
        />
      </div>
    </div>
  );
}

/** What is wrong with a text before it is sent, or false. */
export function pemFault(text: string, kind: 'CERTIFICATE' | 'CERTIFICATE REQUEST'): string | false {
  const begins = text.includes(`-----BEGIN ${kind}-----`) || (kind === 'CERTIFICATE REQUEST' && text.includes('-----BEGIN NEW CERTIFICATE REQUEST-----'));
  if (begins) return false;
  if (text.includes('PRIVATE KEY-----')) return 'That is a private key: keep it to yourself.';
  return `It begins with “-----BEGIN ${kind}-----”.`;
}

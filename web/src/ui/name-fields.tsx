// A person's names in a form.
import { TextField } from './field';

const labels = { first_name: 'First name', last_name: 'Last name' } as const;
type Name = keyof typeof labels;

/** What these fields need of a form (`useForm`) that also asks for other things. */
interface NamesForm {
  values: Record<Name, string>;
  fault: (name: Name) => string | undefined;
  set: (name: Name, value: string) => void;
}

/** First and last name, side by side. */
export function NameFields({
  form,
  optional = false,
  autoFocus = false,
}: {
  form: NamesForm;
  optional?: boolean;
  /** Whether the form begins with them. */
  autoFocus?: boolean;
}) {
  return (
    <div className="grid grid-cols-2 gap-4">
      {(['first_name', 'last_name'] as const).map((name) => (
        <TextField
          key={name}
          label={labels[name]}
          optional={optional}
          autoFocus={autoFocus && name === 'first_name'}
          value={form.values[name]}
          onChange={(e) => form.set(name, e.target.value)}
          fault={form.fault(name)}
        />
      ))}
    </div>
  );
}

import { useState } from 'react';
import { asApiError } from '@/api/errors';

/** Members that are texts. */
type Texts<T> = { [K in keyof T]: T[K] extends string ? K : never }[keyof T] & string;

/** Values of a form, whether they were touched, and the server's faults at their fields. */
export function useForm<T extends object>(initial: T) {
  const [values, setValues] = useState<T>(initial);
  const [own, setOwn] = useState<Record<string, string>>({});
  const [error, setError] = useState<unknown>(null);
  const [cleared, setCleared] = useState<ReadonlySet<string>>(new Set());
  const fields = error ? asApiError(error).fields : {};
  const fault = (name: keyof T & string): string | undefined =>
    own[name] ?? (cleared.has(name) ? undefined : fields[name]);
  const set = <K extends keyof T & string>(name: K, value: T[K]) => {
    setValues((old) => ({ ...old, [name]: value }));
    setOwn(({ [name]: _gone, ...rest }) => rest);
    setCleared((old) => new Set(old).add(name));
  };
  return {
    values,
    dirty: JSON.stringify(values) !== JSON.stringify(initial),
    error,
    setError: (next: unknown) => {
      setError(next);
      setCleared(new Set());
    },
    /** Faults found before sending; answers whether there are none. */
    check: (faults: Record<string, string | false | undefined>) => {
      const real = Object.fromEntries(
        Object.entries(faults).filter((pair): pair is [string, string] => Boolean(pair[1])),
      );
      setOwn(real);
      return Object.keys(real).length === 0;
    },
    /** The fault to show at a field, gone as soon as the field is changed. */
    fault,
    set,
    /** What a text field of this member takes: its value, its changes and its fault. */
    text: (name: Texts<T>) => ({
      value: values[name] as string,
      onChange: (e: { target: { value: string } }) => set(name, e.target.value as T[Texts<T>]),
      fault: fault(name),
    }),
    /** The same for fields that hand on the value itself: lists of choices, areas. */
    choice: (name: Texts<T>) => ({
      value: values[name] as string,
      onChange: (value: string) => set(name, value as T[Texts<T>]),
      fault: fault(name),
    }),
  };
}

/** What an id may be (it stands in topics), as a fault or false. */
export function idFault(id: string): string | false {
  if (id === '') return 'Give an id.';
  if (!/^[A-Za-z0-9_-]{1,128}$/.test(id))
    return 'Letters, digits, “-” and “_” only, at most 128: it stands in MQTT topics.';
  return false;
}

/** A number or null from a text field; NaN when it is neither. */
export function numberOrNull(text: string): number | null {
  return text.trim() === '' ? null : Number(text);
}

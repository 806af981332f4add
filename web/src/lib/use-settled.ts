import { useEffect, useMemo, useState } from 'react';

/** `value` as it was when it last stood still for so long (ms), so that not every key asks the server. */
export function useSettled<T>(value: T, ms = 400): T {
  const text = JSON.stringify(value);
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), ms);
    return () => clearTimeout(timer);
  }, [text, ms]);
  return useMemo(() => JSON.parse(settled) as T, [settled]);
}

import { nothing, type Change } from './changes';

/** One side of a change: its value, or of a list what went or came. */
function Side({ text, items, sign }: { text: string; items: string[] | undefined; sign: string }) {
  if (items)
    return items.length === 0 ? (
      nothing
    ) : (
      <ul>
        {items.map((item) => (
          <li key={item}>
            <span aria-hidden="true">{sign} </span>
            {item}
          </li>
        ))}
      </ul>
    );
  return (
    <>
      {text !== nothing && <span aria-hidden="true">{sign} </span>}
      {text}
    </>
  );
}

/** What changed, before beside after; of lists only what went and came. */
export function ChangeTable({ changes }: { changes: readonly Change[] }) {
  return (
    <table className="w-full max-w-160 border bg-surface text-left" aria-label="What changed">
      <thead>
        <tr className="border-b text-12 text-ink-2">
          <th className="px-2 py-1 font-normal">Changed</th>
          <th className="px-2 py-1 font-normal">Before</th>
          <th className="px-2 py-1 font-normal">After</th>
        </tr>
      </thead>
      <tbody>
        {changes.map((c) => (
          <tr key={c.name} className="border-b align-top last:border-b-0">
            <th scope="row" className="px-2 py-1 font-normal text-ink-2">
              {c.name.replaceAll('_', ' ')}
              {c.list && c.list.kept > 0 && (
                <span className="num block text-12 text-ink-3">{c.list.kept} unchanged</span>
              )}
            </th>
            <td className="px-2 py-1 break-words text-critical">
              <Side text={c.before} items={c.list?.removed} sign="−" />
            </td>
            <td className="px-2 py-1 break-words text-online">
              <Side text={c.after} items={c.list?.added} sign="+" />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

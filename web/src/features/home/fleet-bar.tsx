/** Share of online, stale and offline devices as one bar; the words are beside it or in its label. */
export function FleetBar({
  online,
  stale,
  offline,
}: {
  online: number;
  stale: number;
  offline: number;
}) {
  const total = online + stale + offline;
  const parts: [string, number][] = [
    ['bg-online', online],
    ['bg-stale', stale],
    ['bg-offline', offline],
  ];
  return (
    <div
      role="img"
      aria-label={`${online} online, ${stale} stale, ${offline} offline`}
      title={`${online} online, ${stale} stale, ${offline} offline`}
      className="flex h-1.5 gap-px overflow-hidden rounded-full bg-surface-2"
    >
      {parts.map(
        ([colour, n]) =>
          n > 0 && <div key={colour} className={colour} style={{ width: `${(100 * n) / total}%` }} />,
      )}
    </div>
  );
}

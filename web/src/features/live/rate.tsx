import { count } from '@/lib/numbers';
import { Panel } from '@/ui/page';

/** Messages in each second of the last minute, as bars. */
export function Rate({ perSecond }: { perSecond: readonly number[] }) {
  const most = Math.max(...perSecond);
  const recent = perSecond.slice(-10);
  const mean = recent.reduce((a, b) => a + b, 0) / recent.length;
  const text = mean >= 10 ? count(Math.round(mean)) : mean.toFixed(1);
  return (
    <Panel title="Messages a second" className="max-lg:hidden" aside={<span className="num">peak {count(most)}</span>}>
      <div className="flex items-end gap-4 px-3 py-2">
        <span className="num w-16 shrink-0 text-20 font-semibold" title="Mean of the last 10 s">
          {text}
        </span>
        <svg
          viewBox="0 0 240 36"
          preserveAspectRatio="none"
          className="h-9 min-w-0 flex-1 text-accent"
          role="img"
          aria-label={`Last minute: ${text} a second of late, ${count(most)} at most`}
        >
          {perSecond.map((n, i) => {
            const h = (34 * n) / Math.max(1, most);
            return <rect key={i} x={i * 4} y={36 - h} width="3" height={h} fill="currentColor" />;
          })}
        </svg>
      </div>
    </Panel>
  );
}

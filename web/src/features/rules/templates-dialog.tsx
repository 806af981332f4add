import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { toast } from 'sonner';
import { rulesApi } from '@/api/rules';
import { many } from '@/lib/numbers';
import { CheckField } from '@/ui/check-field';
import { Dialog, DialogForm } from '@/ui/dialog';
import { Failure, SkeletonRows } from '@/ui/states';
import { useRuleWrite } from './queries';

/** The usual rules, by what a device measures; those that are there already are left alone. */
export function TemplatesDialog({ onClose }: { onClose: () => void }) {
  const list = useQuery({ queryKey: ['alert-rule-templates'], queryFn: rulesApi.templates });
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [tried, setTried] = useState(false);
  const apply = useRuleWrite(() => rulesApi.apply([...chosen]), {
    onSuccess: (done) => {
      toast.success(
        `${many(done.created.length, 'rule')} made` +
          (done.skipped.length > 0 ? `, ${done.skipped.length} were there already` : ''),
      );
      onClose();
    },
    onError: () => undefined,
  });
  const kinds = [...new Set((list.data ?? []).map((t) => t.device_type))];
  const turn = (id: string, on: boolean) =>
    setChosen((old) => new Set(on ? [...old, id] : [...old].filter((x) => x !== id)));
  return (
    <Dialog
      open
      onClose={onClose}
      dirty={chosen.size > 0}
      title="Rules that are often wanted"
      description="They watch all devices that send the metric. Change values and places afterwards."
    >
      <DialogForm
        submit={chosen.size > 0 ? `Add ${many(chosen.size, 'rule')}` : 'Add rules'}
        busy={apply.isPending}
        error={apply.error}
        onCancel={onClose}
        onSubmit={() => {
          setTried(true);
          if (chosen.size > 0) apply.mutate(undefined);
        }}
      >
        {list.error ? (
          <Failure error={list.error} what="Templates" retry={() => void list.refetch()} />
        ) : list.isPending ? (
          <SkeletonRows rows={5} label="Loading templates" />
        ) : (
          kinds.map((kind) => (
            <fieldset key={kind} className="flex flex-col gap-2">
              <legend className="mb-1 text-12 text-ink-3 first-letter:uppercase">{kind}</legend>
              {list.data
                .filter((t) => t.device_type === kind)
                .map((t) => (
                  <CheckField
                    key={t.template_id}
                    label={t.name}
                    help={`${t.metric_name}: ${t.description}`}
                    checked={chosen.has(t.template_id)}
                    onChange={(on) => turn(t.template_id, on)}
                  />
                ))}
            </fieldset>
          ))
        )}
        {tried && chosen.size === 0 && (
          <p role="alert" className="text-12 text-critical">
            ▲ Choose at least one.
          </p>
        )}
      </DialogForm>
    </Dialog>
  );
}

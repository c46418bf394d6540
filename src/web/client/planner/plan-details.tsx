import { formatBytes } from '../../../base/index.js';
import { type FoundPlans, memoryShares, rejectionRows, type ShownPlan, stepShares } from '../../view/index.js';
import { DataTable, type Figure, Figures, Panel } from '../ui/index.js';
import { Bars } from './bars.js';
import { ScheduleLink } from './plans-panel.js';
import { ShareBar, type ShareFill, Swatch } from './share-bar.js';

const percent = (share: number) => `${(100 * share).toFixed(1)}%`;

/** A plan in full: its figures, where time and memory go, and how the model lies on its ranks. */
export function PlanDetails({
  shown,
  found,
  place,
}: {
  readonly shown: ShownPlan;
  readonly found: FoundPlans;
  readonly place: number;
}) {
  const { plan, cells, address } = shown;
  const label = `${place}. ${cells.schedule}`;
  const layout =
    `${cells.pipeline} pipeline x ${cells.data} data ranks, experts over ${cells.expert}; ${cells.microbatches} microbatches; ` +
    `${plan.recomputation === 'none' ? 'no' : plan.recomputation} recomputation; ${cells.sms} SMs for communication`;
  return (
    <>
      <Panel
        title={`Plan ${label}`}
        note={layout}
        actions={<ScheduleLink address={address} label={label} words="Open its timeline" />}
      >
        <Figures figures={figuresOf(shown, found)} />
      </Panel>
      <div class="side-by-side">
        <StepPanel shown={shown} />
        <MemoryPanel shown={shown} found={found} />
      </div>
      <div class="side-by-side">
        <RanksPanel shown={shown} found={found} />
        <StagesPanel shown={shown} />
      </div>
      <RejectedPanel found={found} />
    </>
  );
}

function figuresOf({ cells, plan }: ShownPlan, { gpuBytes }: FoundPlans): readonly Figure[] {
  return [
    { name: 'Step, predicted', value: cells.step },
    { name: 'MFU', value: cells.mfu, note: 'of the BF16 peak' },
    { name: 'Tokens a second', value: cells.tokens },
    { name: 'GPU hours', value: cells.gpuHours, note: 'for 1 T tokens' },
    { name: 'Fullest rank', value: cells.memory, note: `of ${formatBytes(gpuBytes)}` },
    { name: 'Bubble', value: cells.bubble, note: 'of the step, mean of the ranks' },
    {
      name: 'Exposed',
      value: cells.exposed,
      note: `communication that nothing hides, ${percent(plan.exposedCommunicationSeconds / plan.stepSeconds)}`,
    },
  ];
}

const stepFills: Readonly<Record<string, ShareFill>> = {
  forward: 'forward',
  backward: 'backward',
  backwardWeight: 'weight',
  overlapped: 'pair',
  warmUp: 'idle',
  waiting: 'idle',
  messages: 'warning',
  coolDown: 'idle',
  reduce: 'first',
  optimizer: 'second',
};

function StepPanel({ shown: { plan } }: { readonly shown: ShownPlan }) {
  const shares = stepShares(plan).map((one) => ({ ...one, fill: stepFills[one.part] ?? 'idle' }));
  return (
    <Panel title={`Where the ${plan.stepSeconds.toFixed(3)} s go`} note="Predicted, a mean of the ranks.">
      <ShareBar shares={shares} label="Parts of the step" />
      <DataTable
        caption="Parts of the step"
        columns={[{ name: 'part' }, { name: 'time', isNumber: true }, { name: 'share', isNumber: true }]}
        rows={shares.map(({ part, words, amount, share, fill }) => ({
          key: part,
          cells: [<Swatch key="name" fill={fill} words={words} />, `${amount.toFixed(3)} s`, percent(share)],
        }))}
      />
    </Panel>
  );
}

const memoryFills: Readonly<Record<string, ShareFill>> = {
  parameters: 'forward',
  gradients: 'backward',
  optimizer: 'first',
  activations: 'pair',
  working: 'weight',
  reserved: 'idle',
  free: 'free',
};

function MemoryPanel({ shown: { plan }, found }: { readonly shown: ShownPlan; readonly found: FoundPlans }) {
  const shares = memoryShares(plan, found.gpuBytes).map((one) => ({ ...one, fill: memoryFills[one.part] ?? 'idle' }));
  return (
    <Panel title="Memory of the fullest rank" note={`Predicted, of the ${formatBytes(found.gpuBytes)} of a GPU.`}>
      <ShareBar shares={shares} label="Parts of the memory" />
      <DataTable
        caption="Parts of the memory"
        columns={[{ name: 'part' }, { name: 'memory', isNumber: true }, { name: 'share', isNumber: true }]}
        rows={shares.map(({ part, words, amount, share, fill }) => ({
          key: part,
          cells: [<Swatch key="name" fill={fill} words={words} />, formatBytes(amount), percent(share)],
        }))}
      />
    </Panel>
  );
}

function RanksPanel({ shown: { plan }, found }: { readonly shown: ShownPlan; readonly found: FoundPlans }) {
  const [most, least] = [Math.max(...plan.peakMemoryBytes), Math.min(...plan.peakMemoryBytes)];
  return (
    <Panel title="Memory by pipeline rank" note={`From ${formatBytes(least)} to ${formatBytes(most)}, predicted.`}>
      <Bars
        label="Memory by pipeline rank"
        values={plan.peakMemoryBytes}
        most={found.gpuBytes}
        describe={(bytes, rank) => `rank ${rank}: ${formatBytes(bytes)}`}
        top={`${formatBytes(found.gpuBytes)}, all of a GPU`}
      />
    </Panel>
  );
}

function StagesPanel({ shown: { plan } }: { readonly shown: ShownPlan }) {
  const most = Math.max(1, ...plan.layersByStage);
  return (
    <Panel title="Layers by stage" note={plan.layersByStage.join(' ')}>
      <Bars
        label="Layers by stage"
        values={plan.layersByStage}
        most={most}
        describe={(layers, stage) => `stage ${stage}: ${layers} layers`}
        top={`${most} layers`}
      />
    </Panel>
  );
}

function RejectedPanel({ found: { rejected } }: { readonly found: FoundPlans }) {
  const rows = rejectionRows(rejected);
  if (rows.length === 0) return null;
  return (
    <Panel title="Layouts that were left out">
      <DataTable
        caption="Layouts that were left out"
        columns={[{ name: 'why' }, { name: 'layouts', isNumber: true }]}
        rows={rows.map(({ words, layouts }) => ({ key: words, cells: [words, String(layouts)] }))}
      />
    </Panel>
  );
}

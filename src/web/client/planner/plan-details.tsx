import { formatBytes, formatPercent } from '../../../base/index.js';
import { kindStyles } from '../../../draw/index.js';
import { formatStepSeconds, type MemoryByPart, type StepBreakdown } from '../../../plan/index.js';
import {
  type FoundPlans,
  memoryShares,
  rejectionRows,
  type Share,
  type ShownPlan,
  stepShares,
} from '../../view/index.js';
import { DataTable, type Figure, Figures, Panel, StackedBar, timeColours } from '../ui/index.js';
import { Bars } from './bars.js';
import { ScheduleLink } from './plans-panel.js';

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
      note: `communication that nothing hides, ${formatPercent(plan.exposedCommunicationSeconds / plan.stepSeconds)}`,
    },
  ];
}

/** Computation as in the timeline, and idle time as in the view Schedules. */
const stepColours: Readonly<Record<keyof StepBreakdown, string>> = {
  forward: kindStyles.forward.fill,
  backward: kindStyles.backward.fill,
  backwardWeight: kindStyles.backwardWeight.fill,
  overlapped: kindStyles.overlap.fill,
  warmUp: timeColours.warmUp,
  waiting: timeColours.waiting,
  messages: timeColours.exposedCommunication,
  coolDown: timeColours.coolDown,
  reduce: '#7fc4bb',
  optimizer: '#2f7f76',
};

const memoryColours: Readonly<Record<keyof MemoryByPart | 'free', string>> = {
  parameters: '#a5d0f0',
  gradients: '#f7b267',
  optimizer: '#7fc4bb',
  activations: '#d9c2ec',
  working: '#b5d99c',
  reserved: '#8a8f98',
  free: 'var(--sunken)',
};

function StepPanel({ shown: { plan } }: { readonly shown: ShownPlan }) {
  return (
    <Panel title={`Where the ${formatStepSeconds(plan.stepSeconds)} go`} note="Predicted, a mean of the ranks.">
      <Shares
        label="Parts of the step"
        shares={stepShares(plan).map((one) => ({ ...one, colour: stepColours[one.part] }))}
        describe={formatStepSeconds}
      />
    </Panel>
  );
}

function MemoryPanel({
  shown: { plan },
  found: { gpuBytes },
}: {
  readonly shown: ShownPlan;
  readonly found: FoundPlans;
}) {
  return (
    <Panel title="Memory of the fullest rank" note={`Predicted, of the ${formatBytes(gpuBytes)} of a GPU.`}>
      <Shares
        label="Parts of the memory"
        shares={memoryShares(plan, gpuBytes).map((one) => ({ ...one, colour: memoryColours[one.part] }))}
        describe={formatBytes}
      />
    </Panel>
  );
}

interface SharesProps {
  readonly label: string;
  readonly shares: readonly (Share<string> & { readonly colour: string })[];
  readonly describe: (amount: number) => string;
}

/** Parts of a whole as a bar, and in numbers. */
function Shares({ label, shares, describe }: SharesProps) {
  const parts = shares.map(({ words, amount, colour }) => ({ name: words, value: amount, colour }));
  return (
    <>
      <StackedBar
        label={label}
        parts={parts}
        total={parts.reduce((sum, { value }) => sum + value, 0)}
        describe={describe}
      />
      <DataTable
        caption={label}
        columns={[{ name: 'part' }, { name: 'amount', isNumber: true }, { name: 'share', isNumber: true }]}
        rows={shares.map(({ part, words, amount, share, colour }) => ({
          key: part,
          cells: [
            <span key="name" class="swatch-name">
              <span class="swatch" style={{ background: colour }} />
              {words}
            </span>,
            describe(amount),
            formatPercent(share),
          ],
        }))}
      />
    </>
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

import { formatPercent } from '../../../base/index.js';
import { describeDifference, formatActivations, type SchedulePicture } from '../../view/index.js';
import { describeTime } from '../timeline/index.js';
import { Figures, Panel } from '../ui/index.js';
import { TimeBar } from './time-bar.js';

/** What the schedules come to: one sentence on how they differ, and figures of each. */
export function SummaryPanel({ pictures }: { readonly pictures: readonly SchedulePicture[] }) {
  const [first, second] = pictures;
  const longest = Math.max(...pictures.map(({ simulation }) => simulation.makespan));
  return (
    <Panel title={pictures.length > 1 ? 'How they differ' : 'What it takes'}>
      {first === undefined || second === undefined ? null : (
        <p class="lead" data-part="difference">
          {describeDifference(first, second)}
        </p>
      )}
      {pictures.map((picture, place) => (
        <section key={place} class="summary" aria-label={`Figures of ${picture.name}`}>
          <Figures figures={figuresOf(picture)} />
          <TimeBar picture={picture} length={longest === 0 ? 0 : picture.simulation.makespan / longest} />
        </section>
      ))}
    </Panel>
  );
}

function figuresOf({ name, schedule, simulation, peakActivations, indexed }: SchedulePicture) {
  const most = Math.max(...peakActivations);
  const chunks = Math.max(...simulation.peakActivations);
  const share = most / chunks;
  const stages = schedule.stageToRank.length / schedule.ranks;
  return [
    { name: 'Schedule', value: name, note: stages === 1 ? '1 stage a rank' : `${stages} stages a rank` },
    { name: 'Makespan', value: describeTime(simulation.makespan, indexed.unit) },
    { name: 'Bubble', value: formatPercent(simulation.bubble), note: 'idle time of all ranks' },
    {
      name: 'Most activations',
      value: formatActivations(most),
      note: `on rank ${peakActivations.indexOf(most)}${share === 1 ? '' : `: ${chunks} chunks of ${formatActivations(share)}`}`,
    },
  ];
}

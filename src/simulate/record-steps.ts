import { type Averages, createAverages, median } from './averages.js';
import type { MeasuredMessage, MeasuredRank, MeasuredSegment, MeasuredStep } from './measured-step.js';
import { createPartList } from './part-list.js';
import type { StepRecord } from './step-record.js';

/** What was measured. */
export interface RecordStepsRequest
  extends Omit<StepRecord, 'version' | 'steps' | 'stepSeconds' | 'tailSeconds' | 'message' | 'parts'> {
  /** At least one; the first steps of a run, which warm up, are better left out. */
  readonly steps: readonly MeasuredStep[];
}

/**
 * What measured steps come to: the median step, and the mean times of the third of the steps that are nearest to it. A step that was disturbed does not count then,
 * and the times still sum to the step's own, as medians of single segments would not.
 * The transfer of an exchange is from when it could begin, which is when the last rank of the group had posted it and the group's lanes had ended the exchange
 * before, to its end: waiting for others is not part of it, the simulation adds that again. That compares moments of different ranks. Within one machine they
 * share a clock. Across machines a clock that is off by d adds up to d to the transfers of one rank and takes it from another's, but never to less than
 * nothing: keep d small against a transfer.
 */
export function recordSteps({ steps, ...run }: RecordStepsRequest): StepRecord {
  const { expert } = run;
  const stepSeconds = median(steps.map(({ seconds }) => seconds));
  const parts = createPartList(expert);
  const averages = createAverages();
  for (const step of nearestThird(steps, stepSeconds)) {
    for (let first = 0; first < step.ranks.length; first += expert) {
      const group = step.ranks.slice(first, first + expert);
      const transfers = measureTransfers(group);
      for (const [expertRank, { segments }] of group.entries()) {
        for (const segment of segments) parts.add(expertRank, segment, transfers.get(segment) ?? 0);
      }
    }
    addMessages(averages, step.ranks, expert);
    averages.add('tailSeconds', measureTail(step));
  }
  return {
    version: 1,
    ...run,
    steps: steps.length,
    stepSeconds,
    tailSeconds: averages.mean('tailSeconds'),
    message: {
      sendSeconds: averages.mean('sendSeconds'),
      transferSeconds: averages.mean('transferSeconds'),
      receiveSeconds: averages.mean('receiveSeconds'),
    },
    parts: parts.list(),
  };
}

function nearestThird(steps: readonly MeasuredStep[], stepSeconds: number): readonly MeasuredStep[] {
  const distance = ({ seconds }: MeasuredStep) => Math.abs(seconds - stepSeconds);
  return [...steps].sort((a, b) => distance(a) - distance(b)).slice(0, Math.ceil(steps.length / 3));
}

/** Of a step, what is outside of the schedule. The ranks begin it together, so the longest has no wait for another before it. */
function measureTail({ seconds, ranks }: MeasuredStep): number {
  return Math.max(0, seconds - Math.max(...ranks.map(({ scheduleSeconds }) => scheduleSeconds)));
}

type MeasuredExchange = Extract<MeasuredSegment, { lane: 'communication' }>;

/** The time that each exchange of a group's ranks was under way. */
function measureTransfers(group: readonly MeasuredRank[]): Map<MeasuredSegment, number> {
  const lists = group.map(({ segments }) => segments.filter(isExchange));
  const transfers = new Map<MeasuredSegment, number>();
  if (lists.some(({ length }) => length !== lists[0].length))
    throw new Error('the ranks of a group have not the same number of exchanges');
  let laneFree = Number.NEGATIVE_INFINITY;
  for (const [index, first] of lists[0].entries()) {
    const exchanges = lists.map((list) => list[index]);
    if (exchanges.some((exchange) => !isSameSegment(exchange, first)))
      throw new Error(`exchange ${index} of the ranks of a group is not the same one`);
    const start = exchanges.reduce((latest, { transfer }) => Math.max(latest, transfer.posted), laneFree);
    for (const exchange of exchanges) transfers.set(exchange, Math.max(0, exchange.transfer.end - start));
    laneFree = exchanges.reduce((latest, { transfer }) => Math.max(latest, transfer.end), laneFree);
  }
  return transfers;
}

function isExchange(segment: MeasuredSegment): segment is MeasuredExchange {
  return segment.lane === 'communication';
}

function isSameSegment(a: MeasuredSegment, b: MeasuredSegment): boolean {
  return (
    a.name === b.name &&
    a.phase === b.phase &&
    a.layer === b.layer &&
    a.stage === b.stage &&
    a.microbatch === b.microbatch
  );
}

/**
 * How long messages take, which are all of one size. Their way shows where the receiver waited, as a message that came before it was wanted may have come
 * long before; and of those the quickest counts, as the others may have waited for the lane.
 */
function addMessages(averages: Averages, ranks: readonly MeasuredRank[], expert: number): void {
  const sent = new Map<string, number>();
  const keyOf = ({ fromStage, toStage, microbatch }: MeasuredMessage, worldRank: number) =>
    `${worldRank % expert} ${fromStage} ${toStage} ${microbatch}`;
  const all = ranks.flatMap(({ messages }, rank) =>
    messages.map((message) => ({ message, key: keyOf(message, rank) })),
  );
  for (const { message, key } of all) {
    averages.add(message.kind === 'send' ? 'sendSeconds' : 'receiveSeconds', message.seconds);
    if (message.kind === 'send') sent.set(key, message.end);
  }
  const ways = all.flatMap(({ message, key }) => {
    const end = sent.get(key);
    if (message.kind === 'send' || end === undefined || message.ready <= message.start) return [];
    return [Math.max(0, message.ready - end)];
  });
  if (ways.length > 0) averages.add('transferSeconds', Math.min(...ways));
}

import { WorkError } from '../base/index.js';
import type { ChannelSpec } from '../comm/index.js';
import type { BatchShape } from '../model/index.js';
import { type Action, type ChunkAction, chunkActions, type Schedule } from '../schedule/index.js';
import { countRanks, type Layout, rankAt } from './layout.js';

/** A queue between the ranks of two neighbouring stages: activations one way, gradients the other. */
export interface StageLink {
  readonly fromStage: number;
  readonly toStage: number;
  readonly from: number;
  readonly to: number;
}

/** The links of a schedule between stages on different ranks; a link's position is its channel's number. */
export function stageLinks(schedule: Schedule): StageLink[] {
  const links: StageLink[] = [];
  for (const pipeline of schedule.pipelines) {
    for (let position = 0; position + 1 < pipeline.length; position++) {
      const [stage, next] = [pipeline[position], pipeline[position + 1]];
      const [from, to] = [schedule.stageToRank[stage], schedule.stageToRank[next]];
      if (from === to) continue;
      links.push(
        { fromStage: stage, toStage: next, from, to },
        { fromStage: next, toStage: stage, from: to, to: from },
      );
    }
  }
  return links;
}

/** Number of the channel from one stage to another, or -1 where both are on one rank. */
export function channelOf(links: readonly StageLink[], fromStage: number, toStage: number): number {
  return links.findIndex((link) => link.fromStage === fromStage && link.toStage === toStage);
}

/** Number of an expert rank's channel of a link: it does not depend on how many links there are, so a schedule of fewer pipelines uses the same. */
export function rankChannel({ expert }: Pick<Layout, 'expert'>, link: number, expertRank: number): number {
  return link * expert + expertRank;
}

/** Position of the link that a channel belongs to. */
export function linkOfChannel({ expert }: Pick<Layout, 'expert'>, channel: number): number {
  return Math.floor(channel / expert);
}

/** What the channels of a run depend on. */
interface RunChannels extends Layout {
  readonly evaluation: Schedule;
  readonly batch: BatchShape;
  readonly model: { readonly hiddenSize: number };
}

/** Bytes of a message with a part of a rank's state. */
export const STATE_MESSAGE_BYTES = 2 ** 20;

/**
 * All channels of a run: those of the schedule, with room for the evaluation too, which uses those of the first pipeline; then one from every rank
 * to rank 0, for states.
 */
export function planRunChannels(spec: RunChannels): ChannelSpec[] {
  const messageBytes = 4 * spec.batch.sequences * spec.batch.sequenceLength * spec.model.hiddenSize;
  const { schedule, evaluation, expert } = spec;
  const [training, evaluating] = [schedule, evaluation].map((one) =>
    planChannels({ schedule: one, expert }, messageBytes),
  );
  // The evaluation's links are the first of the schedule's.
  const merged = training.map((channel, index) => {
    return { ...channel, slots: Math.max(channel.slots, evaluating[index]?.slots ?? 1) };
  });
  return [...merged, ...Array.from({ length: countRanks(spec) }, (_, from) => stateChannel(from))];
}

function stateChannel(from: number): ChannelSpec {
  return { from, to: 0, messageBytes: STATE_MESSAGE_BYTES, slots: from === 0 ? 0 : 2 };
}

/** Number of the channel that carries the state of `rank` to rank 0, of a run with `channels` channels. */
export function stateChannelOf(spec: Layout, channels: number, rank: number): number {
  return channels - countRanks(spec) + rank;
}

/**
 * Channels with the fewest slots with which the schedule cannot get stuck, and one more so that senders seldom wait. Ranks run their actions in
 * order, so whether they get stuck does not depend on timing: one untimed run per number of slots tells. Every expert rank has channels of its own,
 * numbered by `rankChannel`.
 */
export function planChannels(layout: Layout, messageBytes: number): ChannelSpec[] {
  const { schedule, expert } = layout;
  const links = stageLinks(schedule);
  for (let slots = 1; slots <= schedule.microbatches; slots++) {
    if (!finishes(schedule, links, slots)) continue;
    const roomy = Math.min(slots + 1, Math.max(1, schedule.microbatches));
    return links.flatMap(({ from, to }) =>
      Array.from({ length: expert }, (_, expertRank) => ({
        from: rankAt(layout, from, expertRank),
        to: rankAt(layout, to, expertRank),
        messageBytes,
        slots: roomy,
      })),
    );
  }
  throw new WorkError({ what: `schedule '${schedule.name}' never ends, however many messages may wait` });
}

interface Endpoint {
  readonly channel: number;
  readonly microbatch: number;
}

/** What an action takes from and gives to channels, in order. */
function endpoints(
  schedule: Schedule,
  links: readonly StageLink[],
  action: ChunkAction,
): { receive?: Endpoint; send?: Endpoint } {
  const { stage, microbatch, kind } = action;
  if (kind === 'backwardWeight') return {};
  const pipeline = schedule.pipelines.find((stages) => stages.includes(stage)) ?? [];
  const position = pipeline.indexOf(stage);
  const step = kind === 'forward' ? 1 : -1;
  const channel = (from: number | undefined, to: number | undefined) =>
    from === undefined || to === undefined ? -1 : channelOf(links, from, to);
  const incoming = channel(pipeline[position - step], stage);
  const outgoing = channel(stage, pipeline[position + step]);
  return {
    ...(incoming >= 0 && { receive: { channel: incoming, microbatch } }),
    ...(outgoing >= 0 && { send: { channel: outgoing, microbatch } }),
  };
}

/** Messages of an action in the order in which the rank meets them: an overlapped pair takes both inputs before it gives an output, at worst. */
function messages(
  schedule: Schedule,
  links: readonly StageLink[],
  action: Action,
): { kind: 'receive' | 'send'; endpoint: Endpoint }[] {
  const both = chunkActions(action).map((chunk) => endpoints(schedule, links, chunk));
  const receives = both.flatMap(({ receive }) => (receive ? [{ kind: 'receive' as const, endpoint: receive }] : []));
  const sends = both.flatMap(({ send }) => (send ? [{ kind: 'send' as const, endpoint: send }] : []));
  return [...receives, ...sends];
}

function finishes(schedule: Schedule, links: readonly StageLink[], slots: number): boolean {
  const queues: number[][] = links.map(() => []);
  const programs = schedule.actions.map((actions) => actions.flatMap((action) => messages(schedule, links, action)));
  const positions = programs.map(() => 0);
  for (let moved = true; moved; ) {
    moved = false;
    for (const [rank, program] of programs.entries()) {
      for (; positions[rank] < program.length; positions[rank]++, moved = true) {
        const { kind, endpoint } = program[positions[rank]];
        const queue = queues[endpoint.channel];
        if (kind === 'send' ? queue.length >= slots : queue.length === 0) break;
        if (kind === 'send') queue.push(endpoint.microbatch);
        else if (queue.shift() !== endpoint.microbatch) {
          throw new WorkError({
            what: `rank ${rank} needs microbatch ${endpoint.microbatch} of stage ${links[endpoint.channel].fromStage} before an earlier one`,
            where: `schedule '${schedule.name}'`,
            mend: 'let both ranks take the microbatches of a stage in the same order',
          });
        }
      }
    }
  }
  return positions.every((position, rank) => position === programs[rank].length);
}

import type { PartTimes, SegmentTime, StepRecord } from './step-record.js';

/** Seconds of a part of a chunk, the same on all expert ranks. */
export interface LayerSeconds {
  readonly attention: number;
  readonly experts: number;
  readonly pack: number;
  readonly transfer: number;
  readonly unpack: number;
}

const phases = { F: 'forward', I: 'backwardInput', W: 'backwardWeight' } as const;

function compute(name: string, letter: keyof typeof phases, seconds: readonly number[]): SegmentTime {
  return { name, phase: phases[letter], lane: 'compute', seconds };
}

/** A Mixture-of-Experts layer whose gradients for inputs and for weights take as long as its forward; `[expert rank]`. */
export function moeLayer(layer: number, ranks: readonly LayerSeconds[]): PartTimes {
  const all = (pick: (seconds: LayerSeconds) => number) => ranks.map(pick);
  const [attention, experts] = [all((rank) => rank.attention), all((rank) => rank.experts)];
  const exchange = (name: string, letter: keyof typeof phases): SegmentTime => ({
    name,
    phase: phases[letter],
    lane: 'communication',
    seconds: all(({ pack }) => pack),
    transferSeconds: all(({ transfer }) => transfer),
    unpackSeconds: all(({ unpack }) => unpack),
  });
  return {
    part: 'layer',
    layer,
    forward: [
      compute('attention', 'F', attention),
      exchange('dispatch', 'F'),
      compute('experts', 'F', experts),
      exchange('combine', 'F'),
    ],
    backward: [
      exchange('combine', 'I'),
      compute('experts', 'I', experts),
      compute('experts', 'W', experts),
      exchange('dispatch', 'I'),
      compute('attention', 'I', attention),
      compute('attention', 'W', attention),
    ],
  };
}

/** A layer of one segment a phase. */
export function denseLayer(layer: number, forward: number, input: number, weight: number, expert = 1): PartTimes {
  return simplePart('layer', 'dense', layer, [forward, input, weight], expert);
}

/** Embedding or head. */
export function edgePart(part: 'embed' | 'head', layer: number, seconds: number, expert = 1): PartTimes {
  return simplePart(part, part, layer, [seconds, seconds, seconds], expert);
}

function simplePart(
  part: PartTimes['part'],
  name: string,
  layer: number,
  [forward, input, weight]: readonly [number, number, number],
  expert: number,
): PartTimes {
  const all = (seconds: number) => new Array<number>(expert).fill(seconds);
  return {
    part,
    layer,
    forward: [compute(name, 'F', all(forward))],
    backward: [compute(name, 'I', all(input)), compute(name, 'W', all(weight))],
  };
}

/** A record of these parts on one rank, but for what is given. */
export function recordOf(parts: readonly PartTimes[], given: Partial<StepRecord> = {}): StepRecord {
  const layers = parts.filter(({ part }) => part === 'layer').length;
  return {
    version: 1,
    schedule: { name: '1f1b', ranks: 1, microbatches: 1 },
    expert: parts[0]?.forward[0]?.seconds.length ?? 1,
    overlap: true,
    transport: 'threads',
    layers: [{ first: 0, end: layers }],
    steps: 1,
    stepSeconds: 1,
    tailSeconds: 0,
    message: { sendSeconds: 0, transferSeconds: 0, receiveSeconds: 0 },
    parts,
    ...given,
  };
}

/** `layers` in equal shares over `stages`. */
export function equalLayers(layers: number, stages: number): StepRecord['layers'] {
  const bound = (stage: number) => Math.floor((stage * layers) / stages);
  return Array.from({ length: stages }, (_, stage) => ({ first: bound(stage), end: bound(stage + 1) }));
}

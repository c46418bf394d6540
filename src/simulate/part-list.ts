import { createAverages } from './averages.js';
import type { MeasuredSegment } from './measured-step.js';
import type { PartTimes, SegmentTime } from './step-record.js';

/** Collects measured segments as parts of the model. */
export interface PartList {
  readonly add: (expertRank: number, segment: MeasuredSegment, transferSeconds: number) => void;
  /** Embedding, layers in order, head. */
  readonly list: () => PartTimes[];
}

type Phase = SegmentTime['phase'];
type Shape = Pick<SegmentTime, 'name' | 'phase' | 'lane'>;

interface Part extends Pick<PartTimes, 'part' | 'layer'> {
  /** The segments of each phase in the order in which they are first seen, which is a chunk's. */
  readonly shapes: Readonly<Record<Phase, Map<string, Shape>>>;
}

export function createPartList(expert: number): PartList {
  const parts = new Map<string, Part>();
  const averages = createAverages();
  return {
    add: (expertRank, segment, transferSeconds) => {
      const { name, phase, lane, layer, seconds } = segment;
      const part = partOf(name);
      const key = `${part} ${layer}`;
      const found = parts.get(key) ?? {
        part,
        layer,
        shapes: { forward: new Map(), backwardInput: new Map(), backwardWeight: new Map() },
      };
      parts.set(key, found);
      found.shapes[phase].set(name, { name, phase, lane });
      const prefix = `${key} ${phase} ${name} ${expertRank}`;
      averages.add(`${prefix} seconds`, seconds);
      if (segment.lane === 'compute') return;
      averages.add(`${prefix} transfer`, transferSeconds);
      averages.add(`${prefix} unpack`, segment.unpackSeconds);
    },
    list: () => {
      const timesOf = ({ part, layer }: Part, { name, phase, lane }: Shape): SegmentTime => {
        const all = (what: string) =>
          Array.from({ length: expert }, (_, rank) =>
            averages.mean(`${part} ${layer} ${phase} ${name} ${rank} ${what}`),
          );
        if (lane === 'compute') return { name, phase, lane, seconds: all('seconds') };
        const [transferSeconds, unpackSeconds] = [all('transfer'), all('unpack')];
        return { name, phase, lane, seconds: all('seconds'), transferSeconds, unpackSeconds };
      };
      return [...parts.values()].sort(compareParts).map((part) => ({
        part: part.part,
        layer: part.layer,
        forward: [...part.shapes.forward.values()].map((shape) => timesOf(part, shape)),
        backward: orderBackward(part).map((shape) => timesOf(part, shape)),
      }));
    },
  };
}

function partOf(name: string): PartTimes['part'] {
  return name === 'embed' || name === 'head' ? name : 'layer';
}

const partOrder = ['embed', 'layer', 'head'] as const;

function compareParts(a: Part, b: Part): number {
  return partOrder.indexOf(a.part) - partOrder.indexOf(b.part) || a.layer - b.layer;
}

/** Weight gradients right after the input gradients of the same name, also where the schedule ran them apart. */
function orderBackward({ shapes }: Part): Shape[] {
  const weights = new Map(shapes.backwardWeight);
  const ordered = [...shapes.backwardInput.values()].flatMap((input) => {
    const weight = weights.get(input.name);
    weights.delete(input.name);
    return weight === undefined ? [input] : [input, weight];
  });
  return [...ordered, ...weights.values()];
}

import type { PlacementAnswer, PlacementOrder } from './messages.js';

/** Works on one order at a time, in a thread of its own. */
export interface Placer {
  /** Gives up what it is working on, and begins this; returns what gives up this, if it is still at work. */
  readonly ask: (order: PlacementOrder, onAnswer: (answer: PlacementAnswer) => void) => () => void;
  /** Gives up what it is working on. */
  readonly stop: () => void;
  /** Ends the thread. */
  readonly close: () => void;
}

/** The thread lives from order to order, so that it need not read files again; only what is to be given up in the middle ends it. */
export function createPlacer(): Placer {
  let worker: Worker | undefined;
  let end: (() => void) | undefined;
  const close = () => {
    end?.();
    worker?.terminate();
    worker = undefined;
  };
  const stop = () => {
    if (end !== undefined) close();
  };
  return {
    stop,
    close,
    ask(order, onAnswer) {
      stop();
      const own = worker ?? new Worker(new URL('./placement-worker.ts', import.meta.url), { type: 'module' });
      worker = own;
      const listening = new AbortController();
      const { signal } = listening;
      const endThis = () => {
        end = undefined;
        listening.abort();
      };
      end = endThis;
      const isLast = ({ kind }: PlacementAnswer) =>
        kind === 'placed' || kind === 'problem' || (kind === 'read' && order.settings === undefined);
      own.addEventListener(
        'message',
        ({ data }: MessageEvent<PlacementAnswer>) => {
          if (isLast(data)) endThis();
          onAnswer(data);
        },
        { signal },
      );
      own.addEventListener(
        'error',
        (event) => {
          event.preventDefault();
          stop();
          const reason = event.message === '' ? '' : `: ${event.message}`;
          onAnswer({ kind: 'problem', problem: { what: `placing ended early${reason}`, mend: 'try smaller loads' } });
        },
        { signal },
      );
      own.postMessage(order);
      return () => {
        if (end === endThis) stop();
      };
    },
  };
}

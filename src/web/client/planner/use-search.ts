import { useEffect, useRef, useState } from 'preact/hooks';
import type { Problem } from '../../../base/index.js';
import type { PlannerFile } from '../../view/index.js';
import type { PlannerAnswer, PlannerOrder, PlannerOutcome, ReadFiles } from './messages.js';

/** A number that is being typed, or a slider that is being moved, is not searched at every step. */
const quietMilliseconds = 350;

/** Asks a worker of its own; the function that comes back ends it. */
function askWorker(order: PlannerOrder, onAnswer: (answer: PlannerAnswer) => void): () => void {
  const worker = new Worker(new URL('./plan-worker.ts', import.meta.url), { type: 'module' });
  worker.addEventListener('message', ({ data }: MessageEvent<PlannerAnswer>) => onAnswer(data));
  worker.addEventListener('error', ({ message }) => {
    onAnswer({ kind: 'problem', problem: { what: `the search broke off: ${message}`, mend: 'reload the page' } });
  });
  worker.postMessage(order);
  return () => worker.terminate();
}

/** Why files cannot be planned with; undefined if they can. */
export async function checkFiles(given: readonly PlannerFile[], isCalibrated: boolean): Promise<Problem | undefined> {
  return await new Promise((resolve) => {
    const end = askWorker({ given, isCalibrated }, (answer) => {
      resolve(answer.kind === 'problem' ? answer.problem : undefined);
      end();
    });
  });
}

/** A search, as far as it is. */
export interface PlanSearch {
  readonly status: 'running' | 'ended' | 'cancelled';
  /** Layouts that are done, of all; undefined before the first is. */
  readonly progress: { readonly done: number; readonly layouts: number } | undefined;
  /** Of the search before until one has ended, so that a table stays until there is another. */
  readonly outcome: PlannerOutcome | undefined;
  /** What the files are; undefined until they are read. */
  readonly files: ReadFiles | undefined;
  readonly cancel: () => void;
  readonly again: () => void;
}

/** Searches what is asked for whenever that changes, in a worker: the search before ends. */
export function usePlanSearch(order: PlannerOrder): PlanSearch {
  const [status, setStatus] = useState<PlanSearch['status']>('running');
  const [progress, setProgress] = useState<PlanSearch['progress']>();
  const [outcome, setOutcome] = useState<PlannerOutcome>();
  const [files, setFiles] = useState<ReadFiles>();
  const [turn, setTurn] = useState(0);
  const stop = useRef(() => {});
  const wait = useRef(0);
  const take = (answer: PlannerAnswer) => {
    if (answer.kind === 'read') setFiles(answer.files);
    else if (answer.kind === 'progress') setProgress(answer);
    else {
      setOutcome(answer);
      setStatus('ended');
      stop.current();
    }
  };
  const { given, ...asked } = order;
  useEffect(() => {
    setStatus('running');
    setProgress(undefined);
    const start = () => {
      stop.current = askWorker(order, take);
    };
    const timer = setTimeout(start, wait.current);
    wait.current = quietMilliseconds;
    stop.current = () => clearTimeout(timer);
    return () => stop.current();
  }, [JSON.stringify(asked), given, turn]);
  const cancel = () => {
    stop.current();
    setStatus('cancelled');
  };
  return { status, progress, outcome, files, cancel, again: () => setTurn(turn + 1) };
}

import { useEffect, useRef, useState } from 'preact/hooks';
import type { Problem } from '../../../base/index.js';
import {
  type LoadsFacts,
  type PlacedLoads,
  type PlacementSettings,
  problemOnPage,
  type ReadSettings,
  readPlacementSettings,
  readReadSettings,
} from '../../view/index.js';
import { type DroppedFile, setParameters, useRoute } from '../ui/index.js';
import type { LoadsSource } from './messages.js';
import { createPlacer, type Placer } from './placer.js';

/** Loads that were read, and the placement now beside them. */
export interface Loaded {
  readonly source: LoadsSource;
  readonly current: DroppedFile | undefined;
  readonly facts: LoadsFacts;
}

/** What is going on. */
type PlacementWork =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'reading'; readonly path: string }
  | { readonly kind: 'placing'; readonly done?: number; readonly layers?: number }
  | { readonly kind: 'stopped' }
  /** Of the settings, and what they are held against. */
  | { readonly kind: 'problem'; readonly problem: Problem };

/** What files are given as: loads, or the placement in use now. */
type GivenKind = 'loads' | 'current';

/** A file that could not be read; what was there before goes on. */
export interface FileProblem {
  readonly problem: Problem;
  readonly source: LoadsSource | undefined;
  /** Which of the two was given, and where it is said. */
  readonly kind: GivenKind;
}

/** What was placed, and with which settings. */
interface PlacementResult {
  readonly placed: PlacedLoads;
  readonly settings: PlacementSettings;
}

export interface PlacementState {
  readonly loaded: Loaded | undefined;
  readonly settings: PlacementSettings | undefined;
  readonly work: PlacementWork;
  readonly fileProblem: FileProblem | undefined;
  /** What was placed last. */
  readonly result: PlacementResult | undefined;
  /** Whether that was with other loads or settings than those that are chosen. */
  readonly isOld: boolean;
  /** Reads loads, or the part of a file, with a placement now where there is one, and takes them in place of those before if they can be read. */
  readonly open: (source: LoadsSource, current: DroppedFile | undefined, part?: string) => void;
  readonly refuse: (problem: Problem, kind: GivenKind) => void;
  readonly cancel: () => void;
  readonly restart: () => void;
}

/** A slider that moves would begin with every step. */
const quietMilliseconds = 200;

/** Reads and places in a worker, anew whenever loads or settings change. */
export function usePlacement(): PlacementState {
  const { parameters } = useRoute();
  const placer = usePlacer();
  const [loaded, setLoaded] = useState<Loaded>();
  const [work, setWork] = useState<PlacementWork>({ kind: 'nothing' });
  const [fileProblem, setFileProblem] = useState<FileProblem>();
  const [result, setResult] = useState<PlacementResult & { readonly key: string }>();
  const [turn, setTurn] = useState(0);
  const read = readReadSettings(parameters);
  const settings = loaded === undefined ? undefined : readPlacementSettings(parameters, loaded.facts);
  const key = loaded === undefined ? undefined : keyOf(loaded, read, settings);
  const isReading = work.kind === 'reading';
  useEffect(() => {
    if (loaded === undefined || settings === undefined || key === undefined || isReading) return;
    if (result?.key === key) return setWork({ kind: 'nothing' });
    setWork({ kind: 'placing' });
    let giveUp = () => {};
    const timer = setTimeout(() => {
      giveUp = placer.ask({ ...loaded, read, settings }, (answer) => {
        if (answer.kind === 'read')
          return setLoaded((before) => (before === loaded ? update(loaded, answer.facts) : before));
        if (answer.kind === 'progress') return setWork({ ...answer, kind: 'placing' });
        setResult(answer.kind === 'placed' ? { key, placed: answer.placed, settings } : undefined);
        setWork(answer.kind === 'placed' ? { kind: 'nothing' } : answer);
      });
    }, quietMilliseconds);
    return () => {
      clearTimeout(timer);
      giveUp();
    };
  }, [key, isReading, turn]);
  const open: PlacementState['open'] = (source, current, part) => {
    const isOther = loaded !== undefined && loaded.source.id !== source.id;
    const own = { ...(isOther ? readReadSettings({}) : read), ...(part === undefined ? {} : { part }) };
    const kind = current === undefined || current === loaded?.current ? 'loads' : 'current';
    setWork({ kind: 'reading', path: current?.path ?? source.path });
    setFileProblem(undefined);
    placer.ask({ source, current, read: own }, (answer) => {
      if (answer.kind === 'read') {
        setLoaded({ source, current, facts: answer.facts });
        if (isOther) setResult(undefined);
        setParameters({
          ...(isOther ? ofOtherLoads : {}),
          ...(current === undefined || current === loaded?.current ? {} : ofOtherCurrent(answer.facts)),
          part: own.part,
          loads: source.files.length === 0 ? 'example' : '',
        });
      }
      if (answer.kind === 'problem') setFileProblem({ problem: answer.problem, source, kind });
      setWork({ kind: 'nothing' });
    });
  };
  return {
    loaded,
    settings,
    work,
    fileProblem,
    result,
    isOld: result?.key !== key,
    open,
    refuse: (problem, kind) => setFileProblem({ problem: problemOnPage(problem), source: undefined, kind }),
    cancel: () => {
      placer.stop();
      // What was there before the reading goes on.
      if (isReading) return setWork({ kind: 'nothing' });
      setResult(undefined);
      setWork({ kind: 'stopped' });
    },
    restart: () => setTurn(turn + 1),
  };
}

/** Parameters that say something of loads, and mean nothing for others. */
const ofOtherLoads = { slots: '', groups: '', layer: '', offset: '', trim: '', experts: '' };

/** The placement now says itself what it lies on. */
function ofOtherCurrent({ current }: LoadsFacts): Readonly<Record<string, string>> {
  return { slots: '', ...(current?.gpus === undefined ? {} : { gpus: '' }) };
}

/** All that the result depends on. */
function keyOf(
  { source, current, facts }: Loaded,
  read: ReadSettings,
  settings: PlacementSettings | undefined,
): string {
  const now = current && [current.path, current.file.size, current.file.lastModified];
  return JSON.stringify([source.id, source.path, now, facts.current, read, settings]);
}

/** The same object where nothing changed. */
function update(loaded: Loaded, facts: LoadsFacts): Loaded {
  return JSON.stringify(loaded.facts) === JSON.stringify(facts) ? loaded : { ...loaded, facts };
}

function usePlacer(): Placer {
  const placer = useRef<Placer>(undefined);
  placer.current ??= createPlacer();
  useEffect(() => () => placer.current?.close(), []);
  return placer.current;
}

import { useEffect, useState } from 'preact/hooks';
import { type Problem, problemOf } from '../../../base/index.js';
import type { RunFileName } from '../../view/index.js';
import type { RunSource } from './source.js';

/** What a file of a run says, or why it cannot be read; neither as long as it is not there. */
export interface RunFile<T> {
  readonly value?: T;
  readonly problem?: Problem;
}

/** What a file of a run says, read anew when its `version` changes, which is empty as long as it is not there. `parse` must be the same function each time. */
export function useRunFile<T>(
  source: RunSource | undefined,
  { kind, version }: { readonly kind: 'record' | 'config'; readonly version: string },
  parse: (text: string) => T,
): RunFile<T> {
  const [known, setKnown] = useState<RunFile<T> & { readonly source: RunSource }>();
  useEffect(() => {
    if (source === undefined || version === '') return;
    let isOver = false;
    const file: RunFileName = { kind };
    source
      .read(file)
      .then((text) => {
        if (!isOver && text !== undefined) setKnown({ source, value: parse(text) });
      })
      .catch((error: unknown) => {
        if (!isOver) setKnown({ source, problem: problemOf(error) });
      });
    return () => {
      isOver = true;
    };
  }, [source, kind, version, parse]);
  return known !== undefined && known.source === source ? known : {};
}

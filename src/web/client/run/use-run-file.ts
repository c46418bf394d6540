import { useEffect, useState } from 'preact/hooks';
import type { RunFileName } from '../../view/index.js';
import type { RunSource } from './source.js';

/**
 * What a file of a run says, read anew when its `version` changes; undefined as long as it is not there, or where it cannot be read: what a view shows of it is then left out. `parse` must
 * be the same function each time.
 */
export function useRunFile<T>(
  source: RunSource | undefined,
  { kind, version }: { readonly kind: 'record' | 'config'; readonly version: string },
  parse: (text: string) => T,
): T | undefined {
  const [known, setKnown] = useState<{ readonly source: RunSource; readonly value: T }>();
  useEffect(() => {
    if (source === undefined || version === '') return;
    let isOver = false;
    const file: RunFileName = { kind };
    source
      .read(file)
      .then((text) => {
        if (!isOver && text !== undefined) setKnown({ source, value: parse(text) });
      })
      .catch(() => {
        if (!isOver) setKnown(undefined);
      });
    return () => {
      isOver = true;
    };
  }, [source, kind, version, parse]);
  return known?.source === source ? known?.value : undefined;
}

import type { StepRecord } from '../simulate/index.js';
import { readFileText } from './read-text.js';
import { formatStepRecord, parseStepRecord } from './step-record.js';
import { writeFileWhole } from './write-whole.js';

const maxBytes = 2 ** 26;

/** Reads the record of a run (`step.json`). Throws as `readFileText` and `parseStepRecord`. */
export function readStepRecord(file: string): StepRecord {
  return parseStepRecord(readFileText(file, { maxBytes }), file);
}

/** Writes the record of a run, whole or not at all. Throws as `writeFileWhole`. */
export async function writeStepRecord(file: string, record: StepRecord): Promise<void> {
  await writeFileWhole(file, formatStepRecord(record));
}

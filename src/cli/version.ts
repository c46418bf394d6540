import { readProgramVersion } from '../formats/index.js';

/** The version of this program and of the Node that runs it. */
export function describeVersion(): string {
  return `doubletrack ${readProgramVersion()}, node ${process.versions.node}`;
}

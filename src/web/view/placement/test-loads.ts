import { createMemoryTree, type RecordedLoads, readExpertLoadsFrom } from '../../../formats/browser.js';

/** Content as bytes; what is no text becomes JSON. */
export function bytesOf(content: unknown): Uint8Array {
  return new TextEncoder().encode(typeof content === 'string' ? content : JSON.stringify(content));
}

/** What reading a JSON file of loads gives. */
export function readLoads(content: unknown): RecordedLoads {
  return readExpertLoadsFrom(createMemoryTree([{ path: 'loads.json', bytes: bytesOf(content) }]), 'loads.json');
}

/** Two layers of eight experts in one window. */
export const twoLayers = {
  logical_count: [
    [90, 10, 40, 20, 70, 5, 33, 8],
    [1, 2, 3, 400, 5, 6, 7, 8],
  ],
};

import { readTorchFile } from '../torch-file.js';
import { parseFileName, parseMindIeName } from './file-names.js';
import { haveOtherLayers, joinExperts, joinLayers, joinWindows, type LoadsPart, sumRanks } from './join-loads.js';
import { type FilePart, joinNamedLayers, refuseShares } from './name-parts.js';
import { groupRankFiles, listMissing } from './rank-files.js';
import { type FileSource, mostBytes, type Reading, readFileLoads } from './read-file-loads.js';
import { listNumbers, plural, type ReadLoads, refuseLoads } from './recorded-loads.js';
import { describeMissing, findRecordings, readRecording } from './sglang-recorder.js';

/**
 * The loads of several files as one: those of ranks of a recording are summed, those of other layers or experts are put
 * side by side, all others are windows one after the other, in the order given, but recordings of SGLang first and in
 * that of their times. Throws `InputError` that names the file which does not go with the others.
 */
export function readFiles(reading: Reading, sources: readonly FileSource[]): ReadLoads {
  const { files } = reading;
  const parts: FilePart[] = [];
  const recordings: string[] = [];
  for (const source of sources) {
    const { path } = source;
    const loads = readFileLoads(reading, source);
    if ('read' in loads) parts.push({ where: path, name: files.split(path).name, read: loads.read });
    else recordings.push(path);
  }
  if (recordings.length === 0) return joinFiles(parts);
  const recorded = readRecordings(reading, recordings);
  return joinWindows(parts.length === 0 ? recorded : [...recorded, { where: parts[0].where, read: joinFiles(parts) }]);
}

function readRecordings({ files, options }: Reading, paths: readonly string[]): readonly LoadsPart[] {
  const readFile = (path: string) => readTorchFile(files.read(path, { maxBytes: mostBytes }), path);
  return findRecordings(paths, { files, readFile }).map((recording) => ({
    where: recording.members[0].path,
    read: readRecording(recording, readFile, options),
  }));
}

/** Joins loads of files as their names and layers say. */
function joinFiles(parts: readonly FilePart[]): ReadLoads {
  if (parts.length === 1) return parts[0].read;
  const npus = parts.map(({ name }) => parseMindIeName(name));
  if (npus.every((one) => one !== undefined)) return joinNpus(parts, npus);
  const ranks = new Set(parts.map(({ name }) => parseFileName(name).rank));
  if (ranks.size > 1 && !ranks.has(undefined)) return joinRanks(parts);
  if (!haveOtherLayers(parts)) return joinNamed(parts);
  const joined = joinLayers(parts);
  return { ...joined, notes: [`each of ${parts.length} files has layers of its own: put together`, ...joined.notes] };
}

/** Files of layers side by side, all others as windows. */
function joinNamed(parts: readonly FilePart[]): ReadLoads {
  refuseShares(parts);
  return joinNamedLayers(parts) ?? joinWindows(parts);
}

function joinNpus(
  parts: readonly FilePart[],
  npus: readonly { readonly phase: string; readonly rank: number }[],
): ReadLoads {
  const phases = new Set(npus.map(({ phase }) => phase));
  if (phases.size > 1) {
    const mend = 'give those of one: name the files decode_*.csv, or prefill_*.csv';
    return refuseLoads('these are the loads of prefill and of decode', parts[0].where, mend);
  }
  const missing = listMissing(npus.map(({ rank }) => rank));
  if (missing.length > 0) {
    const what = `there is no file of NPU ${listNumbers(missing)}, so that the experts after it have no number`;
    return refuseLoads(what, parts[0].where, 'give the files of all NPUs');
  }
  const order = [...parts.keys()].sort((a, b) => npus[a].rank - npus[b].rank);
  const joined = joinExperts(order.map((place) => parts[place]));
  const note = `the experts of ${plural(parts.length, 'NPU')} stand side by side, as MindIE writes them`;
  return { ...joined, notes: [note, ...joined.notes] };
}

/** Files of ranks: those of the same name but for the rank are of the same time, or else those nearest in time. */
function joinRanks(parts: readonly FilePart[]): ReadLoads {
  const named = parts.map((part) => ({ part, ...parseFileName(part.name) }));
  const byPath = new Map(named.map((one) => [one.part.where, one.part]));
  const all = named.map(({ rank = 0 }) => rank);
  const groups = new Map<string, typeof named>();
  for (const one of named) {
    const key = one.time === undefined ? one.recording : one.kind;
    const known = groups.get(key);
    if (known === undefined) groups.set(key, [one]);
    else known.push(one);
  }
  const summed = [...groups.values()].flatMap((group) => {
    const files = group.map(({ part, rank = 0, time }) => ({ path: part.where, rank, time, passes: undefined }));
    return groupRankFiles(files).map((members) => {
      const own = members.flatMap(({ path }) => byPath.get(path) ?? []);
      const missing = listMissing(
        members.map(({ rank }) => rank),
        Math.max(...all) + 1,
      );
      const read = sumRanks(own);
      const note = `the files of ${plural(own.length, 'rank')} were summed`;
      const { recording: name } = parseFileName(own[0].name);
      return {
        where: own[0].where,
        name,
        read: { ...read, notes: [note, ...describeMissing(missing), ...read.notes] },
      };
    });
  });
  return summed.length === 1 ? summed[0].read : joinNamed(summed);
}

// Ways in which a checkpoint may be damaged, for kill-runs.mjs. Each takes the checkpoint's folder.
import { mkdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

function changeBytes(folder, file, change) {
  const path = join(folder, file);
  const bytes = readFileSync(path);
  // The header's length, then the header, then numbers.
  change(bytes, 8 + Number(bytes.readBigUInt64LE(0)));
  writeFileSync(path, bytes);
}

const model = 'model.safetensors';
const optimizer = 'optimizer.safetensors';

export const damages = [
  { name: 'cut', damage: (folder) => truncateSync(join(folder, model), 1000) },
  { name: 'empty', damage: (folder) => truncateSync(join(folder, optimizer), 0) },
  { name: 'missing', damage: (folder) => rmSync(join(folder, optimizer)) },
  {
    name: 'a folder',
    damage(folder) {
      rmSync(join(folder, model));
      mkdirSync(join(folder, model));
    },
  },
  {
    name: 'one bit',
    damage: (folder) =>
      changeBytes(folder, model, (bytes, data) => bytes.fill(bytes[data + 5] ^ 1, data + 5, data + 6)),
  },
  {
    name: 'one exponent bit',
    damage: (folder) =>
      changeBytes(folder, model, (bytes, data) => bytes.fill(bytes[data + 3] ^ 0x40, data + 3, data + 4)),
  },
  {
    name: 'swapped numbers',
    damage: (folder) =>
      changeBytes(folder, model, (bytes, data) => {
        const [one, other] = [data, data + 400].map((at) => Buffer.from(bytes.subarray(at, at + 400)));
        other.copy(bytes, data);
        one.copy(bytes, data + 400);
      }),
  },
  {
    name: 'a weight that is NaN',
    damage: (folder) => changeBytes(folder, model, (bytes, data) => bytes.writeFloatLE(Number.NaN, data)),
  },
  {
    name: 'a negative second moment',
    damage: (folder) => changeBytes(folder, optimizer, (bytes) => bytes.writeFloatLE(-1, bytes.length - 4)),
  },
  {
    name: 'another step',
    damage(folder) {
      const path = join(folder, 'training.json');
      writeFileSync(path, readFileSync(path, 'utf8').replace(/"step":\d+/, '"step":50'));
    },
  },
  // It is whole, and to be given its name again.
  { name: 'renamed', isRefused: true, damage: (folder) => renameSync(folder, join(dirname(folder), '999')) },
];

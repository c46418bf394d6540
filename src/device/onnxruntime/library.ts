import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import koffi, { type LibraryHandle } from 'koffi';
import { WorkError } from '../../base/index.js';

const fileNames: Readonly<Record<string, string>> = {
  linux: 'libonnxruntime.so.1',
  darwin: 'libonnxruntime.1.dylib',
  win32: 'onnxruntime.dll',
};

/** Held as long as the thread lives: koffi unloads a library whose object is collected, and calls through its functions then crash. */
let loaded: LibraryHandle | undefined;

/** The ONNX Runtime library that the package `onnxruntime-node` brings. Throws `WorkError` if there is none for this platform. */
export function loadLibrary(): LibraryHandle {
  loaded ??= koffi.load(findLibrary(process.platform, process.arch));
  return loaded;
}

/** Path of the library for a platform and processor, by their Node names. Throws `WorkError` if the package has none. */
export function findLibrary(platform: string, architecture: string): string {
  const fileName = fileNames[platform];
  const path = fileName && join(packageFolder(), 'bin', 'napi-v6', platform, architecture, fileName);
  if (path && existsSync(path)) return path;
  throw new WorkError({
    what: `the package onnxruntime-node brings no ONNX Runtime library for ${platform} ${architecture}`,
    ...(path && { where: path }),
    mend: 'reinstall with npm ci, or use Linux or Windows on x64 or arm64, or macOS on arm64',
  });
}

function packageFolder(): string {
  try {
    return dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  } catch (cause) {
    throw new WorkError({ what: 'the package onnxruntime-node is not installed', mend: 'run npm ci' }, { cause });
  }
}

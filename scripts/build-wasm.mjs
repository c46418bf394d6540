// Compiles the WebAssembly kernels of src/device/wasm/ (AssemblyScript, SIMD, shared memory) beside the compiled code.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const source = 'src/device/wasm/optimizer.ts';
if (existsSync(source)) {
  const flags = ['--optimize', '--enable', 'simd', '--enable', 'threads', '--runtime', 'stub', '--noAssert'];
  const memory = ['--importMemory', '--sharedMemory', '--initialMemory', '1', '--maximumMemory', '65536'];
  const compiler = 'node_modules/assemblyscript/bin/asc.js';
  const target = ['--outFile', 'dist/src/device/wasm/optimizer.wasm'];
  const { status } = spawnSync(process.execPath, [compiler, source, ...flags, ...memory, ...target], {
    stdio: 'inherit',
  });
  process.exit(status ?? 1);
}

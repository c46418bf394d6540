import koffi, { type LibraryHandle } from 'koffi';
import { WorkError } from '../../base/index.js';

/** Debian's name of MPICH, and the name that all libraries of the MPICH ABI agreed upon. */
const fileNames = ['libmpich.so.12', 'libmpi.so.12'];

const installation = 'install MPICH, on Debian and Ubuntu by: apt install mpich';

/**
 * What MPI is to find in the environment. UCX must not hook the allocation of memory nor handle the signals of bad memory accesses: V8
 * does both itself, and its WebAssembly relies on the signals. Up to the threshold in bytes a message is sent without asking the receiver first: where
 * both ranks send much, what they ask each other waits behind it, and a link of 1 Gbit/s carries but two thirds of that in each direction.
 */
const environment: Readonly<Record<string, string>> = {
  UCX_MEM_EVENTS: 'n',
  UCX_HANDLE_ERRORS: 'none',
  UCX_RNDV_THRESH: String(2 ** 17),
};

/** Held as long as the thread lives: koffi unloads a library whose object is collected, and calls through its functions then crash. */
const loaded: LibraryHandle[] = [];

/**
 * The MPI library, which must be of MPICH's ABI. Throws `WorkError` where there is none, or for `names` other than of such libraries.
 */
export function loadMpiLibrary(names: readonly string[] = fileNames): LibraryHandle {
  if (process.platform !== 'linux') {
    throw new WorkError({
      what: `MPI is not used on ${process.platform}`,
      mend: 'use the threads transport, or Linux',
    });
  }
  setEnvironment();
  const failures: string[] = [];
  for (const name of names) {
    try {
      const library = koffi.load(name, { global: true });
      loaded.push(library);
      keepForever(name);
      return library;
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    }
  }
  const missing = failures.every((failure) => failure.includes('No such file'));
  throw new WorkError({
    what: `the MPI library cannot be loaded${missing ? '' : `: ${failures.join('; ')}`}`,
    where: names.join(' or '),
    mend: installation,
  });
}

/** By the C library itself: a worker's `process.env` is a copy that `getenv` does not see. What the user has set stays. */
function setEnvironment(): void {
  const libc = koffi.load('libc.so.6');
  loaded.push(libc);
  const setenv = libc.func('setenv', 'int', ['str', 'str', 'int']) as (
    name: string,
    value: string,
    overwrite: 0 | 1,
  ) => number;
  for (const [name, value] of Object.entries(environment)) setenv(name, value, 0);
}

/** Flags of dlopen on Linux. */
const now = 2;
const never = 0x1000;

/**
 * The library must outlive the thread that loaded it: koffi unloads what a thread loaded when the thread ends, while threads of UCX still run
 * its code.
 */
function keepForever(name: string): void {
  const program = koffi.load(null);
  loaded.push(program);
  const dlopen = program.func('dlopen', 'void *', ['str', 'int']) as (name: string, flags: number) => bigint | null;
  dlopen(name, now | never);
}

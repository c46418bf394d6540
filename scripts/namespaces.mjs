// Two hosts on one machine: network namespaces joined by a link whose rate can be limited. Alone, `node scripts/namespaces.mjs [RATE]` makes them,
// prints how to run something in each, and takes them down after Ctrl-C.
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

const launcher = fileURLToPath(new URL('launch-in-namespace.sh', import.meta.url));

/** Names of namespaces are this, the process that made them, and the host. */
const prefix = 'doubletrack-';
/** Both ends: MPI is told this name once for all hosts. */
const device = 'eth0';
/** Frames as large as in clusters. */
const mtu = '9000';
const addresses = ['10.77.0.1', '10.77.0.2'];

/** Why namespaces cannot be made here, in one line; undefined if they can. */
export function missingForLink() {
  if (process.platform !== 'linux') return 'network namespaces need Linux';
  for (const [tool, version] of [
    ['ip', '-V'],
    ['tc', '-V'],
  ]) {
    if (spawnSync(tool, [version]).error !== undefined) return `${tool} is missing: apt install iproute2`;
  }
  if (spawnSync('taskset', ['--version']).error !== undefined) return 'taskset is missing: apt install util-linux';
  if (process.getuid?.() !== 0) return 'network namespaces need root: run this with sudo';
  return undefined;
}

/**
 * Makes two namespaces and the link between them, which closes when this process exits; those that a killed process left are removed first. Each
 * host has its share of the cores. Throws an Error in one line if something that it needs is missing.
 */
export function openLink() {
  const missing = missingForLink();
  if (missing !== undefined) throw new Error(missing);
  removeStale();
  const hosts = addresses.map((address, index) => ({
    address,
    namespace: `${prefix}${process.pid}-${index + 1}`,
    cores: coresOf(index),
  }));
  const close = () => {
    for (const { namespace } of hosts) removeNamespace(namespace);
    process.off('exit', close);
  };
  process.on('exit', close);
  try {
    join(hosts);
  } catch (error) {
    close();
    throw error;
  }
  return {
    hosts,
    close,
    /** Megabits a second in each direction; undefined is without a limit. */
    setRate: (megabits) => hosts.forEach(({ namespace }) => void limit(namespace, megabits)),
    /** Bytes that each host has sent over the link so far, headers too. */
    sentBytes: () => hosts.map(({ namespace }) => sentBytes(namespace)),
    /** Kills whatever runs on the two hosts. */
    killAll: () => hosts.forEach(({ namespace }) => void killProcesses(namespace)),
    /** A command with its environment that runs `command` with `ranks` MPI ranks, an equal number on each host. */
    mpiexec: (ranks, command) => mpiexecOver(hosts, ranks, command),
  };
}

function coresOf(index) {
  const cores = availableParallelism();
  if (cores < 2) return '0';
  const half = cores >> 1;
  return index === 0 ? `0-${half - 1}` : `${half}-${cores - 1}`;
}

function join(hosts) {
  for (const { namespace } of hosts) run('ip', 'netns', 'add', namespace);
  const [one, other] = hosts.map(({ namespace }) => namespace);
  // Each end is born in its namespace, so no name of this machine's own is taken.
  run('ip', 'link', 'add', device, 'netns', one, 'type', 'veth', 'peer', 'name', device, 'netns', other);
  for (const { namespace, address } of hosts) {
    run('ip', '-n', namespace, 'address', 'add', `${address}/24`, 'dev', device);
    run('ip', '-n', namespace, 'link', 'set', device, 'mtu', mtu);
    for (const name of ['lo', device]) run('ip', '-n', namespace, 'link', 'set', name, 'up');
  }
}

function mpiexecOver(hosts, ranks, command) {
  const enter = ['netns', 'exec', hosts[0].namespace, 'mpiexec.mpich'];
  const launch = ['-launcher', 'ssh', '-launcher-exec', launcher, '-iface', device];
  const names = hosts.map(({ address }) => address).join(',');
  // UCX would otherwise use shared memory, which two namespaces have in common, and nothing would cross the link.
  const place = ['-hosts', names, '-ppn', String(ranks / 2), '-n', String(ranks), '-genv', 'UCX_TLS', 'tcp,self'];
  const where = hosts.map(({ address, namespace, cores }) => `${address}=${namespace}=${cores}`).join(' ');
  return { file: 'ip', parameters: [...enter, ...launch, ...place, ...command], env: { DOUBLETRACK_HOSTS: where } };
}

/**
 * What a link that was idle may send at once, as time at its rate. No longer, since a link saves nothing up while it is idle: a bucket as large as
 * one exchange would let exchanges with computation between them pass as if there were no limit.
 */
const burstSeconds = 0.25e-3;
const leastBurstBytes = 20_000;
/** The pieces that TCP gives to the link: they must fit in the smallest bucket; without a limit, Linux's own. */
const largestSegment = { limited: '17900', unlimited: '65536' };

/** A token bucket at the end that sends. */
function limit(namespace, megabits) {
  const discipline = ['dev', device, 'root'];
  const segment = largestSegment[megabits === undefined ? 'unlimited' : 'limited'];
  run('ip', '-n', namespace, 'link', 'set', device, 'gso_max_size', segment);
  if (megabits === undefined) {
    // Fails where there is no limit, which is what is wanted.
    spawnSync('tc', ['-n', namespace, 'qdisc', 'del', ...discipline]);
    return;
  }
  const burst = Math.round(Math.max(leastBurstBytes, burstSeconds * megabits * 125_000));
  const bucket = ['tbf', 'rate', `${Math.round(1000 * megabits)}kbit`, 'burst', `${burst}b`, 'latency', '50ms'];
  run('tc', '-n', namespace, 'qdisc', 'replace', ...discipline, ...bucket);
}

function sentBytes(namespace) {
  const [{ stats64 }] = JSON.parse(run('ip', '-n', namespace, '-json', '-statistics', 'link', 'show', 'dev', device));
  return stats64.tx.bytes;
}

function removeStale() {
  const { stdout } = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' });
  for (const line of stdout.split('\n')) {
    const [name] = line.split(' ');
    const owner = Number(new RegExp(`^${prefix}(\\d+)-[12]$`).exec(name)?.[1]);
    if (Number.isInteger(owner) && !isAlive(owner)) removeNamespace(name);
  }
}

function isAlive(process_) {
  try {
    return process.kill(process_, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function removeNamespace(namespace) {
  killProcesses(namespace);
  spawnSync('ip', ['netns', 'del', namespace]);
}

function killProcesses(namespace) {
  const { stdout, status } = spawnSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' });
  if (status !== 0) return;
  for (const id of stdout.split('\n').filter((line) => line !== '')) {
    try {
      process.kill(Number(id), 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
}

function run(file, ...parameters) {
  const { status, stdout, stderr } = spawnSync(file, parameters, { encoding: 'utf8' });
  if (status === 0) return stdout;
  throw new Error(`'${file} ${parameters.join(' ')}' failed: ${stderr.trim() || `exit code ${status}`}`);
}

/** Ends this process after Ctrl-C in such a way that `exit` handlers run. */
export function exitOnSignals() {
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  exitOnSignals();
  try {
    const link = openLink();
    const rate = process.argv[2];
    if (rate !== undefined) link.setRate(parseMegabits(rate));
    for (const { namespace, address } of link.hosts) console.log(`${address}: ip netns exec ${namespace} COMMAND`);
    console.log(`${rate ?? 'no limit'}; Ctrl-C takes them down`);
    setInterval(() => undefined, 2 ** 30);
  } catch (error) {
    console.error(`namespaces: ${error.message}`);
    process.exit(2);
  }
}

/** Megabits a second of a text like `700mbit`, `1.5gbit` or `700`. Throws an Error if it is none. */
export function parseMegabits(text) {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(mbit|gbit)?$/.exec(text) ?? [];
  const megabits = Number(number) * (unit === 'gbit' ? 1000 : 1);
  if (megabits > 0) return megabits;
  throw new Error(`'${text}' is no rate: write something like 700mbit or 1.5gbit`);
}

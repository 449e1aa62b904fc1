// Does one known thing with SIGTERM: server.js MODE. Says READY with its pids.
'use strict';

const { spawn } = require('node:child_process');
const http = require('node:http');

const mode = process.argv[2];
const server = http.createServer((_, response) => response.end('hello'));
const ready = (...pids) => process.stdout.write(`READY ${[process.pid, ...pids].join(' ')}\n`);

process.on('SIGUSR2', () => process.exit(0));

// A child of the same kind; `then` is called with what it announces.
const start = (words, then) => {
  const child = spawn(process.execPath, [__filename, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout.once('data', (data) => then(child, data.toString().trim().split(' ').slice(1)));
};

const modes = {
  default: () => ready(),
  // A server that closes, and then has nothing left to do.
  exit: () => process.on('SIGTERM', () => server.close()),
  code: () => process.on('SIGTERM', () => process.exit(143)),
  // Cleans up, and dies of the same signal.
  reraise: () => process.once('SIGTERM', () => process.kill(process.pid, 'SIGTERM')),
  // The same, with an end for PID 1, for which the kernel drops it.
  'reraise-exit': () => process.once('SIGTERM', () => {
    process.kill(process.pid, 'SIGTERM');
    setTimeout(() => process.exit(0), 100);
  }),
  swallow: () => process.on('SIGTERM', () => {}),
  forward: () => start(['exit'], (child, pids) => {
    process.on('SIGTERM', () => child.kill('SIGTERM'));
    child.on('exit', () => process.exit(0));
    ready(...pids);
  }),
  alone: () => start(['swallow'], (_, pids) => {
    process.on('SIGTERM', () => process.exit(0));
    ready(...pids);
  }),
};

server.listen(0, '127.0.0.1', () => {
  modes[mode]();
  if (!['default', 'forward', 'alone'].includes(mode)) ready();
});

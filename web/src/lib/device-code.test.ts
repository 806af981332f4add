import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import type { CommandFacts } from './commands';
import { arduinoCode, nodeCode, pythonCode } from './device-code';

const facts: CommandFacts = {
  connection: {
    http_url: 'http://127.0.0.1:8080',
    mqtt_host: 'broker.example',
    mqtt_port: 1883,
    mqtt_tls_port: null,
    ws_url: 'ws://127.0.0.1:8080/mqtt',
  },
  tenant: 'demo',
  device: 'd-1',
  site: null,
  clientId: 'demo-d-1-0a1b2c3d',
  password: `-it's "quoted" \\`,
  metrics: { temp_c: -18.4, open: true },
};

it('writes programs that hold the values whole', () => {
  // Python itself reads it, and finds the words in it.
  const strings = execFileSync(
    'python3',
    [
      '-c',
      `import ast, json, sys
print(json.dumps([n.value for n in ast.walk(ast.parse(sys.stdin.read()))
                  if isinstance(n, ast.Constant) and isinstance(n.value, str)]))`,
    ],
    { input: pythonCode(facts), encoding: 'utf8' },
  );
  const found = JSON.parse(strings) as string[];
  expect(found).toContain(facts.password);
  expect(found).toContain('demo/d-1');
  expect(found.map((s) => s)).toContain('{"metrics":{"temp_c":-18.4,"open":true}}');
  // Node finds no fault in its own.
  execFileSync('node', ['--input-type=module', '--check'], { input: nodeCode(facts) });
  expect(nodeCode(facts)).toContain(JSON.stringify(facts.password));
  expect(arduinoCode(facts)).toContain('"{\\"metrics\\":{\\"temp_c\\":-18.4,\\"open\\":true}}"');
});

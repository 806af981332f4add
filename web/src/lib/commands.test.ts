import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { apiCurl, curlLine, mosquittoLine, shellWord, type CommandFacts } from './commands';

const facts: CommandFacts = {
  connection: {
    http_url: 'http://127.0.0.1:8080/',
    mqtt_host: '127.0.0.1',
    mqtt_port: 1883,
    mqtt_tls_port: null,
    ws_url: 'ws://127.0.0.1:8080/mqtt',
  },
  tenant: 'demo',
  device: 'd-1',
  site: "o'hara hall",
  clientId: 'demo-d-1-0a1b2c3d',
  password: '-x_Y',
  metrics: { temp_c: -18.4, open: true },
};

/** The words that a shell makes of a command line. */
function words(line: string): string[] {
  const out = execFileSync('sh', ['-c', `set -- ${line}; printf '%s\\n' "$@"`], {
    encoding: 'utf8',
  });
  return out.trimEnd().split('\n');
}

describe('commands', () => {
  it('survives the shell word by word', () => {
    expect(words(shellWord("a'b c$d"))).toEqual(["a'b c$d"]);
    const curl = words(curlLine(facts));
    expect(curl).toContain('X-Provision-Token: -x_Y');
    expect(curl).toContain('http://127.0.0.1:8080/ingest/v1/tenant/demo/device/d-1/telemetry');
    expect(JSON.parse(curl.at(-1)!)).toEqual({
      site_id: "o'hara hall",
      seq: 0,
      metrics: { temp_c: -18.4, open: true },
    });
    const pub = words(mosquittoLine(facts));
    expect(pub[pub.indexOf('-u') + 1]).toBe('demo/d-1');
    expect(pub[pub.indexOf('-P') + 1]).toBe('-x_Y');
    expect(JSON.parse(pub.at(-1)!)).toEqual({ metrics: { temp_c: -18.4, open: true } });
  });
});

it('asks the API with the token of the shell', () => {
  expect(apiCurl('http://localhost:8080', '/api/v1/customer/devices?status=STALE&limit=5')).toBe(
    `curl -H "Authorization: Bearer $PULSE_TOKEN" 'http://localhost:8080/api/v1/customer/devices?status=STALE&limit=5'`,
  );
});

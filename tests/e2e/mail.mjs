// Emails that Pulse put into its outbox as files, read as a mail program reads them.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Head and body of a MIME entity (RFC 2045, 5322): folded lines are joined. */
function entity(text) {
  const [head, ...rest] = text.split(/\r?\n\r?\n/);
  const headers = new Map();
  for (const line of head.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { headers, body: rest.join('\n\n') };
}

/** A body without its transfer encoding (RFC 2045, 6). */
function decoded({ headers, body }) {
  const encoding = (headers.get('content-transfer-encoding') ?? '7bit').toLowerCase();
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString('utf8');
  if (encoding !== 'quoted-printable') return body;
  const bytes = body.replace(/=\r?\n/g, '').replace(/=([0-9A-F]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** The plain text of a message, also where it is one of several parts. */
function plainText(message) {
  const type = message.headers.get('content-type') ?? 'text/plain';
  const boundary = /^multipart\/.*boundary="?([^";]+)"?/i.exec(type)?.[1];
  if (!boundary) return decoded(message);
  const parts = message.body.split(`--${boundary}`).slice(1, -1).map((part) => entity(part.replace(/^\r?\n/, '')));
  const plain = parts.find((part) => /^text\/plain/i.test(part.headers.get('content-type') ?? ''));
  assert.ok(plain, 'an email without plain text');
  return decoded(plain);
}

/** The newest email to an address, waited for: {subject, text, link}. */
export async function mailTo(address, seconds = 15) {
  const folder = process.env.OUTBOX;
  for (let tries = 0; tries < seconds * 5; tries += 1) {
    for (const name of readdirSync(folder, { withFileTypes: true }).filter((f) => f.name.endsWith('.eml'))
      .map((f) => f.name).sort().reverse()) {
      const message = entity(readFileSync(path.join(folder, name), 'utf8'));
      if (!message.headers.get('to')?.includes(address)) continue;
      const text = plainText(message);
      return { subject: message.headers.get('subject'), text, link: /https?:\/\/\S+/.exec(text)?.[0] };
    }
    await new Promise((done) => setTimeout(done, 200));
  }
  throw new Error(`no email to ${address}`);
}

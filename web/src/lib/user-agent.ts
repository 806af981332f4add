/** "Firefox on Linux": what a User-Agent header says to a person; empty when it says nothing known. */
export function browserOf(agent: string): string {
  const system =
    (/Android/.test(agent) && 'Android') ||
    (/iPhone|iPad/.test(agent) && 'iOS') ||
    (/Windows/.test(agent) && 'Windows') ||
    (/Mac OS X/.test(agent) && 'macOS') ||
    (/Linux/.test(agent) && 'Linux') ||
    '';
  const browser =
    (/Edg\//.test(agent) && 'Edge') ||
    (/OPR\//.test(agent) && 'Opera') ||
    (/Firefox\//.test(agent) && 'Firefox') ||
    (/Chrom(e|ium)\//.test(agent) && 'Chrome') ||
    (/Safari\//.test(agent) && 'Safari') ||
    '';
  if (browser) return system ? `${browser} on ${system}` : browser;
  return /^([\w.-]+)\/[\d.]+/.exec(agent)?.[0] ?? '';
}

/** In CI, where nobody else will install what tests need, and as root. */
export function mayInstall(): boolean {
  return Boolean(process.env['CI']) && process.getuid?.() === 0
}

/** A shell command; test files run in parallel, and apt does not wait for another apt. */
export function installByApt(name: string): string {
  const install = `apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qqy --no-install-recommends ${name}`
  return `flock /tmp/sluice-apt.lock sh -c '${install}'`
}

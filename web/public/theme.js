// Runs before the first paint, so that a dark screen never flashes white, and asks who is signed
// in while the application still loads. Its own file because the content security policy allows
// no inline script.
(function () {
  var wanted = null;
  try {
    wanted = localStorage.getItem('pulse.theme');
  } catch (e) {
    /* storage may be off; the system's choice holds */
  }
  var dark =
    wanted === 'dark' ||
    (wanted !== 'light' && window.matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
  window.pulseFirstStatus = fetch('/api/auth/status', { cache: 'no-store' });
  // Failing is told by who awaits it.
  window.pulseFirstStatus.catch(function () {});
})();
